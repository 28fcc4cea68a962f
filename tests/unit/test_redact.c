// SPDX-License-Identifier: Apache-2.0
/* Command lines, and the operator's own rules. */
#include <errno.h>

#include "base/cleanup.h"
#include "redact_bed.h"

static void test_other_programs(void **state)
{
	expect("mysql|-u|root|-psecret|db", "mysql|-u|root|-p[redacted len=6]|db");
	expect_kept("mysql|-u|root|-p|db");
	expect("mysqldump|--password=x|db", "mysqldump|--password=[redacted len=1]|db");
	expect("sshpass|-p|pw|ssh|h", "sshpass|-p|[redacted len=2]|ssh|h");
	expect("curl|-u|me:pw|https://h/", "curl|-u|me:[redacted len=2]|https://h/");
	expect("curl|-su|me:pw|h", "curl|-su|me:[redacted len=2]|h");
	expect("curl|--user=me:pw|h", "curl|--user=me:[redacted len=2]|h");
	expect("curl|-H|Authorization: Basic YTpi|h", "curl|-H|Authorization: [redacted len=10]|h");
	expect("curl|-H|X-Registry-Auth: abc|h", "curl|-H|X-Registry-Auth: [redacted len=3]|h");
	expect("curl|-HX-Api-Key: abc|h", "curl|-HX-Api-Key: [redacted len=3]|h");
	expect("curl|https://me:pw@h/x", "curl|https://[redacted len=5]@h/x");
	expect("git|clone|https://ghp_tok@github.com/a/b",
	       "git|clone|https://[redacted len=7]@github.com/a/b");
	expect("psql|postgres://app:p/w@db/x", "psql|postgres://app:[redacted len=3]@db/x");
	expect_kept("docker|-H|ssh://root@host:22|ps");
	expect_kept("curl|http://host:8080/a:b@c|http://[::1]:80/");
	expect("redis-cli|-a|pw|ping", "redis-cli|-a|[redacted len=2]|ping");
	expect("env|DB_PASSWORD=a b|PGPASSWORD=|POSTGRES_PASSWORD_FILE=/run/x|PWD=/root|cmd",
	       "env|DB_PASSWORD=[redacted len=3]|PGPASSWORD=|POSTGRES_PASSWORD_FILE=/run/x|PWD=/root|cmd");
	expect("java|-Djavax.net.ssl.keyStorePassword=x",
	       "java|-Djavax.net.ssl.keyStorePassword=[redacted len=1]");
	expect("x|--api-key|k|--auth-token=t|--no-password|y",
	       "x|--api-key|[redacted len=1]|--auth-token=[redacted len=1]|--no-password|y");
	expect("openssl|enc|-pass|pass:abc", "openssl|enc|-pass|[redacted len=8]");
	expect("openssl|rsa|-passin|pass:abc", "openssl|rsa|-passin|pass:[redacted len=3]");
	expect_kept("docker|run|secretapp:1.0|ls|-la|/etc/passwd");
	expect_kept("grep|-e|token|file");
	expect_kept("ls|-la");
}

/* A line with bars of its own. */
static void expect_script(const char *line, const char *expected)
{
	_cleanup_text_list_ struct text_list list = {}, masked = {}, again = {};

	redact_bed_split("sh|-c", &list);
	assert_int_equal(text_list_append(&list, text_of(line)), 0);
	assert_int_equal(redact_arguments(NULL, &list, &masked), 0);
	assert_string_equal(text_list_at(&masked, 2).data, expected);
	assert_int_equal(redact_arguments(NULL, &masked, &again), 0);
	assert_string_equal(text_list_at(&again, 2).data, expected);
}

