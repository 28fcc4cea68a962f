// SPDX-License-Identifier: Apache-2.0
#include "commands/scribe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/put.h"
#include "commands/record_options.h"
#include "correlate/actor.h"
#include "correlate/cause.h"
#include "correlate/container.h"
#include "correlate/containers.h"
#include "correlate/message.h"
#include "correlate/namespaces.h"
#include "correlate/process.h"
#include "correlate/redact.h"
#include "correlate/servers.h"
#include "correlate/users.h"
#include "event/json.h"
#include "event/record.h"

#define CLOCK_STEP_NS 500000000ll

struct scribe {
	struct trail_writer *writer;
	struct trail_recovery recovery;
	struct actor_context actors;
	struct conversations *conversations;
	struct causes *causes;
	struct container_watch *watch;
	bool request_written; /* what waits for it need not any more */
	struct redact *redact;
	struct servers *servers;
	struct record *record; /* of the recorder's own events */
	struct buffer line;
	char host_id[33], host_name[256], boot_id[37], prefix[12];
	uint64_t events;
	struct scribe_losses losses;
};

/* The first word of a small file; an empty string where there is none. */
static void read_word(const char *path, char *word, size_t size)
{
	_cleanup_buffer_ struct buffer contents = {};
	size_t length = 0;

	word[0] = '\0';
	if (file_read(AT_FDCWD, path, 256, &contents) < 0)
		return;
	while (length < contents.length && length < size - 1 && contents.data[length] > ' ' &&
	       contents.data[length] < 127)
		length++;
	memcpy(word, contents.data, length);
	word[length] = '\0';
}

/* 32 hexadecimal digits, dashes between them or not, as 16 bytes. */
static void parse_id(const char *text, uint8_t id[16])
{
	size_t digits = 0;

	memset(id, 0, 16);
	for (; *text && digits < 32; text++) {
		unsigned int digit;

		if (sscanf((char[]){ *text, '\0' }, "%1x", &digit) != 1)
			continue;
		id[digits / 2] |= (uint8_t)(digit << (digits % 2 ? 0 : 4));
		digits++;
	}
}

static void learn_host(struct scribe *scribe)
{
	read_word("/etc/machine-id", scribe->host_id, sizeof(scribe->host_id));
	read_word("/proc/sys/kernel/hostname", scribe->host_name, sizeof(scribe->host_name));
	read_word("/proc/sys/kernel/random/boot_id", scribe->boot_id, sizeof(scribe->boot_id));
	/* Ids of connections tell one run of the recorder from another by when it began. */
	snprintf(scribe->prefix, sizeof(scribe->prefix), "%08x",
		 (unsigned int)(clock_wall_ns() / NS_PER_MS / 100));
}

static const char *trail_problem(int r, const struct trail_recovery *recovery)
{
	switch (r) {
	case -EBUSY:
		return "another recorder is writing this trail: stop it, or give this one a --trail of its own";
	case -EUCLEAN:
		return trail_damage_text(recovery->damage);
	case -EACCES:
	case -EPERM:
		return "the folder cannot be written: its parent must exist and be writable for this user";
	case -ENOTDIR:
		return "this is a file, or lies in one: a trail is a folder; give another --trail";
	case -ENOENT:
		return "the folder's parent does not exist: make it first";
	case -EROFS:
		return "the file system is mounted read-only";
	case -ENOSPC:
		return "no space is left there";
	default:
		return strerror(-r);
	}
}

static int open_trail(struct scribe *scribe, const struct record_options *record,
		      struct buffer *problem)
{
	struct trail_options options = { .folder = record->trail,
					 .state = record->state,
					 .queue_bytes = record->queue_bytes };
	int r;

	parse_id(scribe->boot_id, options.boot_id);
	parse_id(scribe->host_id, options.machine_id);
	r = trail_writer_open(&options, &scribe->writer, &scribe->recovery);
	if (r == 0)
		return 0;
	buffer_printf(problem, "trail %s: %s", record->trail, trail_problem(r, &scribe->recovery));
	if (r == -EUCLEAN)
		buffer_printf(
			problem,
			" (%s at byte %llu). Nothing was changed: keep this folder as evidence and "
			"record to a new one",
			scribe->recovery.segment[0] ? scribe->recovery.segment : "the key state",
			(unsigned long long)scribe->recovery.damage_offset);
	return r;
}

