// SPDX-License-Identifier: Apache-2.0
/* Where a word of a shell's script ends, of whose grammar (POSIX.1-2017, XCU 2.2) this is enough.
 */
#include <string.h>

#include "correlate/redact_command.h"

#define MOST_SUBSTITUTION 1024 /* bytes in which $(...) has to end */

/* How far the reading of a shell's word has come. */
struct lexer {
	char quote;          /* that is open; 0 */
	bool escapes;        /* $'...': a backslash has its meaning in it */
	bool dollar, equals; /* what the last character was */
	bool flat;           /* nothing that stands in it will be looked at as a line of its own */
	bool cut;            /* an end that is missing may stand behind the text's */
};

size_t redact_substitution_length(struct text text, bool cut)
{
	size_t most = text.length < MOST_SUBSTITUTION ? text.length : MOST_SUBSTITUTION, depth = 0;
	char open = text.length > 1 ? text.data[1] : 0, close = open == '(' ? ')' : '}';
	bool back = *text.data == '`', quoted = false;

	if (!back && (*text.data != '$' || (open != '(' && open != '{')))
		return 0;
	for (size_t i = 1; i < most; i++) {
		char c = text.data[i];

		if (c == '\\')
			i++;
		else if (back && c == '`')
			return i + 1;
		else if (c == '\'')
			quoted = !quoted;
		else if (!back && !quoted && c == open)
			depth++;
		else if (!back && !quoted && c == close && --depth == 0)
			return i + 1;
	}
	return cut && most == text.length ? most : 0;
}

size_t redact_escaped_length(struct text text, bool cut)
{
	bool reached = text.length <= MOST_SUBSTITUTION;
	const char *end;

	if (text.length < 4 || text.data[0] != '\\' ||
	    (text.data[1] != '"' && text.data[1] != '\''))
		return 0;
	if (!reached)
		text.length = MOST_SUBSTITUTION;
	end = memmem(text.data + 2, text.length - 2, text.data, 2);
	if (!end)
		return cut && reached ? text.length : 0;
	return (size_t)(end + 2 - text.data);
}

/* NAME=(one two) */
static size_t list_length(struct text text, bool cut)
{
	size_t most = text.length < MOST_SUBSTITUTION ? text.length : MOST_SUBSTITUTION;
	const char *end = *text.data == '(' ? memchr(text.data, ')', most) : NULL;

	if (*text.data != '(')
		return 0;
	return end ? (size_t)(end + 1 - text.data) : cut && most == text.length ? most : 0;
}

/* Over the next of what a word is made of: a mask, a substitution, a character. Returns its length.
 */
static size_t lex(struct lexer *lexer, struct text text)
{
	bool dollar = lexer->dollar, equals = lexer->equals;
	size_t length = redact_mask_length(text);
	char c = *text.data;

	lexer->dollar = c == '$' && !lexer->quote;
	lexer->equals = c == '=' && !lexer->quote;
	if (length == 0 && !lexer->flat && equals)
		length = list_length(text, lexer->cut);
	if (length == 0 && !lexer->flat && lexer->quote != '\'')
		length = redact_substitution_length(text, lexer->cut);
	if (length == 0 && !lexer->flat && !lexer->quote)
		length = redact_escaped_length(text, lexer->cut);
	if (length > 0)
		return length;
	if (c == '\\' && (lexer->quote != '\'' || lexer->escapes) && text.length > 1)
		return 2;
	if (lexer->quote) {
		lexer->quote = c == lexer->quote ? 0 : lexer->quote;
	} else if (c == '\'' || c == '"') {
		lexer->quote = c;
		lexer->escapes = dollar && c == '\'';
	}
	return 1;
}

bool redact_is_separator(struct text text, size_t at)
{
	char c = text.data[at], before = at > 0 ? text.data[at - 1] : 0;

	if (c == ';')
		return true;
	if ((c != '&' && c != '|') || before == '>' || before == '<')
		return false;
	return c == '|' || at + 1 == text.length || text.data[at + 1] != '>';
}

bool redact_is_continued(struct text text, size_t at)
{
	return text.length - at > 1 && text.data[at] == '\\' && text.data[at + 1] == '\n';
}

size_t redact_word_end(struct text text, size_t start, bool quotes, bool flat, bool cut)
{
	struct lexer lexer = { .flat = flat, .cut = cut };
	size_t i = start;

	while (i < text.length &&
	       (lexer.quote || !(redact_is_space(text.data[i]) || redact_is_separator(text, i)))) {
		size_t mask = redact_mask_length(redact_skip(text, i));

		if (quotes)
			i += lex(&lexer, redact_skip(text, i));
		else
			i += mask ? mask : redact_is_continued(text, i) ? 2 : 1;
	}
	return i;
}

size_t redact_value_end(struct text word, size_t start, bool cut)
{
	struct lexer lexer = { .equals = start > 0, .cut = cut };
	size_t i = start;

	while (i < word.length) {
		char c = word.data[i];
		bool ends = !lexer.quote && c && (redact_is_space(c) || strchr(";&|<>()", c));

		/* SQL: password=password('...') */
		if (ends && c == '(' && i > start && redact_is_name(word.data[i - 1]))
			lexer.equals = true;
		if (ends && !(lexer.equals && c == '('))
			break;
		i += lex(&lexer, redact_skip(word, i));
	}
	return i;
}
