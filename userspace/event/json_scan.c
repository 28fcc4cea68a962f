// SPDX-License-Identifier: Apache-2.0
#include "event/json_scan.h"

int scan_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Four digits at `at`; -1 if they are none. */
static int take_code(const char *at)
{
	int code = 0;

	for (int i = 0; i < 4; i++) {
		int digit = scan_hex_digit(at[i]);

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

static char *put_utf8(char *to, unsigned int code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*to++ = (char)(0xe0 | code >> 12);
		} else {
			*to++ = (char)(0xf0 | code >> 18);
			*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (code & 0x3f));
	return to;
}

/* The digits of \uXXXX at *at, and of the second half of a pair; half a pair becomes U+FFFD. */
static int take_escaped_code(char **at, unsigned int *ret)
{
	int code = take_code(*at), second;

	if (code < 0)
		return -EBADMSG;
	*at += 4;
	*ret = (unsigned int)code;
	if (code < 0xd800 || code > 0xdfff)
		return 0;
	*ret = 0xfffd;
	if (code > 0xdbff || (*at)[0] != '\\' || (*at)[1] != 'u')
		return 0;
	second = take_code(*at + 2);
	if (second < 0xdc00 || second > 0xdfff)
		return 0;
	*at += 6;
	*ret = 0x10000 + (((unsigned int)code & 0x3ff) << 10 | ((unsigned int)second & 0x3ff));
	return 0;
}

int scan_escaped(struct parser *parser, char *start, char *at, struct text *ret)
{
	static const char letters[256] = {
		['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
		['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'
	};
	char *to = at;
	int r;

	for (;;) {
		unsigned char c = (unsigned char)*at++;
		unsigned int code;

		if (c == '"')
			break;
		if (c < 0x20)
			return -EBADMSG;
		if (c != '\\') {
			*to++ = (char)c;
			continue;
		}
		c = (unsigned char)*at++;
		if (c == 'u') {
			r = take_escaped_code(&at, &code);
			if (r < 0)
				return r;
			to = put_utf8(to, code);
		} else if (letters[c]) {
			*to++ = letters[c];
		} else {
			return -EBADMSG;
		}
	}
	parser->at = at;
	*ret = (struct text){ start, (size_t)(to - start) };
	return 0;
}

int scan_number(struct parser *parser, bool *ret_negative, bool *ret_whole, uint64_t *ret_number)
{
	char *at = parser->at, *digits;
	uint64_t number = 0;
	bool whole = true, negative = *at == '-';

	at += negative;
	digits = at;
	for (; *at >= '0' && *at <= '9'; at++)
		whole = whole && !__builtin_mul_overflow(number, 10u, &number) &&
			!__builtin_add_overflow(number, (uint64_t)(*at - '0'), &number);
	if (at == digits || (*digits == '0' && at > digits + 1))
		return -EBADMSG;
	if (*at == '.') {
		whole = false;
		for (digits = ++at; *at >= '0' && *at <= '9'; at++)
			;
		if (at == digits)
			return -EBADMSG;
	}
	if (*at == 'e' || *at == 'E') {
		whole = false;
		at++;
		at += *at == '+' || *at == '-';
		for (digits = at; *at >= '0' && *at <= '9'; at++)
			;
		if (at == digits)
			return -EBADMSG;
	}
	parser->at = at;
	*ret_negative = negative;
	*ret_whole = whole;
	*ret_number = number;
	return 0;
}

static int take_word(struct parser *parser, const char *word, size_t length)
{
	if (strncmp(parser->at, word, length))
		return -EBADMSG;
	parser->at += length;
	return 0;
}

static int skip_members(struct parser *parser, char end)
{
	struct text key;
	bool empty;
	int r;

	r = enter(parser, end, &empty);
	if (r < 0 || empty)
		return r;
	do {
		if (end == '}') {
			r = take_key(parser, &key);
			if (r < 0)
				return r;
		}
		skip_space(parser);
		r = scan_skip(parser);
		if (r < 0)
			return r;
		r = go_on(parser, end);
	} while (r > 0);
	return r;
}

int scan_skip(struct parser *parser)
{
	struct text text;
	uint64_t number;
	bool ignored;

	switch (*parser->at) {
	case '"':
		return take_string(parser, &text);
	case '{':
		return skip_members(parser, '}');
	case '[':
		return skip_members(parser, ']');
	case 't':
		return take_word(parser, "true", 4);
	case 'f':
		return take_word(parser, "false", 5);
	case 'n':
		return take_word(parser, "null", 4);
	default:
		return scan_number(parser, &ignored, &ignored, &number);
	}
}
