// SPDX-License-Identifier: Apache-2.0
/* How recording begins: what must be there, probes and scribe in the order in which nothing is
 * missed. */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "commands/record_sockets.h"
#include "commands/recorder.h"
#include "correlate/declare.h"
#include "trail/sign.h"

int recorder_check_capabilities(void)
{
	static const struct {
		unsigned int capability;
		const char *name, *why;
	} needed[] = {
		{ CAP_BPF, "CAP_BPF", "to load the probes" },
		{ CAP_PERFMON, "CAP_PERFMON", "to attach them" },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
		  "to find the kernel's types and iterate over its sockets" },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to read programs and login uids in /proc" },
		{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "to read the engine's files" },
	};
	int missing = 0;

	if (capng_get_caps_process() < 0)
		return 0; /* attaching will tell */
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (capng_have_capability(CAPNG_EFFECTIVE, needed[i].capability))
			continue;
		fprintf(stderr, "docktrail: %s is missing, %s\n", needed[i].name, needed[i].why);
		missing++;
	}
	if (missing)
		fprintf(stderr,
			"docktrail: run it as root, or as a service with these capabilities\n");
	return missing ? -EPERM : 0;
}

/* Field 22 of /proc/self/stat: with the pid it tells this recorder from a later one of the same
 * pid. */
static uint64_t own_start_ticks(void)
{
	_cleanup_buffer_ struct buffer contents = {};
	unsigned long long ticks = 0;
	const char *at;

	if (file_read(AT_FDCWD, "/proc/self/stat", 4096, &contents) < 0 ||
	    !buffer_string(&contents))
		return 0;
	at = strrchr(contents.data, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		sscanf(at, "%llu", &ticks);
	return ticks;
}

/* What cannot be looked up now is tried again with the next heartbeat. */
void recorder_sensitive_files(struct recorder *recorder)
{
	const char *path;
	uint16_t kind;

	for (size_t row = 0; declare_sensitive_row(row, &path, &kind); row++)
		bpf_source_sensitive(recorder->source, path, (uint16_t)row, kind);
}

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	const struct recorder *recorder = user;

	return bpf_source_socket_path(recorder->source, inode, device);
}

/* Should it fail, more goes through the rings than is needed. */
static void handed_over(void *user, uint64_t connection)
{
	const struct recorder *recorder = user;

	bpf_source_handed_over(recorder->source, connection);
}

static void count_capabilities(void *user, const char container[WIRE_CONTAINER])
{
	const struct recorder *recorder = user;

	bpf_source_capabilities(recorder->source, container, scribe_capability, recorder->scribe);
}

/* libbpf guesses at `ulimit -l` whenever something is refused: no kernel that is supported counts
 * the memory of BPF by it. */
static void say_diagnosis(const char *lines)
{
	while (*lines) {
		size_t length = strcspn(lines, "\n");
		const char *guess = strstr(lines, "ulimit -l");

		if (length > 0 && (!guess || guess > lines + length))
			fprintf(stderr, "%.*s\n", (int)length, lines);
		lines += length + (lines[length] == '\n');
	}
}

static int open_source(struct recorder *recorder)
{
	_cleanup_buffer_ struct buffer diagnosis = {};
	uint16_t ports[RECORD_LIST_MOST + 1];
	struct bpf_options options = {
		.patterns = (const char *const *)recorder->options->patterns.items,
		.connects = (const char *const *)recorder->options->connects.items,
		.ports = recorder->options->ports.count ? ports : NULL,
		.sockets = (const char *const *)recorder->options->sockets.items,
		.rung = recorder->options->rung,
		.volume_bytes = recorder->options->volume_bytes,
		.host_capabilities = recorder->options->host_capabilities,
	};
	int r;

	record_ports(recorder->options, ports);
	memcpy(options.ring_bytes, recorder->options->ring_bytes, sizeof(options.ring_bytes));
	r = bpf_source_open(&options, &recorder->source, &diagnosis);
	if (r < 0) {
		fprintf(stderr, "docktrail: the probes cannot be attached: %s\n", strerror(-r));
		say_diagnosis(buffer_string(&diagnosis) ?: "");
		if (options.rung)
			fprintf(stderr,
				"docktrail: only the rung %s was tried: without --rung the best one that "
				"attaches is taken\n",
				options.rung);
		fprintf(stderr,
			"docktrail: without them nothing can be recorded. Needed are a kernel of 5.17 or "
			"later with BTF and root. Trails that exist can be replayed and verified all the "
			"same\n");
	}
	return r;
}

