// SPDX-License-Identifier: Apache-2.0
/* Globs against fnmatch(3) and regular expressions against regexec(3), both in the C locale. */
#include <errno.h>
#include <fnmatch.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "event/pattern.h"

/* A pattern that runs away ends the test instead of blocking it; a sound one needs far less. */
#define RUNAWAY_SECONDS 120

typedef int compile_function(struct text, struct pattern **, struct pattern_error *);

static uint64_t random_state = 20260102;

static unsigned int draw(unsigned int below)
{
	random_state += 0x9e3779b97f4a7c15ull; /* splitmix64 */
	uint64_t z = random_state;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (unsigned int)((z ^ z >> 31) % below);
}

static void draw_pieces(char *text, const char *const *pieces, unsigned int count,
			unsigned int most)
{
	*text = '\0';
	for (unsigned int i = draw(most + 1); i > 0; i--)
		strcat(text, pieces[draw(count)]);
}

static bool match(compile_function *compile, const char *text, struct text subject)
{
	struct pattern_error error;
	struct pattern *pattern;
	bool matched;

	if (compile(text_of(text), &pattern, &error) != 0)
		fail_msg("%s refused at %zu: %s", text, error.offset, error.message);
	matched = pattern_match(pattern, subject);
	pattern_free(pattern);
	return matched;
}

static void globs_are_those_of_fnmatch(void **state)
{
	static const char *const pieces[] = { "a",    "b",    "*",     "?",    "[ab]",
					      "[!a]", "[^b]", "[a-c]", "\\*",  "/",
					      ".",    "-",    "[]a]",  "[a-]", "[[:digit:]]",
					      "c",    "**",   "[!]]",  "1" };
	static const char *const bytes[] = { "a", "b", "c", "*", "/", ".", "]", "-", "1" };
	char glob[80], subject[20];
	unsigned int matches = 0;

	for (int i = 0; i < 20000; i++) {
		bool expected;

		draw_pieces(glob, pieces, sizeof(pieces) / sizeof(pieces[0]), 6);
		draw_pieces(subject, bytes, sizeof(bytes) / sizeof(bytes[0]), 6);
		expected = fnmatch(glob, subject, 0) == 0;
		matches += expected;
		if (match(pattern_compile_glob, glob, text_of(subject)) != expected)
			fail_msg("%s on %s: fnmatch says %d", glob, subject, expected);
	}
	assert_true(matches > 1000);
}

/*
 * glibc 2.36 is wrong where an anchor stands in the middle and the subject has a newline (`.^`
 * matches
 * "\n*" without REG_NEWLINE), and where one stands in a group that is repeated (`(^a|b){2}` matches
 * "bab"): these are left to what_glibc_gets_wrong().
 */
static void regexes_are_those_of_regexec(void **state)
{
	static const char *const pieces[] = {
		"a",   "b",   "c",   ".",  "*",           "+",    "?",     "|",     "(",     ")",
		"(",   ")",   "^",   "$",  "[ab]",        "[^a]", "{2}",   "{1,2}", "{0,1}", "{2,}",
		"{0}", "\\.", "\\*", "()", "[[:alpha:]]", "ab",   "(a|b)", "[a-c.]"
	};
	static const char *const bytes[] = { "a", "b", "c", ".", "*", "ab", "1" };
	unsigned int compared = 0, matches = 0;
	char regex[80], subject[40];

	for (int i = 0; i < 30000; i++) {
		struct pattern_error error;
		struct pattern *pattern;
		regex_t theirs;
		bool expected;

		draw_pieces(regex, pieces, sizeof(pieces) / sizeof(pieces[0]), 7);
		draw_pieces(subject, bytes, sizeof(bytes) / sizeof(bytes[0]), 7);
		if (pattern_compile_regex(text_of(regex), &pattern, &error) != 0)
			continue;
		if (regcomp(&theirs, regex, REG_EXTENDED | REG_NOSUB) != 0)
			fail_msg("%s: regcomp refuses it", regex);
		expected = regexec(&theirs, subject, 0, NULL, 0) == 0;
		if (pattern_match(pattern, text_of(subject)) != expected)
			fail_msg("%s on %s: regexec says %d", regex, subject, expected);
		regfree(&theirs);
		pattern_free(pattern);
		compared++;
		matches += expected;
	}
	assert_true(compared > 5000);
	assert_true(matches > 1000 && matches < compared - 1000);
}

