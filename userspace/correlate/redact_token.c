// SPDX-License-Identifier: Apache-2.0
/* Secrets that are known by how they begin. */
#include <string.h>

#include "correlate/redact_private.h"

size_t redact_take_token(struct text text, bool cut, struct buffer *ret)
{
	const struct redact_token *token = redact_find_token(text);
	size_t length = token ? token->prefix.length : 0;

	if (!token)
		return 0;
	while (length < text.length &&
	       (redact_is_name(text.data[length]) || strchr("+/=~", text.data[length])) &&
	       text.data[length])
		length++;
	if (length - token->prefix.length < token->least && !(cut && length == text.length))
		return 0;
	redact_mask(ret, (struct text){ text.data, length });
	return length;
}

size_t redact_take_bearer(struct text text, struct buffer *ret)
{
	size_t at = 6, length;

	if (!redact_begins_with(text, "bearer") || text.length < 8 ||
	    !redact_is_space(text.data[6]))
		return 0;
	while (at < text.length && redact_is_space(text.data[at]))
		at++;
	length = redact_run_until(redact_skip(text, at), " \t\r\n\"'`");
	if (length < 8)
		return 0;
	buffer_append(ret, text.data, at);
	redact_mask(ret, (struct text){ text.data + at, length });
	return at + length;
}

size_t redact_take_private_key(struct text text, struct buffer *ret)
{
	static const char begin[] = "-----BEGIN ", end[] = "-----END ", key[] = "PRIVATE KEY";
	const char *found, *stop;
	size_t label, body;

	if (!redact_begins_with(text, begin))
		return 0;
	found = memmem(text.data, text.length < 80 ? text.length : 80, key, sizeof(key) - 1);
	if (!found)
		return 0;
	label = (size_t)(found - text.data) + sizeof(key) - 1;
	/* PGP: PRIVATE KEY BLOCK */
	while (label < text.length && text.data[label] && strchr(" BLOCK-", text.data[label]))
		label++;
	stop = memmem(text.data + label, text.length - label, end, sizeof(end) - 1);
	body = stop ? (size_t)(stop - text.data) - label : text.length - label;
	buffer_append(ret, text.data, label);
	redact_mask(ret, (struct text){ text.data + label, body });
	return label + body;
}
