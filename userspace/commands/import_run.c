// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "commands/import.h"
#include "commands/record_options.h"
#include "correlate/sessions.h"
#include "correlate/users.h"
#include "event/record.h"

#define PROGRESS_LINES 4096

/* ---- events out */

/* Nothing presses: where the disk is slower, it is waited for. */
static void write_record(struct import *import, struct record *record)
{
	int r = import->error;

	if (r == 0)
		r = ledger_write(&import->ledger, record);
	if (r == -ENOBUFS) {
		r = trail_writer_sync(import->ledger.writer);
		r = r ?: ledger_write(&import->ledger, record);
	}
	if (r == 0)
		import->events++;
	else
		import->error = r;
}

static void on_event(void *user, struct record *record)
{
	struct import *import = user;

	if (import->options->host && !record_has(record, FIELD_host_name))
		record_set_string(record, FIELD_host_name, import->options->host);
	write_record(import, record);
}

static struct record *begin(struct import *import, enum event event)
{
	record_begin(import->record, event);
	record_set_number(import->record, FIELD_timestamp, clock_wall_ns());
	record_set_string(import->record, FIELD_source, "import");
	return import->record;
}

static void say_log(struct import *import, const struct import_log *log)
{
	struct record *record = begin(import, EVENT_log_import);

	record_set_string(record, FIELD_event_outcome, "success");
	record_set_string(record, FIELD_file_path, log->name);
	record_set_number(record, FIELD_file_size, log->bytes);
	record_set_string(record, FIELD_file_sha256, log->sha256);
	record_set_number(record, FIELD_import_records, log->records);
	record_set_number(record, FIELD_import_events, log->events);
	record_set_number(record, FIELD_import_bad, log->bad);
	record_set_number(record, FIELD_import_first, log->first_ms * NS_PER_MS);
	record_set_number(record, FIELD_import_last, log->last_ms * NS_PER_MS);
	write_record(import, record);
}

static void say_loss(struct import *import, const char *reason, uint64_t records)
{
	struct record *record;

	if (records == 0)
		return;
	record = begin(import, EVENT_recorder_loss);
	record_set_string(record, FIELD_loss_reason, reason);
	record_set_number(record, FIELD_loss_records, records);
	write_record(import, record);
}

/* ---- logs in */

static int read_log(struct import *import, struct import_log *log, uint64_t before)
{
	const struct import_options *options = import->options;
	uint64_t events = import->events, lines = 0, ms;
	struct text line;
	int r;

	while ((r = import_log_next(log, &line)) > 0 || r == -EMSGSIZE) {
		int taken = r > 0 ? witness_line(import->witness, line, &ms) : -EBADMSG;

		if (taken == 0) {
			log->records++;
			log->last_ms = ms;
		} else if (taken != -EBADMSG) {
			return taken;
		} else if (r < 0 || line.length) {
			log->bad++;
		}
		if (import->error)
			return import->error;
		if (options->progress && ++lines % PROGRESS_LINES == 0)
			options->progress(options->user, before + log->bytes, import->events);
	}
	log->events = import->events - events;
	return r;
}

int import_run(struct import *import, struct import_log *logs, size_t count,
	       const struct import_log **ret_bad)
{
	uint64_t done = 0, events;

	for (size_t i = 0; i < count; i++) {
		int r = read_log(import, &logs[i], done);

		if (r < 0) {
			*ret_bad = &logs[i];
			return r;
		}
		done += logs[i].bytes;
	}
	events = import->events;
	witness_end(import->witness);
	if (count)
		logs[count - 1].events += import->events - events;
	import->imported = import->events;
	witness_get_stats(import->witness, &import->stats);
	say_loss(import, "audit: events whose serial never came", import->stats.missing);
	say_loss(import, "audit: records of an event that is too large", import->stats.cut);
	for (size_t i = 0; i < count; i++)
		say_log(import, &logs[i]);
	return import->error;
}

/* ---- open, close */

static bool is_socket(void *user, const char *path)
{
	const struct import *import = user;
	const struct record_options *record = import->options->record;
	const struct string_list *lists[] = { &record->sockets, &record->patterns,
					      &record->connects };

	for (size_t list = 0; list < ARRAY_SIZE(lists); list++)
		for (unsigned int i = 0; i < lists[list]->count; i++)
			if (fnmatch(lists[list]->items[i], path, FNM_PATHNAME | FNM_PERIOD) == 0)
				return true;
	return false;
}

static int read_users(struct import *import, struct buffer *problem)
{
	const char *passwd = import->options->passwd;
	int r = passwd ? users_new(passwd, &import->actors.users) : 0;

	if (r == 0 && passwd)
		r = users_refresh(import->actors.users, clock_boot_ns());
	if (r < 0)
		buffer_printf(problem, "--passwd %s: %s", passwd, strerror(-r));
	return r;
}

int import_open(const struct import_options *options, struct import *import, struct buffer *problem)
{
	struct witness_options how = { .actors = &import->actors,
				       .emit = on_event,
				       .history = true,
				       .is_socket = is_socket,
				       .user = import,
				       .socket_user = import };
	int r;

	*import = (struct import){ .options = options };
	r = read_users(import, problem);
	if (r == 0)
		r = sessions_new(true, &import->actors.sessions);
	if (r == 0)
		r = record_new(&import->record);
	if (r == 0)
		r = ledger_open(&import->ledger, options->record, problem);
	/* Of this machine only the trail knows: the logs may be of any. */
	import->ledger.host_id[0] = import->ledger.host_name[0] = import->ledger.boot_id[0] = '\0';
	how.redact = import->ledger.redact;
	how.sessions = import->actors.sessions;
	if (r == 0)
		r = witness_new(&how, &import->witness);
	if (r < 0 && !problem->length)
		buffer_append_string(problem, strerror(-r));
	return r;
}

int import_close(struct import *import)
{
	int r = ledger_close(&import->ledger);

	witness_free(import->witness);
	sessions_free(import->actors.sessions);
	users_free(import->actors.users);
	record_free(import->record);
	return r;
}
