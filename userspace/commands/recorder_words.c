// SPDX-License-Identifier: Apache-2.0
/* What the recorder says to who started it: on stderr, at the beginning and at the end. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/recorder.h"

static const char *socket_words(const struct bpf_socket_state *state)
{
	struct stat status;

	if (state->present)
		return "is watched";
	if (stat(state->path, &status) == 0 && !S_ISSOCK(status.st_mode))
		return "is no socket: it is watched as soon as an engine makes one there";
	return "is not there yet: it is watched as soon as it appears";
}

/* "sk_data_ready" of "tp_btf/sk_data_ready"; "unix" alone would say little of "iter/unix". */
static const char *short_name(const char *hook)
{
	const char *slash = strrchr(hook, '/');

	return slash && strncmp(hook, "iter/", 5) != 0 ? slash + 1 : hook;
}

static bool is_named_before(const struct bpf_hook_state *hooks, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (hooks[j].attached && strcmp(hooks[j].purpose, "process") != 0 &&
		    strcmp(short_name(hooks[j].hook), short_name(hooks[i].hook)) == 0)
			return true;
	return false;
}

static void announce_hooks(const struct recorder *recorder)
{
	const struct bpf_hook_state *hooks;
	size_t count = bpf_source_hooks(recorder->source, &hooks);
	const char *comma = "";

	fprintf(stderr, "recording to %s by rung %s:", recorder->options->trail,
		bpf_source_rung(recorder->source));
	for (size_t i = 0; i < count; i++) {
		if (!hooks[i].attached || strcmp(hooks[i].purpose, "process") == 0 ||
		    is_named_before(hooks, i))
			continue;
		fprintf(stderr, "%s %s", comma, short_name(hooks[i].hook));
		comma = ",";
	}
	fputc('\n', stderr);
}

static const char names_missing[] =
	"names of containers and images may be missing; --engine-root DIR says where the engine "
	"keeps them (`docker info`: Docker Root Dir)";

/* Without its folder of containers a container has an id, but no name and no image. */
static void announce_engine_roots(const struct recorder *recorder)
{
	const struct string_list *roots = &recorder->options->engine_roots;
	_cleanup_buffer_ struct buffer path = {};
	bool readable = false, refused = false;

	for (unsigned int i = 0; i < roots->count; i++) {
		buffer_clear(&path);
		buffer_printf(&path, "%s/containers", roots->items[i]);
		if (!buffer_string(&path))
			return;
		if (faccessat(AT_FDCWD, path.data, R_OK | X_OK, AT_EACCESS) == 0) {
			readable = true;
		} else if (errno != ENOENT) {
			refused = true;
			fprintf(stderr, "  %s may not be read (%m): %s\n", path.data,
				names_missing);
		}
	}
	if (!readable && !refused)
		fprintf(stderr,
			"  %s has no containers so far: if the engine's are elsewhere, %s\n",
			roots->count == 1 ? roots->items[0] : "no engine's folder", names_missing);
}

/* Where the folder is another engine's, or an old one, only a container that is made shows it. */
void recorder_warn_names(struct recorder *recorder)
{
	const struct string_list *roots = &recorder->options->engine_roots;
	struct scribe_stats stats;

	if (recorder->names_missing)
		return;
	scribe_get_stats(recorder->scribe, &stats);
	/* One that was removed at once has no file either. */
	if (stats.containers.missed == 0 || stats.containers.found > 0)
		return;
	recorder->names_missing = true;
	fprintf(stderr, "docktrail: a container was made that is not in %s: %s\n",
		roots->count == 1 ? roots->items[0] : "any engine's folder that is looked into",
		names_missing);
}

/* First of all: somebody was at the trail, or a disk. */
static void announce_old(const struct recorder *recorder)
{
	const struct trail_old_head *old = &scribe_recovery(recorder->scribe)->old;

	if (!old->reason)
		return;
	fprintf(stderr, "  THE TRAIL COULD NOT BE CONTINUED: %s\n", trail_damage_text(old->reason));
	if (old->key_frame > old->frame)
		fprintf(stderr,
			"  it had %" PRIu64
			" frames, of which the last that is whole is number %" PRIu64 "\n",
			old->key_frame, old->frame);
	fprintf(stderr,
		"  it lies, as it was, in %s/" TRAIL_OLD_FOLDER
		"/%s: look into it; `docktrail verify` judges both\n",
		recorder->options->trail, old->folder);
}

/* Verifying needs nothing but the trail's first key, and must not rest on a copy on this host. */
static void announce_root(const struct recorder *recorder)
{
	struct scribe_stats stats;

	if (scribe_recovery(recorder->scribe)->found == TRAIL_FOUND_NOTHING) {
		fprintf(stderr, "  a new trail; keep its root key somewhere else:\n  %s\n",
			scribe_root(recorder->scribe));
		return;
	}
	scribe_get_stats(recorder->scribe, &stats);
	fprintf(stderr, "  continues a trail of %llu events; its root key:\n  %s\n",
		(unsigned long long)(stats.trail.committed_event - stats.trail.events),
		scribe_root(recorder->scribe));
}

static void announce_patterns(const struct string_list *patterns, const char *words)
{
	for (unsigned int i = 0; i < patterns->count; i++)
		fprintf(stderr, "%s%s %s", i == 0 ? "  " : "", i == 0 ? words : ",",
			patterns->items[i]);
	if (patterns->count > 0)
		fputc('\n', stderr);
}

void recorder_announce(struct recorder *recorder)
{
	const struct bpf_socket_state *sockets;
	size_t count = bpf_source_sockets(recorder->source, &sockets);

	announce_hooks(recorder);
	announce_old(recorder);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "  %s %s\n", sockets[i].path, socket_words(&sockets[i]));
	announce_patterns(&recorder->options->patterns, "also what is bound as");
	announce_patterns(&recorder->options->connects, "only connects to what is bound as");
	for (const char *const *blind = bpf_source_blind(recorder->source); *blind; blind++)
		fprintf(stderr, "  not seen by this rung: %s\n", *blind);
	announce_engine_roots(recorder);
	announce_root(recorder);
	fflush(stderr);
}

/* What was recorded, and what to do next. */
void recorder_say_totals(const struct recorder *recorder, const struct scribe_stats *stats)
{
	uint64_t lost = stats->losses.queue + stats->losses.memory + stats->losses.bad;

	for (int message = 0; message < WIRE_MESSAGES; message++)
		for (int loss = 0; loss < WIRE_LOSSES; loss++)
			if (loss != WIRE_LOSS_volume && loss != WIRE_LOSS_stream)
				lost += recorder->told[message][loss].records;
	fprintf(stderr, "recorded %llu events, ", (unsigned long long)stats->events);
	if (lost)
		fprintf(stderr, "LOST %llu records", (unsigned long long)lost);
	else
		fprintf(stderr, "lost none");
	fprintf(stderr, "; check it with:\n  docktrail verify --trail %s",
		recorder->options->trail);
	if (recorder->options->state &&
	    (strcmp(recorder->options->trail, RECORD_TRAIL_DEFAULT) != 0 ||
	     strcmp(recorder->options->state, RECORD_STATE_DEFAULT) != 0))
		fprintf(stderr, " --state %s", recorder->options->state);
	fprintf(stderr, " --root %s\n", scribe_root(recorder->scribe));
}
