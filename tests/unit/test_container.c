// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "actor_bed.h"
#include "correlate/container.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "event/json.h"

#define SECOND 1000000000ull
#define OTHER  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define EXEC   "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

struct bed {
	struct actor_bed *actors;
	struct container_watch *watch;
	struct buffer lines;  /* what was emitted, one line each */
	const char *starting; /* the container whose start is under way; NULL */
	size_t emitted;
};

static void keep(void *user, struct record *record)
{
	struct bed *bed = user;

	record_append_json(record, &bed->lines);
	buffer_append_char(&bed->lines, '\n');
	bed->emitted++;
}

static bool is_starting(void *user, struct text container)
{
	const struct bed *bed = user;

	return bed->starting && text_equal(text_of(bed->starting), container);
}

static int set_up(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct container_options options = { .emit = keep, .starting = is_starting, .user = bed };

	actor_bed_set_up((void **)&bed->actors);
	options.actors = &bed->actors->context;
	assert_int_equal(container_watch_new(&options, &bed->watch), 0);
	*state = bed;
	return 0;
}

static int tear_down(void **state)
{
	struct bed *bed = *state;

	container_watch_free(bed->watch);
	actor_bed_tear_down((void **)&bed->actors);
	buffer_free(&bed->lines);
	free(bed);
	return 0;
}

static struct wire_task task_in(const char *container, uint32_t pid)
{
	struct wire_task task = { .start = START + pid,
				  .pid = pid,
				  .parent_pid = 1,
				  .login_uid = WIRE_UNSET,
				  .session = WIRE_UNSET,
				  .name = "sh" };

	memcpy(task.container, container, strlen(container));
	return task;
}

static void send(struct bed *bed, const void *message)
{
	assert_int_equal(container_message(bed->watch, message), 0);
}

/* Of these no member but the ones that are given is known. */
static void begin(struct bed *bed, const char *container, uint32_t pid)
{
	struct wire_container_start start = {
		.header = { .time = START + pid + SECOND,
			    .length = sizeof(start),
			    .message = WIRE_container_start,
			    .tail = sizeof(start) },
		.task = task_in(container, pid),
		.memory_most = WIRE_NO_LIMIT,
		.pids_most = WIRE_NO_LIMIT,
		.cpu_quota = WIRE_NO_LIMIT,
		.seccomp = 2,
	};

	send(bed, &start);
}

static void end(struct bed *bed, const char *container, uint32_t pid, int status)
{
	struct wire_container_exit exit = {
		.header = { .time = START + pid + 3 * SECOND,
			    .length = sizeof(exit),
			    .message = WIRE_container_exit,
			    .tail = sizeof(exit) },
		.task = task_in(container, pid),
		.began = START + pid + SECOND,
		.status = status,
	};

	send(bed, &exit);
}

static void assert_says(struct bed *bed, const char *words)
{
	if (!strstr(buffer_string(&bed->lines) ?: "", words))
		fail_msg("%s is not in %s", words, buffer_string(&bed->lines));
}

static void test_start_and_end(void **state)
{
	struct bed *bed = *state;

	begin(bed, ID, 50);
	assert_int_equal(bed->emitted, 1);
	assert_says(bed, "\"action\":\"container-start\"");
	assert_says(bed, "\"container\":{\"id\":\"" ID "\",\"name\":\"web\",\"image\":{\"name\":"
			 "\"nginx:1\"}}");
	assert_says(bed, "\"seccomp\":\"filter\",\"no_new_privileges\":false");
	assert_says(bed, "\"capabilities\":{\"permitted\":[],\"effective\":[],\"bounding\":[],"
			 "\"ambient\":[]}");
	assert_null(strstr(buffer_string(&bed->lines), "limits"));
	end(bed, ID, 50, 3 << 8);
	assert_says(bed, "\"exit\":{\"code\":3,");
	assert_says(bed, "\"duration\":2000000000");
	end(bed, ID, 51, SIGKILL);
	assert_says(bed, "\"exit\":{\"signal\":\"SIGKILL\",\"out_of_memory\":false}");
	assert_int_equal(bed->emitted, 3);
}

