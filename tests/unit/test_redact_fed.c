// SPDX-License-Identifier: Apache-2.0
/* What is fed to programs that read secrets, SQL, and what clients are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "correlate/redact.h"

#define S     "S3cr3tM4rk3r"
#define BEGIN "S3c"
#define MASK  "[redacted len=12]"

/* The last argument, masked. */
static void mask(const char *const *arguments, size_t count, bool cut, struct buffer *out)
{
	_cleanup_text_list_ struct text_list list = {}, masked = {};

	for (size_t i = 0; i < count; i++)
		assert_int_equal(text_list_append(&list, text_of(arguments[i])), 0);
	list.cut = cut;
	assert_int_equal(redact_arguments(NULL, &list, &masked), 0);
	assert_int_equal(masked.count, count);
	buffer_clear(out);
	buffer_append(out, text_list_at(&masked, count - 1).data,
		      text_list_at(&masked, count - 1).length);
	assert_non_null(buffer_string(out));
}

/* A script: what is masked stays so, and cut anywhere nothing of the secret is seen. */
static void expect(const char *script, const char *expected)
{
	_cleanup_buffer_ struct buffer out = {}, again = {};

	mask((const char *[]){ "sh", "-c", script }, 3, false, &out);
	assert_string_equal(buffer_string(&out), expected);
	mask((const char *[]){ "sh", "-c", buffer_string(&out) }, 3, false, &again);
	assert_string_equal(buffer_string(&again), expected);
	for (size_t length = 1; length < strlen(script); length++) {
		_cleanup_free_ char *cut = strndup(script, length);

		mask((const char *[]){ "sh", "-c", cut }, 3, true, &out);
		if (strstr(buffer_string(&out), BEGIN))
			fail_msg("%s -> %s", cut, buffer_string(&out));
	}
}

static void expect_kept(const char *script)
{
	_cleanup_buffer_ struct buffer out = {};

	mask((const char *[]){ "sh", "-c", script }, 3, false, &out);
	assert_string_equal(buffer_string(&out), script);
}

static void test_chpasswd(void **state)
{
	expect("chpasswd <<< u:" S, "chpasswd <<< u:" MASK);
	expect("chpasswd<<<'u:" S "'; id", "chpasswd<<<'u:" MASK "'; id");
	expect("<<< \"u:" S "\" sudo chpasswd -e && id",
	       "<<< \"u:" MASK "\" sudo chpasswd -e && id");
	expect("echo u:" S " | chpasswd", "echo u:" MASK " | chpasswd");
	expect("id; echo -n 'u:" S "' | /usr/sbin/chpasswd -e",
	       "id; echo -n 'u:" MASK "' | /usr/sbin/chpasswd -e");
	expect("printf 'u:" S "' | chpasswd", "printf 'u:" MASK "' | chpasswd");
	expect("printf 'u:%s' " S "|chpasswd", "printf 'u:[redacted len=2]' " MASK "|chpasswd");
	expect("/bin/echo \"u:" S "\" | docker exec -i web chpasswd",
	       "/bin/echo \"u:" MASK "\" | docker exec -i web chpasswd");
	expect("chpasswd <<EOF\na:" S "\nb:" S "\nEOF\nls -la",
	       "chpasswd <<EOF\na:" MASK "\nb:" MASK "\nEOF\nls -la");
	expect("cat <<-'E O' | chpasswd; id\n\tu:" S "\n\tE O\nls a:/x",
	       "cat <<-'E O' | chpasswd; id\n\tu:" MASK "\n\tE O\nls a:/x");
	expect("echo -e '" S "\\n" S "' | passwd root",
	       "echo -e '[redacted len=26]' | passwd root");
	expect("# don't\necho u:" S " | chpasswd\n# can't",
	       "# don't\necho u:" MASK " | chpasswd\n# can't");
	expect("ssh h 'echo u:" S " | chpasswd'", "ssh h 'echo u:" MASK " | chpasswd'");
}

