// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/cleanup.h"
#include "event/filter.h"
#include "event/record.h"

static int make_record(void **state)
{
	struct record *record;
	int r = record_new(&record);

	if (r < 0)
		return r;
	*state = record;
	record_begin(record, EVENT_api_request);
	record_set_number(record, FIELD_timestamp,
			  1767323045000000000ull); /* 2026-01-02 03:04:05 */
	record_set_number(record, FIELD_process_pid, 25924);
	record_set_string(record, FIELD_process_name, "docker");
	record_set_string(record, FIELD_process_executable, "/usr/bin/docker");
	record_set_string(record, FIELD_process_tty, "");
	record_set_string(record, FIELD_user_id, "1000");
	record_set_string(record, FIELD_user_name, "a \"b\" \\ 'c'\n");
	record_set_text(record, FIELD_user_agent, TEXT("x\0y\xff"));
	record_add_text(record, FIELD_process_args, TEXT("docker"));
	record_add_text(record, FIELD_process_args, TEXT("run"));
	record_set_empty_list(record, FIELD_process_ancestry);
	record_set_string(record, FIELD_api_operation, "ContainerCreate");
	record_set_number(record, FIELD_http_response_status_code, 201);
	record_set_boolean(record, FIELD_declared_privileged, true);
	record_add_text(record, FIELD_declared_mounts_source, TEXT("/"));
	record_add_text(record, FIELD_declared_mounts_source, (struct text){});
	record_add_text(record, FIELD_declared_mounts_type, TEXT("bind"));
	record_add_text(record, FIELD_declared_mounts_type, TEXT("tmpfs"));
	record_set_integer(record, FIELD_recorder_clock_step_ns, -5);
	record_set_number(record, FIELD_loss_bytes, UINT64_MAX);
	return record->error;
}

static int drop_record(void **state)
{
	record_free(*state);
	return 0;
}

static bool matches(const struct record *record, const char *text)
{
	struct filter_error error = {};
	struct filter *filter = NULL;
	bool matched;

	if (filter_compile(text, &filter, &error) != 0)
		fail_msg("%s: refused at %zu: %s", text, error.column, error.message);
	matched = filter_match(filter, record);
	filter_free(filter);
	return matched;
}

static void assert_all(const struct record *record, const char *const *texts, size_t count,
		       bool expected)
{
	char negated[600];

	for (size_t i = 0; i < count; i++) {
		if (matches(record, texts[i]) != expected)
			fail_msg("should be %d: %s", expected, texts[i]);
		snprintf(negated, sizeof(negated), "not (%s)", texts[i]);
		if (matches(record, negated) == expected)
			fail_msg("should be %d: %s", !expected, negated);
	}
}

