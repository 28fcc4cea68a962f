// SPDX-License-Identifier: Apache-2.0
#include "commands/record_config.h"

#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "commands/record_sockets.h"
#include "commands/record_value.h"
#include "correlate/redact.h"
#include "output/escape.h"

#define LINE_MOST 198 /* bytes, as inih is built: INI_MAX_LINE, the newline, a zero */

/* A ring is a power of two and at least a page (bpf_map_alloc of BPF_MAP_TYPE_RINGBUF). */
static int parse_ring(const char *value, uint32_t *ret)
{
	int r = record_value_number(value, 4096, 1u << 30, ret);

	return r < 0 ? r : *ret & (*ret - 1) ? -ERANGE : 0;
}

static int parse_either(const char *value, const char *no, const char *yes, bool *ret)
{
	*ret = strcmp(value, yes) == 0;
	return *ret || strcmp(value, no) == 0 ? 0 : -EINVAL;
}

/* Whether the redaction will take it: asked here, where the line is still known. */
static int check_mask(const char *value, struct redact_problem *ret_problem)
{
	const char *const values[] = { value, NULL };
	const struct redact_rules rules = { .masks = values, .names = values };
	struct redact *redact = NULL;
	int r = redact_new(&rules, &redact, ret_problem);

	if (r == 0)
		redact_free(redact);
	return r;
}

static int add_mask(struct string_list *list, const char *value)
{
	struct redact_problem problem;
	int r = check_mask(value, &problem);

	return r < 0 ? r : record_value_add(list, value);
}

#define RETENTION_MOST_S     (100u * 366 * 24 * 3600)
#define RETENTION_MOST_BYTES (1ull << 50)

enum {
	WANT_PATH,
	WANT_PATHS,
	WANT_PORTS,
	WANT_RUNG,
	WANT_MASKS,
	WANT_NUMBER,
	WANT_SIZE,
	WANT_RING,
	WANT_BOOLEAN,
	WANT_AUDIT,
	WANT_ON_FULL
};

/* The keys of the configuration file. Lists are given by repeating the key. */
static const struct key {
	const char *name;
	int want;
	size_t offset;
	uint32_t least, most;
	const char *expected;
} keys[] = {
#define AT(member) offsetof(struct record_options, member)
	{ "trail", WANT_PATH, AT(trail), 0, 0, "an absolute path" },
	{ "state", WANT_PATH, AT(state), 0, 0, "an absolute path" },
	{ "socket", WANT_PATHS, AT(sockets), 0, 0, "an absolute path" },
	{ "connects", WANT_PATHS, AT(connects), 0, 0, "an absolute path" },
	{ "port", WANT_PORTS, AT(ports), 0, 0, "a TCP port, 1 to 65535" },
	{ "engine_root", WANT_PATHS, AT(engine_roots), 0, 0, "an absolute path" },
	{ "mask", WANT_MASKS, AT(masks), 0, 0,
	  "a POSIX extended regular expression of at most 256 bytes, without back references" },
	{ "mask_name", WANT_MASKS, AT(mask_names), 0, 0,
	  "a POSIX extended regular expression of at most 256 bytes, without back references" },
	{ "rung", WANT_RUNG, AT(rung), 0, 0, "fentry or tracepoint" },
	{ "ring_state", WANT_RING, AT(ring_bytes[WIRE_RING_state]), 0, 0,
	  "bytes, a power of two from 4K on" },
	{ "ring_api", WANT_RING, AT(ring_bytes[WIRE_RING_api]), 0, 0,
	  "bytes, a power of two from 4K on" },
	{ "ring_noise", WANT_RING, AT(ring_bytes[WIRE_RING_noise]), 0, 0,
	  "bytes, a power of two from 4K on" },
	{ "volume", WANT_NUMBER, AT(volume_bytes), 4096, 16u << 20,
	  "bytes kept of one turn, 4K to 16M" },
	{ "heartbeat", WANT_NUMBER, AT(heartbeat_s), 1, 3600, "seconds, 1 to 3600" },
	{ "host_capabilities", WANT_BOOLEAN, AT(host_capabilities), 0, 0, "yes or no" },
	{ "sweep", WANT_NUMBER, AT(sweep_s), 0, 3600, "seconds, 0 to 3600" },
	{ "audit", WANT_AUDIT, AT(audit), 0, 0, "auto, on, off or daemon" },
	{ "queue", WANT_NUMBER, AT(queue_bytes), 1u << 20, 1u << 30, "bytes, 1M to 1024M" },
	{ "on_full", WANT_ON_FULL, AT(halt_on_full), 0, 0, "degrade or halt" },
	{ "checkpoint", WANT_NUMBER, AT(checkpoint_s), 0, 24 * 3600, "seconds, 0 to 86400" },
	{ "segment_size", WANT_NUMBER, AT(segment_bytes), 4096, 1u << 30, "bytes, 4K to 1024M" },
	{ "retention_size", WANT_SIZE, AT(retention_bytes), 0, 0,
	  "bytes, up to 1024T; 0: nothing is ever dropped" },
	{ "retention_routine", WANT_NUMBER, AT(retention_routine_s), 0, RETENTION_MOST_S,
	  "seconds, 0 to 3162240000" },
	{ "retention_evidence", WANT_NUMBER, AT(retention_evidence_s), 0, RETENTION_MOST_S,
	  "seconds, 0 to 3162240000" },
	{ "pack", WANT_BOOLEAN, AT(pack), 0, 0, "yes or no" },
	{ "segment_age", WANT_NUMBER, AT(segment_s), 60, 366 * 24 * 3600,
	  "seconds, 60 to 31622400" },
#undef AT
};

