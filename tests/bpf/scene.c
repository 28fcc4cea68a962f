// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/scene.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORDS_MOST (256u * 1024 * 1024)

static const char *const rungs[] = { "fentry", "tracepoint" };

double scene_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

double scene_seconds(double seconds)
{
	const char *factor = getenv("TIME_FACTOR");
	double times = factor ? atof(factor) : 1;

	return seconds * (times > 0 ? times : 1);
}

/*
 * Whether this kernel lets anybody have such a rung, asked without the source: the smallest program
 * of its kind. A rung that is offered and does not attach is a failure, never a skip.
 */
static bool offers_fentry(void)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY);
	int target = libbpf_find_vmlinux_btf_id("unix_stream_read_actor", BPF_TRACE_FENTRY);
	_cleanup_close_ int program = -1, link = -1;

	if (target <= 0)
		return false;
	options.attach_btf_id = (__u32)target;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "nothing", "GPL", nothing,
				ARRAY_SIZE(nothing), &options);
	if (program >= 0)
		link = bpf_raw_tracepoint_open(NULL, program);
	return link >= 0;
}

static bool offers_tracepoint(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool offered =
		btf && btf__find_by_name_kind(btf, "btf_trace_sk_data_ready", BTF_KIND_TYPEDEF) > 0;

	btf__free(btf);
	return offered;
}

static int keep(void *context, const struct wire_header *record)
{
	static const char padding[8];
	struct scene *scene = context;

	assert_true(scene->records.length < RECORDS_MOST);
	buffer_append(&scene->records, record, record->length);
	buffer_append(&scene->records, padding, -(size_t)record->length & 7);
	return scene->records.error;
}

void scene_drain(struct scene *scene)
{
	int r = bpf_source_drain(scene->source, false, keep, scene);

	if (r < 0)
		fail_msg("the drain failed: %s", strerror(-r));
}

static bool has_exit(const struct scene *scene, pid_t pid, size_t from)
{
	SCENE_EACH (scene, process_exit, record)
		if ((size_t)((const char *)record - scene->records.data) >= from &&
		    record->pid == (uint32_t)pid)
			return true;
	return false;
}

static int nothing(void *context)
{
	return 0;
}

void scene_settle(struct scene *scene)
{
	double until = scene_clock() + scene_seconds(20);

	while (scene_clock() < until) {
		size_t from = scene->records.length;
		pid_t pid = process_do(nothing, NULL);
		double again = scene_clock() + scene_seconds(2);

		/* The end of this process may itself be lost, where a ring is full: another try. */
		while (scene_clock() < again) {
			scene_drain(scene);
			if (has_exit(scene, pid, from))
				return;
			poll(NULL, 0, 3);
		}
	}
	fail_msg("%s: the records did not come", scene->rung);
}

void scene_forget(struct scene *scene)
{
	scene_settle(scene);
	buffer_clear(&scene->records);
}

const void *scene_next(const struct scene *scene, enum wire_message message, const void *previous)
{
	const struct wire_header *record = previous;
	size_t at = 0;

	for (;;) {
		if (record)
			at = (size_t)((const char *)record - scene->records.data) +
			     ((record->length + 7u) & ~7u);
		if (at >= scene->records.length)
			return NULL;
		record = (const void *)(scene->records.data + at);
		if (record->message == message)
			return record;
	}
}

const char *record_bytes(const struct wire_header *record, struct wire_str string)
{
	if ((size_t)record->tail + string.offset + string.length > record->length)
		fail_msg("a %s record points behind its end", bpf_message_name(record->message));
	return (const char *)record + record->tail + string.offset;
}

bool record_is(const struct wire_header *record, struct wire_str string, const char *text)
{
	return string.length == strlen(text) &&
	       memcmp(record_bytes(record, string), text, string.length) == 0;
}

struct wire_count scene_losses(struct scene *scene, enum wire_message message,
			       enum wire_loss reason)
{
	struct wire_count losses[WIRE_MESSAGES][WIRE_LOSSES];

	assert_int_equal(bpf_source_losses(scene->source, losses), 0);
	return losses[message][reason];
}

/* ---- a suite on a rung */

struct bound {
	struct scene *scene;
	const struct scene_suite *suite;
	const struct scene_test *test;
};

static struct bound *current; /* cmocka gives a group's fixture no argument */

