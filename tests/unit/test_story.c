// SPDX-License-Identifier: Apache-2.0
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "output/story_block.h"
#include "story_lines.h"

#define LINES "tests/data/story/evening.jsonl"

static void test_whole(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	tell_file(&telling, LINES);
	tell_expect(&telling, "tests/data/story/evening.story");
}

static void test_narrow(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){ .width = 72 });
	tell_file(&telling, LINES);
	tell_expect(&telling, "tests/data/story/evening.narrow");
}

static void test_follow(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){ .follow = true });
	tell_file(&telling, LINES);
	tell_expect(&telling, "tests/data/story/evening.follow");
}

static void test_coloured(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){ .colour = true });
	tell_file(&telling, LINES);
	tell_expect(&telling, "tests/data/story/evening.colour");
}

/* A request of process `pid`, `second` seconds after midnight. */
static void ask(struct telling_of_lines *telling, unsigned int second, unsigned int pid,
		const char *operation, const char *more)
{
	char line[2048];
	int length = snprintf(
		line, sizeof(line),
		"{\"@timestamp\":\"2026-11-22T%02u:%02u:%02u.000000000Z\",\"event\":{\"action\":"
		"\"api-request\",\"severity\":25},\"process\":{\"pid\":%u,\"entity_id\":\"p%u\","
		"\"name\":\"curl\"},\"http\":{\"response\":{\"status_code\":200}},"
		"\"docktrail\":{\"connection\":{\"id\":\"c%u\"},\"api\":{\"operation\":\"%s\","
		"\"state\":\"complete\"}%s}}",
		second / 3600, second / 60 % 60, second % 60, pid, pid, pid, operation, more);

	assert_in_range(length, 1, sizeof(line) - 1);
	tell_line(telling, line, (size_t)length);
}

/* Not by strstr(): under the sanitizer each call measures all of the text. */
static size_t count(const char *text, const char *word)
{
	size_t found = 0, length = strlen(word);

	for (; text && *text; text++)
		found += *text == *word && strncmp(text, word, length) == 0;
	return found;
}

static void tell_target_of(char *more, size_t size, unsigned int number)
{
	snprintf(more, size, ",\"target\":{\"type\":\"container\",\"name\":\"n%u\"}", number);
}

/* Ten minutes of silence end a block: it is printed, and what comes later gets a header of its own.
 */
static void test_silence(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	ask(&telling, 0, 1, "ContainerStop", "");
	ask(&telling, 599, 1, "ContainerKill", "");
	ask(&telling, 1198, 2, "ContainerStart", "");
	tell_flush(&telling);
	assert_int_equal(telling.length, 0);
	ask(&telling, 1200, 2, "ContainerStart", "");
	tell_flush(&telling);
	assert_int_equal(count(telling.text, "curl[1]"), 2);
	assert_int_equal(count(telling.text, "Container"), 2);
	ask(&telling, 1201, 1, "ContainerStop", "");
	telling.format->finish(telling.state);
	tell_flush(&telling);
	/* Header and ancestry of two blocks of process 1 and one of process 2. */
	assert_int_equal(count(telling.text, "curl[1]"), 4);
	assert_int_equal(count(telling.text, "curl[2]"), 2);
	tell_end(&telling);
}

/* A request whose answer is to come keeps its block open: the answer finds its line. */
static void test_waiting(void **state)
{
	static const char answer[] =
		"{\"@timestamp\":\"2026-11-22T03:00:00.000000000Z\",\"event\":{\"action\":"
		"\"api-answer\",\"duration\":10800000000000},\"http\":{\"response\":{"
		"\"status_code\":200}},\"docktrail\":{\"request\":{\"id\":\"c1.1\"}}}";
	static const char wait[] =
		"{\"@timestamp\":\"2026-11-22T00:00:00.000000000Z\",\"event\":{\"action\":"
		"\"api-request\"},\"process\":{\"entity_id\":\"p1\",\"name\":\"docker\"},"
		"\"docktrail\":{\"request\":{\"id\":\"c1.1\"},\"api\":{\"operation\":"
		"\"ContainerWait\",\"state\":\"pending\"}}}";
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	tell_line(&telling, wait, sizeof(wait) - 1);
	ask(&telling, 7200, 2, "ContainerStart", "");
	tell_line(&telling, answer, sizeof(answer) - 1);
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_non_null(strstr(telling.text, "ContainerWait 200  after 3 h 0 min"));
	assert_null(strstr(telling.text, "pending"));
	tell_end(&telling);
}