static int set_key(struct record_options *options, const struct key *key, const char *value)
{
	void *place = (char *)options + key->offset;
	uint16_t port;

	switch (key->want) {
	case WANT_PATH:
	case WANT_PATHS:
		if (value[0] != '/')
			return -EINVAL;
		return key->want == WANT_PATH ? record_value_set(place, value)
					      : record_value_add(place, value);
	case WANT_PORTS:
		return record_port_parse(value, &port) < 0 ? -EINVAL
							   : record_value_add(place, value);
	case WANT_RUNG:
		return record_value_is_rung(value) ? record_value_set(place, value) : -EINVAL;
	case WANT_MASKS:
		return add_mask(place, value);
	case WANT_RING:
		return parse_ring(value, place);
	case WANT_AUDIT:
		return record_value_audit(value, place);
	case WANT_BOOLEAN:
		return parse_either(value, "no", "yes", place);
	case WANT_SIZE:
		return record_value_size(value, 0, RETENTION_MOST_BYTES, place);
	case WANT_ON_FULL:
		return parse_either(value, "degrade", "halt", place);
	default:
		return record_value_number(value, key->least, key->most, place);
	}
}

struct config_reading {
	struct record_options *options;
	int error;
};

static void say_wrong_mask(const char *file, int line, const char *name, const char *value,
			   size_t column)
{
	_cleanup_buffer_ struct buffer safe = {};
	struct redact_problem problem;

	if (check_mask(value, &problem) != -EINVAL)
		return;
	escape_append(&safe, text_of(value));
	fprintf(stderr,
		"docktrail: %s:%d:%zu: %s = %s: %s: expected a POSIX extended regular expression "
		"of at most %d bytes, without back references\n",
		file, line, column + problem.column - 1, name, buffer_string(&safe) ?: "",
		problem.words, REDACT_MOST_PATTERN_BYTES);
}

/* `column`: where the value begins, from 1. */
static void say_wrong(const char *file, int line, const char *name, const char *value,
		      size_t column)
{
	_cleanup_buffer_ struct buffer safe = {};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0 && keys[i].want == WANT_MASKS) {
			say_wrong_mask(file, line, name, value, column);
			return;
		} else if (strcmp(keys[i].name, name) == 0) {
			escape_append(&safe, text_of(value));
			fprintf(stderr, "docktrail: %s:%d: %s = %s: expected %s\n", file, line,
				name, buffer_string(&safe) ?: "", keys[i].expected);
			return;
		}
	escape_append(&safe, text_of(name));
	fprintf(stderr, "docktrail: %s:%d: there is no key '%s'; known are:", file, line,
		buffer_string(&safe) ?: "");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		fprintf(stderr, " %s", keys[i].name);
	fputc('\n', stderr);
}

/* inih calls this for each `name = value`, in order; 0 says that the line is wrong. */
static int take_line(void *user, const char *section, const char *name, const char *value)
{
	struct config_reading *reading = user;
	int r = -ENOENT;

	for (size_t i = 0; !section[0] && i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			r = set_key(reading->options, &keys[i], value);
	if (r < 0 && !reading->error)
		reading->error = r;
	return r >= 0;
}

/* inih tells only the line's number: find its words again to say what was wrong with them. */
static void explain_line(const char *file, int wanted)
{
	_cleanup_fclose_ FILE *stream = fopen(file, "re");
	char line[4096], name[128] = "", value[3072] = "";
	bool section = false;
	int before = 0;

	for (int number = 1; stream && fgets(line, sizeof(line), stream); number++) {
		section = section || line[strspn(line, " \t")] == '[';
		if (number != wanted)
			continue;
		/* In a section no key is known, whatever its value. */
		if (section)
			break;
		if (sscanf(line, " %127[^ =\t] = %n%3071[^\n]", name, &before, value) >= 1 &&
		    strchr(line, '=')) {
			say_wrong(file, wanted, name, value, (size_t)before + 1);
			return;
		}
	}
	fprintf(stderr,
		"docktrail: %s:%d: expected `key = value`, one to a line, without sections\n", file,
		wanted);
}

/* inih takes the rest of a longer line for the next one, and says nothing. */
static int check_lengths(const char *file)
{
	_cleanup_fclose_ FILE *stream = fopen(file, "re");
	int line = 1, column = 0, c;

	while (stream && (c = getc(stream)) != EOF) {
		if (c == '\n') {
			line++;
			column = 0;
		} else if (++column > LINE_MOST) {
			fprintf(stderr, "docktrail: %s:%d:%d: a line has at most %d bytes\n", file,
				line, column, LINE_MOST);
			return -EINVAL;
		}
	}
	return 0;
}

int record_config_read(struct record_options *options, const char *file, bool required)
{
	struct config_reading reading = { .options = options };
	struct stat status;
	int line, r;

	r = stat(file, &status);
	/* A folder opens, and then reads like an empty file. */
	if (r == 0 && S_ISDIR(status.st_mode)) {
		errno = EISDIR;
		r = -1;
	}
	if (r < 0) {
		if (!required && errno == ENOENT)
			return 0;
		fprintf(stderr, "docktrail: cannot read the configuration %s: %m\n", file);
		return -EINVAL;
	}
	if (check_lengths(file) < 0)
		return -EINVAL;
	line = ini_parse(file, take_line, &reading);
	if (line == -2 || reading.error == -ENOMEM)
		return -ENOMEM;
	if (line < 0) {
		fprintf(stderr, "docktrail: cannot read the configuration %s: %m\n", file);
		return -EINVAL;
	}
	if (line > 0) {
		explain_line(file, line);
		return -EINVAL;
	}
	return record_value_set(&options->config, file);
}
