// SPDX-License-Identifier: Apache-2.0
#include "commands/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/put.h"
#include "commands/record_options.h"
#include "correlate/redact.h"
#include "event/json.h"
#include "event/record.h"
#include "trail/sign.h"

/* ---- where it goes */

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

/*
 * A copy of a machine has its /etc/machine-id, but not its firmware's; without any there is no
 * telling them apart.
 */
static void name_machine(const struct ledger *ledger, uint8_t machine_id[16])
{
	uint8_t hash[TRAIL_HASH_BYTES];
	char firmware[64];

	read_word("/sys/class/dmi/id/product_uuid", firmware, sizeof(firmware));
	memset(machine_id, 0, 16);
	if (ledger->host_id[0] && trail_hash(ledger->host_id, strlen(ledger->host_id), hash) == 0)
		memcpy(machine_id, hash, 8);
	if (firmware[0] && trail_hash(firmware, strlen(firmware), hash) == 0)
		memcpy(machine_id + 8, hash, 8);
}

static void learn_host(struct ledger *ledger)
{
	read_word("/etc/machine-id", ledger->host_id, sizeof(ledger->host_id));
	read_word("/proc/sys/kernel/hostname", ledger->host_name, sizeof(ledger->host_name));
	read_word("/proc/sys/kernel/random/boot_id", ledger->boot_id, sizeof(ledger->boot_id));
}