static int redact_arguments_of(void *user, const struct text_list *arguments, struct text_list *ret)
{
	struct scribe *scribe = user;

	return redact_arguments(scribe->redact, arguments, ret);
}

/* Who is who: the process tree, names of users and containers, namespaces. */
static int open_actors(struct scribe *scribe, const struct scribe_options *options)
{
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct actor_context *actors = &scribe->actors;
	int r = process_tree_new(proc, 0, 0, &actors->tree);

	if (r == 0)
		r = servers_new(proc, &scribe->servers);
	if (r == 0)
		r = users_new("/etc/passwd", &actors->users);
	if (r == 0)
		r = containers_new(&actors->containers);
	if (r == 0)
		r = namespaces_new(&actors->namespaces);
	if (r == 0)
		r = actor_cache_new(&actors->cache);
	for (unsigned int i = 0; r == 0 && i < options->record->engine_roots.count; i++)
		r = containers_add_root(actors->containers, options->record->engine_roots.items[i]);
	if (r < 0)
		return r;
	namespaces_set_host(actors->namespaces, options->host_namespaces);
	actors->boot_id = scribe->boot_id;
	actors->wall_offset_ns = clock_wall_offset_ns();
	actors->redact = redact_arguments_of;
	actors->redact_user = scribe;
	actor_connect(actors);
	return 0;
}

static bool is_starting(void *user, struct text container)
{
	const struct scribe *scribe = user;

	return conversations_starting(scribe->conversations, container);
}

static int open_containers(struct scribe *scribe)
{
	struct container_options options = { .actors = &scribe->actors,
					     .emit = scribe_emit,
					     .starting = is_starting,
					     .user = scribe };
	int r = causes_new(scribe->actors.containers, &scribe->causes);

	if (r < 0)
		return r;
	options.causes = scribe->causes;
	return container_watch_new(&options, &scribe->watch);
}

static int open_redact(struct scribe *scribe, const struct record_options *record,
		       struct buffer *problem)
{
	const struct redact_rules rules = {
		.masks = (const char *const *)record->masks.items,
		.names = (const char *const *)record->mask_names.items,
	};
	struct redact_problem wrong;
	int r = redact_new(&rules, &scribe->redact, &wrong);

	if (r == -EINVAL)
		buffer_printf(problem,
			      "%s: not a POSIX extended regular expression that can be used: %s",
			      wrong.pattern, wrong.words);
	return r;
}

int scribe_open(const struct scribe_options *options, struct scribe **ret, struct buffer *problem)
{
	struct scribe *scribe = calloc(1, sizeof(*scribe));
	struct conversation_options talk;
	int r;

	if (!scribe)
		return -ENOMEM;
	learn_host(scribe);
	r = open_redact(scribe, options->record, problem);
	if (r == 0)
		r = open_actors(scribe, options);
	if (r == 0)
		r = record_new(&scribe->record);
	talk = (struct conversation_options){ .actors = &scribe->actors,
					      .redact = scribe->redact,
					      .servers = scribe->servers,
					      .prefix = scribe->prefix,
					      .emit = scribe_emit,
					      .socket_path = options->socket_path,
					      .handed_over = options->handed_over,
					      .user = scribe,
					      .socket_user = options->user,
					      .source = options->source };
	if (r == 0)
		r = conversations_new(&talk, &scribe->conversations);
	if (r == 0)
		r = open_containers(scribe);
	if (r == 0)
		r = open_trail(scribe, options->record, problem);
	if (r < 0) {
		if (!problem->length)
			buffer_append_string(problem, strerror(-r));
		scribe_close(scribe);
		return r;
	}
	*ret = scribe;
	return 0;
}

const struct trail_recovery *scribe_recovery(const struct scribe *scribe)
{
	return &scribe->recovery;
}

const char *scribe_trail_id(const struct scribe *scribe)
{
	return trail_writer_id(scribe->writer);
}

const char *scribe_root(const struct scribe *scribe)
{
	return trail_writer_root(scribe->writer);
}

struct conversations *scribe_conversations(struct scribe *scribe)
{
	return scribe->conversations;
}

/* ---- messages in */

static int on_process_exec(struct scribe *scribe, const struct wire_process_exec *message)
{
	const struct process_exec exec = { .executable = message_text(&message->header,
								      message->executable),
					   .args = message_text(&message->header, message->args),
					   .args_length = message->args_length };

	namespaces_learn(scribe->actors.namespaces, &message->task);
	return process_tree_exec(scribe->actors.tree, &message->task, message->header.time, &exec);
}

