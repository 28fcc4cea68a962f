// SPDX-License-Identifier: Apache-2.0
/* A first line as an expression, and the rest as the line of a trail that it is asked about. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "event/filter.h"
#include "event/json.h"
#include "event/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const char *text, const struct filter_error *error)
{
	if (error->column < 1 || error->column > strlen(text) + 1)
		abort();
	for (const char *c = error->message; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record *record;
	const uint8_t *newline = memchr(data, '\n', size);
	size_t length = newline ? (size_t)(newline - data) : size;
	struct filter_error error = {};
	struct filter *filter = NULL;
	char *text;
	int r;

	if (!record && record_new(&record) < 0)
		return 0;
	text = strndup((const char *)data, length);
	if (!text)
		return 0;
	r = filter_compile(text, &filter, &error);
	if (r == -EINVAL)
		check_refusal(text, &error);
	else if (r == 0 && newline &&
		 record_parse_json(record, (const char *)newline + 1, size - length - 1) == 0)
		filter_match(filter, record);
	filter_free(filter);
	free(text);
	return 0;
}