static void test_readers(void **state)
{
	static const char *const readers[] = {
		"docker login -u me --password-stdin reg",
		"podman login --password-stdin",
		"helm registry login h -u me --password-stdin",
		"crane auth login h -u me --password-stdin",
		"skopeo login --password-stdin h",
		"oras login --password-stdin h",
		"gh auth login --with-token",
		"sudo -S id",
		"sudo -u root -kS id",
		"docker secret create x -",
		"tr -d x | docker login --password-stdin",
		"ssh h 'docker login --password-stdin'",
		"(cd /x && docker login --password-stdin)",
		"while read x; do docker login --password-stdin; done",
		"openssl rsa -passin stdin",
	};
	/* Each with %s in place of the reader. */
	static const char *const feeds[][2] = {
		{ "echo " S " | %s", "echo " MASK " | %s" },
		{ "echo -n '" S "'|%s; ls /x", "echo -n '" MASK "'|%s; ls /x" },
		{ "printf %%s " S " |& %s", "printf [redacted len=2] " MASK " |& %s" },
		{ "ls | (id; echo " S ") | %s", "ls | (id; echo " MASK ") | %s" },
		{ "{ echo " S "; } | %s", "{ echo " MASK "; } | %s" },
		{ "if true; then echo " S "; fi | %s", "if true; then echo " MASK "; fi | %s" },
		{ "%s <<< " S, "%s <<< " MASK },
		{ "%s <<< $(echo " S ")", "%s <<< $(echo " MASK ")" },
		{ "%s < <(echo " S ")", "%s < <(echo " MASK ")" },
		{ "%s << EOF\n" S "\nEOF\nid", "%s << EOF\n" MASK "\nEOF\nid" },
		{ "base64 -d <<< " S " | %s", "base64 -d <<< " MASK " | %s" },
		{ "echo \"$(cat x)\"; echo a; echo " S " |\n%s",
		  "echo \"$(cat x)\"; echo a; echo " MASK " |\n%s" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		for (size_t j = 0; j < ARRAY_SIZE(feeds); j++) {
			_cleanup_buffer_ struct buffer script = {}, expected = {};

			buffer_printf(&script, feeds[j][0], readers[i]);
			buffer_printf(&expected, feeds[j][1], readers[i]);
			expect(buffer_string(&script), buffer_string(&expected));
		}
}

static void test_vault(void **state)
{
	expect("echo " S " | vault login -", "echo " MASK " | vault login -");
	expect("vault login - <<< '" S "'; id", "vault login - <<< '" MASK "'; id");
}

static void test_feeds_that_are_kept(void **state)
{
	expect_kept("echo $PW | docker login --password-stdin");
	expect_kept("echo \"${REG_PW}\" | docker login --password-stdin");
	expect_kept("docker login --password-stdin < /run/pw; echo done | tee /x");
	expect_kept("cat /run/pw | docker login --password-stdin && echo done");
	expect_kept("echo evil:x:0:0 | tee -a /etc/passwd");
	expect_kept("echo a; docker login --password-stdin; echo b | wc -l");
	expect_kept("cat <<EOF > /x\necho docker login\nEOF\nid | tee /x");
	expect_kept("docker login || echo failed | tee /x");
}

static void test_sql(void **state)
{
	static const char *const statements[] = {
		"CREATE USER 'u'@'%%' IDENTIFIED BY %s; DROP TABLE x",
		"alter user u identified with 'mysql_native_password' by %s",
		"ALTER USER u IDENTIFIED VIA ed25519 USING PASSWORD(%s)",
		"GRANT ALL ON *.* TO u IDENTIFIED BY PASSWORD %s WITH GRANT OPTION",
		"CREATE USER u Identified With sha256_password As\n%s",
		"CREATE ROLE r LOGIN ENCRYPTED PASSWORD %s VALID UNTIL 'infinity'",
		"Alter Role r With Password %s",
		"SET PASSWORD = %s",
		"SET PASSWORD FOR 'u'@'h' = %s",
		"SET PASSWORD FOR u = PASSWORD(%s)",
		"SET PASSWORD FOR u TO %s",
		"UPDATE mysql.user SET authentication_string=PASSWORD(%s) WHERE 1",
		"ALTER USER u IDENTIFIED BY %s REPLACE %s",
	};
	static const char *const quotes[][2] = {
		{ "'", "'" },         { "\"", "\"" },           { "\\\"", "\\\"" },
		{ "'\\''", "'\\''" }, { "'\"'\"'", "'\"'\"'" }, { "$$", "$$" },
		{ "$a$", "$a$" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++)
		for (size_t j = 0; j < ARRAY_SIZE(quotes); j++) {
			_cleanup_buffer_ struct buffer value = {}, masked = {}, statement = {};
			_cleanup_buffer_ struct buffer expected = {}, out = {};
			const char *text;

			buffer_printf(&value, "%s" S "%s", quotes[j][0], quotes[j][1]);
			buffer_printf(&masked, "%s" MASK "%s", quotes[j][0], quotes[j][1]);
			buffer_printf(&statement, statements[i], buffer_string(&value),
				      buffer_string(&value));
			buffer_printf(&expected, statements[i], buffer_string(&masked),
				      buffer_string(&masked));
			text = buffer_string(&statement);
			mask(&text, 1, false, &out);
			assert_string_equal(buffer_string(&out), buffer_string(&expected));
			for (size_t length = 1; length < strlen(text); length++) {
				_cleanup_free_ char *cut = strndup(text, length);

				mask((const char *[]){ "mysql", "-e", cut }, 3, true, &out);
				assert_null(strstr(buffer_string(&out), BEGIN));
			}
		}
	expect("psql -c \"ALTER ROLE r PASSWORD '" S "'\" && id",
	       "psql -c \"ALTER ROLE r PASSWORD '" MASK "'\" && id");
	expect("sqlcmd -Q \"CREATE LOGIN l WITH PASSWORD = N'" S "'\"; id",
	       "sqlcmd -Q \"CREATE LOGIN l WITH PASSWORD = N'" MASK "'\"; id");
	expect("psql -c \"ALTER USER u PASSWORD E'" S "'\"; id",
	       "psql -c \"ALTER USER u PASSWORD E'" MASK "'\"; id");
	expect("mysql -e 'SET PASSWORD = '\\''" S "'\\''; SELECT 1' db",
	       "mysql -e 'SET PASSWORD = '\\''" MASK "'\\''; SELECT 1' db");
	expect("mysql -e 'CREATE USER u IDENTIFIED BY \"a'\"'\"'" S " \"\"x\"; DROP x'",
	       "mysql -e 'CREATE USER u IDENTIFIED BY \"[redacted len=22]\"; DROP x'");
	expect("sqlplus -s <<EOF\nALTER USER u IDENTIFIED BY " S ";\nEOF\nid",
	       "sqlplus -s <<EOF\nALTER USER u IDENTIFIED BY " MASK ";\nEOF\nid");
	expect("echo \"ALTER USER u PASSWORD '" S " x'; SELECT\" | psql",
	       "echo \"ALTER USER u PASSWORD '[redacted len=14]'; SELECT\" | psql");
	expect_kept("grep -r password '/home/u'");
	expect_kept("echo the caller is identified by its name");
	expect_kept("psql -c 'ALTER ROLE r PASSWORD NULL; SELECT 1'");
	expect_kept("mysql -e 'SELECT REPLACE(\"a\", \"b\")'");
}

static void test_redis(void **state)
{
	static const char *const lines[] = {
		"AUTH %s",
		"-h h AUTH %s",
		"auth %s",
		"CONFIG SET requirepass %s",
		"config set REQUIREPASS %s",
		"CONFIG SET masterauth %s",
		"ACL SETUSER u on '>%s' ~* +@all",
		"acl setuser u '#%s' \\>%s",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_buffer_ struct buffer script = {}, expected = {};

		buffer_append_string(&script, "redis-cli ");
		buffer_append_string(&expected, "redis-cli ");
		buffer_printf(&script, lines[i], S, S);
		buffer_printf(&expected, lines[i], MASK, MASK);
		buffer_append_string(&script, "\nls -l /x; rm -rf /y");
		buffer_append_string(&expected, "\nls -l /x; rm -rf /y");
		expect(buffer_string(&script), buffer_string(&expected));
	}
	expect("redis-cli AUTH u " S ";id -u", "redis-cli AUTH [redacted len=1] " MASK ";id -u");
	expect("redis-cli AUTH " S "; rm -rf /", "redis-cli AUTH " MASK "; rm -rf /");
	expect("redis-cli AUTH " S " && rm -rf /", "redis-cli AUTH " MASK " && rm -rf /");
	expect("redis-server --requirepass " S " --masterauth=" S,
	       "redis-server --requirepass " MASK " --masterauth=" MASK);
	expect("echo 'AUTH " S "' | redis-cli", "echo 'AUTH " MASK "' | redis-cli");
	expect("echo AUTH u " S " | redis-cli", "echo AUTH [redacted len=1] " MASK " | redis-cli");
	expect("redis-cli <<EOF\nAUTH " S "\nFLUSHALL\nEOF\nid",
	       "redis-cli <<EOF\nAUTH " MASK "\nFLUSHALL\nEOF\nid");
	expect_kept("echo FLUSHALL | redis-cli; redis-cli ACL SETUSER u on > /x 2>&1");
	expect_kept("echo 'GET / HTTP/1.0' | nc h 80");
	expect_kept("redis-cli set k v; redis-cli ACL LIST");
}

static void expect_of_image(const char *image, const char *expected)
{
	_cleanup_text_list_ struct text_list list = {}, masked = {};

	assert_int_equal(text_list_append(&list, TEXT("login")), 0);
	assert_int_equal(text_list_append(&list, TEXT(S)), 0);
	assert_int_equal(redact_command(NULL, text_of(image), &list, &masked), 0);
	assert_string_equal(text_list_at(&masked, 1).data, expected);
}

static void test_images(void **state)
{
	_cleanup_buffer_ struct buffer out = {};

	expect_of_image("vault:1.13", MASK);
	expect_of_image("hashicorp/vault", MASK);
	expect_of_image("reg:5000/hashicorp/vault:1@sha256:00", MASK);
	expect_of_image("vaults:1.13", S);
	mask((const char *[]){ "docker", "run", "hashicorp/vault:1.13", "login", S }, 5, false,
	     &out);
	assert_string_equal(buffer_string(&out), MASK);
}

/* What takes far longer if the time grew with the square of the length. */
static void test_long_scripts(void **state)
{
	static const char *const parts[] = {
		"echo a|login;",
		"(",
		"`",
		"<<",
		"<<E ",
		"{ echo x;",
		"PASSWORD 'x ",
		"IDENTIFIED BY ",
		"$(",
		"|",
		"PASSWORD \"'x\" ",
		"while ",
		"AUTH ACL SETUSER ",
		"<<E\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		_cleanup_buffer_ struct buffer script = {}, out = {};
		clock_t begin = clock();

		buffer_append_string(&script, "vault login | alter ");
		while (script.length < 60000)
			buffer_append_string(&script, parts[i]);
		mask((const char *[]){ "sh", "-c", buffer_string(&script) }, 3, i % 2, &out);
		assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chpasswd), cmocka_unit_test(test_readers),
		cmocka_unit_test(test_vault),    cmocka_unit_test(test_feeds_that_are_kept),
		cmocka_unit_test(test_sql),      cmocka_unit_test(test_redis),
		cmocka_unit_test(test_images),   cmocka_unit_test(test_long_scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