static void what_is_true_matches(void **state)
{
	static const char *const texts[] = {
		"process.name == docker",
		"process.name==\"docker\"",
		"process.name == 'docker'",
		"process.name != runc",
		"process.tty == ''",
		"docktrail.api.operation == ContainerCreate",
		"process.executable == /usr/bin/docker",
		"user.name == \"a \\\"b\\\" \\\\ 'c'\\n\"",
		"user_agent.original == \"x\\x00y\\xFF\"",
		"process.name < e and process.name > doc and process.name >= docker",
		"process.name <= docker",
		"user.id == 1000",
		"user.id == \"1000\"",
		"user.id < 20000",
		"user.id >= 999 and user.id >= 0999",
		"user.id < \"999\"",
		"process.pid == 25924",
		"process.pid == 0x6544",
		"process.pid == \"25924\"",
		"process.pid != 1 and process.pid > 25923 and process.pid < 25925",
		"process.pid in (1, 25924)",
		"docktrail.loss.bytes == 18446744073709551615",
		"docktrail.loss.bytes >= 0xffffffffffffffff",
		"docktrail.recorder.clock.step_ns < 0 and docktrail.recorder.clock.step_ns == -5",
		"docktrail.recorder.clock.step_ns > -9223372036854775808",
		"docktrail.declared.privileged == true",
		"docktrail.declared.privileged != false",
		"process.args == run",
		"process.args != run",
		"process.args in ('x', 'run')",
		"process.args ~ d*r",
		"docktrail.declared.mounts.source == /",
		"docktrail.declared.mounts[].source == /",
		"docktrail.declared.mounts.type == tmpfs",
		"process.executable ~ '/usr/*/docker'",
		"process.executable ~ *docker",
		"process.executable ~ /*r",
		"process.executable =~ '^/usr/(s?bin)/d'",
		"process.executable =~ bin",
		"exists process.name",
		"process.name exists",
		"exists process.ancestry",
		"exists process.tty",
		"not exists container.id",
		"not container.id == x",
		"not container.id != x",
		"container.id exists or process.name exists",
		"@timestamp == 2026-01-02T03:04:05Z",
		"@timestamp == 2026-01-02T04:04:05+01:00",
		"@timestamp > 2026-01-02T03:04:04.999999999Z and @timestamp < '2026-01-02T03:04:06Z'",
		"@timestamp < -1s",
		"@timestamp < now",
		"@timestamp in (2026-01-02T03:04:05Z)",
		"http.response.status_code >= 200 and http.response.status_code < 300",
		"process.pid == 1 and process.pid == 2 or process.pid == 25924",
		"process.pid == 25924 or process.pid == 1 and process.pid == 2",
		"not process.pid == 1 and process.pid == 25924",
		"not not process.pid == 25924",
		"((((process.pid == 25924))))",
		"process.pid == 1 or (process.name == docker and (user.id == 1000))",
		"process.name == docker\n\tand process.pid == 25924",
		"event.action == api-request",
		"event.kind == event",
	};

	assert_all(*state, texts, sizeof(texts) / sizeof(texts[0]), true);
}

static void what_is_false_does_not(void **state)
{
	static const char *const texts[] = {
		"process.name == Docker",
		"process.name == dock",
		"process.name == dockerd",
		"process.name ~ dock",
		"process.name ~ ocker",
		"process.name =~ '^ocker'",
		"process.name < 5",
		"process.name >= 5",
		"process.tty >= 0",
		"user.id < 999",
		"user.id == 0x3e8",
		"user_agent.original == x",
		"container.id == x",
		"container.id != x",
		"container.id ~ '*'",
		"container.id =~ ''",
		"container.id in (x)",
		"exists container.id",
		"process.ancestry == x",
		"process.ancestry != x",
		"process.ancestry ~ '*'",
		"process.args == 'docker run'",
		"docktrail.declared.mounts.source == ''",
		"docktrail.declared.mounts.source != /",
		"docktrail.declared.privileged == false",
		"process.parent.pid < 1",
		"process.start < now",
		"@timestamp > -1s",
		"process.pid == 1 and process.pid == 25924 or process.pid == 2",
		"not (process.pid == 25924 or process.pid == 1)",
		"not not not process.pid == 25924",
	};

	assert_all(*state, texts, sizeof(texts) / sizeof(texts[0]), false);
}

