// SPDX-License-Identifier: Apache-2.0
#include "event/field.h"

#include <stdlib.h>
#include <string.h>

/*
 * What a row is called is the table's word with a character changed or left out, which the
 * preprocessor cannot do: the words stand in writable memory that the rows point to, and are made
 * ready before main().
 */
static struct {
#define ACTION_ROOM(name, id, kind, category, type, severity, groups, meaning)                     \
	char name[sizeof(#name)];
	EVENTS(ACTION_ROOM)
#undef ACTION_ROOM
} actions = {
#define ACTION_WORD(name, id, kind, category, type, severity, groups, meaning) #name,
	EVENTS(ACTION_WORD)
#undef ACTION_WORD
};

static struct {
#define NAME_ROOM(group, name, type, path, meaning) char name[sizeof(path)];
	FIELDS(NAME_ROOM)
#undef NAME_ROOM
} names = {
#define NAME_WORD(group, name, type, path, meaning) path,
	FIELDS(NAME_WORD)
#undef NAME_WORD
};

/* Inside a row the groups go by their names in the table. */
enum {
#define GROUP_WORD(name, bit, meaning) name = 1u << (bit),
	GROUPS(GROUP_WORD)
#undef GROUP_WORD
};

const struct event_row event_rows[EVENT_COUNT] = {
#define EVENT_ROW(name, id, kind, category, type, severity, groups, meaning)                       \
	{ actions.name, id, kind, category, type, severity, HEAD | (groups), meaning },
	EVENTS(EVENT_ROW)
#undef EVENT_ROW
};

const struct field_row field_rows[FIELD_COUNT] = {
#define FIELD_ROW(group, name, type, path, meaning)                                                \
	{ path, names.name, TYPE_##type, group, meaning },
	FIELDS(FIELD_ROW)
#undef FIELD_ROW
};

/* A longer path does not fit the texts that event/nesting.c makes of it. */
#define FIELD_SHORT(group, name, type, path, meaning)                                              \
	_Static_assert(sizeof(path) <= FIELD_PATH_MOST, "too long: " path);
FIELDS(FIELD_SHORT)
#undef FIELD_SHORT

static enum field by_name[FIELD_COUNT];
static size_t action_lengths[EVENT_COUNT];

static int compare_names(const void *a, const void *b)
{
	return strcmp(field_rows[*(const enum field *)a].name,
		      field_rows[*(const enum field *)b].name);
}

static void take_out_brackets(char *name)
{
	char *to = name;

	for (const char *from = name; *from; from++)
		if (*from != '[' && *from != ']')
			*to++ = *from;
	*to = '\0';
}

static void to_dashes(char *word)
{
	for (; *word; word++)
		if (*word == '_')
			*word = '-';
}

__attribute__((constructor)) static void make_words(void)
{
#define ACTION_DASHES(name, id, kind, category, type, severity, groups, meaning)                   \
	to_dashes(actions.name);
	EVENTS(ACTION_DASHES)
#undef ACTION_DASHES
#define NAME_PLAIN(group, name, type, path, meaning) take_out_brackets(names.name);
	FIELDS(NAME_PLAIN)
#undef NAME_PLAIN
	for (unsigned int i = 0; i < EVENT_COUNT; i++)
		action_lengths[i] = strlen(event_rows[i].action);
	for (unsigned int i = 0; i < FIELD_COUNT; i++)
		by_name[i] = (enum field)i;
	qsort(by_name, FIELD_COUNT, sizeof(by_name[0]), compare_names);
}

const char *field_type_name(enum field_type type)
{
	static const char *const type_names[] = {
		[TYPE_str] = "str", [TYPE_list] = "list", [TYPE_u64] = "u64",
		[TYPE_i64] = "i64", [TYPE_bool] = "bool", [TYPE_time] = "time",
	};

	return type_names[type];
}

enum field field_find(const char *name, size_t length)
{
	char plain[FIELD_PATH_MOST];
	size_t low = 0, high = FIELD_COUNT;

	if (length >= sizeof(plain) || memchr(name, '\0', length))
		return FIELD_COUNT;
	memcpy(plain, name, length);
	plain[length] = '\0';
	take_out_brackets(plain);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		enum field field = by_name[middle];
		int order = strcmp(plain, field_rows[field].name);

		if (order < 0)
			high = middle;
		else if (order > 0)
			low = middle + 1;
		else if (strlen(plain) == length || (strlen(field_rows[field].path) == length &&
						     !memcmp(field_rows[field].path, name, length)))
			return field;
		else
			return FIELD_COUNT;
	}
	return FIELD_COUNT;
}

enum event event_find(const char *action, size_t length)
{
	for (unsigned int event = 0; event < EVENT_COUNT; event++)
		if (action_lengths[event] == length &&
		    !memcmp(event_rows[event].action, action, length))
			return (enum event)event;
	return EVENT_COUNT;
}