static int on_process_exit(struct scribe *scribe, const struct wire_process_exit *message)
{
	process_tree_exit(scribe->actors.tree, message->pid, message->start, message->status,
			  message->header.time);
	return 0;
}

int scribe_message(void *user, const struct wire_header *message)
{
	struct scribe *scribe = user;
	int r;

	switch (message->message) {
	case WIRE_process_exec:
		r = on_process_exec(scribe, (const struct wire_process_exec *)message);
		break;
	case WIRE_process_fork: {
		const struct wire_process_fork *fork = (const struct wire_process_fork *)message;

		r = process_tree_fork(scribe->actors.tree, &fork->task, fork->parent_start);
		break;
	}
	case WIRE_process_exit:
		r = on_process_exit(scribe, (const struct wire_process_exit *)message);
		break;
	case WIRE_container_start:
	case WIRE_container_exec:
	case WIRE_container_exit:
	case WIRE_oom_kill:
		r = container_message(scribe->watch, message);
		break;
	default:
		r = conversations_message(scribe->conversations, message);
	}
	if (scribe->request_written)
		r = r ?: container_watch_release(scribe->watch, false);
	scribe->request_written = false;
	if (r == -ENOMEM)
		scribe->losses.memory++;
	else if (r < 0)
		scribe->losses.bad++;
	return 0;
}

int scribe_seed(struct scribe *scribe)
{
	uint64_t now = clock_boot_ns();
	int r = process_tree_seed(scribe->actors.tree, now);

	users_refresh(scribe->actors.users, now);
	containers_set_time(scribe->actors.containers, now);
	if (r == 0)
		r = containers_scan(scribe->actors.containers);
	return r;
}

void scribe_tick(struct scribe *scribe)
{
	uint64_t now = clock_boot_ns();

	/* A passwd that cannot be read leaves the names that were read before. */
	users_refresh(scribe->actors.users, now);
	containers_set_time(scribe->actors.containers, now);
	conversations_tick(scribe->conversations, now);
	if (container_watch_release(scribe->watch, false) < 0)
		scribe->losses.memory++;
}

void scribe_end(struct scribe *scribe)
{
	conversations_end(scribe->conversations, clock_boot_ns());
	if (container_watch_release(scribe->watch, true) < 0)
		scribe->losses.memory++;
}

int64_t scribe_clock_step(struct scribe *scribe)
{
	int64_t offset = clock_wall_offset_ns(), step = offset - scribe->actors.wall_offset_ns;

	/* Slow adjustments are followed in silence; a step is an event. */
	scribe->actors.wall_offset_ns = offset;
	return step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS ? step : 0;
}

/* ---- events out */

struct record *scribe_begin(struct scribe *scribe, enum event event)
{
	record_begin(scribe->record, event);
	record_set_number(scribe->record, FIELD_timestamp, clock_wall_ns());
	record_set_string(scribe->record, FIELD_source, "recorder");
	return scribe->record;
}

void scribe_fill_process(struct scribe *scribe, struct record *record, uint32_t pid, uint64_t start)
{
	struct wire_task task = actor_task(pid, start);

	actor_fill(&scribe->actors, &task, record);
}

static uint8_t frame_type(enum event event)
{
	switch (event) {
	case EVENT_recorder_start:
		return TRAIL_START;
	case EVENT_recorder_stop:
		return TRAIL_STOP;
	case EVENT_recorder_heartbeat:
		return TRAIL_HEARTBEAT;
	case EVENT_recorder_loss:
		return TRAIL_LOSS;
	case EVENT_recorder_recovery:
		return TRAIL_RECOVERY;
	default:
		return TRAIL_DATA;
	}
}

static size_t add_term(struct trail_term *terms, size_t count, uint8_t type, struct text value)
{
	if (value.length == 0)
		return count;
	terms[count] = (struct trail_term){ .type = type,
					    .value = value.data,
					    .length = (uint32_t)value.length };
	return count + 1;
}