static void what_glibc_gets_wrong(void **state)
{
	assert_false(match(pattern_compile_regex, ".^", TEXT("\n*")));
	assert_false(match(pattern_compile_regex, "$.", TEXT("a\n")));
	assert_false(match(pattern_compile_regex, "^b", TEXT("a\nb")));
	assert_false(match(pattern_compile_regex, "a$", TEXT("a\nb")));
	assert_true(match(pattern_compile_regex, "a.b", TEXT("a\nb")));
	assert_false(match(pattern_compile_regex, "(^a|b){2}", TEXT("bab")));
	assert_true(match(pattern_compile_regex, "(^a|b){2}", TEXT("ab")));
	assert_true(match(pattern_compile_regex, "(^)(^)a($)($)", TEXT("a")));
	assert_true(match(pattern_compile_regex, "$^", TEXT("")));
	assert_false(match(pattern_compile_regex, "$^", TEXT("a")));
}

static void a_character_is_one_of_utf8_or_a_lost_byte(void **state)
{
	static const struct {
		compile_function *compile;
		const char *pattern;
		struct text subject;
		bool expected;
	} cases[] = {
		{ pattern_compile_glob, "?", TEXT("\xc3\xa9"), true },
		{ pattern_compile_glob, "??", TEXT("\xc3\xa9"), false },
		{ pattern_compile_glob, "?", TEXT("\xf0\x9f\x90\xb3"), true },
		{ pattern_compile_glob, "[!a]", TEXT("\xe2\x82\xac"), true },
		{ pattern_compile_glob, "?", TEXT("\x80"), true },
		{ pattern_compile_glob, "??", TEXT("\xf0\x9f"), true },
		{ pattern_compile_glob, "a*b", TEXT("a\xff\x80\0b"), true },
		{ pattern_compile_glob, "\xc3\xa9*", TEXT("\xc3\xa9t"), true },
		{ pattern_compile_glob, "\xc3", TEXT("\xc3"), true },
		{ pattern_compile_regex, "^.$", TEXT("\xc3\xa9"), true },
		{ pattern_compile_regex, "^..$", TEXT("\xc3\xa9"), false },
		{ pattern_compile_regex, "^\xc3\xa9{2}$", TEXT("\xc3\xa9\xc3\xa9"), true },
		{ pattern_compile_regex, "a.*b", TEXT("a\x80\x80\xffz\0b"), true },
		{ pattern_compile_regex, "^[^a]{3}$", TEXT("\x80\xff\xc3\xa9"), true },
		{ pattern_compile_regex, "\xa9$", TEXT("\xc3\xa9"), true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (match(cases[i].compile, cases[i].pattern, cases[i].subject) !=
		    cases[i].expected)
			fail_msg("case %zu: %s", i, cases[i].pattern);
}

static void refusals_point_at_the_place(void **state)
{
	static const struct {
		compile_function *compile;
		const char *pattern;
		size_t offset;
	} cases[] = {
		{ pattern_compile_glob, "ab[c", 2 },
		{ pattern_compile_glob, "a\\", 1 },
		{ pattern_compile_glob, "[b-a]", 1 },
		{ pattern_compile_glob, "[[:nope:]]", 1 },
		{ pattern_compile_glob, "[\xc3\xa9]", 1 },
		{ pattern_compile_glob, "[", 0 },
		{ pattern_compile_glob, "[a\\", 3 },
		{ pattern_compile_regex, "a(b", 1 },
		{ pattern_compile_regex, "ab)", 2 },
		{ pattern_compile_regex, "*a", 0 },
		{ pattern_compile_regex, "a|+", 2 },
		{ pattern_compile_regex, "^*", 1 },
		{ pattern_compile_regex, "ab{2", 2 },
		{ pattern_compile_regex, "ab{3,2}", 2 },
		{ pattern_compile_regex, "ab{,2}", 2 },
		{ pattern_compile_regex, "ab{256}", 2 },
		{ pattern_compile_regex, "ab{99999999999999999999}", 2 },
		{ pattern_compile_regex, "(a)\\1", 3 },
		{ pattern_compile_regex, "a\\w", 1 },
		{ pattern_compile_regex, "a\\", 1 },
		{ pattern_compile_regex, "[[.a.]]", 1 },
		{ pattern_compile_regex, "[[:alpha:", 1 },
		{ pattern_compile_regex, "((a{100}){100}){100}", 9 },
		{ pattern_compile_regex, "((((((((((){255}){255}){255}){255}))))))", 17 },
		{ pattern_compile_regex, "(((((((((((((((((a)))))))))))))))))", 16 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pattern_error error = {};
		struct pattern *pattern;

		if (cases[i].compile(text_of(cases[i].pattern), &pattern, &error) != -EINVAL)
			fail_msg("%s was not refused", cases[i].pattern);
		assert_non_null(error.message);
		if (error.offset != cases[i].offset)
			fail_msg("%s: refused at %zu: %s", cases[i].pattern, error.offset,
				 error.message);
	}
}

static void length_is_bounded(void **state)
{
	char text[PATTERN_LENGTH_MOST + 2];
	struct pattern_error error;
	struct pattern *pattern;

	memset(text, '?', sizeof(text));
	assert_int_equal(pattern_compile_glob((struct text){ text, PATTERN_LENGTH_MOST + 1 },
					      &pattern, &error),
			 -EINVAL);
	assert_int_equal(
		pattern_compile_glob((struct text){ text, PATTERN_LENGTH_MOST }, &pattern, &error),
		0);
	assert_true(pattern_match(pattern, (struct text){ text, PATTERN_LENGTH_MOST }));
	assert_false(pattern_match(pattern, (struct text){ text, PATTERN_LENGTH_MOST - 1 }));
	pattern_free(pattern);
}

/* Each takes for ever, or all memory, where a matcher tries one way after the other or keeps
 * states. */
static void hostile_patterns_end(void **state)
{
	static const char *const regexes[] = {
		"(a*)*b",
		"(a|a)*b",
		"(a|aa)+$b",
		"(x+x+)+y",
		"(a?){250}a{250}b",
		"(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)b",
		"(a|b)*a(a|b){200}c",
		"((((a*)*)*)*)*b",
		"(a{0,30}){0,30}b",
	};
	struct text subject = { .length = PATTERN_SUBJECT_MOST };
	char *bytes = malloc(subject.length), glob[201];

	assert_non_null(bytes);
	for (size_t i = 0; i < subject.length; i++)
		bytes[i] = draw(8) ? 'a' : 'x';
	subject.data = bytes;
	alarm(RUNAWAY_SECONDS);
	for (size_t i = 0; i < sizeof(regexes) / sizeof(regexes[0]); i++)
		assert_false(match(pattern_compile_regex, regexes[i], subject));
	for (size_t i = 0; i < 200; i += 2)
		memcpy(glob + i, "*a", 2);
	memcpy(glob + 198, "*b", 3);
	assert_false(match(pattern_compile_glob, glob, subject));
	alarm(0);
	free(bytes);
}

static void a_subject_that_was_cut_has_no_end(void **state)
{
	struct text subject = { .length = PATTERN_SUBJECT_MOST + 1 };
	char *bytes = malloc(subject.length);

	assert_non_null(bytes);
	memset(bytes, 'a', subject.length);
	bytes[PATTERN_SUBJECT_MOST] = 'b';
	subject.data = bytes;
	assert_false(match(pattern_compile_regex, "b", subject));
	assert_false(match(pattern_compile_regex, "a$", subject));
	assert_true(match(pattern_compile_regex, "^a", subject));
	assert_true(match(pattern_compile_glob, "a*b", subject));
	subject.length--;
	assert_true(match(pattern_compile_regex, "a$", subject));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(globs_are_those_of_fnmatch),
		cmocka_unit_test(regexes_are_those_of_regexec),
		cmocka_unit_test(what_glibc_gets_wrong),
		cmocka_unit_test(a_character_is_one_of_utf8_or_a_lost_byte),
		cmocka_unit_test(refusals_point_at_the_place),
		cmocka_unit_test(length_is_bounded),
		cmocka_unit_test(hostile_patterns_end),
		cmocka_unit_test(a_subject_that_was_cut_has_no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
