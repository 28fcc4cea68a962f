// SPDX-License-Identifier: Apache-2.0
#include "event/filter_tree.h"

#include <errno.h>
#include <stdio.h>

#include "base/arena.h"

struct filter_excerpt filter_excerpt(struct text text)
{
	struct filter_excerpt excerpt;
	size_t shown = text.length <= 40 ? text.length : 37, at = 0;

	excerpt.text[at++] = '"';
	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)text.data[i];

		excerpt.text[at++] = c < 0x20 || c > 0x7e ? '?' : (char)c;
	}
	for (; shown < text.length && at < 41; at++)
		excerpt.text[at] = '.';
	excerpt.text[at++] = '"';
	excerpt.text[at] = '\0';
	return excerpt;
}

int filter_refuse(struct filter_parser *parser, size_t offset, const char *format, ...)
{
	va_list arguments;

	parser->error->column = offset + 1;
	va_start(arguments, format);
	vsnprintf(parser->error->message, sizeof(parser->error->message), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* The byte `ahead` of the place at hand, or -1 behind the end. */
static int peek(const struct filter_parser *parser, size_t ahead)
{
	if (ahead >= parser->expression.length - parser->at)
		return -1;
	return (unsigned char)parser->expression.data[parser->at + ahead];
}

static bool in_word(int c)
{
	return c > ' ' && c != 0x7f && !strchr("()\"',=!<>~&|\\", c);
}

static int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that an escape stands for; the place at hand is behind its backslash. */
static int take_escape(struct filter_parser *parser, char *ret)
{
	int c = peek(parser, 0), high, low;

	switch (c) {
	case '"':
	case '\\':
		*ret = (char)c;
		break;
	case 'n':
		*ret = '\n';
		break;
	case 't':
		*ret = '\t';
		break;
	case 'r':
		*ret = '\r';
		break;
	case 'x':
		high = hex_digit(peek(parser, 1));
		low = hex_digit(peek(parser, 2));
		if (high < 0 || low < 0)
			return filter_refuse(parser, parser->at - 1,
					     "\\x takes two hexadecimal digits, as in \\x1b");
		*ret = (char)(high << 4 | low);
		parser->at += 2;
		break;
	default:
		return filter_refuse(parser, parser->at - 1,
				     "unknown escape: \\\" \\\\ \\n \\t \\r \\xHH are known; in "
				     "'single quotes' a backslash is itself");
	}
	parser->at++;
	return 0;
}

/* "..." with escapes, or '...' without. */
static int take_string(struct filter_parser *parser)
{
	size_t start = parser->at, length = 0;
	int quote = peek(parser, 0), c, r;
	char *decoded = arena_allocate(parser->filter->arena, parser->expression.length - start);

	if (!decoded)
		return -ENOMEM;
	for (parser->at++; (c = peek(parser, 0)) != quote; length++) {
		if (c < 0)
			return filter_refuse(parser, start, "the text has no end: add %c", quote);
		parser->at++;
		decoded[length] = (char)c;
		if (c != '\\' || quote == '\'')
			continue;
		r = take_escape(parser, &decoded[length]);
		if (r < 0)
			return r;
	}
	parser->at++;
	parser->token.kind = FILTER_TOKEN_STRING;
	parser->token.text = (struct text){ decoded, length };
	return 0;
}

size_t filter_token_offset(const struct filter_parser *parser, size_t offset)
{
	const struct filter_token *token = &parser->token;
	const char *raw = parser->expression.data + token->start;
	size_t at = 1;

	if (token->kind != FILTER_TOKEN_STRING)
		return token->start + offset;
	for (; offset > 0 && at < token->length; offset--) {
		if (*raw == '"' && raw[at] == '\\')
			at += raw[at + 1] == 'x' ? 4 : 2;
		else
			at++;
	}
	return token->start + at;
}

static int take_operator(struct filter_parser *parser)
{
	static const struct {
		char text[3];
		enum filter_relation relation;
	} operators[] = {
		/* longer ones first */
		{ "==", FILTER_EQUAL },      { "!=", FILTER_DIFFERENT },
		{ "<=", FILTER_LESS_EQUAL }, { ">=", FILTER_GREATER_EQUAL },
		{ "=~", FILTER_REGEX },      { "<", FILTER_LESS },
		{ ">", FILTER_GREATER },     { "~", FILTER_GLOB },
	};
	const char *at = parser->expression.data + parser->at;
	size_t left = parser->expression.length - parser->at;

	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t length = strlen(operators[i].text);

		if (left < length || memcmp(at, operators[i].text, length))
			continue;
		parser->token.kind = FILTER_TOKEN_OPERATOR;
		parser->token.relation = operators[i].relation;
		parser->at += length;
		return 0;
	}
	if (*at == '=')
		return filter_refuse(parser, parser->at, "= is no operator: write == to compare");
	return filter_refuse(parser, parser->at, "! is no operator: write not, or !=");
}

static int take_token(struct filter_parser *parser)
{
	int c = peek(parser, 0);

	switch (c) {
	case -1:
		parser->token.kind = FILTER_TOKEN_END;
		return 0;
	case '(':
	case ')':
	case ',':
		parser->at++;
		parser->token.kind = c == '('   ? FILTER_TOKEN_OPEN
				     : c == ')' ? FILTER_TOKEN_CLOSE
						: FILTER_TOKEN_COMMA;
		return 0;
	case '"':
	case '\'':
		return take_string(parser);
	case '=':
	case '!':
	case '<':
	case '>':
	case '~':
		return take_operator(parser);
	case '&':
		return filter_refuse(parser, parser->at, "& is no operator: write and");
	case '|':
		return filter_refuse(parser, parser->at, "| is no operator: write or");
	default:
		break;
	}
	if (!in_word(c))
		return filter_refuse(parser, parser->at,
				     "unexpected character 0x%02x: put text into quotes", c);
	while (in_word(peek(parser, 0)))
		parser->at++;
	parser->token.kind = FILTER_TOKEN_WORD;
	parser->token.text = (struct text){ parser->expression.data + parser->token.start,
					    parser->at - parser->token.start };
	return 0;
}

int filter_next(struct filter_parser *parser)
{
	int r;

	while (peek(parser, 0) == ' ' || peek(parser, 0) == '\t' || peek(parser, 0) == '\n')
		parser->at++;
	parser->token = (struct filter_token){ .start = parser->at };
	r = take_token(parser);
	parser->token.length = parser->at - parser->token.start;
	return r;
}