static size_t collect_terms(const struct record *record, struct trail_term *terms)
{
	struct text container = record_text(record, FIELD_container_id);
	struct text target = record_text(record, FIELD_target_id);
	size_t count = 0;

	count = add_term(terms, count, TRAIL_TERM_KIND, record_text(record, FIELD_event_action));
	count = add_term(terms, count, TRAIL_TERM_CONTAINER, container);
	if (text_equal(record_text(record, FIELD_target_type), TEXT("container")) &&
	    !text_equal(container, target))
		count = add_term(terms, count, TRAIL_TERM_CONTAINER, target);
	count = add_term(terms, count, TRAIL_TERM_USER, record_text(record, FIELD_user_id));
	return add_term(terms, count, TRAIL_TERM_OPERATION,
			record_text(record, FIELD_api_operation));
}

static void lend_if_known(struct record *record, enum field field, const char *value)
{
	if (value[0])
		record_lend_text(record, field, text_of(value));
}

static void fill_head(struct scribe *scribe, struct record *record, uint64_t sequence)
{
	char id[16 + 1 + PUT_NUMBER_MOST];
	char *at = put_text(id, (struct text){ trail_writer_id(scribe->writer), 16 });

	*at++ = '-';
	at = put_number(at, sequence);
	record_set_text(record, FIELD_event_id, put_between(id, at));
	record_set_number(record, FIELD_event_sequence, sequence);
	lend_if_known(record, FIELD_host_id, scribe->host_id);
	lend_if_known(record, FIELD_host_name, scribe->host_name);
	lend_if_known(record, FIELD_host_boot_id, scribe->boot_id);
}

static void count_queue_loss(struct scribe *scribe, enum event event)
{
	scribe->losses.queue++;
	scribe->losses.queue_of[event]++;
}

/* Who asked for containers is learnt from what is in the trail under a number. */
static void count_event(struct scribe *scribe, const struct record *record)
{
	scribe->events++;
	if (causes_learn(scribe->causes, record) < 0)
		scribe->losses.memory++;
	scribe->request_written |= record->event == EVENT_api_request;
	if (record->event == EVENT_container_exit)
		causes_ended(scribe->causes, record_text(record, FIELD_container_id));
}

void scribe_emit(void *user, struct record *record)
{
	struct scribe *scribe = user;
	struct trail_term terms[TRAIL_TERMS_MOST];
	struct trail_entry entry = { .type = frame_type(record->event), .terms = terms };
	uint64_t severity = record_number(record, FIELD_event_severity);
	int r;

	causes_fill(scribe->causes, record);
	r = redact_record(scribe->redact, record);
	fill_head(scribe, record, trail_writer_next_sequence(scribe->writer));
	buffer_clear(&scribe->line);
	record_append_json(record, &scribe->line);
	if (r < 0 || record->error || scribe->line.error) {
		scribe->losses.memory++;
		return;
	}
	entry.class = severity >= 25 ? TRAIL_EVIDENCE : TRAIL_ROUTINE;
	entry.urgent = severity >= 75;
	entry.time_ns = record_number(record, FIELD_timestamp);
	entry.line = scribe->line.data;
	entry.length = scribe->line.length;
	entry.term_count = collect_terms(record, terms);
	r = trail_writer_append(scribe->writer, &entry);
	if (r == 0)
		count_event(scribe, record);
	else if (r == -ENOBUFS || r == -EIO)
		count_queue_loss(scribe, record->event);
	else
		scribe->losses.bad++;
}

int scribe_sync(struct scribe *scribe)
{
	return trail_writer_sync(scribe->writer);
}

void scribe_get_stats(struct scribe *scribe, struct scribe_stats *ret)
{
	*ret = (struct scribe_stats){ .events = scribe->events, .losses = scribe->losses };
	conversations_get_stats(scribe->conversations, &ret->conversations);
	trail_writer_get_stats(scribe->writer, &ret->trail);
}

int scribe_close(struct scribe *scribe)
{
	int r;

	if (!scribe)
		return 0;
	r = trail_writer_close(scribe->writer);
	container_watch_free(scribe->watch);
	conversations_free(scribe->conversations);
	causes_free(scribe->causes);
	process_tree_free(scribe->actors.tree);
	users_free(scribe->actors.users);
	containers_free(scribe->actors.containers);
	namespaces_free(scribe->actors.namespaces);
	actor_cache_free(scribe->actors.cache);
	redact_free(scribe->redact);
	servers_free(scribe->servers);
	record_free(scribe->record);
	buffer_free(&scribe->line);
	free(scribe);
	return r;
}
