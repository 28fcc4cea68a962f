// SPDX-License-Identifier: Apache-2.0
#include "capture/audit_rule_private.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* ---- reading */

struct parsing {
	struct audit_rule_data *rule;
	struct buffer *problem;
	size_t room; /* of the texts behind the rule */
	int machine; /* whose calls are meant */
};

static int wrong(struct parsing *parsing, const char *what, struct text word)
{
	buffer_printf(parsing->problem, "%s: %.*s", what, (int)word.length, word.data);
	return -EINVAL;
}

static int add_field(struct parsing *parsing, unsigned int field, unsigned int relation,
		     uint32_t value)
{
	struct audit_rule_data *rule = parsing->rule;

	if (rule->field_count >= AUDIT_MAX_FIELDS)
		return wrong(parsing, "more fields than a rule may have", TEXT(""));
	rule->fields[rule->field_count] = field;
	rule->fieldflags[rule->field_count] = relation;
	rule->values[rule->field_count++] = value;
	return 0;
}

static int add_text(struct parsing *parsing, unsigned int field, unsigned int relation,
		    struct text value)
{
	struct audit_rule_data *rule = parsing->rule;

	if (value.length == 0 || value.length > parsing->room)
		return wrong(parsing, "a text that is empty or too long", value);
	memcpy(rule->buf + rule->buflen, value.data, value.length);
	rule->buflen += (uint32_t)value.length;
	parsing->room -= value.length;
	return add_field(parsing, field, relation, (uint32_t)value.length);
}

static int add_permissions(struct parsing *parsing, struct text letters)
{
	static const struct {
		char letter;
		uint32_t bit;
	} known[] = { { 'r', AUDIT_PERM_READ },
		      { 'w', AUDIT_PERM_WRITE },
		      { 'x', AUDIT_PERM_EXEC },
		      { 'a', AUDIT_PERM_ATTR } };
	uint32_t bits = 0;

	for (size_t i = 0; i < letters.length; i++) {
		uint32_t bit = 0;

		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			if (known[k].letter == letters.data[i])
				bit = known[k].bit;
		if (!bit)
			return wrong(parsing, "permissions are letters of rwxa", letters);
		bits |= bit;
	}
	return add_field(parsing, AUDIT_PERM, AUDIT_EQUAL, bits);
}

static int add_architecture(struct parsing *parsing, struct text name)
{
	int machine = audit_rule_machine(name);

	if (machine < 0)
		return wrong(parsing, "an architecture is b64 or b32, where this kernel has it",
			     name);
	parsing->machine = machine;
	return add_field(parsing, AUDIT_ARCH, AUDIT_EQUAL, audit_machine_to_elf(machine));
}

static int add_number(struct parsing *parsing, unsigned int field, unsigned int relation,
		      struct text value)
{
	char digits[24], *end;
	unsigned long long number;

	if (audit_rule_holds_user(field) &&
	    (text_equal(value, TEXT("unset")) || text_equal(value, TEXT("-1"))))
		return add_field(parsing, field, relation, UINT32_MAX);
	if (value.length == 0 || value.length >= sizeof(digits))
		return wrong(parsing, "a number is missing", value);
	memcpy(digits, value.data, value.length);
	digits[value.length] = '\0';
	errno = 0;
	number = strtoull(digits, &end, 0);
	if (*end || errno || number > UINT32_MAX)
		return wrong(parsing, "not a number of 32 bits", value);
	return add_field(parsing, field, relation, (uint32_t)number);
}

static const struct {
	struct text sign;
	unsigned int relation;
} relations[] = {
	{ TEXT("!="), AUDIT_NOT_EQUAL },
	{ TEXT(">="), AUDIT_GREATER_THAN_OR_EQUAL },
	{ TEXT("<="), AUDIT_LESS_THAN_OR_EQUAL },
	{ TEXT("&="), AUDIT_BIT_TEST },
	{ TEXT("="), AUDIT_EQUAL },
	{ TEXT(">"), AUDIT_GREATER_THAN },
	{ TEXT("<"), AUDIT_LESS_THAN },
	{ TEXT("&"), AUDIT_BIT_MASK },
};

/* NAME=VALUE, or another operator between them. */
static int parse_field(struct parsing *parsing, struct text word)
{
	unsigned int relation = 0;
	char name[32];
	size_t length = 0;
	struct text value;
	int field;

	while (length < word.length && length < sizeof(name) - 1 &&
	       !strchr("=!<>&", word.data[length]))
		length++;
	memcpy(name, word.data, length);
	name[length] = '\0';
	value = (struct text){ word.data + length, word.length - length };
	for (size_t i = 0; !relation && i < ARRAY_SIZE(relations); i++)
		if (value.length > relations[i].sign.length &&
		    memcmp(value.data, relations[i].sign.data, relations[i].sign.length) == 0) {
			relation = relations[i].relation;
			value.data += relations[i].sign.length;
			value.length -= relations[i].sign.length;
		}
	field = audit_name_to_field(name);
	if (field < 0 || !relation)
		return wrong(parsing, "not a field, an operator and a value", word);
	if (field == AUDIT_ARCH)
		return add_architecture(parsing, value);
	if (field == AUDIT_PERM)
		return add_permissions(parsing, value);
	if (audit_rule_holds_text((unsigned int)field))
		return add_text(parsing, (unsigned int)field, relation, value);
	return add_number(parsing, (unsigned int)field, relation, value);
}

