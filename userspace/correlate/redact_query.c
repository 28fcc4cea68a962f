// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/http_head.h"
#include "correlate/operations.h"
#include "correlate/redact_private.h"

#define MOST_NAME_BYTES 64 /* of a query parameter that is not named */

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

static void append_path(const struct redact *redact, struct text path, bool encoded, bool cut,
			struct buffer *ret)
{
	_cleanup_buffer_ struct buffer decoded = {}, masked = {};
	struct text text;

	if (!encoded || path.length == 0 || !memchr(path.data, '%', path.length)) {
		redact_text(redact, path, cut, ret);
		return;
	}
	operation_decode(&decoded, path, false);
	text = (struct text){ decoded.data, decoded.length };
	if (!decoded.error)
		redact_text(redact, text, cut, &masked);
	if (decoded.error || masked.error)
		ret->error = decoded.error ?: masked.error;
	else if (text_equal(text, (struct text){ masked.data, masked.length }))
		buffer_append(ret, path.data, path.length);
	else
		encode((struct text){ masked.data, masked.length }, ret);
}

void redact_path(const struct redact *redact, struct text path, bool encoded, struct buffer *ret)
{
	append_path(redact, path, encoded, path.length >= REDACT_MAY_BE_CUT_BYTES, ret);
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
		redact_address(redact, decoded, &masked);
	else if (text_equal(name, TEXT("changes")))
		redact_change(redact, decoded, &masked);
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
			     struct text parameter, bool form, struct buffer *ret)
{
	const char *equals = memchr(parameter.data, '=', parameter.length);
	size_t length = equals ? (size_t)(equals - parameter.data) : parameter.length;
	struct text raw = { parameter.data, length }, value = {};
	_cleanup_buffer_ struct buffer name = {};
	struct text decoded;
	bool keeps;

	if (equals)
		value = (struct text){ equals + 1, parameter.length - length - 1 };
	operation_decode(&name, raw, true);
	if (name.error) {
		ret->error = name.error;
		return;
	}
	decoded = (struct text){ name.data, name.length };
	keeps = equals && operation_keeps(operation, decoded);
	if (form && !keeps) {
		redact_mask(ret, parameter);
		return;
	}
	if (raw.length > MOST_NAME_BYTES)
		redact_mask(ret, raw);
	else
		buffer_append(ret, raw.data, raw.length);
	if (!equals)
		return;
	buffer_append_char(ret, '=');
	if (keeps)
		append_value(redact, decoded, value, ret);
	else
		redact_mask(ret, value);
}

static void append_parameters(const struct redact *redact, const struct operation *operation,
			      struct text query, bool form, struct buffer *ret)
{
	while (query.length > 0) {
		const char *next = memchr(query.data, '&', query.length);
		size_t length = next ? (size_t)(next - query.data) : query.length;

		if (length > 0)
			append_parameter(redact, operation, (struct text){ query.data, length },
					 form, ret);
		if (!next)
			break;
		buffer_append_char(ret, '&');
		query.data += length + 1;
		query.length -= length + 1;
	}
}

void redact_query(const struct redact *redact, const struct operation *operation, struct text query,
		  struct buffer *ret)
{
	append_parameters(redact, operation, query, false, ret);
}

void redact_form(const struct redact *redact, const struct operation *operation, struct text form,
		 struct buffer *ret)
{
	append_parameters(redact, operation, form, true, ret);
}

/* What tells another protocol; these bytes are no secret of anybody's. */
static const struct {
	const char *start;
	size_t length;
} protocols[] = { { "SSH-2.0-", 8 }, { "\x16\x03\x01", 3 }, { "\x16\x03\x03", 3 }, { "\x80", 1 } };

static void mask_garbage(struct text raw, struct buffer *ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protocols) && !kept; i++)
		if (raw.length >= protocols[i].length &&
		    memcmp(raw.data, protocols[i].start, protocols[i].length) == 0)
			kept = protocols[i].length;
	buffer_append(ret, raw.data, kept);
	redact_mask(ret, (struct text){ raw.data + kept, raw.length - kept });
}

/*
 * The length of a method in front of a target, or 0. "PASS hunter2" has the looks of one, but no
 * target begins so.
 */
static size_t method_length(struct text line)
{
	static const char *const methods[] = { "GET ",    "HEAD ",  "POST ",    "PUT ",
					       "DELETE ", "PATCH ", "OPTIONS ", "CONNECT ",
					       "TRACE ",  "PRI " };

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		size_t method = strlen(methods[i]);
		struct text target = { line.data + method, line.length - method };

		if (line.length <= method || memcmp(line.data, methods[i], method) != 0)
			continue;
		if (target.data[0] == '/' || target.data[0] == '*' ||
		    (target.length > 7 && memcmp(target.data, "http://", 7) == 0))
			return method - 1;
	}
	return 0;
}

static size_t run_to(struct text text, size_t start, const char *stop)
{
	while (start < text.length && !(text.data[start] && strchr(stop, text.data[start])))
		start++;
	return start;
}

/* "METHOD target HTTP/1.1", or what of it there is: without the query. */
static void append_first_line(const struct redact *redact, struct text line, bool cut,
			      struct buffer *ret)
{
	size_t target = method_length(line) + 1, end = run_to(line, target, "? ");

	buffer_append(ret, line.data, target);
	append_path(redact, (struct text){ line.data + target, end - target }, true,
		    cut && end == line.length, ret);
	if (end < line.length && line.data[end] == '?') {
		target = end + 1;
		end = run_to(line, target, " ");
		buffer_append_char(ret, '?');
		redact_mask(ret, (struct text){ line.data + target, end - target });
	}
	line = (struct text){ line.data + end, line.length - end };
	if (line.length == 9 && memcmp(line.data, " HTTP/1.", 8) == 0)
		buffer_append(ret, line.data, line.length);
	else
		redact_mask(ret, line);
}

void redact_raw(const struct redact *redact, struct text raw, struct buffer *ret)
{
	bool first = true;

	if (raw.length == 0)
		return;
	if (method_length(raw) == 0) {
		mask_garbage(raw, ret);
		return;
	}
	while (raw.length > 0) {
		const char *feed = memchr(raw.data, '\n', raw.length);
		size_t length = feed ? (size_t)(feed - raw.data) : raw.length;
		struct text line = { raw.data, length };
		size_t end;

		if (line.length > 0 && line.data[line.length - 1] == '\r')
			line.length--;
		end = line.length;
		if (first) {
			append_first_line(redact, line, !feed, ret);
		} else if (end == 0) {
			/* The body. */
			redact_mask(ret, raw);
			return;
		} else {
			redact_header(redact, line, ret);
		}
		first = false;
		length += feed ? 1 : 0;
		buffer_append(ret, raw.data + end, length - end);
		raw.data += length;
		raw.length -= length;
	}
}
