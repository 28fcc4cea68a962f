// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/http_head.h"
#include "correlate/operations.h"
#include "correlate/redact_private.h"

#define MOST_NAME_BYTES    64 /* of a query parameter that is not named, or of a header */
#define MOST_GARBAGE_BYTES 4  /* of a first line that is none: enough to tell TLS or SSH */

/* ENV and ARG carry values; with more than one line, or ONBUILD, anything may stand anywhere. */
static void mask_change(const struct redact *redact, struct text change, struct buffer *ret)
{
	size_t start = 0, end;
	struct text word;

	while (start < change.length && isspace((unsigned char)change.data[start]))
		start++;
	end = start;
	while (end < change.length && !isspace((unsigned char)change.data[end]))
		end++;
	word = (struct text){ change.data + start, end - start };
	if (memchr(change.data, '\n', change.length) || memchr(change.data, '\r', change.length) ||
	    (word.length == 7 && strncasecmp(word.data, "ONBUILD", 7) == 0)) {
		redact_mask(ret, change);
		return;
	}
	if (word.length != 3 ||
	    (strncasecmp(word.data, "ENV", 3) != 0 && strncasecmp(word.data, "ARG", 3) != 0)) {
		redact_text(redact, change, false, ret);
		return;
	}
	end += end < change.length;
	buffer_append(ret, change.data, end);
	redact_mask(ret, (struct text){ change.data + end, change.length - end });
}

/* What was decoded, as it may stand in a query. */
static void encode(struct text text, struct buffer *ret)
{
	for (size_t i = 0; i < text.length; i++) {
		uint8_t c = (uint8_t)text.data[i];
		size_t mask = redact_mask_length((struct text){ text.data + i, text.length - i });

		if (mask) {
			buffer_append(ret, text.data + i, mask);
			i += mask - 1;
		} else if (c <= 0x20 || c == 0x7f || strchr("%&+#", (char)c)) {
			buffer_printf(ret, "%%%02X", c);
		} else {
			buffer_append_char(ret, (char)c);
		}
	}
}

/* The value of a parameter that is kept. */
static void append_value(const struct redact *redact, struct text name, struct text raw,
			 struct buffer *ret)
{
	_cleanup_buffer_ struct buffer value = {}, masked = {};
	struct text decoded;

	operation_decode(&value, raw, true);
	decoded = (struct text){ value.data, value.length };
	if (value.length == 0) {
		ret->error = ret->error ?: value.error;
		return;
	}
	if (text_equal(name, TEXT("remote")) || text_equal(name, TEXT("fromSrc")))
		redact_address(decoded, &masked);
	else if (text_equal(name, TEXT("changes")))
		mask_change(redact, decoded, &masked);
	else
		redact_text(redact, decoded, false, &masked);
	if (value.error || masked.error)
		ret->error = value.error ?: masked.error;
	else if (text_equal(decoded, (struct text){ masked.data, masked.length }))
		buffer_append(ret, raw.data, raw.length);
	else
		encode((struct text){ masked.data, masked.length }, ret);
}

static void append_parameter(const struct redact *redact, const struct operation *operation,
			     struct text parameter, struct buffer *ret)
{
	const char *equals = memchr(parameter.data, '=', parameter.length);
	size_t length = equals ? (size_t)(equals - parameter.data) : parameter.length;
	struct text raw = { parameter.data, length }, value = {};
	_cleanup_buffer_ struct buffer name = {};
	struct text decoded;

	if (equals)
		value = (struct text){ equals + 1, parameter.length - length - 1 };
	operation_decode(&name, raw, true);
	if (name.error) {
		ret->error = name.error;
		return;
	}
	decoded = (struct text){ name.data, name.length };
	if (raw.length > MOST_NAME_BYTES)
		redact_mask(ret, raw);
	else
		buffer_append(ret, raw.data, raw.length);
	if (!equals)
		return;
	buffer_append_char(ret, '=');
	if (operation_keeps(operation, decoded))
		append_value(redact, decoded, value, ret);
	else
		redact_mask(ret, value);
}

