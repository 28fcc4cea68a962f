// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/redact_private.h"

/* [address:][port[-port]:]port[-port][/protocol], nothing above 65535. */
bool redact_is_port(struct text text)
{
	static const char *const protocols[] = { "/tcp", "/udp", "/sctp" };
	unsigned long number = 0;
	size_t digits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		size_t length = strlen(protocols[i]);

		if (text.length > length &&
		    memcmp(text.data + text.length - length, protocols[i], length) == 0) {
			text.length -= length;
			break;
		}
	}
	if (text.length > 2 && text.data[0] == '[') {
		const char *end = memchr(text.data, ']', text.length);

		if (!end || end - text.data > 46)
			return false;
		for (const char *p = text.data + 1; p < end; p++)
			if (!isxdigit((unsigned char)*p) && *p != ':' && *p != '.')
				return false;
		text.length -= (size_t)(end + 1 - text.data);
		text.data = end + 1;
	}
	if (text.length == 0 || text.length > 40 ||
	    !isdigit((unsigned char)text.data[text.length - 1]))
		return false;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		if (isdigit((unsigned char)c)) {
			number = number * 10 + (unsigned long)(c - '0');
			if (++digits > 5 || number > 65535)
				return false;
		} else if (c == ':' || c == '-' || c == '.') {
			digits = 0;
			number = 0;
		} else {
			return false;
		}
	}
	return true;
}

/* NAME=value: the name stays, if it is one. Without '=' only what cannot but be one. */
void redact_pair(struct text pair, struct buffer *ret)
{
	const char *equals = pair.length ? memchr(pair.data, '=', pair.length) : NULL;
	size_t name = equals ? (size_t)(equals - pair.data) : pair.length;
	bool plain = name > 0 && name <= 64 && !isdigit((unsigned char)pair.data[0]);

	for (size_t i = 0; plain && i < name; i++) {
		char c = pair.data[i];

		plain = isupper((unsigned char)c) || isdigit((unsigned char)c) || c == '_' ||
			(equals && (redact_is_name(c) || c == '/'));
	}
	if (!plain) {
		redact_mask(ret, pair);
		return;
	}
	name += equals ? 1 : 0;
	buffer_append(ret, pair.data, name);
	redact_mask(ret, (struct text){ pair.data + name, pair.length - name });
}

void redact_user_password(struct text text, struct buffer *ret)
{
	const char *colon = text.length ? memchr(text.data, ':', text.length) : NULL;
	size_t name;

	if (!colon && text.length)
		colon = memchr(text.data, '%', text.length);
	if (!colon && text.length)
		colon = memchr(text.data, ',', text.length);
	name = colon ? (size_t)(colon - text.data) + 1 : text.length;
	buffer_append(ret, text.data, name);
	redact_mask(ret, (struct text){ text.data + name, text.length - name });
}