static const char *trail_problem(int r, const struct trail_recovery *recovery)
{
	switch (r) {
	case -EBUSY:
		return "another recorder is writing this trail, or to another one with the same --state: stop it, or give this one a --trail of its own";
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

static void say_exposed(const struct trail_exposure *exposure, const char *trail,
			struct buffer *problem)
{
	buffer_printf(
		problem,
		"trail %s: others could take away what is recorded there: the folder %s belongs to uid "
		"%u, and its permissions are %04o. Give it to root (chown root), take their writing away "
		"(chmod go-w), or name another folder",
		trail, exposure->path, (unsigned int)exposure->owner, (unsigned int)exposure->mode);
}

static int open_trail(struct ledger *ledger, const struct record_options *record,
		      struct buffer *problem)
{
	struct trail_options options = { .folder = record->trail,
					 .state = record->state,
					 .queue_bytes = record->queue_bytes,
					 .segment_bytes = record->segment_bytes,
					 .segment_ns = record->segment_s * NS_PER_SECOND,
					 .begin_anew = ledger->recording,
					 .reserve = ledger->recording,
					 .halt_on_full =
						 !ledger->recording || record->halt_on_full };
	const struct trail_retention retention = {
		.floor_ns = { [TRAIL_ROUTINE] = record->retention_routine_s * NS_PER_SECOND,
			      [TRAIL_EVIDENCE] = record->retention_evidence_s * NS_PER_SECOND },
	};
	int r;

	if (ledger->recording && record->retention_bytes)
		options.retention = &retention;
	parse_id(ledger->boot_id, options.boot_id);
	name_machine(ledger, options.machine_id);
	r = trail_writer_open(&options, &ledger->writer, &ledger->recovery);
	if (r == 0 && !ledger->recording && ledger->recovery.old.reason) {
		/* Its first frame is to say so, and only a recorder does. */
		buffer_printf(
			problem,
			"trail %s: it was begun anew, and nothing is in it yet: record to it first",
			record->trail);
		return -EBUSY;
	}
	if (r == 0)
		return 0;
	if (r == -EPERM && ledger->recovery.exposure.path[0] &&
	    !ledger->recovery.exposure.by_owner_above) {
		say_exposed(&ledger->recovery.exposure, record->trail, problem);
		return r;
	}
	buffer_printf(problem, "trail %s: %s", record->trail, trail_problem(r, &ledger->recovery));
	if (r == -EUCLEAN)
		buffer_printf(
			problem,
			" (%s at byte %llu). Nothing was changed: keep this folder as evidence and "
			"record to a new one",
			ledger->recovery.segment[0] ? ledger->recovery.segment : "the key state",
			(unsigned long long)ledger->recovery.damage_offset);
	return r;
}

static int open_redact(struct ledger *ledger, const struct record_options *record,
		       struct buffer *problem)
{
	const struct redact_rules rules = {
		.masks = (const char *const *)record->masks.items,
		.names = (const char *const *)record->mask_names.items,
	};
	struct redact_problem wrong;
	int r = redact_new(&rules, &ledger->redact, &wrong);

	if (r == -EINVAL)
		buffer_printf(problem,
			      "%s: not a POSIX extended regular expression that can be used: %s",
			      wrong.pattern, wrong.words);
	return r;
}

int ledger_open(struct ledger *ledger, const struct record_options *options, struct buffer *problem)
{
	int r;

	learn_host(ledger);
	r = open_redact(ledger, options, problem);
	if (r == 0)
		r = open_trail(ledger, options, problem);
	if (r < 0 && !problem->length)
		buffer_append_string(problem, strerror(-r));
	return r;
}

/* ---- events */

static uint8_t frame_type(enum event event)
{
	switch (event) {
	case EVENT_recorder_start:
		return TRAIL_START;
	case EVENT_recorder_stop:
	case EVENT_log_import: /* nothing is open behind it */
		return TRAIL_STOP;
	case EVENT_recorder_heartbeat:
		return TRAIL_HEARTBEAT;
	case EVENT_recorder_loss:
		return TRAIL_LOSS;
	case EVENT_recorder_recovery:
		return TRAIL_RECOVERY;
	case EVENT_recorder_newchain:
		return TRAIL_NEWCHAIN;
	case EVENT_recorder_pruned:
		return TRAIL_PRUNE;
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

/* A list that lacks one says that it is incomplete: what is too long for it sees to that. */
static size_t add_keys(struct trail_term *terms, size_t count, const struct record *record)
{
	static const char too_long[TRAIL_TERM_LENGTH_MOST + 1];

	for (size_t i = 0; i < record_count(record, FIELD_audit_keys); i++) {
		if (count == TRAIL_TERMS_MOST - 1)
			return add_term(terms, count, TRAIL_TERM_KEY,
					(struct text){ too_long, sizeof(too_long) });
		count = add_term(terms, count, TRAIL_TERM_KEY,
				 record_item(record, FIELD_audit_keys, i));
	}
	return count;
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
	count = add_term(terms, count, TRAIL_TERM_OPERATION,
			 record_text(record, FIELD_api_operation));
	return add_keys(terms, count, record);
}

static void lend_if_known(struct record *record, enum field field, const char *value)
{
	if (value[0])
		record_lend_text(record, field, text_of(value));
}

static void fill_head(struct ledger *ledger, struct record *record, uint64_t sequence)
{
	char id[16 + 1 + PUT_NUMBER_MOST];
	char *at = put_text(id, (struct text){ trail_writer_id(ledger->writer), 16 });

	*at++ = '-';
	at = put_number(at, sequence);
	record_set_text(record, FIELD_event_id, put_between(id, at));
	record_set_number(record, FIELD_event_sequence, sequence);
	lend_if_known(record, FIELD_host_id, ledger->host_id);
	lend_if_known(record, FIELD_host_name, ledger->host_name);
	lend_if_known(record, FIELD_host_boot_id, ledger->boot_id);
}

/* What `verify` is to know of it, beside what it says. */
static void fill_pruned(const struct record *record, struct trail_pruned *pruned)
{
	bool evidence =
		text_equal(record_text(record, FIELD_recorder_pruned_class), TEXT("evidence"));

	pruned->before_frame[evidence ? TRAIL_EVIDENCE : TRAIL_ROUTINE] =
		record_number(record, FIELD_recorder_pruned_before);
}

int ledger_write(struct ledger *ledger, struct record *record)
{
	struct trail_term terms[TRAIL_TERMS_MOST];
	struct trail_pruned pruned = {};
	struct trail_entry entry = { .type = frame_type(record->event), .terms = terms };
	uint64_t severity = record_number(record, FIELD_event_severity);
	int r = redact_record(ledger->redact, record);

	fill_head(ledger, record, trail_writer_next_sequence(ledger->writer));
	buffer_clear(&ledger->line);
	record_append_json(record, &ledger->line);
	if (r < 0 || record->error || ledger->line.error)
		return -ENOMEM;
	entry.class = severity >= 25 ? TRAIL_EVIDENCE : TRAIL_ROUTINE;
	entry.urgent = severity >= 75;
	entry.time_ns = record_number(record, FIELD_timestamp);
	entry.line = ledger->line.data;
	entry.length = ledger->line.length;
	entry.term_count = collect_terms(record, terms);
	if (entry.type == TRAIL_PRUNE) {
		fill_pruned(record, &pruned);
		entry.pruned = &pruned;
	}
	return trail_writer_append(ledger->writer, &entry);
}

int ledger_close(struct ledger *ledger)
{
	int r = trail_writer_close(ledger->writer);

	redact_free(ledger->redact);
	buffer_free(&ledger->line);
	*ledger = (struct ledger){};
	return r;
}