static void test_places_of_secrets(void **state)
{
	expect("redis-server|--requirepass|pw1|--masterauth|pw2",
	       "redis-server|--requirepass|[redacted len=3]|--masterauth|[redacted len=3]");
	expect("redis-cli|config|set|requirepass|pw1",
	       "redis-cli|config|set|requirepass|[redacted len=3]");
	expect("sh|-c|echo 'masterauth pw1' >> r.conf",
	       "sh|-c|echo 'masterauth [redacted len=3]' >> r.conf");
	expect("sh|-c|export PW=pw1; run", "sh|-c|export PW=[redacted len=3]; run");
	expect("env|DB_PW=pw1|x|--db-pw|pw2",
	       "env|DB_PW=[redacted len=3]|x|--db-pw|[redacted len=3]");
	expect("x|{\"pw\":\"pw1\"}", "x|{\"pw\":\"[redacted len=3]\"}");
	expect("aws|configure|set|aws_secret_access_key|pw1",
	       "aws|configure|set|aws_secret_access_key|[redacted len=3]");
	expect("docker|exec|c|aws|configure|set|--x|aws_session_token|pw1",
	       "docker|exec|c|aws|configure|set|--x|aws_session_token|[redacted len=3]");
	expect("vault|login|=pw1", "vault|login|[redacted len=4]");
	expect("sh|-c|htpasswd -n\nvault login pw1",
	       "sh|-c|htpasswd -n\nvault login [redacted len=3]");
	expect("vault|login|pw1", "vault|login|[redacted len=3]");
	expect("docker|exec|v|sh|-c|vault login -no-print 'a;b' && ls /x",
	       "docker|exec|v|sh|-c|vault login -no-print '[redacted len=3]' && ls /x");
	expect("sh|-c|vault login pw1;cat /etc/shadow",
	       "sh|-c|vault login [redacted len=3];cat /etc/shadow");
	expect("openssl|enc|-aes-256-cbc|-k|pw1|-in|f",
	       "openssl|enc|-aes-256-cbc|-k|[redacted len=3]|-in|f");
	expect("openssl|enc|-K|00ff|-iv|1", "openssl|enc|-K|[redacted len=4]|-iv|1");
	expect("htpasswd|-b|f|u|pw1", "htpasswd|-b|f|u|[redacted len=3]");
	expect("htpasswd|-nbB|u|pw1", "htpasswd|-nbB|u|[redacted len=3]");
	expect("htpasswd|-n|-bBC|10|u|pw1", "htpasswd|-n|-bBC|10|u|[redacted len=3]");
	expect("docker|run|httpd|htpasswd|-bc|f|u|pw1",
	       "docker|run|httpd|htpasswd|-bc|f|u|[redacted len=3]");
	expect("kubectl|create|secret|generic|s|--from-literal=k=pw1|--from-literal|k=pw2",
	       "kubectl|create|secret|generic|s|--from-literal=k=[redacted len=3]|--from-literal|k=[redacted len=3]");
	expect("curl|-H|X-Auth-Key: pw1|-sH|X-Vault-Token: pw2|--header=Accept: x/y|--oauth2-bearer|pw1|-E|c:pw1|-U|u:pw1|-b|sid=pw1|h",
	       "curl|-H|X-Auth-Key: [redacted len=3]|-sH|X-Vault-Token: [redacted len=3]|--header=Accept: x/y|--oauth2-bearer|[redacted len=3]|"
	       "-E|c:[redacted len=3]|-U|u:[redacted len=3]|-b|[redacted len=7]|h");
	expect("sh|-c|curl -fsH 'X-Auth-Key: pw1' h | sh",
	       "sh|-c|curl -fsH 'X-Auth-Key: [redacted len=3]' h | sh");
	expect("etcdctl|--user|root:pw1|get|/", "etcdctl|--user|root:[redacted len=3]|get|/");
	expect("ipmitool|-U|me|-P|pw1|chassis", "ipmitool|-U|me|-P|[redacted len=3]|chassis");
	expect("snmpwalk|-v3|-u|me|-A|pw1|-X|pw2|h",
	       "snmpwalk|-v3|-u|me|-A|[redacted len=3]|-X|[redacted len=3]|h");
	expect("snmpget|-v2c|-c|public|h", "snmpget|-v2c|-c|[redacted len=6]|h");
	expect("keytool|-list|-storepass|pw1", "keytool|-list|-storepass|[redacted len=3]");
	expect("ssh-keygen|-t|rsa|-N|pw1|-f|x", "ssh-keygen|-t|rsa|-N|[redacted len=3]|-f|x");
	expect("vault|kv|put|-mount=s|p|k=pw1|l=pw2",
	       "vault|kv|put|-mount=s|p|k=[redacted len=3]|l=[redacted len=3]");
	expect("sh|-c|vault kv put p k=pw1; id a=b",
	       "sh|-c|vault kv put p k=[redacted len=3]; id a=b");
	expect("consul|kv|put|k|pw1", "consul|kv|put|k|[redacted len=3]");
	expect("mc|alias|set|a|http://h|key|pw1", "mc|alias|set|a|http://h|key|[redacted len=3]");
	expect("nmcli|dev|wifi|connect|x|password|pw1",
	       "nmcli|dev|wifi|connect|x|password|[redacted len=3]");
	expect("rabbitmqctl|authenticate_user|u|pw1",
	       "rabbitmqctl|authenticate_user|u|[redacted len=3]");
	expect("sh|-c|rabbitmqctl add_user u pw1 && rabbitmqctl change_password u pw22",
	       "sh|-c|rabbitmqctl add_user u [redacted len=3] && rabbitmqctl change_password u [redacted len=4]");
	expect_script("echo u:pw1 | chpasswd", "echo u:[redacted len=3] | chpasswd");
	expect_script("echo -n \"u:p w|1\"|chpasswd; id",
		      "echo -n \"u:[redacted len=5]\"|chpasswd; id");
	expect_script("id; printf 'u:%s' pw1 | chpasswd -e && ls a:/x",
		      "id; printf 'u:[redacted len=2]' [redacted len=3] | chpasswd -e && ls a:/x");
	expect_script("echo a:b; echo u:pw1|chpasswd",
		      "echo a:b; echo u:[redacted len=3]|chpasswd");
	expect_script("echo a:b | tee /x", "echo a:b | tee /x");
	expect_with(NULL, "sh|-c|echo u:pw1 ", true, "sh|-c|echo [redacted len=5] ");
}

