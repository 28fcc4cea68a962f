// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "commands/recorder.h"
#include "base/version.h"
#include "event/record.h"
#include "trail/prune.h"

static void add_format(struct record *record, enum field field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add_format(struct record *record, enum field field, const char *format, ...)
{
	_cleanup_buffer_ struct buffer text = {};
	char line[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	record_add_text(record, field,
			(struct text){ line, (size_t)length < sizeof(line) ? (size_t)length
									   : sizeof(line) - 1 });
}

uint64_t recorder_memory_bytes(void)
{
	_cleanup_buffer_ struct buffer contents = {};
	unsigned long long size = 0, resident = 0;

	if (file_read(AT_FDCWD, "/proc/self/statm", 256, &contents) < 0 ||
	    !buffer_string(&contents) || sscanf(contents.data, "%llu %llu", &size, &resident) != 2)
		return 0;
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* When a hook was last run by what it has to see; and that it was not, at the last try. */
static void add_proof(struct recorder *recorder, const struct bpf_hook_state *hook,
		      struct record *record)
{
	_cleanup_buffer_ struct buffer time = {};

	if (hook->proven_at)
		clock_append_rfc3339(&time, scribe_wall_ns(recorder->scribe, hook->proven_at));
	add_format(record, FIELD_recorder_proven, "%s=%s%s", hook->hook,
		   hook->proven_at ? buffer_string(&time) ?: "" : "never",
		   hook->silent ? " silent" : "");
}

static void fill_hooks(struct recorder *recorder, struct record *record)
{
	const struct bpf_hook_state *hooks;
	size_t count = bpf_source_hooks(recorder->source, &hooks);
	const char *const *blind = bpf_source_blind(recorder->source);

	for (size_t i = 0; i < count; i++)
		if (hooks[i].attached)
			add_format(record, FIELD_recorder_hooks, "%s=%s", hooks[i].purpose,
				   hooks[i].hook);
	for (size_t i = 0; i < count; i++)
		if (hooks[i].attached && (hooks[i].proven_at || hooks[i].silent))
			add_proof(recorder, &hooks[i], record);
	record_set_empty_list(record, FIELD_recorder_blind);
	for (; *blind; blind++)
		record_add_text(record, FIELD_recorder_blind, text_of(*blind));
}

static void fill_sockets(struct recorder *recorder, struct record *record)
{
	const struct bpf_socket_state *sockets;
	size_t count = bpf_source_sockets(recorder->source, &sockets);

	for (size_t i = 0; i < count; i++) {
		if (sockets[i].present)
			add_format(record, FIELD_recorder_sockets, "%s=%llu", sockets[i].path,
				   (unsigned long long)sockets[i].inode);
		else
			add_format(record, FIELD_recorder_sockets, "%s=absent", sockets[i].path);
	}
}

/* The kernel's own opinion of its clock (adjtimex(2)); says nothing of whom it was synchronised
 * with. */
static void fill_clock(struct record *record)
{
	struct timex clock = {};
	int state = adjtimex(&clock);

	if (state < 0)
		return;
	record_set_boolean(record, FIELD_recorder_clock_synchronised,
			   state != TIME_ERROR && !(clock.status & STA_UNSYNC));
	record_set_number(record, FIELD_recorder_clock_error_ns, (uint64_t)clock.maxerror * 1000);
}

static void fill_version(struct recorder *recorder, struct record *record)
{
	struct utsname name;

	record_set_string(record, FIELD_recorder_version, DOCKTRAIL_VERSION);
	if (uname(&name) == 0)
		record_set_string(record, FIELD_recorder_kernel, name.release);
	record_set_string(record, FIELD_recorder_root, scribe_root(recorder->scribe));
}

/* What was lost since the start, and how the recorder does. */
static void fill_totals(struct recorder *recorder, struct record *record)
{
	uint64_t records = 0, turns = 0, bytes = 0;
	struct scribe_stats stats;

	scribe_get_stats(recorder->scribe, &stats);
	for (int message = 0; message < WIRE_MESSAGES; message++)
		for (int loss = 0; loss < WIRE_LOSSES; loss++) {
			if (loss == WIRE_LOSS_volume || loss == WIRE_LOSS_stream)
				continue; /* counted by design: the requests say so themselves */
			records += recorder->told[message][loss].records;
			turns += recorder->told[message][loss].turns;
			bytes += recorder->told[message][loss].bytes;
		}
	record_set_number(record, FIELD_loss_records,
			  records + stats.losses.queue + stats.losses.memory + stats.losses.bad);
	record_set_number(record, FIELD_loss_turns, turns);
	record_set_number(record, FIELD_loss_bytes, bytes);
	record_set_number(record, FIELD_recorder_events, stats.events);
	record_set_number(record, FIELD_recorder_connections, stats.conversations.connections);
	record_set_number(record, FIELD_recorder_commit_ns, stats.trail.last_commit_duration_ns);
	record_set_number(record, FIELD_recorder_commit_longest_ns,
			  stats.trail.most_commit_duration_ns);
	record_set_number(record, FIELD_recorder_memory_bytes, recorder_memory_bytes());
}

static void fill_schema(struct record *record)
{
	for (int field = 0; field < FIELD_COUNT; field++)
		add_format(record, FIELD_recorder_schema, "%s:%s", field_rows[field].path,
			   field_type_name(field_rows[field].type));
}

static void succeed(struct recorder *recorder, struct record *record)
{
	record_set_string(record, FIELD_event_outcome, "success");
	scribe_emit(recorder->scribe, record);
}

void recorder_say_start(struct recorder *recorder)
{
	struct record *record = scribe_begin(recorder->scribe, EVENT_recorder_start);

	fill_version(recorder, record);
	fill_hooks(recorder, record);
	fill_sockets(recorder, record);
	fill_schema(record);
	fill_clock(record);
	succeed(recorder, record);
}

void recorder_say_recovery(struct recorder *recorder)
{
	const struct trail_recovery *recovery = scribe_recovery(recorder->scribe);
	struct record *record;
	char reason[512];

	if (recovery->found == TRAIL_FOUND_NOTHING ||
	    (recovery->found == TRAIL_FOUND_CLEAN && !recovery->ended_without_stop))
		return;
	record = scribe_begin(recorder->scribe, EVENT_recorder_recovery);
	snprintf(reason, sizeof(reason),
		 "the recorder before this one was killed or lost power%s%s%s",
		 recovery->found == TRAIL_FOUND_KEPT ? "; its last commit was whole and is kept"
						     : "",
		 recovery->torn_bytes ? "; its unfinished last commit was cut off and is in " : "",
		 recovery->torn_bytes ? recovery->torn_file : "");
	record_set_string(record, FIELD_recorder_reason, reason);
	record_set_number(record, FIELD_recorder_torn_bytes, recovery->torn_bytes);
	succeed(recorder, record);
}

static void set_hex(struct record *record, enum field field, const uint8_t *bytes, size_t count)
{
	char digits[2 * TRAIL_HASH_BYTES + 1];

	hex_put(digits, bytes, count);
	record_set_string(record, field, digits);
}

void recorder_say_newchain(struct recorder *recorder)
{
	const struct trail_old_head *old = &scribe_recovery(recorder->scribe)->old;
	struct record *record;
	char reason[512];

	if (!old->reason)
		return;
	record = scribe_begin(recorder->scribe, EVENT_recorder_newchain);
	snprintf(reason, sizeof(reason),
		 "%s; who made the containers that run is told in the trail that was set aside",
		 trail_damage_text(old->reason));
	record_set_string(record, FIELD_recorder_reason, reason);
	record_set_string(record, FIELD_recorder_old_reason, trail_damage_word(old->reason));
	snprintf(reason, sizeof(reason), "%s/%s", TRAIL_OLD_FOLDER, old->folder);
	record_set_string(record, FIELD_recorder_old_folder, reason);
	set_hex(record, FIELD_recorder_old_trail, old->trail_id, sizeof(old->trail_id));
	if (old->frame) {
		record_set_number(record, FIELD_recorder_old_frame, old->frame);
		set_hex(record, FIELD_recorder_old_hash, old->hash, sizeof(old->hash));
	}
	if (old->key_frame) {
		record_set_number(record, FIELD_recorder_old_key_frame, old->key_frame);
		set_hex(record, FIELD_recorder_old_key_hash, old->key_hash, sizeof(old->key_hash));
	}
	succeed(recorder, record);
}

void recorder_say_pruned(struct recorder *recorder, const struct trail_prune_step *step)
{
	struct record *record = scribe_begin(recorder->scribe, EVENT_recorder_pruned);

	record_set_string(record, FIELD_recorder_reason,
			  "the trail is larger than retention_size, and these are older than they "
			  "are kept at least");
	record_set_string(record, FIELD_recorder_pruned_class,
			  step->class == TRAIL_EVIDENCE ? "evidence" : "routine");
	record_set_number(record, FIELD_recorder_pruned_before, step->before_frame);
	record_set_number(record, FIELD_recorder_pruned_frames, step->frames);
	record_set_number(record, FIELD_recorder_pruned_events, step->events);
	record_set_number(record, FIELD_recorder_pruned_bytes, step->bytes);
	record_set_number(record, FIELD_recorder_pruned_first, step->first_ns);
	record_set_number(record, FIELD_recorder_pruned_last, step->last_ns);
	succeed(recorder, record);
}

void recorder_say_stop(struct recorder *recorder)
{
	struct record *record = scribe_begin(recorder->scribe, EVENT_recorder_stop);

	fill_totals(recorder, record);
	succeed(recorder, record);
}

void recorder_say_heartbeat(struct recorder *recorder)
{
	struct record *record = scribe_begin(recorder->scribe, EVENT_recorder_heartbeat);

	fill_hooks(recorder, record);
	fill_sockets(recorder, record);
	fill_totals(recorder, record);
	fill_clock(record);
	succeed(recorder, record);
}

void recorder_say_degraded(struct recorder *recorder, const char *reason)
{
	struct record *record = scribe_begin(recorder->scribe, EVENT_recorder_degraded);

	record_set_string(record, FIELD_recorder_reason, reason);
	fill_hooks(recorder, record);
	succeed(recorder, record);
}

void recorder_say_sockets(struct recorder *recorder)
{
	struct record *record = scribe_begin(recorder->scribe, EVENT_recorder_sockets);

	fill_sockets(recorder, record);
	succeed(recorder, record);
}

void recorder_say_clock_step(struct recorder *recorder, int64_t step_ns)
{
	struct record *record = scribe_begin(recorder->scribe, EVENT_clock_step);

	record_set_integer(record, FIELD_recorder_clock_step_ns, step_ns);
	fill_clock(record);
	succeed(recorder, record);
}