/* What is held is bounded, in lines of a block, in open blocks, and in bytes. */
static void test_bounds(void **state)
{
	struct telling_of_lines telling;
	char more[64];

	tell_begin(&telling, "story", &(struct format_options){});
	for (unsigned int i = 0; i < STORY_LINES_MOST - 1; i++) {
		tell_target_of(more, sizeof(more), i);
		ask(&telling, 1, 1, "ContainerStop", more);
	}
	tell_flush(&telling);
	assert_int_equal(telling.length, 0);
	ask(&telling, 1, 1, "ContainerStart", "");
	tell_flush(&telling);
	assert_int_equal(count(telling.text, "ContainerStop"), STORY_LINES_MOST - 1);
	for (unsigned int pid = 1000; pid < 1300; pid++)
		ask(&telling, 2, pid, "ContainerKill", "");
	tell_flush(&telling);
	assert_int_equal(count(telling.text, "ContainerKill"), 300 - 256);
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_int_equal(count(telling.text, "ContainerKill"), 300);
	tell_end(&telling);
}

static void test_bytes_held(void **state)
{
	static const char wait[] =
		"{\"@timestamp\":\"2026-11-22T00:00:00Z\",\"event\":{\"action\":"
		"\"api-request\"},\"process\":{\"entity_id\":\"w\"},\"docktrail\":{"
		"\"request\":{\"id\":\"r\"},\"api\":{\"operation\":\"Wait\","
		"\"state\":\"pending\"}}}";
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	/* One that waits, and so holds back all that come behind it. */
	tell_line(&telling, wait, sizeof(wait) - 1);
	for (unsigned int pid = 1; pid < 60000; pid++)
		ask(&telling, pid, pid, "ContainerKill", "");
	tell_flush(&telling);
	assert_in_range(count(telling.text, "ContainerKill"), 20000, 59998);
	tell_end(&telling);
}

/* The same again and again is one line. */
static void test_folded(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	for (unsigned int i = 0; i < 100; i++)
		ask(&telling, i, 1, "ContainerList", "");
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_int_equal(count(telling.text, "ContainerList"), 1);
	assert_non_null(strstr(telling.text, "100 x ContainerList 200"));
	assert_non_null(strstr(telling.text, "until 00:01:39"));
	tell_end(&telling);
}

/* Followed, a line is there as soon as its event, and nothing is kept of it. */
static void test_at_once(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){ .follow = true });
	for (unsigned int i = 1; i <= 10; i++) {
		ask(&telling, i, 1, "ContainerStop", "");
		tell_flush(&telling);
		assert_int_equal(count(telling.text, "ContainerStop"), i);
	}
	assert_int_equal(count(telling.text, "curl[1]"), 2);
	ask(&telling, 11, 2, "ContainerKill", "");
	ask(&telling, 12, 1, "ContainerStop", "");
	tell_flush(&telling);
	/* The header again, but not the ancestry. */
	assert_int_equal(count(telling.text, "curl[1]"), 3);
	tell_end(&telling);
}

/* A request is written when it was answered; the story tells it when it was asked. */
static void test_order(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	ask(&telling, 5, 1, "ContainerStart", "");
	ask(&telling, 7, 1, "ContainerStop", "");
	ask(&telling, 4, 1, "ContainerCreate", "");
	ask(&telling, 6, 1, "ContainerWait", "");
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_true(strstr(telling.text, "Create") < strstr(telling.text, "Start"));
	assert_true(strstr(telling.text, "Start") < strstr(telling.text, "Wait"));
	assert_true(strstr(telling.text, "Wait") < strstr(telling.text, "Stop"));
	assert_non_null(strstr(telling.text, "00:00:04  curl[1]"));
	tell_end(&telling);
}

/* Nothing asked is one thing; bytes that no request was read from are another. */
static void test_close_without_request(void **state)
{
	static const char close[] =
		"{\"@timestamp\":\"2026-11-22T00:00:00Z\",\"event\":{\"action\":"
		"\"socket-close\"},\"process\":{\"entity_id\":\"p\",\"name\":\"x\"},"
		"\"docktrail\":{\"connection\":{\"id\":\"c\"},\"close\":{\"requests\":0,"
		"\"bytes_sent\":%u,\"bytes_received\":0,\"duration\":1}}}";
	struct telling_of_lines telling;
	char line[512];

	for (unsigned int sent = 0; sent < 40; sent += 32) {
		tell_begin(&telling, "story", &(struct format_options){});
		tell_line(&telling, line, (size_t)snprintf(line, sizeof(line), close, sent));
		telling.format->finish(telling.state);
		tell_flush(&telling);
		assert_non_null(strstr(telling.text, sent ? "NO REQUEST READ" : "asked nothing"));
		assert_null(strstr(telling.text, sent ? "asked nothing" : "NO REQUEST READ"));
		tell_end(&telling);
	}
}