/* Words that only stand near one, and programs behind it. */
static void test_words_that_are_kept(void **state)
{
	expect_kept("grep|-r|aws_secret_access_key|/root/.aws");
	expect_kept("docker|run|token-service|ls|/etc");
	expect_kept("docker|run|-p|8080:80|api_token:1.0|set|-e");
	expect_kept("sh|-c|set -e; token ls; echo set token");
	expect_kept("docker|secret|ls|--format|table");
	expect_kept("openssl|req|-key|k.pem|-keyout|o.pem|-check");
	expect_kept("vault|status|-format=json");
	expect_kept("sh|-c|vault login && cat /etc/shadow");
	expect_kept("sh|-c|rabbitmqctl add_user u; ls /x");
	expect_kept("htpasswd|-D|f|u");
	expect_kept("sh|-c|echo the token is missing");
}

static void test_tokens(void **state)
{
	expect("x|ghp_0123456789abcdefghij", "x|[redacted len=24]");
	expect("x|AKIAIOSFODNN7EXAMPLE", "x|[redacted len=20]");
	expect("x|a=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig", "x|a=[redacted len=40]");
	expect("x|Bearer abcdefgh1", "x|Bearer [redacted len=9]");
	expect("x|SWMKEY-1-abc", "x|[redacted len=12]");
	expect("x|-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
	       "x|-----BEGIN RSA PRIVATE KEY-----[redacted len=5]-----END RSA PRIVATE KEY-----");
	expect_kept("x|-----BEGIN CERTIFICATE-----\nabc");
	expect_kept("x|task-0123456789012345678901|AKIA");
	expect("x|{\"user\":\"me\",\"password\":\"p\\\"w\"}",
	       "x|{\"user\":\"me\",\"password\":\"[redacted len=4]\"}");
	expect("x|{\\\"token\\\":\\\"abc\\\"}", "x|{\\\"token\\\":\\\"[redacted len=6]");
}