static int parse_call(struct parsing *parsing, struct text word)
{
	char name[40];
	int call;

	if (text_equal(word, TEXT("all"))) {
		memset(parsing->rule->mask, 0xff, sizeof(parsing->rule->mask));
		return 0;
	}
	if (word.length >= sizeof(name))
		return wrong(parsing, "there is no such system call", word);
	memcpy(name, word.data, word.length);
	name[word.length] = '\0';
	call = audit_name_to_syscall(name, parsing->machine);
	if (call < 0 || call >= AUDIT_BITMASK_SIZE * 32)
		return wrong(parsing, "there is no such system call", word);
	parsing->rule->mask[AUDIT_WORD(call)] |= AUDIT_BIT(call);
	return 0;
}

static int parse_calls(struct parsing *parsing, struct text words)
{
	int r = 0;

	while (r == 0 && words.length > 0) {
		const char *comma = memchr(words.data, ',', words.length);
		size_t length = comma ? (size_t)(comma - words.data) : words.length;

		r = parse_call(parsing, (struct text){ words.data, length });
		words.data += length + (comma != NULL);
		words.length -= length + (comma != NULL);
	}
	return r;
}

/* "always,exit" or "exit,always". */
static int parse_list(struct parsing *parsing, struct text word)
{
	struct audit_rule_data *rule = parsing->rule;
	char copy[32], *second;
	int list, action;

	if (word.length >= sizeof(copy))
		return wrong(parsing, "not a list and an action", word);
	memcpy(copy, word.data, word.length);
	copy[word.length] = '\0';
	second = strchr(copy, ',');
	if (!second)
		return wrong(parsing, "not a list and an action", word);
	*second++ = '\0';
	list = audit_name_to_flag(copy);
	action = audit_name_to_action(second);
	if (list < 0 || action < 0) {
		list = audit_name_to_flag(second);
		action = audit_name_to_action(copy);
	}
	if (list < 0 || action < 0)
		return wrong(parsing, "not a list and an action", word);
	rule->flags = (uint32_t)list;
	rule->action = (uint32_t)action;
	return 0;
}

static int parse_option(struct parsing *parsing, struct text option, struct text value, bool folder)
{
	struct audit_rule_data *rule = parsing->rule;

	if (option.length != 2 || option.data[0] != '-' || value.length == 0)
		return wrong(parsing, "not an option with a value", option);
	switch (option.data[1]) {
	case 'w':
		rule->flags = AUDIT_FILTER_EXIT;
		rule->action = AUDIT_ALWAYS;
		memset(rule->mask, 0xff, sizeof(rule->mask));
		return add_text(parsing, folder ? AUDIT_DIR : AUDIT_WATCH, AUDIT_EQUAL, value);
	case 'a':
		return parse_list(parsing, value);
	case 'p':
		return add_permissions(parsing, value);
	case 'F':
		return parse_field(parsing, value);
	case 'S':
		return parse_calls(parsing, value);
	case 'k':
		return add_text(parsing, AUDIT_FILTERKEY, AUDIT_EQUAL, value);
	default:
		return wrong(parsing, "not an option of a rule", option);
	}
}

/* The next word behind blanks; empty at the end. */
static struct text next_word(const char **at)
{
	struct text word;

	*at += strspn(*at, " \t");
	word = (struct text){ *at, strcspn(*at, " \t") };
	*at += word.length;
	return word;
}

/* A rule that names no call is about all of them, as auditctl has it. */
static void complete_calls(struct audit_rule_data *rule)
{
	for (size_t i = 0; i < AUDIT_BITMASK_SIZE; i++)
		if (rule->mask[i])
			return;
	memset(rule->mask, 0xff, sizeof(rule->mask));
}

int audit_rule_parse(const char *text, bool folder, struct audit_rule_data **ret,
		     struct buffer *problem)
{
	_cleanup_free_ struct audit_rule_data *rule = calloc(1, sizeof(*rule) + strlen(text) + 1);
	struct parsing parsing = { .rule = rule,
				   .problem = problem,
				   .room = strlen(text),
				   .machine = audit_detect_machine() };
	struct text option;
	int r = 0;

	if (!rule)
		return -ENOMEM;
	rule->flags = AUDIT_FILTER_UNSET;
	for (option = next_word(&text); r == 0 && option.length > 0; option = next_word(&text))
		r = parse_option(&parsing, option, next_word(&text), folder);
	if (r == 0 && rule->flags == AUDIT_FILTER_UNSET)
		r = wrong(&parsing, "neither a watch nor a list", TEXT(""));
	if (r < 0)
		return r;
	complete_calls(rule);
	*ret = TAKE_PTR(rule);
	return 0;
}
