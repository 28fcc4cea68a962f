// SPDX-License-Identifier: Apache-2.0
#include "event/filter_tree.h"

#include <errno.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "event/pattern.h"

/* Decimal, or hexadecimal behind 0x. */
static bool parse_unsigned(struct text text, uint64_t *ret, bool *ret_too_large)
{
	unsigned int base = 10;
	uint64_t number = 0;
	size_t i = 0;

	*ret_too_large = false;
	if (text.length > 2 && text.data[0] == '0' &&
	    (text.data[1] == 'x' || text.data[1] == 'X')) {
		base = 16;
		i = 2;
	}
	if (i == text.length)
		return false;
	for (; i < text.length; i++) {
		char c = text.data[i];
		unsigned int digit = base;

		if (c >= '0' && c <= '9')
			digit = (unsigned int)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned int)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (unsigned int)(c - 'A') + 10;
		if (digit >= base)
			return false;
		if (__builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, digit, &number))
			*ret_too_large = true;
	}
	*ret = number;
	return true;
}

static int read_number(struct filter_parser *parser, enum field field, struct filter_value *value)
{
	struct text text = parser->token.text, digits = text;
	bool negative = text.length > 0 && text.data[0] == '-', too_large;
	bool is_signed = field_rows[field].type == TYPE_i64;
	uint64_t number;

	digits.data += negative;
	digits.length -= negative;
	if (!parse_unsigned(digits, &number, &too_large))
		return filter_refuse(parser, parser->token.start, "%s takes a number, not %s",
				     field_rows[field].name, filter_excerpt(text).text);
	if (negative && !is_signed)
		return filter_refuse(parser, parser->token.start,
				     "%s is never negative: write 0 or more",
				     field_rows[field].name);
	if (too_large || (is_signed && number > (uint64_t)INT64_MAX + negative))
		return filter_refuse(parser, parser->token.start, "%s does not fit into 64 bits",
				     filter_excerpt(text).text);
	value->number = number;
	value->integer = negative ? (int64_t)-number : (int64_t)number;
	return 0;
}

static int read_boolean(struct filter_parser *parser, enum field field, struct filter_value *value)
{
	struct text text = parser->token.text;

	value->boolean = text_equal(text, TEXT("true"));
	if (!value->boolean && !text_equal(text, TEXT("false")))
		return filter_refuse(parser, parser->token.start, "%s takes true or false, not %s",
				     field_rows[field].name, filter_excerpt(text).text);
	return 0;
}

/* A time of this machine's zone that is written without one. */
static int parse_local(struct text text, uint64_t *ret_wall_ns)
{
	char whole[64];
	uint64_t as_utc_ns;
	struct tm tm;
	time_t seconds;
	size_t length;

	if (text.length > 32)
		return -EINVAL;
	memcpy(whole, text.data, text.length);
	length = text.length;
	if (length == 10) {
		memcpy(whole + length, "T00:00:00", 9);
		length += 9;
	}
	whole[length++] = 'Z';
	if (clock_parse_rfc3339(whole, length, &as_utc_ns) < 0)
		return -EINVAL;
	seconds = (time_t)(as_utc_ns / NS_PER_SECOND);
	gmtime_r(&seconds, &tm);
	tm.tm_isdst = -1;
	seconds = mktime(&tm);
	if (seconds < 0)
		return -EINVAL;
	*ret_wall_ns = (uint64_t)seconds * NS_PER_SECOND + as_utc_ns % NS_PER_SECOND;
	return 0;
}

/* -90s, -15m, -2h, -3d, -1w */
static int parse_ago(struct text text, uint64_t now_ns, uint64_t *ret_wall_ns)
{
	static const struct {
		char letter;
		unsigned int seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	uint64_t count;
	bool too_large;

	if (text.length < 3 || text.data[0] != '-' ||
	    !parse_unsigned((struct text){ text.data + 1, text.length - 2 }, &count, &too_large) ||
	    too_large)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t ago_ns;

		if (units[i].letter != text.data[text.length - 1])
			continue;
		if (__builtin_mul_overflow(count, units[i].seconds * NS_PER_SECOND, &ago_ns) ||
		    ago_ns > now_ns)
			ago_ns = now_ns;
		*ret_wall_ns = now_ns - ago_ns;
		return 0;
	}
	return -EINVAL;
}

