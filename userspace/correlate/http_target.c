// SPDX-License-Identifier: Apache-2.0
#include "correlate/http_target.h"

#include <stdint.h>
#include <string.h>

int http_hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
	return is_letter(c) || is_digit(c) || (c && strchr(set, c));
}

static struct text from(struct text text, size_t at)
{
	return (struct text){ text.data + at, text.length - at };
}

/* Where `c` first stands, or the length. */
static size_t find(struct text text, char c)
{
	const char *found = text.length ? memchr(text.data, c, text.length) : NULL;

	return found ? (size_t)(found - text.data) : text.length;
}

/* Where `c` last stands, or the length. */
static size_t find_last(struct text text, char c)
{
	const char *found = text.length ? memrchr(text.data, c, text.length) : NULL;

	return found ? (size_t)(found - text.data) : text.length;
}

/* The byte that the escape at `at` stands for, or -1. */
static int escaped(struct text text, size_t at)
{
	int high = at + 1 < text.length ? http_hex_digit(text.data[at + 1]) : -1;
	int low = at + 2 < text.length ? http_hex_digit(text.data[at + 2]) : -1;

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool escapes_are_whole(struct text text)
{
	for (size_t at = find(text, '%'); at < text.length; at += 1 + find(from(text, at + 1), '%'))
		if (escaped(text, at) < 0)
			return false;
	return true;
}

/* shouldEscape() with encodeHost, the other way round. */
static bool is_host_byte(char c)
{
	return (uint8_t)c >= 0x80 || is_one_of(c, "-_.~!$&'()*+,;=:[]<>\"");
}

static bool is_host(struct text host, bool zone)
{
	for (size_t i = 0; i < host.length; i++) {
		int byte = host.data[i] == '%' ? escaped(host, i) : 0;

		if (host.data[i] != '%') {
			if (!is_host_byte(host.data[i]))
				return false;
			continue;
		}
		if (byte < 0 || (byte != '%' &&
				 (zone ? byte != ' ' && !is_host_byte((char)byte) : byte < 0x80)))
			return false;
		i += 2;
	}
	return true;
}

static bool is_port(struct text port)
{
	if (port.length == 0)
		return true;
	for (size_t i = 1; i < port.length; i++)
		if (!is_digit(port.data[i]))
			return false;
	return port.data[0] == ':';
}

static bool is_authority(struct text authority)
{
	size_t at = find_last(authority, '@');
	struct text user = { authority.data, at }, host = authority;
	size_t end;

	if (at < authority.length) {
		for (size_t i = 0; i < user.length; i++)
			if (!is_one_of(user.data[i], "-._:~!$&'()*+,;=%@"))
				return false;
		if (!escapes_are_whole(user))
			return false;
		host = from(authority, at + 1);
	}
	if (host.length == 0 || host.data[0] != '[') {
		end = find_last(host, ':');
		return is_port(from(host, end)) && is_host(host, false);
	}
	end = find_last(host, ']');
	if (end == host.length || !is_port(from(host, end + 1)))
		return false;
	at = find((struct text){ host.data, end }, '%');
	return is_host((struct text){ host.data, at }, false) && is_host(from(host, at), true);
}

/* The length of a scheme with its colon, 0 where there is none (getScheme). */
static size_t scheme_of(struct text target)
{
	for (size_t i = 0; i < target.length; i++) {
		char c = target.data[i];

		if (c == ':')
			return i ? i + 1 : 0;
		if (!is_letter(c) && (i == 0 || !is_one_of(c, "+-.")))
			return 0;
	}
	return 0;
}

bool http_target_split(struct text method, struct text target, struct http_target *ret_target)
{
	size_t scheme, slash;

	*ret_target = (struct http_target){};
	for (size_t i = 0; i < target.length; i++)
		if ((uint8_t)target.data[i] < 0x20 || target.data[i] == 0x7f)
			return false;
	if (text_equal(target, TEXT("*"))) {
		ret_target->path = target;
		return true;
	}
	if (target.length == 0)
		return false;
	/* Of CONNECT it is an authority, and a path may follow. */
	scheme = target.data[0] == '/' || text_equal(method, TEXT("CONNECT")) ? 0
									      : scheme_of(target);
	slash = find(target, '?');
	if (slash < target.length)
		ret_target->query = from(target, slash + 1);
	target.length = slash;
	if (target.data[0] == '/') {
		ret_target->path = target;
		return escapes_are_whole(target);
	}
	if (scheme == 0 && !text_equal(method, TEXT("CONNECT")))
		return false;
	target = from(target, scheme);
	if (scheme > 0 && (target.length == 0 || target.data[0] != '/'))
		return true; /* opaque: no path at all */
	if (scheme == 0 || (target.length > 1 && target.data[1] == '/')) {
		target = from(target, scheme ? 2 : 0);
		slash = find(target, '/');
		if (!is_authority((struct text){ target.data, slash }))
			return false;
		target = from(target, slash);
	}
	ret_target->path = target;
	return escapes_are_whole(target);
}