static void test_lines_within_arguments(void **state)
{
	/* An assignment must not hide the commands behind it. */
	expect("docker|exec|web|sh|-c|X_TOKEN=1; cat /etc/passwd; rm -rf /tmp/z",
	       "docker|exec|web|sh|-c|X_TOKEN=[redacted len=1]; cat /etc/passwd; rm -rf /tmp/z");
	expect("bash|-lc|API_KEY=1 touch /tmp/evil",
	       "bash|-lc|API_KEY=[redacted len=1] touch /tmp/evil");
	expect("sh|-c|X_TOKEN=1;cat${IFS}/etc/passwd&id",
	       "sh|-c|X_TOKEN=[redacted len=1];cat${IFS}/etc/passwd&id");
	expect("sh|-c|PASSWORD='a b;c' x", "sh|-c|PASSWORD=[redacted len=7] x");
	expect("env|PASSWORD=a b; c|x", "env|PASSWORD=[redacted len=6]|x");
	expect("sh|-c|docker run -e A=b img", "sh|-c|docker run -e A=[redacted len=1] img");
	expect("sh|-c|docker run -e 'A=b c' -p 80:80 img",
	       "sh|-c|docker run -e 'A=[redacted len=3]' -p 80:80 img");
	expect("sh|-c|docker run --env='A=b c' img", "sh|-c|docker run --env=[redacted len=7] img");
	expect("sh|-c|X=1; (docker login -p hunter2)",
	       "sh|-c|X=1; (docker login -p [redacted len=8]");
	expect("sh|-c|echo hi; mysql -psecret db", "sh|-c|echo hi; mysql -p[redacted len=6] db");
	expect("sh|-c|curl -H \"Authorization: Bearer abc\" h",
	       "sh|-c|curl -H \"Authorization: [redacted len=10]\" h");
	expect("ssh|h|sh -c \"docker run -e 'A=b' x\"",
	       "ssh|h|sh -c \"docker run -e 'A=[redacted len=1]' x\"");
	expect("sh|-c|export TOKEN=abc; run", "sh|-c|export TOKEN=[redacted len=3]; run");
	expect("sh|-c|# don't\ndocker run -e A=b x\n# can't",
	       "sh|-c|# don't\ndocker run -e A=[redacted len=1] x\n# can't");
	expect("sh|-c|echo it's; docker login -p pw",
	       "sh|-c|echo it's; docker login -p [redacted len=2]");
	expect_kept("sh|-c|ls -la /tmp && echo done");
	expect("a 'b \"c $(d PASSWORD=x) e\" f' g",
	       "a 'b \"c $(d PASSWORD=[redacted len=1]) e\" f' g");
}

static void test_cut(void **state)
{
	expect_with(NULL, "curl|https://me", true, "curl|https://[redacted len=2]");
	expect_with(NULL, "curl|https://me:1", true, "curl|https://[redacted len=4]");
	expect_with(NULL, "curl|https://me:pw", true, "curl|https://[redacted len=5]");
	expect_with(NULL, "x|ghp_ab", true, "x|[redacted len=6]");
	expect_with(NULL, "x|eyJh", true, "x|[redacted len=4]");
	expect_with(NULL, "docker|login|-p|hun", true, "docker|login|-p|[redacted len=3]");
	expect_with(NULL, "docker|run|-e|A=h", true, "docker|run|-e|A=[redacted len=1]");
	/* Only the last one may be cut. */
	expect_with(NULL, "x|ghp_ab|y", true, "x|ghp_ab|y");
}

