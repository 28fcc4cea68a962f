// SPDX-License-Identifier: Apache-2.0
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"
#include "correlate/http_head.h"
#include "correlate/redact_private.h"

#define MOST_NAME_BYTES 64 /* of a header */

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

void redact_driver_option(const struct redact *redact, struct text option, bool cut,
			  struct buffer *ret)
{
	const char *equals = option.length ? memchr(option.data, '=', option.length) : NULL;
	struct text name = { option.data, equals ? (size_t)(equals - option.data) : 0 };

	/* What was masked before must not be masked again. */
	if (text_equal(name, TEXT("o")) &&
	    !memmem(option.data, option.length, "[redacted len=", 14)) {
		buffer_append(ret, option.data, 2);
		declare_mount_options(redact_skip(option, 2), ret);
	} else if (text_equal(name, TEXT("o")) || text_equal(name, TEXT("type")) ||
		   text_equal(name, TEXT("device")) || declare_is_network_option(name)) {
		redact_known(redact, option, cut, ret);
	} else {
		redact_pair(option, ret);
	}
}

/* volume-opt=, driver-opt=, volume-label=: how long that is, with its '='; else 0. */
static size_t option_length(struct text part)
{
	static const struct text names[] = { TEXT("volume-opt="), TEXT("driver-opt="),
					     TEXT("volume-label=") };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (part.length >= names[i].length &&
		    memcmp(part.data, names[i].data, names[i].length) == 0)
			return names[i].length;
	return 0;
}

void redact_mount(const struct redact *redact, struct text mount, bool cut, struct buffer *ret)
{
	while (mount.length > 0) {
		const char *comma = memchr(mount.data, ',', mount.length);
		struct text part = { mount.data,
				     comma ? (size_t)(comma - mount.data) : mount.length };
		size_t quote = part.data[0] == '"', name = option_length(redact_skip(part, quote));

		if (name > 0) {
			/* In quotes a comma is part of the value: of what follows no end is sure.
			 */
			part = quote ? mount : part;
			buffer_append(ret, part.data, quote + name);
			redact_driver_option(redact, redact_skip(part, quote + name), cut, ret);
		} else {
			redact_known(redact, part, cut && !comma, ret);
		}
		mount = redact_skip(mount, part.length);
		if (mount.length > 0) {
			buffer_append_char(ret, ',');
			mount = redact_skip(mount, 1);
		}
	}
}

static bool has_control(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (iscntrl((unsigned char)text.data[i]) && text.data[i] != '\t')
			return true;
	return false;
}

void redact_header(const struct redact *redact, struct text line, struct buffer *ret)
{
	static const char *const harmless[] = {
		"Host",       "Content-Length",  "Content-Type", "Transfer-Encoding",
		"Connection", "Upgrade",         "Expect",       "User-Agent",
		"Accept",     "Accept-Encoding",
	};
	size_t name = 0;

	while (name < line.length && http_is_token(line.data[name]))
		name++;
	/* Without a colon there is no name, and it may be the secret itself. */
	if (name == line.length || line.data[name] != ':' || name > MOST_NAME_BYTES) {
		redact_mask(ret, line);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (name == strlen(harmless[i]) && strncasecmp(line.data, harmless[i], name) == 0 &&
		    !has_control(line)) {
			redact_text(redact, line, true, ret);
			return;
		}
	for (name++; name < line.length && redact_is_space(line.data[name]);)
		name++;
	buffer_append(ret, line.data, name);
	redact_mask(ret, redact_skip(line, name));
}
