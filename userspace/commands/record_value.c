// SPDX-License-Identifier: Apache-2.0
#include "commands/record_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int record_value_set(char **place, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*place);
	*place = copy;
	return 0;
}

int record_value_add(struct string_list *list, const char *value)
{
	if (list->count >= RECORD_LIST_MOST)
		return -E2BIG;
	list->items[list->count] = strdup(value);
	if (!list->items[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

void record_value_clear(struct string_list *list)
{
	while (list->count > 0) {
		list->count--;
		free(list->items[list->count]);
		list->items[list->count] = NULL;
	}
}

static int parse_number(const char *value, const char *units, uint64_t least, uint64_t most,
			uint64_t *ret)
{
	unsigned long long number;
	const char *unit;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || end == value || *value == '-')
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		unsigned int shift = 10 * ((unsigned int)(unit - units) + 1);

		if (number > UINT64_MAX >> shift)
			return -ERANGE;
		number <<= shift;
		end++;
	}
	if (*end || number < least || number > most)
		return -ERANGE;
	*ret = number;
	return 0;
}

int record_value_size(const char *value, uint64_t least, uint64_t most, uint64_t *ret)
{
	return parse_number(value, "KMGT", least, most, ret);
}

int record_value_number(const char *value, uint32_t least, uint32_t most, uint32_t *ret)
{
	uint64_t number;
	int r = parse_number(value, "KM", least, most, &number);

	if (r == 0)
		*ret = (uint32_t)number;
	return r;
}

bool record_value_is_rung(const char *value)
{
	return strcmp(value, "fentry") == 0 || strcmp(value, "tracepoint") == 0;
}

int record_value_audit(const char *value, enum record_audit *ret)
{
	static const char *const words[] = { "auto", "on", "off", "daemon" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i], value) == 0) {
			*ret = (enum record_audit)i;
			return 0;
		}
	return -EINVAL;
}