void redact_query(const struct redact *redact, const struct operation *operation, struct text query,
		  struct buffer *ret)
{
	while (query.length > 0) {
		const char *next = memchr(query.data, '&', query.length);
		size_t length = next ? (size_t)(next - query.data) : query.length;

		if (length > 0)
			append_parameter(redact, operation, (struct text){ query.data, length },
					 ret);
		if (!next)
			break;
		buffer_append_char(ret, '&');
		query.data += length + 1;
		query.length -= length + 1;
	}
}

/* "PASS hunter2" has the looks of a method, but no target begins so. */
static bool begins_target(struct text line, size_t method)
{
	struct text target;

	if (line.length - method < 2 || line.data[method] != ' ')
		return false;
	target = (struct text){ line.data + method + 1, line.length - method - 1 };
	return target.data[0] == '/' || target.data[0] == '*' ||
	       (target.length > 4 && memcmp(target.data, "http", 4) == 0);
}

/*
 * "METHOD target HTTP/1.1", or what of it there is: without the query. Anything else may be the
 * rest of a body, which a client can make of any when it lies about the length.
 */
static void append_first_line(const struct redact *redact, struct text line, struct buffer *ret)
{
	size_t method = 0, mark, end;

	while (method < line.length && isupper((unsigned char)line.data[method]))
		method++;
	if (method < 3 || method > 8 || !begins_target(line, method)) {
		size_t kept =
			line.length / 2 < MOST_GARBAGE_BYTES ? line.length / 2 : MOST_GARBAGE_BYTES;

		redact_text(redact, (struct text){ line.data, kept }, true, ret);
		redact_mask(ret, (struct text){ line.data + kept, line.length - kept });
		return;
	}
	for (mark = method; mark < line.length && line.data[mark] != '?'; mark++)
		;
	redact_text(redact, (struct text){ line.data, mark }, true, ret);
	if (mark == line.length)
		return;
	for (end = ++mark; end < line.length && line.data[end] != ' '; end++)
		;
	buffer_append_char(ret, '?');
	redact_mask(ret, (struct text){ line.data + mark, end - mark });
	line = (struct text){ line.data + end, line.length - end };
	if (line.length == 9 && memcmp(line.data, " HTTP/1.", 8) == 0)
		buffer_append(ret, line.data, line.length);
	else
		redact_mask(ret, line);
}

static void append_header(struct text line, struct buffer *ret)
{
	static const char *const harmless[] = {
		"Host",       "Content-Length",  "Content-Type", "Transfer-Encoding",
		"Connection", "Upgrade",         "Expect",       "User-Agent",
		"Accept",     "Accept-Encoding",
	};
	size_t name = 0;

	while (name < line.length && http_is_token(line.data[name]))
		name++;
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (name < line.length && line.data[name] == ':' && name == strlen(harmless[i]) &&
		    strncasecmp(line.data, harmless[i], name) == 0) {
			buffer_append(ret, line.data, line.length);
			return;
		}
	/* Without a colon there is no name, and it may be the secret itself. */
	if (name == line.length || line.data[name] != ':' || name > MOST_NAME_BYTES) {
		redact_mask(ret, line);
		return;
	}
	buffer_append(ret, line.data, name + 1);
	redact_mask(ret, (struct text){ line.data + name + 1, line.length - name - 1 });
}

void redact_raw(const struct redact *redact, struct text raw, struct buffer *ret)
{
	bool first = true;

	while (raw.length > 0) {
		const char *feed = memchr(raw.data, '\n', raw.length);
		size_t length = feed ? (size_t)(feed - raw.data) : raw.length;
		struct text line = { raw.data, length };
		size_t end;

		if (line.length > 0 && line.data[line.length - 1] == '\r')
			line.length--;
		end = line.length;
		if (first) {
			append_first_line(redact, line, ret);
		} else if (end == 0) {
			/* The body. */
			redact_mask(ret, raw);
			return;
		} else {
			append_header(line, ret);
		}
		first = false;
		length += feed ? 1 : 0;
		buffer_append(ret, raw.data + end, length - end);
		raw.data += length;
		raw.length -= length;
	}
}