static int open_scribe(struct recorder *recorder)
{
	_cleanup_buffer_ struct buffer problem = {};
	struct scribe_options options = { .record = recorder->options,
					  .source = bpf_source_rung(recorder->source),
					  .socket_path = socket_path,
					  .handed_over = handed_over,
					  .watched = recorder_audit_watches,
					  .count = count_capabilities,
					  .user = recorder };
	int r = bpf_source_host_namespaces(recorder->source, options.host_namespaces);

	if (r < 0)
		fprintf(stderr,
			"docktrail: the host's own namespaces are not known (%s): only those with fixed "
			"numbers are told from others\n",
			strerror(-r));
	r = scribe_open(&options, &recorder->scribe, &problem);
	if (r < 0)
		fprintf(stderr, "docktrail: %s\n", buffer_string(&problem) ?: strerror(-r));
	return r;
}

static void warn_of_owner_above(const struct recorder *recorder)
{
	const struct trail_exposure *exposure = &scribe_recovery(recorder->scribe)->exposure;

	if (exposure->by_owner_above)
		fprintf(stderr,
			"docktrail: the folder %s belongs to uid %u, who could take away the trail below it: "
			"`verify` would say so, but the evidence would be gone. Keep it elsewhere\n",
			exposure->path, (unsigned int)exposure->owner);
}

static void warn_of_swap(void)
{
	if (!trail_secrets_locked())
		fprintf(stderr,
			"docktrail: memory cannot be locked (ulimit -l, or CAP_IPC_LOCK): the key that signs may be "
			"swapped out. Encrypt swap, or have none\n");
}

/* The order matters: probes first, then /proc and open connections, so that nothing falls in
 * between. */
int recorder_begin(struct recorder *recorder)
{
	int r = open_source(recorder);

	if (r == 0)
		r = open_scribe(recorder);
	if (r < 0)
		return r;
	recorder->trail_folder = open(recorder->options->trail, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (recorder->trail_folder < 0) {
		fprintf(stderr, "docktrail: cannot open %s: %m\n", recorder->options->trail);
		return -errno;
	}
	warn_of_owner_above(recorder);
	warn_of_swap();
	recorder->started_wall_ns = clock_wall_ns();
	recorder->start_ticks = own_start_ticks();
	r = scribe_remember(recorder->scribe, recorder->options->trail);
	if (r < 0)
		fprintf(stderr,
			"docktrail: who had older containers made is not known of all (%s)\n",
			r == -ETIME ? "the trail is long" : strerror(-r));
	r = scribe_seed(recorder->scribe);
	if (r < 0)
		fprintf(stderr, "docktrail: not all that was there before is known: %s\n",
			strerror(-r));
	recorder_sensitive_files(recorder); /* and what of them cannot be seen */
	recorder_say_newchain(recorder);    /* for frame 1 */
	recorder_say_recovery(recorder);
	recorder_say_start(recorder);
	r = bpf_source_sweep(recorder->source);
	if (r < 0)
		fprintf(stderr, "docktrail: connections that were open before are not known: %s\n",
			strerror(-r));
	r = bpf_source_sweep_containers(recorder->source);
	if (r < 0)
		fprintf(stderr, "docktrail: containers that ran before are not known: %s\n",
			strerror(-r));
	recorder_begin_prune(recorder);
	recorder_begin_sweep(recorder); /* audit's rules are about what it finds */
	recorder_begin_audit(recorder);
	malloc_trim(0); /* the kernel's types and /proc took more than recording will */
	r = scribe_sync(recorder->scribe);
	if (r == -EAGAIN)
		return 0; /* the disk takes nothing, and that is said when the loop runs */
	if (r < 0)
		fprintf(stderr, "docktrail: the trail %s cannot be written: %s\n",
			recorder->options->trail, strerror(-r));
	return r;
}