/* A word of 1,001 bytes is cut between characters, and its length told. */
static void test_long_word(void **state)
{
	char more[1200] = ",\"declared\":{\"command\":[\"a", *end = more + strlen(more);
	struct telling_of_lines telling;

	for (int i = 0; i < 500; i++)
		end = stpcpy(end, "\303\251");
	strcpy(end, "\",\"-x\"]}");
	tell_begin(&telling, "story", &(struct format_options){});
	ask(&telling, 0, 1, "ContainerCreate", more);
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_int_equal(count(telling.text, "\303\251"), 199);
	assert_non_null(strstr(telling.text, "\303\251...[1001 bytes] -x"));
	tell_end(&telling);
}

/* What a request is about can stand in its query only. */
static void test_query(void **state)
{
	static const struct {
		const char *operation, *more, *expected;
	} cases[] = {
		{ "ContainerKill", "\"url\":{\"query\":\"signal=HUP\"}", "Kill 200  signal HUP\n" },
		{ "ContainerKill", "\"url\":{\"query\":\"x=1&%73ignal=9&signal=1\"}",
		  "Kill 200  signal 9\n" },
		{ "ContainerKill", "\"url\":{\"query\":\"signal=\"}", "Kill 200\n" },
		{ "ContainerKill", "\"url\":{\"query\":\"signals=9\"}", "Kill 200\n" },
		{ "ContainerStop", "\"url\":{\"query\":\"t=1&signal=INT\"}",
		  "Stop 200  signal INT\n" },
		{ "ContainerArchive", "\"url\":{\"query\":\"path=%2Fetc%2Fpasswd\"}",
		  "Archive 200  path /etc/passwd\n" },
		{ "ContainerArchiveInfo", "\"url\":{\"query\":\"path=%2Fa+b%1b%5\"}",
		  "ArchiveInfo 200  path '/a b\\x1b%5'\n" },
		{ "PutContainerArchive", "\"url\":{\"query\":\"copyUIDGID=1&path=/\"}",
		  "PutContainerArchive 200  path /\n" },
		{ "ContainerRename", "\"url\":{\"query\":\"name=www\"}", "Rename 200  to www\n" },
		/* Nothing of what is not told. */
		{ "ContainerList", "\"url\":{\"query\":\"path=/&signal=1\"}", "List 200\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct telling_of_lines telling;
		char more[256];

		snprintf(more, sizeof(more), "},%s,\"labels\":{", cases[i].more);
		tell_begin(&telling, "story", &(struct format_options){});
		ask(&telling, 0, 1, cases[i].operation, more);
		telling.format->finish(telling.state);
		tell_flush(&telling);
		assert_non_null(strstr(telling.text, cases[i].expected));
		tell_end(&telling);
	}
}

/* A form goes before the query, as the engine has it. */
static void test_form(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	ask(&telling, 0, 1, "ContainerKill",
	    ",\"api\":{\"form\":\"signal=KILL\"}},\"url\":{\"query\":\"signal=HUP\"},\"labels\":{");
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_non_null(strstr(telling.text, "signal KILL"));
	assert_null(strstr(telling.text, "HUP"));
	tell_end(&telling);
}

static void test_memory(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	ask(&telling, 0, 1, "ContainerCreate",
	    ",\"declared\":{\"settings\":[\"AutoRemove=true\",\"Memory=67108864\"]}");
	ask(&telling, 1, 1, "ContainerUpdate",
	    ",\"declared\":{\"settings\":[\"Memory=1073741824\",\"MemorySwap=-1\"]}");
	ask(&telling, 2, 1, "ContainerUpdate",
	    ",\"declared\":{\"settings\":[\"Memory=99999999999999999999\"]}");
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_non_null(strstr(telling.text, "ContainerCreate 200  memory 64 MiB\n"));
	assert_non_null(strstr(telling.text, "ContainerUpdate 200  memory 1 GiB  MemorySwap=-1\n"));
	assert_non_null(strstr(telling.text, "Memory=99999999999999999999\n"));
	tell_end(&telling);
}

static int set_locale(void **state)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	return 0;
}

static void happen(struct telling_of_lines *telling, const char *action, const char *docktrail)
{
	char line[1500];
	int length = snprintf(
		line, sizeof(line),
		"{\"@timestamp\":\"2026-11-22T00:00:09.000000000Z\",\"event\":{\"action\":\"%s\","
		"\"severity\":75},\"process\":{\"pid\":77,\"entity_id\":\"p77\",\"name\":\"sh\","
		"\"args\":[\"sh\"]},\"container\":{\"id\":\"fc984f560330\",\"name\":\"web\"},"
		"\"docktrail\":{%s}}",
		action, docktrail);

	assert_in_range(length, 1, sizeof(line) - 1);
	tell_line(telling, line, (size_t)length);
}

