// SPDX-License-Identifier: Apache-2.0
/* What a request asks for in its query: the signal of a kill, the path of what is copied. */
#include <ctype.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "output/tell.h"

static const struct {
	const char *operation, *parameter, *before;
} told[] = {
	{ "ContainerKill", "signal", "signal" },    { "ContainerStop", "signal", "signal" },
	{ "ContainerRestart", "signal", "signal" }, { "ContainerArchive", "path", "path" },
	{ "ContainerArchiveInfo", "path", "path" }, { "PutContainerArchive", "path", "path" },
	{ "ContainerRename", "name", "to" },
};

static unsigned int digit_of(char c)
{
	return isdigit((unsigned char)c) ? (unsigned int)(c - '0')
					 : (unsigned int)(tolower((unsigned char)c) - 'a') + 10;
}

static void decode(struct text text, struct buffer *ret)
{
	for (size_t i = 0; i < text.length; i++) {
		if (text.data[i] == '%' && i + 2 < text.length &&
		    isxdigit((unsigned char)text.data[i + 1]) &&
		    isxdigit((unsigned char)text.data[i + 2])) {
			buffer_append_char(ret, (char)(digit_of(text.data[i + 1]) << 4 |
						       digit_of(text.data[i + 2])));
			i += 2;
		} else {
			buffer_append_char(ret, (char)(text.data[i] == '+' ? ' ' : text.data[i]));
		}
	}
}

static struct text cut_at(struct text *rest, char end)
{
	const char *at = rest->length ? memchr(rest->data, end, rest->length) : NULL;
	struct text piece = { rest->data, at ? (size_t)(at - rest->data) : rest->length };

	rest->data += piece.length + (at != NULL);
	rest->length -= piece.length + (at != NULL);
	return piece;
}

/* The first one of this name, as the engine takes it. Into `ret`, decoded. */
static bool find(struct text query, const char *name, struct buffer *ret)
{
	_cleanup_buffer_ struct buffer decoded = {};

	while (query.length > 0) {
		struct text value = cut_at(&query, '&'), key = cut_at(&value, '=');

		buffer_clear(&decoded);
		decode(key, &decoded);
		if (!text_equal((struct text){ decoded.data, decoded.length }, text_of(name)))
			continue;
		decode(value, ret);
		return true;
	}
	return false;
}

void tell_query(const struct record *record, struct spans *spans)
{
	_cleanup_buffer_ struct buffer value = {};

	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		if (!tell_is(record, FIELD_api_operation, text_of(told[i].operation)))
			continue;
		/* What stands in a form goes before the query. */
		if (!find(record_text(record, FIELD_api_form), told[i].parameter, &value) &&
		    !find(record_text(record, FIELD_url_query), told[i].parameter, &value))
			return;
		if (value.error && !spans->bytes.error)
			spans->bytes.error = value.error;
		if (value.length == 0)
			return;
		spans_add(spans, STYLE_dim, 2, text_of(told[i].before));
		spans_add_argument(spans, STYLE_plain, 1,
				   (struct text){ value.data, value.length });
		return;
	}
}