static int open_scene(void **state)
{
	struct scene *scene = current->scene;
	const struct scene_suite *suite = current->suite;
	struct bpf_options options = suite->options;
	int r;

	options.sockets = (const char *const *)scene->paths;
	options.rung = scene->rung;
	if (scene->why_not)
		return 0;
	if (suite->prepare)
		suite->prepare(scene);
	r = bpf_source_open(&options, &scene->source, &scene->diagnosis);
	if (r < 0)
		print_error("rung %s: %s\n%s\n", scene->rung, strerror(-r),
			    buffer_string(&scene->diagnosis) ?: "");
	return r;
}

static int close_scene(void **state)
{
	struct scene *scene = current->scene;

	bpf_source_free(scene->source);
	scene->source = NULL;
	return 0;
}

static void run_bound(void **state)
{
	struct bound *bound = *state;

	if (!bound->scene->source) {
		print_message("# skip: %s %s\n", bound->scene->why_not, bound->scene->rung);
		skip();
	}
	/* The test before has removed its socket, and its inode may be used again at once. */
	bpf_source_refresh_sockets(bound->scene->source);
	scene_forget(bound->scene);
	bound->test->run(bound->scene, bound->test->argument);
}

/* rm goes deeper than a path can be, which a test that failed may have left behind. */
static void remove_folder(const char *path)
{
	char command[80];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	if (system(command) != 0)
		print_error("%s is left behind\n", path);
}

static void name_paths(struct scene *scene)
{
	strcpy(scene->folder, "/tmp/docktrail-bpf-XXXXXX");
	if (!mkdtemp(scene->folder) || chmod(scene->folder, 0755) < 0)
		abort();
	for (size_t i = 0; i < SCENE_PATHS; i++)
		if (asprintf(&scene->paths[i], "%s/%zu.sock", scene->folder, i) < 0)
			abort();
}

static int run_on(const struct scene_suite *suite, struct scene *scene)
{
	struct CMUnitTest *tests = calloc(suite->count, sizeof(*tests));
	struct bound *bound = calloc(suite->count, sizeof(*bound));
	int failed;

	if (!tests || !bound)
		abort();
	name_paths(scene);
	for (size_t i = 0; i < suite->count; i++) {
		char *name;

		if (asprintf(&name, "%s: %s%s%s", scene->rung, suite->name,
			     *suite->name ? ": " : "", suite->tests[i].name) < 0)
			abort();
		bound[i] = (struct bound){ scene, suite, &suite->tests[i] };
		tests[i] = (struct CMUnitTest){ .name = name,
						.test_func = run_bound,
						.initial_state = &bound[i] };
	}
	current = bound;
	failed = _cmocka_run_group_tests(scene->rung, tests, suite->count, open_scene, close_scene);
	remove_folder(scene->folder);
	for (size_t i = 0; i < SCENE_PATHS; i++)
		free(scene->paths[i]);
	for (size_t i = 0; i < suite->count; i++)
		free((char *)tests[i].name);
	buffer_free(&scene->records);
	buffer_free(&scene->diagnosis);
	free(bound);
	free(tests);
	return failed;
}

int scene_run(const struct scene_suite *suite)
{
	const bool offered[] = { offers_fentry(), offers_tracepoint() };
	int failed = 0;

	signal(SIGPIPE, SIG_IGN);
	if (!offered[0] && !offered[1]) {
		print_error("this kernel offers no rung at all\n");
		failed++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rungs); i++) {
		struct scene scene = { .rung = rungs[i], .fentry = i == 0 };

		if (!offered[i])
			scene.why_not = "this kernel does not offer the rung";
		else if (i > 0 && offered[0] && getenv("FIRST_RUNG"))
			scene.why_not = "only the first rung is tried (FIRST_RUNG), not";

		failed += run_on(suite, &scene);
	}
	return failed;
}

/* This process's own: another recorder on this machine has one of the same name. */
int scene_map(const char *name)
{
	for (int fd = 3; fd < 1024; fd++) {
		struct bpf_map_info info = {};
		__u32 length = sizeof(info);

		if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0 &&
		    info.type == BPF_MAP_TYPE_HASH && strcmp(info.name, name) == 0)
			return fd;
	}
	fail_msg("there is no map %s", name);
	return -1;
}