#define BY(who, pid)                                                                               \
	"\"" who "\":{\"sequence\":" pid "1,\"user\":{\"name\":\"u" pid                            \
	"\"},\"process\":{\"pid\":" pid ",\"entity_id\":\"p" pid "\",\"name\":\"docker\"}}"

/* What a container does stands under the request that made it do so. */
static void test_contained(void **state)
{
	struct telling_of_lines telling;
	const char *start;

	tell_begin(&telling, "story", &(struct format_options){});
	ask(&telling, 5, 1, "ContainerStart", "");
	happen(&telling, "container-start",
	       BY("created_by", "2") "," BY(
		       "started_by",
		       "1") ",\"namespaces\":{\"pid\":\"host\","
			    "\"net\":\"private\",\"user\":\"host\"},\"capabilities\":{\"effective\":[\"CAP_CHOWN\",\"CAP_SYS_ADMIN\"]},"
			    "\"seccomp\":\"off\",\"mounts\":[{\"source\":\"/etc\",\"target\":\"/x\",\"mode\":"
			    "\"ro\"}],\"doubts\":[\"no-runtime\"],\"difference\":[{\"field\":\"namespaces.pid\",\"declared\":"
			    "\"private\",\"actual\":\"host\"}]");
	happen(&telling, "container-exit", "\"exit\":{\"code\":137}," BY("started_by", "1"));
	happen(&telling, "container-exit",
	       "\"exit\":{\"signal\":\"SIGKILL\",\"out_of_memory\":true}," BY("started_by", "1"));
	telling.format->finish(telling.state);
	tell_flush(&telling);
	start = strstr(telling.text, "ContainerStart 200");
	assert_non_null(start);
	assert_non_null(strstr(start, "\n00:00:09    container-start"));
	assert_non_null(strstr(
		start,
		"fc984f560330  \"web\"  init 77  shares with the host: pid, user  "
		"2 capabilities +SYS_ADMIN  seccomp off  has /etc -> /x ro  doubtful: no-runtime  "
		"NOT AS DECLARED: namespaces.pid is "
		"host, declared private  made by u2: docker[2] (event 21)\n"));
	assert_non_null(strstr(start, "container-exit"));
	assert_non_null(strstr(start, "  \"web\"  exited 137\n"));
	assert_non_null(strstr(start, "  \"web\"  killed by SIGKILL  out of memory\n"));
	/* Whose line it stands under need not be said. */
	assert_null(strstr(telling.text, "started by"));
	assert_null(strstr(telling.text, "in container"));
	tell_end(&telling);
}

/* Where nobody's request is at hand it stands alone, and says whose it is. */
static void test_contained_alone(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	happen(&telling, "container-start", BY("created_by", "2") "," BY("started_by", "1"));
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_non_null(strstr(telling.text, "made by u2: docker[2] (event 21)  started by u1: "
					     "docker[1] (event 11)"));
	assert_non_null(strstr(telling.text, "in container fc984f560330 \"web\""));
	tell_end(&telling);
}

/* Who came in by himself did not come for who made the container. */
static void test_uninvited(void **state)
{
	struct telling_of_lines telling;

	tell_begin(&telling, "story", &(struct format_options){});
	ask(&telling, 5, 1, "ContainerStart", "");
	happen(&telling, "capability-use",
	       BY("created_by", "1") ",\"entered_by\":{\"reason\":\"no request for it is known\"}");
	telling.format->finish(telling.state);
	tell_flush(&telling);
	assert_non_null(
		strstr(telling.text,
		       "made by u1: docker[1] (event 11)  entered: no request for it is known"));
	tell_end(&telling);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),     cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_follow),    cmocka_unit_test(test_coloured),
		cmocka_unit_test(test_silence),   cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_bounds),    cmocka_unit_test(test_bytes_held),
		cmocka_unit_test(test_folded),    cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_order),     cmocka_unit_test(test_close_without_request),
		cmocka_unit_test(test_long_word), cmocka_unit_test(test_query),
		cmocka_unit_test(test_form),      cmocka_unit_test(test_memory),
		cmocka_unit_test(test_contained), cmocka_unit_test(test_contained_alone),
		cmocka_unit_test(test_uninvited),
	};

	return cmocka_run_group_tests(tests, set_locale, NULL);
}