int filter_parse_time(const char *text, size_t length, uint64_t now_ns, uint64_t *ret_wall_ns)
{
	struct text whole = { text, length };
	time_t now = (time_t)(now_ns / NS_PER_SECOND);
	struct tm tm;

	if (text_equal(whole, TEXT("now"))) {
		*ret_wall_ns = now_ns;
		return 0;
	}
	if (text_equal(whole, TEXT("today")) || text_equal(whole, TEXT("yesterday"))) {
		if (!localtime_r(&now, &tm))
			return -EINVAL;
		tm.tm_mday -= whole.data[0] == 'y';
		tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
		tm.tm_isdst = -1;
		now = mktime(&tm);
		if (now < 0)
			return -EINVAL;
		*ret_wall_ns = (uint64_t)now * NS_PER_SECOND;
		return 0;
	}
	if (clock_parse_rfc3339(text, length, ret_wall_ns) == 0 ||
	    parse_ago(whole, now_ns, ret_wall_ns) == 0)
		return 0;
	return parse_local(whole, ret_wall_ns);
}

static int read_time(struct filter_parser *parser, enum field field, struct filter_value *value)
{
	struct text text = parser->token.text;

	if (filter_parse_time(text.data, text.length, clock_wall_ns(), &value->number) < 0)
		return filter_refuse(parser, parser->token.start,
				     "%s takes a time such as 2026-01-02T03:04:05Z, -2h or "
				     "yesterday, not %s",
				     field_rows[field].name, filter_excerpt(text).text);
	return 0;
}

static int read_pattern(struct filter_parser *parser, enum filter_relation relation,
			struct filter_value *value)
{
	struct pattern_error error;
	struct filter_pattern *kept;
	int r;

	kept = arena_allocate(parser->filter->arena, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	if (relation == FILTER_GLOB)
		r = pattern_compile_glob(parser->token.text, &value->pattern, &error);
	else
		r = pattern_compile_regex(parser->token.text, &value->pattern, &error);
	if (r == -EINVAL)
		return filter_refuse(
			parser, filter_token_offset(parser, error.offset), "in the %s: %s",
			relation == FILTER_GLOB ? "glob" : "regular expression", error.message);
	if (r < 0)
		return r;
	kept->pattern = value->pattern;
	kept->next = parser->filter->patterns;
	parser->filter->patterns = kept;
	return 0;
}

static bool is_decimal(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.length > 0;
}

static int read_text(struct filter_parser *parser, enum filter_relation relation,
		     struct filter_value *value)
{
	struct text text = parser->token.text;
	const char *copy;

	if (relation == FILTER_GLOB || relation == FILTER_REGEX)
		return read_pattern(parser, relation, value);
	copy = arena_copy(parser->filter->arena, text.data, text.length);
	if (!copy)
		return -ENOMEM;
	value->text = (struct text){ copy, text.length };
	value->decimal = parser->token.kind == FILTER_TOKEN_WORD && is_decimal(text);
	return 0;
}

static bool is_keyword(const struct filter_token *token)
{
	static const char *const words[] = { "and", "or", "not", "in", "exists" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (token->kind == FILTER_TOKEN_WORD && text_equal(token->text, text_of(words[i])))
			return true;
	return false;
}

int filter_read_value(struct filter_parser *parser, enum field field, enum filter_relation relation,
		      struct filter_value *value)
{
	if (parser->token.kind != FILTER_TOKEN_WORD && parser->token.kind != FILTER_TOKEN_STRING)
		return filter_refuse(parser, parser->token.start,
				     "a value is missing: %s is compared with nothing",
				     field_rows[field].name);
	if (is_keyword(&parser->token))
		return filter_refuse(parser, parser->token.start,
				     "a value is missing before %s; if it is the value, put it "
				     "into quotes",
				     filter_excerpt(parser->token.text).text);
	switch (field_rows[field].type) {
	case TYPE_str:
	case TYPE_list:
		return read_text(parser, relation, value);
	case TYPE_u64:
	case TYPE_i64:
		return read_number(parser, field, value);
	case TYPE_bool:
		return read_boolean(parser, field, value);
	case TYPE_time:
		return read_time(parser, field, value);
	}
	return -EINVAL;
}