static void test_what_it_was_given(void **state)
{
	struct bed *bed = *state;
	struct {
		struct wire_container_start start;
		struct wire_extent extents[2];
	} message = {
		.start = { .header = { .time = START + SECOND,
				       .length = sizeof(message),
				       .message = WIRE_container_start,
				       .tail = sizeof(message.start) },
			   .task = task_in("by-hand", 60),
			   .capabilities_effective = 1ull << 21 | 1ull << 63,
			   .memory_most = 100,
			   .pids_most = 7,
			   .cpu_quota = 50000000,
			   .cpu_period = 100000000,
			   .no_new_privileges = 1,
			   .uid_map = { 0, 2 * sizeof(struct wire_extent) } },
		.extents = { { 0, 100000, 1 }, { 1, 1000, 4294967295u } },
	};

	send(bed, &message);
	assert_says(bed, "\"container\":{\"id\":\"by-hand\"}");
	assert_says(bed, "\"effective\":[\"CAP_SYS_ADMIN\",\"CAP_63\"]");
	assert_says(bed, "\"seccomp\":\"off\",\"no_new_privileges\":true");
	assert_says(bed, "\"uid_map\":[\"0 100000 1\",\"1 1000 4294967295\"]");
	assert_says(bed, "\"limits\":{\"memory\":409600,\"pids\":7,\"nano_cpus\":500000000}");
}

/* In order, and nobody else's. */
static void test_it_waits_for_its_request(void **state)
{
	struct bed *bed = *state;
	const char *start, *exit;

	bed->starting = ID;
	begin(bed, ID, 50);
	begin(bed, OTHER, 70);
	end(bed, ID, 50, 0);
	assert_int_equal(container_watch_release(bed->watch, false), 0);
	assert_int_equal(bed->emitted, 1);
	assert_says(bed, OTHER);
	bed->starting = NULL;
	/* What comes now must not overtake what waits. */
	begin(bed, ID, 80);
	assert_int_equal(bed->emitted, 1);
	assert_int_equal(container_watch_release(bed->watch, false), 0);
	assert_int_equal(bed->emitted, 4);
	start = strstr(buffer_string(&bed->lines), "\"pid\":50");
	exit = strstr(buffer_string(&bed->lines), "container-exit");
	assert_true(start && exit && start < exit && exit < strstr(start, "\"pid\":80"));
	/* Nothing waits any more. */
	end(bed, ID, 80, 0);
	assert_int_equal(bed->emitted, 5);
}

static void test_who_waits_too_long(void **state)
{
	struct bed *bed = *state;

	bed->starting = ID;
	for (uint32_t i = 0; i < CONTAINER_HELD_MOST + 5; i++)
		begin(bed, ID, 100 + i);
	assert_int_equal(bed->emitted, 5);
	assert_says(bed, "\"pid\":104");
	assert_int_equal(container_watch_release(bed->watch, true), 0);
	assert_int_equal(bed->emitted, CONTAINER_HELD_MOST + 5);
}

/* The id of an exec is in the command line of the runtime that brings it. */
static void test_exec(void **state)
{
	static const char line[] = "runc\0--root\0/run/x\0exec\0--process\0/tmp/p\0--pid-file\0"
				   "/run/containerd/" ID "/" EXEC ".pid\0" ID "\0";
	struct bed *bed = *state;
	struct wire_task runc = { .start = START, .pid = 90, .name = "runc" };
	struct wire_container_exec message = {
		.header = { .time = START + SECOND,
			    .length = sizeof(message),
			    .message = WIRE_container_exec,
			    .tail = sizeof(message) },
		.task = task_in(ID, 91),
		.how = WIRE_ENTRY_RUNTIME,
	};

	message.task.parent_pid = 90;
	message.task.parent_start = START;
	bed_run(bed->actors, &runc, "/usr/sbin/runc", (struct text){ line, sizeof(line) - 1 });
	assert_int_equal(process_tree_fork(bed->actors->context.tree, &message.task, START), 0);
	bed_run(bed->actors, &message.task, "/bin/sh", TEXT("sh\0"));
	send(bed, &message);
	assert_says(bed, "\"exec\":{\"id\":\"" EXEC "\",\"how\":\"runtime\"}");
	buffer_clear(&bed->lines);
	message.how = WIRE_ENTRY_NAMESPACE;
	send(bed, &message);
	assert_says(bed, "\"exec\":{\"how\":\"namespaces\"}");
}

