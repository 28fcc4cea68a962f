// SPDX-License-Identifier: Apache-2.0
/* status.json: what `docktrail status` reads. Its layout is described in docktrail-status(8). */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "commands/recorder.h"
#include "base/version.h"

static void add_string(struct json_object *object, const char *key, const char *value)
{
	json_object_object_add(object, key, json_object_new_string(value));
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_time(struct json_object *object, const char *key, uint64_t wall_ns)
{
	_cleanup_buffer_ struct buffer text = {};

	if (!wall_ns)
		return;
	clock_append_rfc3339(&text, wall_ns);
	add_string(object, key, buffer_string(&text) ?: "");
}

static struct json_object *add_array(struct json_object *object, const char *key)
{
	struct json_object *array = json_object_new_array();

	json_object_object_add(object, key, array);
	return array;
}

static void add_hooks(struct recorder *recorder, struct json_object *status)
{
	struct json_object *array = add_array(status, "hooks"),
			   *blind_array = add_array(status, "blind");
	const char *const *blind = bpf_source_blind(recorder->source);
	const struct bpf_hook_state *hooks;
	size_t count = bpf_source_hooks(recorder->source, &hooks);

	for (size_t i = 0; i < count; i++) {
		struct json_object *hook = json_object_new_object();

		add_string(hook, "purpose", hooks[i].purpose);
		add_string(hook, "hook", hooks[i].hook);
		add_string(hook, "state",
			   !hooks[i].attached ? "absent"
			   : hooks[i].silent  ? "silent"
					      : "attached");
		if (hooks[i].proven_at)
			add_time(hook, "proven",
				 scribe_wall_ns(recorder->scribe, hooks[i].proven_at));
		json_object_array_add(array, hook);
	}
	for (; *blind; blind++)
		json_object_array_add(blind_array, json_object_new_string(*blind));
}

static void add_sockets(struct recorder *recorder, struct json_object *status)
{
	struct json_object *array = add_array(status, "sockets");
	const struct bpf_socket_state *sockets;
	size_t count = bpf_source_sockets(recorder->source, &sockets);

	for (size_t i = 0; i < count; i++) {
		struct json_object *socket = json_object_new_object();

		add_string(socket, "path", sockets[i].path);
		add_string(socket, "state", sockets[i].present ? "watched" : "absent");
		if (sockets[i].present) {
			char device[32];

			snprintf(device, sizeof(device), "%u:%u", sockets[i].device >> 20,
				 sockets[i].device & ((1u << 20) - 1));
			add_number(socket, "inode", sockets[i].inode);
			add_string(socket, "device", device);
		}
		json_object_array_add(array, socket);
	}
}

static void add_loss(struct json_object *array, const char *message, const char *reason,
		     const struct wire_count *count)
{
	struct json_object *loss;

	if (!count->records)
		return;
	loss = json_object_new_object();
	add_string(loss, "message", message);
	add_string(loss, "reason", reason);
	add_number(loss, "records", count->records);
	add_number(loss, "turns", count->turns);
	add_number(loss, "bytes", count->bytes);
	json_object_array_add(array, loss);
}

static void add_losses(struct recorder *recorder, const struct scribe_stats *stats,
		       struct json_object *status)
{
	struct json_object *losses = add_array(status, "losses"),
			   *limits = add_array(status, "by_design");
	struct wire_count now[WIRE_MESSAGES][WIRE_LOSSES];
	const struct {
		const char *reason;
		uint64_t records;
	} own[] = {
		{ "too much waited for the disk", stats->losses.queue },
		{ "out of memory", stats->losses.memory },
		{ "not what a probe of this build writes", stats->losses.bad },
		{ "a probe was not run: it was already running on that CPU",
		  bpf_source_misses(recorder->source) },
		{ "connections forgotten for want of room", stats->conversations.evicted },
	};

	/* What stands in the trail may be less: while much waits for the disk nothing is said
	 * there. */
	if (bpf_source_losses(recorder->source, now) < 0)
		memcpy(now, recorder->told, sizeof(now));
	for (int message = 0; message < WIRE_MESSAGES; message++)
		for (int reason = 0; reason < WIRE_LOSSES; reason++)
			add_loss(reason == WIRE_LOSS_volume || reason == WIRE_LOSS_stream ? limits
											  : losses,
				 bpf_message_name((enum wire_message)message),
				 bpf_loss_name((enum wire_loss)reason), &now[message][reason]);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		add_loss(losses, "recorder", own[i].reason,
			 &(struct wire_count){ .records = own[i].records });
}

/* The second witness: its rules, what both saw, and one alone. */
static void add_audit(const struct recorder *recorder, const struct scribe_stats *stats,
		      struct json_object *status)
{
	struct json_object *object = json_object_new_object();
	struct recorder_audit_state audit;

	recorder_audit_state(recorder, &audit);
	json_object_object_add(status, "audit", object);
	add_string(object, "state", audit.state ?: "not asked");
	if (!audit.state)
		return;
	if (audit.auditd)
		add_number(object, "auditd_pid", audit.auditd);
	add_number(object, "rules", audit.wanted);
	add_number(object, "loaded", audit.loaded);
	add_number(object, "records", stats->witness.records);
	add_number(object, "both", stats->witness.both);
	add_number(object, "audit_alone", stats->witness.audit_alone);
	add_number(object, "probes_alone", stats->witness.probes_alone);
	for (size_t i = 0; i < RECORDER_AUDIT_LOSSES; i++)
		add_loss(json_object_object_get(status, "losses"), "audit", audit.losses[i].reason,
			 &(struct wire_count){ .records = audit.losses[i].records });
	if (audit.warning)
		json_object_array_add(json_object_object_get(status, "warnings"),
				      json_object_new_string(audit.warning));
}

static void add_progress(struct recorder *recorder, const struct scribe_stats *stats,
			 struct json_object *status)
{
	struct json_object *events = json_object_new_object(), *commit = json_object_new_object();

	add_number(status, "connections", stats->conversations.connections);
	add_number(status, "requests_waiting", stats->conversations.requests_waiting);
	add_number(events, "written", stats->events);
	json_object_object_add(events, "per_second", json_object_new_double(recorder->rate));
	add_number(events, "committed", stats->trail.events);
	add_number(events, "raw_bytes", stats->trail.raw_bytes);
	add_number(events, "stored_bytes", stats->trail.stored_bytes);
	json_object_object_add(status, "events", events);
	add_number(commit, "frame", stats->trail.committed_frame);
	add_time(commit, "time", stats->trail.last_commit_wall_ns);
	add_number(commit, "duration_ns", stats->trail.last_commit_duration_ns);
	add_number(commit, "longest_ns", stats->trail.most_commit_duration_ns);
	add_number(commit, "queue_bytes", stats->trail.queue_bytes);
	add_number(commit, "segment", stats->trail.segment);
	json_object_object_add(status, "commit", commit);
	add_number(status, "memory_bytes", recorder_memory_bytes());
}

static void add_warnings(struct recorder *recorder, const struct scribe_stats *stats,
			 struct json_object *status)
{
	struct json_object *warnings = add_array(status, "warnings");
	_cleanup_buffer_ struct buffer words = {};
	const struct bpf_socket_state *sockets;
	size_t count = bpf_source_sockets(recorder->source, &sockets), present = 0;

	for (size_t i = 0; i < count; i++)
		present += sockets[i].present;
	if (!present)
		json_object_array_add(
			warnings,
			json_object_new_string("no socket is there: it is watched as soon as an "
					       "engine makes it"));
	if (recorder->room != ROOM_ENOUGH) {
		recorder_room_words(recorder, &words);
		json_object_array_add(warnings,
				      json_object_new_string(buffer_string(&words) ?: ""));
	}
	if (stats->trail.error)
		json_object_array_add(
			warnings,
			json_object_new_string("the trail cannot be written: nothing is recorded"));
}

#define STATUS_ROOM                                                                                \
	(16u << 10) /* bytes: it is as long as a multiple of this, by blanks at its end */

/* On a full disk there is the room that it has: who reads it while it is written over tries again.
 */
static int write_text(int folder, const char *text)
{
	_cleanup_buffer_ struct buffer padded = {};
	_cleanup_close_ int fd = -1;
	int r;

	buffer_append_string(&padded, text ?: "");
	while (!padded.error && padded.length % STATUS_ROOM != STATUS_ROOM - 1)
		buffer_append_char(&padded, ' ');
	buffer_append_char(&padded, '\n');
	if (!text || padded.error)
		return -ENOMEM;
	r = file_replace(folder, "status.json", padded.data, padded.length, 0640);
	if (r != -ENOSPC && r != -EDQUOT)
		return r;
	unlinkat(folder, "status.json.new", 0);
	fd = openat(folder, "status.json", O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : file_write_all(fd, padded.data, padded.length);
}

int recorder_write_status(struct recorder *recorder)
{
	struct json_object *status = json_object_new_object();
	struct scribe_stats stats;
	struct utsname name;
	int r;

	if (!status)
		return -ENOMEM;
	scribe_get_stats(recorder->scribe, &stats);
	add_string(status, "version", DOCKTRAIL_VERSION);
	add_number(status, "pid", (uint64_t)getpid());
	add_number(status, "start_ticks", recorder->start_ticks);
	add_time(status, "time", clock_wall_ns());
	add_time(status, "since", recorder->started_wall_ns);
	add_string(status, "trail_id", scribe_trail_id(recorder->scribe));
	add_string(status, "root", scribe_root(recorder->scribe));
	if (uname(&name) == 0)
		add_string(status, "kernel", name.release);
	add_string(status, "rung", bpf_source_rung(recorder->source));
	add_hooks(recorder, status);
	add_sockets(recorder, status);
	add_progress(recorder, &stats, status);
	add_losses(recorder, &stats, status);
	add_warnings(recorder, &stats, status);
	add_audit(recorder, &stats, status);
	r = write_text(recorder->trail_folder,
		       json_object_to_json_string_ext(status, JSON_C_TO_STRING_PRETTY));
	json_object_put(status);
	return r;
}