static void refusals_point_and_say_what_to_do(void **state)
{
	static const struct {
		const char *text;
		size_t column;
		const char *message;
	} cases[] = {
		{ "", 1, "the expression stops here" },
		{ "   ", 4, "the expression stops here" },
		{ "process.nam == x", 1, "did you mean process.name?" },
		{ "process.pid == 1 and proces.name == x", 22, "did you mean process.name" },
		{ "status_code == 200", 1, "did you mean http.response.status_code?" },
		{ "api.operation == x", 1, "did you mean docktrail.api.operation?" },
		{ "docktrail.declared.mounts == x", 1, "such as docktrail.declared.mounts.type" },
		{ "exists process", 8, "is a group of fields" },
		{ "zzzzzzzzzzzz == 1", 1, "`docktrail events` lists" },
		{ "\x1b[31m == 1", 1, "unexpected character 0x1b" },
		{ "process.pid == abc", 16, "process.pid takes a number, not \"abc\"" },
		{ "process.pid == ''", 16, "takes a number" },
		{ "process.pid == 0x", 16, "takes a number" },
		{ "process.pid == -1", 16, "never negative" },
		{ "process.pid == 1.5", 16, "takes a number" },
		{ "process.pid == 18446744073709551616", 16, "does not fit into 64 bits" },
		{ "docktrail.recorder.clock.step_ns == 9223372036854775808", 37, "does not fit" },
		{ "docktrail.recorder.clock.step_ns == -9223372036854775809", 37, "does not fit" },
		{ "process.pid in (1, two)", 20, "takes a number" },
		{ "process.pid ~ 1", 13, "match text, and process.pid is a u64" },
		{ "@timestamp =~ 1", 12, "match text" },
		{ "@timestamp > tomorrow", 14, "takes a time such as" },
		{ "@timestamp > 2026-13-01T00:00:00Z", 14, "takes a time such as" },
		{ "docktrail.declared.privileged == yes", 34, "takes true or false" },
		{ "docktrail.declared.privileged > true", 31, "compare with == or !=" },
		{ "docktrail.declared.privileged", 30, "an operator is missing" },
		{ "process.name docker", 14, "an operator is missing" },
		{ "process.name = docker", 14, "write ==" },
		{ "process.name ! docker", 14, "write not" },
		{ "process.name == ", 17, "a value is missing" },
		{ "process.name == and user.id == 0", 17, "put it into quotes" },
		{ "process.name == docker run", 24, "goes into quotes" },
		{ "process.name == 'docker", 17, "the text has no end: add '" },
		{ "process.name == \"a\\d\"", 19, "unknown escape" },
		{ "process.name == \"a\\x1\"", 19, "two hexadecimal digits" },
		{ "process.name in docker", 17, "in takes a list" },
		{ "process.name in (a b)", 20, "goes on with , or ends with )" },
		{ "process.name in ()", 18, "a value is missing" },
		{ "process.name not in (a)", 14, "write not process.name in" },
		{ "process.pid == 1 && user.id == 0", 18, "write and" },
		{ "process.pid == 1 || user.id == 0", 18, "write or" },
		{ "process.pid == 1 and", 21, "the expression stops here" },
		{ "and process.pid == 1", 1, "missing before \"and\"" },
		{ "(process.pid == 1", 1, "has no end: add )" },
		{ "(process.pid == 1 2)", 19, "expected and, or, or )" },
		{ "process.pid == 1)", 17, "a ) without its (" },
		{ "\"process.pid\" == 1", 1, "without quotes" },
		{ "== 1", 1, "the name of a field is missing before \"==\"" },
		{ "process.name =~ 'a(b'", 19, "in the regular expression: the group has no end" },
		{ "process.name =~ \"\\x61\\\\d\"", 22,
		  "in the regular expression: unknown escape" },
		{ "process.name =~ a{2", 18, "in the regular expression: not a count" },
		{ "process.name =~ '(a)\\1'", 21, "back-references" },
		{ "process.name ~ ab[c", 18, "in the glob: the set has no end" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct filter_error error = {};
		struct filter *filter;

		if (filter_compile(cases[i].text, &filter, &error) != -EINVAL)
			fail_msg("%s was not refused", cases[i].text);
		if (error.column != cases[i].column || !strstr(error.message, cases[i].message))
			fail_msg("%s: column %zu: %s", cases[i].text, error.column, error.message);
	}
}

static void assert_refused(struct buffer *text, size_t column)
{
	struct filter_error error = {};
	struct filter *filter;

	assert_int_equal(filter_compile(buffer_string(text), &filter, &error), -EINVAL);
	assert_int_equal(error.column, column);
	assert_true(strlen(error.message) < sizeof(error.message));
	buffer_clear(text);
}

static void size_and_depth_are_bounded(void **state)
{
	struct buffer text = {};

	for (int depth = 0; depth <= FILTER_DEPTH_MOST; depth++)
		buffer_append_char(&text, '(');
	assert_refused(&text, FILTER_DEPTH_MOST + 1);
	for (int depth = 0; depth <= FILTER_DEPTH_MOST; depth++)
		buffer_append_string(&text, "not ");
	assert_refused(&text, 4 * FILTER_DEPTH_MOST + 1);
	for (int depth = 0; depth < FILTER_DEPTH_MOST / 2; depth++)
		buffer_append_string(&text, "not (");
	buffer_append_string(&text, "process.pid == 25924");
	for (int depth = 0; depth < FILTER_DEPTH_MOST / 2; depth++)
		buffer_append_char(&text, ')');
	assert_true(matches(*state, buffer_string(&text)));
	buffer_clear(&text);

	buffer_append_string(&text, "process.pid == 1");
	while (text.length < FILTER_LENGTH_MOST - 17)
		buffer_append_string(&text, " or process.pid == 1");
	assert_false(matches(*state, buffer_string(&text)));
	while (text.length <= FILTER_LENGTH_MOST)
		buffer_append_char(&text, ' ');
	assert_refused(&text, FILTER_LENGTH_MOST + 1);

	buffer_append_string(&text, "process.name =~ ");
	for (int i = 0; i < 257; i++)
		buffer_append_char(&text, 'a');
	assert_refused(&text, 17 + 256);
	for (int i = 0; i < 4000; i++)
		buffer_append_char(&text, 'n');
	assert_refused(&text, 1);
	buffer_append_string(&text, "process.pid == ");
	for (int i = 0; i < 4000; i++)
		buffer_append_char(&text, '9');
	assert_refused(&text, 16);
	buffer_free(&text);
}

static uint64_t parse_time(const char *text, uint64_t now_ns)
{
	uint64_t wall_ns = 0;

	if (filter_parse_time(text, strlen(text), now_ns, &wall_ns) != 0)
		fail_msg("no time: %s", text);
	return wall_ns;
}

static void times_are_those_of_people(void **state)
{
	static const char *const none[] = { "",
					    "-",
					    "-h",
					    "-2",
					    "-2x",
					    "2h",
					    "-2.5h",
					    "--2h",
					    "-0xh",
					    "Yesterday",
					    "2026-01-0",
					    "2026-02",
					    "2026-01-02T03",
					    "2026-01-02T03:04:05+1" };
	const uint64_t now_ns = 1767323045000000000ull; /* 2026-01-02 03:04:05 UTC */
	const uint64_t day_ns = 86400 * NS_PER_SECOND;
	uint64_t ignored;

	setenv("TZ", "UTC-2", 1); /* two hours east */
	tzset();
	assert_true(parse_time("now", now_ns) == now_ns);
	assert_true(parse_time("-90s", now_ns) == now_ns - 90 * NS_PER_SECOND);
	assert_true(parse_time("-15m", now_ns) == now_ns - 900 * NS_PER_SECOND);
	assert_true(parse_time("-2h", now_ns) == now_ns - 7200 * NS_PER_SECOND);
	assert_true(parse_time("-3d", now_ns) == now_ns - 3 * day_ns);
	assert_true(parse_time("-1w", now_ns) == now_ns - 7 * day_ns);
	assert_true(parse_time("-99999999999w", now_ns) == 0);
	assert_true(parse_time("today", now_ns) == 1767304800ull * NS_PER_SECOND);
	assert_true(parse_time("yesterday", now_ns) == 1767304800ull * NS_PER_SECOND - day_ns);
	assert_true(parse_time("2026-01-02", now_ns) == 1767304800ull * NS_PER_SECOND);
	assert_true(parse_time("2026-01-02T03:04:05", now_ns) == now_ns - 7200 * NS_PER_SECOND);
	assert_true(parse_time("2026-01-02 03:04:05.5", now_ns) ==
		    now_ns - 7200 * NS_PER_SECOND + NS_PER_SECOND / 2);
	assert_true(parse_time("2026-01-02T03:04:05Z", 0) == now_ns);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (filter_parse_time(none[i], strlen(none[i]), now_ns, &ignored) != -EINVAL)
			fail_msg("taken for a time: %s", none[i]);
}

static void usage_has_examples_that_compile(void **state)
{
	static const char *const examples[] = {
		"docktrail.api.operation == ContainerCreate and user.id != 0",
		"process.executable ~ '/usr/*/docker' or url.path =~ '/containers/[0-9a-f]+/exec'",
		"docktrail.declared.mounts.source in (/, /etc, /root) and @timestamp > -2h",
		"exists container.id and not (http.response.status_code < 400)",
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		assert_non_null(strstr(filter_usage(), examples[i]));
		matches(*state, examples[i]);
	}
}

/* Of these records it is known that one has the key "a" and that the user is 7. */
static bool may_be(void *user, enum field field, struct text value)
{
	if (field == FIELD_audit_keys)
		return text_equal(value, TEXT("a"));
	return field != FIELD_user_id || text_equal(value, TEXT("7"));
}

static void what_is_excluded_need_not_be_read(void **state)
{
	static const struct {
		const char *text;
		bool may;
	} rows[] = {
		{ "docktrail.audit.keys == a", true },
		{ "docktrail.audit.keys == b", false },
		{ "docktrail.audit.keys in (b, a)", true },
		{ "docktrail.audit.keys in (b, c)", false },
		{ "docktrail.audit.keys == b or user.id == 7", true },
		{ "docktrail.audit.keys == b or user.id == 8", false },
		{ "docktrail.audit.keys == a and user.id == 8", false },
		{ "process.pid == 5 and docktrail.audit.keys == a", true },
		{ "process.name == x and docktrail.audit.keys == b", false },
		/* What is not equality says nothing. */
		{ "docktrail.audit.keys ~ b*", true },
		{ "docktrail.audit.keys =~ b", true },
		{ "docktrail.audit.keys != a", true },
		{ "docktrail.audit.keys > b", true },
		{ "not docktrail.audit.keys == b", true },
		{ "exists docktrail.audit.keys", true },
		{ "event.severity == 3", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct filter_error error;
		struct filter *filter;

		assert_int_equal(filter_compile(rows[i].text, &filter, &error), 0);
		if (filter_may_match(filter, may_be, NULL) != rows[i].may)
			fail_msg("%s", rows[i].text);
		filter_free(filter);
	}
}

static bool is_no_secret(struct text value)
{
	return !text_equal(value, TEXT("secret-of-some-length"));
}

static void what_is_required_stands_in_each_match(void **state)
{
	static const struct {
		const char *text, *required;
	} rows[] = {
		{ "process.name == docker", "docker" },
		{ "process.name in (docker)", "docker" },
		{ "process.name in (docker, podman)", NULL },
		{ "process.name != docker", NULL },
		{ "process.name ~ 'docker*'", NULL },
		{ "not process.name == docker", NULL },
		{ "process.name == docker or user.id == 0", NULL },
		{ "user.id == 0 and process.name == docker and process.pid == 1234567890",
		  "docker" },
		{ "user.id == 0 and (process.name == docker or process.name == podman)", "0" },
		{ "user.id == 0 and not (process.name == docker)", "0" },
		{ "user.id == 0 and process.name == secret-of-some-length", "0" },
		{ "process.args == --privileged", "--privileged" },
		{ "process.pid == 1234567890", NULL },
		{ "exists container.id", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct filter_error error;
		struct filter *filter;
		struct text required;

		assert_int_equal(filter_compile(rows[i].text, &filter, &error), 0);
		required = filter_required(filter, is_no_secret);
		if (!rows[i].required)
			assert_null(required.data);
		else if (!text_equal(required, text_of(rows[i].required)))
			fail_msg("%s", rows[i].text);
		filter_free(filter);
	}
}

int main(void)
{
#define RECORD_TEST(name) cmocka_unit_test_setup_teardown(name, make_record, drop_record)
	const struct CMUnitTest tests[] = {
		RECORD_TEST(what_is_true_matches),
		RECORD_TEST(what_is_false_does_not),
		cmocka_unit_test(what_is_excluded_need_not_be_read),
		cmocka_unit_test(what_is_required_stands_in_each_match),
		cmocka_unit_test(refusals_point_and_say_what_to_do),
		RECORD_TEST(size_and_depth_are_bounded),
		cmocka_unit_test(times_are_those_of_people),
		RECORD_TEST(usage_has_examples_that_compile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