static void test_out_of_memory(void **state)
{
	struct bed *bed = *state;
	struct wire_oom_kill message = {
		.header = { .time = START + SECOND,
			    .length = sizeof(message),
			    .message = WIRE_oom_kill,
			    .tail = sizeof(message) },
		.task = task_in(ID, 50),
		.trigger = task_in(OTHER, 70),
		.limit = 100,
		.usage = 99,
		.anonymous = 50,
		.score_adjustment = -5,
	};

	send(bed, &message);
	assert_says(bed,
		    "\"oom\":{\"scope\":\"cgroup\",\"limit\":409600,\"usage\":405504,\"memory\":"
		    "{\"anonymous\":204800,\"file\":0,\"shared\":0},\"score_adjustment\":-5,"
		    "\"trigger\":{\"process\":{\"pid\":70");
	assert_says(bed, "\"container\":{\"id\":\"" OTHER "\"}");
	message.limit = 0;
	buffer_clear(&bed->lines);
	send(bed, &message);
	assert_says(bed, "\"oom\":{\"scope\":\"host\",\"memory\"");
}

/* Of a container whose namespaces are known, a change of some of them. */
static void change(struct bed *bed, const struct wire_task *task, const uint32_t before[8])
{
	struct {
		struct wire_namespace_change change;
		uint32_t before[WIRE_NAMESPACES];
	} message = {
		.change = { .header = { .time = START + SECOND,
					.length = sizeof(message),
					.message = WIRE_namespace_change,
					.tail = sizeof(message.change) },
			    .task = *task,
			    .how = WIRE_CHANGE_EXEC,
			    .before = { 0, sizeof(message.before) } },
	};

	memcpy(message.before, before, sizeof(message.before));
	buffer_clear(&bed->lines);
	bed->emitted = 0;
	send(bed, &message);
}

static void test_namespaces_afterwards(void **state)
{
	static const uint32_t host[WIRE_NAMESPACES] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint32_t own[WIRE_NAMESPACES] = { 101, 102, 103, 104, 105, 6, 7, 8 };
	static const uint32_t others[WIRE_NAMESPACES] = { 201, 202, 203, 204, 205, 6, 7, 8 };
	struct bed *bed = *state;
	struct namespaces *namespaces = bed->actors->context.namespaces;
	struct wire_task task = task_in(ID, 50), other = task_in(OTHER, 60);

	namespaces_set_host(namespaces, host);
	memcpy(task.namespaces, own, sizeof(own));
	memcpy(other.namespaces, others, sizeof(others));
	bed_run(bed->actors, &task, "/bin/sh", TEXT("sh\0"));
	bed_run(bed->actors, &other, "/bin/sh", TEXT("sh\0"));
	namespaces_learn(namespaces, &task);
	namespaces_learn(namespaces, &other);
	/* Its own. */
	task.namespaces[WIRE_NS_MNT] = 301;
	task.namespaces[WIRE_NS_USER] = 302;
	change(bed, &task, own);
	assert_int_equal(bed->emitted, 1);
	assert_says(bed, "\"action\":\"namespace-create\"");
	assert_says(bed, "\"change\":{\"types\":[\"mnt\",\"user\"],\"how\":\"exec\"}");
	assert_says(bed, "\"severity\":25");
	/* Back. */
	memcpy(task.namespaces, own, sizeof(own));
	change(bed, &task, (const uint32_t[8]){ 301, 102, 103, 104, 105, 302, 7, 8 });
	assert_int_equal(bed->emitted, 0);
	/* The host's, another container's, and a new one, all at once. */
	task.namespaces[WIRE_NS_MNT] = 1;
	task.namespaces[WIRE_NS_PID] = 2;
	task.namespaces[WIRE_NS_NET] = 203;
	task.namespaces[WIRE_NS_IPC] = 303;
	change(bed, &task, own);
	assert_int_equal(bed->emitted, 3);
	assert_says(bed, "\"target\":{\"type\":\"host\"}");
	assert_says(bed, "\"change\":{\"types\":[\"mnt\",\"pid\"]");
	assert_says(bed, "\"target\":{\"type\":\"container\",\"id\":\"" OTHER "\"}");
	assert_says(bed, "\"change\":{\"types\":[\"ipc\"]");
	assert_says(bed, "\"severity\":75");
	/* Somebody of the host. */
	task = task_in("", 80);
	memcpy(task.namespaces, host, sizeof(host));
	task.namespaces[WIRE_NS_NET] = 103;
	change(bed, &task, host);
	assert_int_equal(bed->emitted, 1);
	assert_says(bed, "\"target\":{\"type\":\"container\",\"id\":\"" ID "\"}");
	assert_says(bed, "\"severity\":50");
}

