// SPDX-License-Identifier: Apache-2.0
#include "event/filter_tree.h"

#include <stdio.h>

#define SUGGESTIONS 2
#define NAME_MOST   FIELD_PATH_MOST

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* How many characters must be put in, left out or changed (Levenshtein 1966), or more than `most`.
 */
static size_t distance(struct text a, struct text b, size_t most)
{
	size_t row[NAME_MOST + 1];

	if (a.length > b.length + most || b.length > a.length + most)
		return most + 2;
	for (size_t j = 0; j <= b.length; j++)
		row[j] = j;
	for (size_t i = 0; i < a.length; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b.length; j++) {
			size_t above = row[j + 1];

			row[j + 1] = smallest(above + 1, row[j] + 1,
					      diagonal + (a.data[i] != b.data[j]));
			diagonal = above;
		}
	}
	return row[b.length];
}

/* The nearest of the whole name and what is left of it behind each dot: people forget where a name
 * hangs.
 */
static size_t distance_to_name(struct text wanted, const char *name, size_t most)
{
	size_t best = 2 * distance(wanted, text_of(name), most);

	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
		size_t part = 2 * distance(wanted, text_of(dot + 1), most) + 2;

		if (part < best)
			best = part;
	}
	return best;
}

/* Puts a field among the best that were found so far; returns how many there are. */
static size_t keep_nearest(const char **best, size_t *distances, const char *name, size_t away)
{
	size_t at = SUGGESTIONS;

	while (at > 0 && (!best[at - 1] || distances[at - 1] > away))
		at--;
	if (at < SUGGESTIONS) {
		for (size_t i = SUGGESTIONS - 1; i > at; i--) {
			best[i] = best[i - 1];
			distances[i] = distances[i - 1];
		}
		best[at] = name;
		distances[at] = away;
	}
	at = 0;
	while (at < SUGGESTIONS && best[at])
		at++;
	return at;
}

/* A field that hangs under this name, or NULL. */
static const char *first_of_group(struct text name)
{
	for (unsigned int field = 0; field < FIELD_COUNT; field++) {
		const char *path = field_rows[field].path, *plain = field_rows[field].name;

		if (!strncmp(plain, name.data, name.length) && plain[name.length] == '.')
			return plain;
		if (!strncmp(path, name.data, name.length) && path[name.length] == '.')
			return plain;
	}
	return NULL;
}

int filter_refuse_name(struct filter_parser *parser)
{
	struct text name = parser->token.text;
	struct filter_excerpt excerpt = filter_excerpt(name);
	const char *best[SUGGESTIONS] = {}, *member;
	size_t distances[SUGGESTIONS] = {}, count = 0, start = parser->token.start;
	size_t most = name.length / 3; /* farther than that is a guess and no help */

	if (name.length < NAME_MOST && !memchr(name.data, '\0', name.length)) {
		member = first_of_group(name);
		if (member)
			return filter_refuse(parser, start,
					     "%s is a group of fields: name one of them, such as "
					     "%s",
					     excerpt.text, member);
		for (unsigned int field = 0; field < FIELD_COUNT; field++) {
			size_t away = distance_to_name(name, field_rows[field].name, most);

			if (away <= 2 * most + 2)
				count = keep_nearest(best, distances, field_rows[field].name, away);
		}
	}
	if (count == 0)
		return filter_refuse(parser, start,
				     "unknown field %s: `docktrail events` lists the fields",
				     excerpt.text);
	if (count == 1 || distances[1] > distances[0] + 1 ||
	    strlen(excerpt.text) + strlen(best[0]) + strlen(best[1]) > 120)
		return filter_refuse(parser, start, "unknown field %s: did you mean %s?",
				     excerpt.text, best[0]);
	return filter_refuse(parser, start, "unknown field %s: did you mean %s or %s?",
			     excerpt.text, best[0], best[1]);
}
