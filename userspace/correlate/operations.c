// SPDX-License-Identifier: Apache-2.0
#include "correlate/operations.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/http_target.h"

static const struct operation operations[] = {
#define OPERATION(method, path, id, target, severity, declares, query)                             \
	{ #method, path, #id, #target, severity, OPERATION_DECLARES_##declares, query },
	OPERATIONS(OPERATION)
#undef OPERATION
};

const struct operation *operation_all(size_t *ret_count)
{
	*ret_count = ARRAY_SIZE(operations);
	return operations;
}

void operation_match_free(struct operation_match *match)
{
	if (match)
		buffer_free(&match->path);
}

bool operation_decode(struct buffer *buffer, struct text text, bool plus)
{
	bool whole = true;

	/* Most have nothing to be decoded. */
	if (text.length == 0 || (!memchr(text.data, '%', text.length) &&
				 !(plus && memchr(text.data, '+', text.length)))) {
		buffer_append(buffer, text.data, text.length);
		return true;
	}
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];
		int high, low;

		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			high = i + 1 < text.length ? http_hex_digit(text.data[i + 1]) : -1;
			low = i + 2 < text.length ? http_hex_digit(text.data[i + 2]) : -1;
			if (high >= 0 && low >= 0) {
				c = (char)(high << 4 | low);
				i += 2;
			} else {
				whole = false;
			}
		}
		buffer_append_char(buffer, c);
	}
	return whole;
}

/* path.Clean() of Go, and a slash at the end stays (mux.cleanPath). In place; begins with '/'. */
static size_t clean(char *path, size_t length)
{
	size_t in = 0, out = 0;
	bool slash = path[length - 1] == '/';

	while (in < length) {
		size_t start, part;

		while (in < length && path[in] == '/')
			in++;
		start = in;
		while (in < length && path[in] != '/')
			in++;
		part = in - start;
		if (part == 0 || (part == 1 && path[start] == '.'))
			continue;
		if (part == 2 && path[start] == '.' && path[start + 1] == '.') {
			while (out > 0 && path[--out] != '/')
				;
			continue;
		}
		path[out++] = '/';
		memmove(path + out, path + start, part);
		out += part;
	}
	if (out == 0 || (slash && path[out - 1] != '/'))
		path[out++] = '/';
	return out;
}

/* Does the path follow the row's? The first {...} goes to *ret_target. */
static bool follows(const char *row, struct text path, struct text *ret_target)
{
	struct text target = {};
	const char *p = path.data, *end = path.data + path.length;

	while (*row) {
		const char *start = p, *close;
		bool greedy;
		size_t tail;

		if (*row != '{') {
			if (p == end || *p++ != *row++)
				return false;
			continue;
		}
		close = strchr(row, '}') + 1;
		greedy = close[-2] == '.';
		if (greedy) {
			/* Nothing but plain text stands behind a greedy one; `.*` takes no newline.
			 */
			tail = strlen(close);
			if ((size_t)(end - p) < tail)
				return false;
			p = end - tail;
			if (p > start && memchr(start, '\n', (size_t)(p - start)))
				return false;
		} else {
			while (p < end && *p != '/')
				p++;
			if (p == start)
				return false;
		}
		if (!target.data)
			target = (struct text){ start, (size_t)(p - start) };
		row = close;
	}
	if (p != end)
		return false;
	*ret_target = target;
	return true;
}

/* "/v1.41/...": digits and dots, as the engine's versionMatcher has it. */
static struct text skip_version(struct operation_match *match, struct text path)
{
	size_t i = 2;

	if (path.length < 4 || path.data[1] != 'v')
		return path;
	while (i < path.length &&
	       ((path.data[i] >= '0' && path.data[i] <= '9') || path.data[i] == '.'))
		i++;
	if (i == 2 || i == path.length || path.data[i] != '/')
		return path;
	match->version = (struct text){ path.data + 2, i - 2 };
	return (struct text){ path.data + i, path.length - i };
}

/* Most rows differ in a byte or two; this runs for every request. */
static bool may_be(const struct operation *row, struct text method, struct text path)
{
	return method.length > 1 && method.data[0] == row->method[0] &&
	       method.data[1] == row->method[1] && path.length > 2 &&
	       path.data[1] == row->path[1] && path.data[2] == row->path[2];
}

int operation_find(struct operation_match *match, struct text method, struct text target)
{
	struct buffer path = match->path;
	struct http_target split;
	struct text rest;
	size_t length;

	buffer_clear(&path);
	*match = (struct operation_match){ .path = path };
	match->refused = !http_target_split(method, target, &split);
	match->raw_path = split.path;
	match->query = split.query;
	operation_decode(&match->path, match->raw_path, false);
	if (match->path.error)
		return match->path.error;
	if (match->refused ||
	    (text_equal(method, TEXT("OPTIONS")) && text_equal(target, TEXT("*"))))
		return 0; /* server.go: globalOptionsHandler */
	length = match->path.length;
	if (length == 0 || match->path.data[0] != '/') {
		match->redirected = true;
		return 0;
	}
	match->path.length = clean(match->path.data, length);
	match->redirected = match->path.length != length;
	if (match->redirected)
		return 0;
	rest = skip_version(match, (struct text){ match->path.data, match->path.length });
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		if (may_be(&operations[i], method, rest) &&
		    text_equal(method, text_of(operations[i].method)) &&
		    follows(operations[i].path, rest, &match->target)) {
			match->operation = &operations[i];
			break;
		}
	return 0;
}

unsigned operation_severity(const struct operation_match *match, struct text method)
{
	if (match->operation)
		return match->operation->severity;
	return text_equal(method, TEXT("GET")) || text_equal(method, TEXT("HEAD")) ||
			       text_equal(method, TEXT("OPTIONS"))
		       ? 0
		       : 25;
}

bool operation_may_take_over(const struct operation *operation)
{
	return operation &&
	       (strcmp(operation->id, "ContainerAttach") == 0 ||
		strcmp(operation->id, "ContainerAttachWebsocket") == 0 ||
		strcmp(operation->id, "ExecStart") == 0 || strcmp(operation->id, "Session") == 0 ||
		strcmp(operation->id, "GRPC") == 0);
}

bool operation_keeps(const struct operation *operation, struct text name)
{
	const char *p = operation ? operation->query : "";

	/* A name with a space in it would match two. */
	if (name.length == 0 || memchr(name.data, ' ', name.length))
		return false;
	while ((p = memmem(p, strlen(p), name.data, name.length))) {
		if (p[-1] == ' ' && p[name.length] == ' ')
			return true;
		p++;
	}
	return false;
}