/* ---- capabilities */

#define NET_ADMIN 12
#define CHOWN     0

static void use(struct bed *bed, const char *container, unsigned int capability, bool denied,
		uint64_t inode)
{
	struct wire_capability_use message = {
		.header = { .time = START + SECOND,
			    .length = sizeof(message),
			    .message = WIRE_capability_use,
			    .tail = sizeof(message) },
		.task = task_in(container, 50),
		.inode = inode,
		.capability = (uint16_t)capability,
		.denied = denied,
	};

	buffer_clear(&bed->lines);
	send(bed, &message);
}

static struct wire_capability kind_of(const char *container, unsigned int capability, bool denied,
				      uint64_t inode)
{
	struct wire_capability kind;

	memset(&kind, 0, sizeof(kind));
	memcpy(kind.container, container, strlen(container));
	kind.inode = inode;
	kind.capability = (uint16_t)capability;
	kind.denied = denied;
	return kind;
}

/* What the kernel has counted of the same. */
static void counted(struct bed *bed, const char *container, unsigned int capability, bool denied,
		    uint64_t inode, uint64_t count)
{
	struct wire_capability kind = kind_of(container, capability, denied, inode);

	buffer_clear(&bed->lines);
	bed->emitted = 0;
	assert_int_equal(container_capability(bed->watch, &kind, count, START + 9 * SECOND), 0);
}

static void forget(struct bed *bed, const char *container, unsigned int capability, bool denied,
		   uint64_t inode)
{
	struct wire_capability kind = kind_of(container, capability, denied, inode);

	container_capability_forget(bed->watch, &kind);
}

static void test_capabilities(void **state)
{
	struct bed *bed = *state;

	use(bed, ID, NET_ADMIN, false, 7);
	assert_says(bed, "\"action\":\"capability-use\",\"outcome\":\"success\",\"severity\":50");
	assert_says(
		bed,
		"\"capability\":{\"name\":\"CAP_NET_ADMIN\",\"verdict\":\"granted\",\"count\":1}");
	use(bed, ID, NET_ADMIN, true, 7);
	assert_says(bed, "\"outcome\":\"failure\",\"severity\":0");
	assert_says(bed, "\"verdict\":\"denied\"");
	use(bed, ID, CHOWN, false, 0);
	assert_says(bed,
		    "\"name\":\"CAP_CHOWN\",\"verdict\":\"granted\",\"count\":1,\"lumped\":true");
	/* Only what is new is told, of whom it was. */
	counted(bed, ID, NET_ADMIN, false, 7, 1);
	assert_int_equal(bed->emitted, 0);
	counted(bed, ID, NET_ADMIN, false, 7, 5);
	assert_int_equal(bed->emitted, 1);
	assert_says(bed, "\"count\":4");
	assert_says(bed, "\"process\":{\"name\":\"sh\"}");
	assert_says(bed, "\"container\":{\"id\":\"" ID "\",\"name\":\"web\"");
	counted(bed, ID, NET_ADMIN, false, 7, 5);
	assert_int_equal(bed->emitted, 0);
	counted(bed, ID, NET_ADMIN, true, 7, 3);
	assert_says(bed, "\"count\":2");
	/* Its first use is still on its way. */
	counted(bed, ID, NET_ADMIN, false, 8, 9);
	assert_int_equal(bed->emitted, 0);
	/* What was forgotten begins anew. */
	forget(bed, ID, NET_ADMIN, false, 8);
	forget(bed, ID, NET_ADMIN, false, 7);
	counted(bed, ID, NET_ADMIN, false, 7, 50);
	assert_int_equal(bed->emitted, 0);
	use(bed, ID, NET_ADMIN, false, 7);
	assert_says(bed, "\"count\":1}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_start_and_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_it_was_given, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_it_waits_for_its_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_waits_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_exec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_out_of_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_capabilities, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_namespaces_afterwards, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("container", tests, NULL, NULL);
}