/* A marker in every place, cut at every byte: never more of it than what a name may show. */
static void test_marker_cut_everywhere(void **state)
{
	static const char *const lines[] = {
		"docker|run|-e|A=S3cr3tM4rk3r|x",
		"docker|run|--env=A=S3cr3tM4rk3r",
		"docker|login|-p|S3cr3tM4rk3r",
		"docker|login|--password=S3cr3tM4rk3r",
		"docker|build|--build-arg|A=S3cr3tM4rk3r",
		"mysql|-pS3cr3tM4rk3r",
		"curl|https://u:S3cr3tM4rk3r@h/",
		"git|clone|https://S3cr3tM4rk3r@h/",
		"sh|-c|docker run -e A=S3cr3tM4rk3r x",
		"x|PASSWORD=S3cr3tM4rk3r",
		"curl|-H|Authorization: Basic S3cr3tM4rk3r",
		"x|{\"password\":\"S3cr3tM4rk3r\"}",
		"docker|run|-ieA=S3cr3tM4rk3r",
		"psql|postgres://u:S3cr3tM4rk3r@h/",
		"sh|-c|curl -u me:S3cr3tM4rk3r h",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		for (size_t length = 0; length <= strlen(lines[i]); length++) {
			_cleanup_text_list_ struct text_list list = {}, masked = {};
			_cleanup_buffer_ struct buffer out = {};
			_cleanup_free_ char *cut = strndup(lines[i], length);

			redact_bed_split(cut, &list);
			list.cut = length < strlen(lines[i]);
			assert_int_equal(redact_arguments(NULL, &list, &masked), 0);
			redact_bed_join(&masked, &out);
			if (strstr(buffer_string(&out), "S3"))
				fail_msg("%s -> %s", cut, buffer_string(&out));
		}
}

static void expect_wrong(const char *pattern, size_t column, const char *words)
{
	const char *const patterns[] = { "fine", pattern, NULL };
	const struct redact_rules masks = { .masks = patterns }, names = { .names = patterns };
	struct redact_problem problem = {};
	struct redact *redact;

	assert_int_equal(redact_new(&masks, &redact, &problem), -EINVAL);
	assert_ptr_equal(problem.pattern, pattern);
	assert_int_equal(problem.column, column);
	assert_non_null(strstr(problem.words, words));
	problem = (struct redact_problem){};
	assert_int_equal(redact_new(&names, &redact, &problem), -EINVAL);
	assert_ptr_equal(problem.pattern, pattern);
	assert_int_equal(problem.column, column);
}

static void test_wrong_patterns(void **state)
{
	char longest[REDACT_MOST_PATTERN_BYTES + 2] = {};

	expect_wrong("", 1, "empty");
	expect_wrong("(", 1, "Unmatched");
	expect_wrong("(b)a(c", 5, "Unmatched");
	expect_wrong("pin|[a-", 5, "");
	expect_wrong("a\\", 2, "ackslash");
	expect_wrong("(a)\\1", 4, "back reference");
	memset(longest, 'a', sizeof(longest) - 1);
	expect_wrong(longest, REDACT_MOST_PATTERN_BYTES + 1, "too long");
}

static void test_masks(void **state)
{
	static const char *const patterns[] = { "--pin ([0-9]+)", "^x|internal-[a-z]+", NULL };
	const struct redact_rules rules = { .masks = patterns }, none = {};
	struct redact_problem problem;
	struct redact *redact;

	assert_int_equal(redact_new(&rules, &redact, &problem), 0);
	expect_with(redact, "prog|--pin|1234|internal-abc|y", false,
		    "prog|--pin|[redacted len=4]|[redacted len=12]|y");
	expect_with(redact, "xprog|x", false, "[redacted len=1]prog|x");
	expect_with(redact, "docker|run|-e|A=internal-x", false,
		    "docker|run|-e|A=[redacted len=10]");
	expect_with(redact, "a", false, "a");
	redact_free(redact);
	assert_int_equal(redact_new(&none, &redact, &problem), 0);
	expect_with(redact, "a|-e|b", false, "a|-e|b");
	redact_free(redact);
	redact_free(NULL);
}

static void test_names(void **state)
{
	static const char *const names[] = { "pin|otp-?code", "x[0-9]", NULL };
	const struct redact_rules rules = { .names = names };
	struct redact_problem problem;
	struct redact *redact;

	assert_int_equal(redact_new(&rules, &redact, &problem), 0);
	expect_with(
		redact, "prog|--pin|12 34|-pin=5|--PIN|6|PIN=7 8", false,
		"prog|--pin|[redacted len=5]|-pin=[redacted len=1]|--PIN|[redacted len=1]|PIN=[redacted len=3]");
	expect_with(
		redact, "prog|--otpcode=a|--otp-code|b|--x1|c|-x2|d", false,
		"prog|--otpcode=[redacted len=1]|--otp-code|[redacted len=1]|--x1|[redacted len=1]|-x2|[redacted len=1]");
	/* The whole name, or none. */
	expect_with(redact, "prog|--pins|1|--spin=2|--x12|3|PINS=4", false,
		    "prog|--pins|1|--spin=2|--x12|3|PINS=4");
	expect_with(
		redact, "sh|-c|PIN=1; prog --pin '2 3' --x1=4", false,
		"sh|-c|PIN=[redacted len=1]; prog --pin '[redacted len=3]' --x1=[redacted len=1]");
	expect_with(redact, "x|{\"pin\": \"1 2\"}", false, "x|{\"pin\": \"[redacted len=3]\"}");
	/* A program in the same line does not forget them. */
	expect_with(redact, "x|docker|run|--pin|1", false, "x|docker|run|--pin|[redacted len=1]");
	redact_free(redact);
}

static void test_no_memory_of_the_list(void **state)
{
	_cleanup_text_list_ struct text_list list = {}, masked = {};
	char big[70000];

	memset(big, 'a', sizeof(big));
	assert_int_equal(text_list_append(&list, (struct text){ big, sizeof(big) }), 0);
	assert_int_equal(text_list_append(&list, TEXT("b")), 0);
	assert_int_equal(redact_arguments(NULL, &list, &masked), 0);
	assert_true(masked.cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_programs),
		cmocka_unit_test(test_places_of_secrets),
		cmocka_unit_test(test_words_that_are_kept),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_lines_within_arguments),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_marker_cut_everywhere),
		cmocka_unit_test(test_wrong_patterns),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_memory_of_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
