/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of bpf/events.h as data: what an event is called and made of, what a field is called
 * and holds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/events.h"

#define EVENT_ENUM(name, id, kind, category, type, severity, groups, meaning) EVENT_##name,
enum event { EVENTS(EVENT_ENUM) EVENT_COUNT };
#undef EVENT_ENUM

#define FIELD_ENUM(group, name, type, path, meaning) FIELD_##name,
enum field { FIELDS(FIELD_ENUM) FIELD_COUNT };
#undef FIELD_ENUM

enum {
#define GROUP_BIT(name, bit, meaning) GROUP_##name = 1u << (bit),
	GROUPS(GROUP_BIT)
#undef GROUP_BIT
};

enum field_type { TYPE_str, TYPE_list, TYPE_u64, TYPE_i64, TYPE_bool, TYPE_time };

struct event_row {
	const char *action; /* "socket-connect": the name, with dashes */
	unsigned int id;
	const char *kind, *category, *type; /* ECS */
	unsigned int severity;
	unsigned int groups; /* GROUP_ bits, HEAD included */
	const char *meaning;
};

/* Room for a path and its zero; event/field.c refuses to compile a longer one. */
#define FIELD_PATH_MOST 80

struct field_row {
	const char *path; /* as in JSON, with [] behind a list of objects */
	const char *name; /* as in --where: the path without [] */
	enum field_type type;
	unsigned int group;
	const char *meaning;
};

extern const struct event_row event_rows[EVENT_COUNT];
extern const struct field_row field_rows[FIELD_COUNT];

/* "str", "list", ... */
const char *field_type_name(enum field_type type);

/* Which field has this name (either spelling); FIELD_COUNT if none has. Bounded: a perfect or
 * sorted lookup. */
enum field field_find(const char *name, size_t length);

/* Which event has this action; EVENT_COUNT if none has. */
enum event event_find(const char *action, size_t length);
