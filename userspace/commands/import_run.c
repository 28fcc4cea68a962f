// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "commands/import.h"
#include "commands/record_options.h"
#include "correlate/sessions.h"
#include "correlate/users.h"
#include "event/record.h"
#include "trail/reader.h"

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

/* ---- hosts */

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

static int begin_host(struct import *import, struct text node, struct import_host *ret)
{
	struct witness_options how = { .emit = on_event,
				       .redact = import->ledger.redact,
				       .history = true,
				       .is_socket = is_socket,
				       .user = import,
				       .socket_user = import };
	struct import_host *host = ret;
	int r;

	memcpy(host->node, node.data, node.length);
	host->actors.users = import->users;
	r = sessions_new(true, &host->actors.sessions);
	how.actors = &host->actors;
	how.sessions = host->actors.sessions;
	return r ?: witness_new(&how, &host->witness);
}

static void end_host(struct import_host *host)
{
	witness_free(host->witness);
	sessions_free(host->actors.sessions);
}

static struct text node_of(struct text line)
{
	static const struct text begin = TEXT("node=");
	const char *blank;

	if (line.length < begin.length || memcmp(line.data, begin.data, begin.length) != 0)
		return TEXT("");
	blank = memchr(line.data, ' ', line.length);
	return (struct text){ line.data + begin.length,
			      (size_t)((blank ?: line.data + line.length) - line.data) -
				      begin.length };
}

/* Returns 0; -EMFILE for one host too many; -EBADMSG for what is no name of one; -errno. */
static int find_host(struct import *import, struct text line, struct import_host **ret)
{
	struct text node = node_of(line);
	int r;

	if (node.length >= IMPORT_NODE_MOST)
		return -EBADMSG;
	for (size_t i = 0; i < import->host_count; i++)
		if (text_equal(text_of(import->hosts[i].node), node)) {
			*ret = &import->hosts[i];
			return 0;
		}
	if (import->host_count == IMPORT_HOSTS_MOST)
		return -EMFILE;
	*ret = &import->hosts[import->host_count++];
	r = begin_host(import, node, *ret);
	return r;
}

/* What waits for time waits for that of the log that all of them write to. */
static int tick_others(struct import *import, const struct import_host *host, uint64_t ms)
{
	int r = 0;

	if (ms < import->tick_ms + 1000)
		return 0;
	import->tick_ms = ms;
	for (size_t i = 0; r == 0 && i < import->host_count; i++)
		if (&import->hosts[i] != host && import->hosts[i].log == host->log)
			r = witness_tick(import->hosts[i].witness, ms, ms * NS_PER_MS);
	return r;
}

/* Returns 0 with the time of what stands in it; -EBADMSG for what is no record; -errno. */
static int read_line(struct import *import, const struct import_log *log, struct text line,
		     uint64_t *ret_ms)
{
	struct import_host *host;
	int r = find_host(import, line, &host);

	if (r == -EMFILE) {
		import->crowded++;
		return -EBADMSG;
	}
	if (r == 0)
		r = witness_line(host->witness, line, ret_ms);
	if (r < 0)
		return r;
	host->log = log;
	return tick_others(import, host, *ret_ms);
}

static int read_log(struct import *import, struct import_log *log, uint64_t before)
{
	const struct import_options *options = import->options;
	uint64_t events = import->events, lines = 0, ms;
	struct text line;
	int r;

	import->tick_ms = 0;
	while ((r = import_log_next(log, &line)) > 0 || r == -EMSGSIZE) {
		int taken = r > 0 ? read_line(import, log, line, &ms) : -EBADMSG;

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

static void end_hosts(struct import *import)
{
	for (size_t i = 0; i < import->host_count; i++) {
		struct witness_stats stats;

		if (!import->hosts[i].witness)
			continue;
		witness_end(import->hosts[i].witness);
		witness_get_stats(import->hosts[i].witness, &stats);
		import->stats.records += stats.records;
		import->stats.events += stats.events;
		import->stats.bad += stats.bad;
		import->stats.missing += stats.missing;
		import->stats.cut += stats.cut;
		import->stats.early += stats.early;
		import->stats.audit_alone += stats.audit_alone;
		import->stats.left_out += stats.left_out;
	}
}

int import_run(struct import *import, struct import_log *logs, size_t count,
	       const struct import_log **ret_bad)
{
	uint64_t done = 0, events;
	size_t read = 0;
	int r = 0;

	while (r == 0 && read < count) {
		r = read_log(import, &logs[read], done);
		done += logs[read].bytes;
		if (r < 0)
			*ret_bad = &logs[read];
		else
			read++;
	}
	/* What was read before one cannot be is whole, and says so. */
	events = import->events;
	end_hosts(import);
	if (count)
		logs[read < count ? read : count - 1].events += import->events - events;
	import->imported = import->events;
	say_loss(import, "audit: events whose serial never came", import->stats.missing);
	say_loss(import, "audit: records of an event that is too large", import->stats.cut);
	say_loss(import, "audit: records of more hosts than are told apart", import->crowded);
	for (size_t i = 0; i < read; i++)
		say_log(import, &logs[i]);
	return r ?: import->error;
}

/* ---- open, close */

static int read_users(struct import *import, struct buffer *problem)
{
	const char *passwd = import->options->passwd;
	int r = passwd ? users_new(passwd, &import->users) : 0;

	if (r == 0 && passwd)
		r = users_refresh(import->users, clock_boot_ns());
	if (r < 0)
		buffer_printf(problem, "--passwd %s: %s", passwd, strerror(-r));
	return r;
}

/* What others recorded is not put behind what was recorded here: it would be signed as that is. */
static int refuse_recorded(const char *trail, struct buffer *problem)
{
	const char *const paths[] = { trail };
	const struct trail_frame *frame;
	struct trail_reader *reader;
	bool recorded;

	if (trail_reader_open(paths, 1, 0, &reader) < 0)
		return 0; /* there is none yet, or the ledger says what is wrong with it */
	recorded = trail_reader_next_frame(reader, &frame) > 0 &&
		   frame->header.types & (1u << TRAIL_START | 1u << TRAIL_NEWCHAIN);
	trail_reader_close(reader);
	if (!recorded)
		return 0;
	buffer_printf(
		problem,
		"trail %s: it was recorded: what is imported goes to a trail of its own, and both are "
		"replayed beside each other",
		trail);
	return -EEXIST;
}

int import_open(const struct import_options *options, struct import *import, struct buffer *problem)
{
	int r;

	*import = (struct import){ .options = options };
	r = read_users(import, problem);
	if (r == 0)
		r = record_new(&import->record);
	/* Each points to its own parts: they do not move. */
	import->hosts = calloc(IMPORT_HOSTS_MOST, sizeof(*import->hosts));
	if (r == 0 && !import->hosts)
		r = -ENOMEM;
	if (r == 0)
		r = refuse_recorded(options->record->trail, problem);
	if (r == 0)
		r = ledger_open(&import->ledger, options->record, problem);
	/* Of this machine only the trail knows: the logs may be of any. */
	import->ledger.host_id[0] = import->ledger.host_name[0] = import->ledger.boot_id[0] = '\0';
	if (r < 0 && !problem->length)
		buffer_append_string(problem, strerror(-r));
	return r;
}

int import_close(struct import *import)
{
	int r = ledger_close(&import->ledger);

	for (size_t i = 0; i < import->host_count; i++)
		end_host(&import->hosts[i]);
	free(import->hosts);
	users_free(import->users);
	record_free(import->record);
	return r;
}
