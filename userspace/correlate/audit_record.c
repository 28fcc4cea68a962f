// SPDX-License-Identifier: Apache-2.0
#include "correlate/audit_record.h"

#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>

#define ENRICHED 0x1d /* AUDIT_INTERP_SEPARATOR */

/* ---- the head */

static bool take(struct text *rest, struct text word)
{
	if (rest->length < word.length || memcmp(rest->data, word.data, word.length) != 0)
		return false;
	rest->data += word.length;
	rest->length -= word.length;
	return true;
}

static bool take_number(struct text *rest, uint64_t *ret)
{
	uint64_t number = 0;
	size_t digits = 0;

	while (digits < rest->length && digits < 19 && rest->data[digits] >= '0' &&
	       rest->data[digits] <= '9')
		number = number * 10 + (uint64_t)(rest->data[digits++] - '0');
	rest->data += digits;
	rest->length -= digits;
	*ret = number;
	return digits > 0;
}

int audit_record_parse(uint32_t type, struct text payload, struct audit_record *ret)
{
	struct audit_record record = { .type = type };
	uint64_t seconds, milliseconds;

	if (!take(&payload, TEXT("audit(")) || !take_number(&payload, &seconds) ||
	    !take(&payload, TEXT(".")) || !take_number(&payload, &milliseconds) ||
	    !take(&payload, TEXT(":")) || !take_number(&payload, &record.serial) ||
	    !take(&payload, TEXT("):")) || milliseconds > 999 || seconds > UINT64_MAX / 1000000)
		return -EBADMSG;
	record.time_ms = seconds * 1000 + milliseconds;
	take(&payload, TEXT(" "));
	record.body = payload;
	*ret = record;
	return 0;
}

bool audit_record_is_user(uint32_t type)
{
	return type == AUDIT_USER ||
	       (type >= AUDIT_FIRST_USER_MSG && type <= AUDIT_LAST_USER_MSG) ||
	       (type >= AUDIT_FIRST_USER_MSG2 && type <= AUDIT_LAST_USER_MSG2);
}

/*
 * What auditd adds to a line of an ENRICHED log. The text of a program may have the byte, too: the
 * kernel puts a quote behind such a text, auditd's names begin with a capital letter and end with a
 * double quote.
 */
static void split_enriched(struct audit_record *record)
{
	struct text *body = &record->body;
	const char *end = body->data + body->length;
	const char *names = body->length ? memrchr(body->data, ENRICHED, body->length) : NULL;

	if (!names || names + 1 >= end || names[1] < 'A' || names[1] > 'Z' ||
	    (audit_record_is_user(record->type) && end[-1] == '\''))
		return;
	record->enriched = (struct text){ names + 1, (size_t)(end - names) - 1 };
	body->length = (size_t)(names - body->data);
}

/* Names that make nearly all of a log come first: libaudit's table is searched by halves. */
static uint32_t type_of(struct text name)
{
	static const struct {
		struct text name;
		uint32_t type;
	} often[] = {
		{ TEXT("SYSCALL"), AUDIT_SYSCALL },     { TEXT("PATH"), AUDIT_PATH },
		{ TEXT("PROCTITLE"), AUDIT_PROCTITLE }, { TEXT("CWD"), AUDIT_CWD },
		{ TEXT("EXECVE"), AUDIT_EXECVE },       { TEXT("SOCKADDR"), AUDIT_SOCKADDR },
	};
	char copy[40];
	int type;

	for (size_t i = 0; i < sizeof(often) / sizeof(often[0]); i++)
		if (text_equal(name, often[i].name))
			return often[i].type;
	if (name.length >= sizeof(copy))
		return 0;
	memcpy(copy, name.data, name.length);
	copy[name.length] = '\0';
	type = audit_name_to_msg_type(copy);
	return type < 0 ? 0 : (uint32_t)type;
}

static struct text take_word(struct text *rest)
{
	const char *blank = memchr(rest->data, ' ', rest->length);
	struct text word = { rest->data, blank ? (size_t)(blank - rest->data) : rest->length };

	rest->data += word.length;
	rest->length -= word.length;
	take(rest, TEXT(" "));
	return word;
}

int audit_record_parse_line(struct text line, struct audit_record *ret)
{
	struct text node = {}, type;
	int r;

	if (take(&line, TEXT("node=")))
		node = take_word(&line);
	if (!take(&line, TEXT("type=")))
		return -EBADMSG;
	type = take_word(&line);
	if (!take(&line, TEXT("msg=")))
		return -EBADMSG;
	r = audit_record_parse(type_of(type), line, ret);
	if (r < 0)
		return r;
	split_enriched(ret);
	ret->node = node;
	return 0;
}

/* ---- fields */

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c == '-' || c == '[' || c == ']';
}

/* The name that ends before `equals`: whatever stands before it is no part of one. */
static struct text name_before(const char *from, const char *equals)
{
	const char *begin = equals;

	while (begin > from && is_name(begin[-1]))
		begin--;
	return (struct text){ begin, (size_t)(equals - begin) };
}

bool audit_fields_next(struct audit_fields *fields)
{
	const char *at = fields->rest.data, *end = at + fields->rest.length, *stop;
	const char *equals = fields->rest.length ? memchr(at, '=', fields->rest.length) : NULL;

	if (!equals)
		return false;
	fields->name = name_before(at, equals);
	at = equals + 1;
	fields->quoted = at < end && (*at == '"' || *at == '\'') ? *at : 0;
	if (fields->quoted) {
		at++;
		stop = memchr(at, fields->quoted, (size_t)(end - at)) ?: end;
		fields->value = (struct text){ at, (size_t)(stop - at) };
		at = stop < end ? stop + 1 : end;
	} else {
		/* `ses=4294967295op=remove_rule`: audit_watch_log_rule_change() forgets the blank.
		 */
		bool number = text_equal(fields->name, TEXT("ses"));

		stop = at;
		while (stop < end && *stop != ' ' && *stop != '\n' &&
		       (!number || (*stop >= '0' && *stop <= '9') || *stop == '-'))
			stop++;
		fields->value = (struct text){ at, (size_t)(stop - at) };
		at = stop;
	}
	fields->rest = (struct text){ at, (size_t)(end - at) };
	return true;
}

static bool find(const struct audit_record *record, struct text name, struct audit_fields *fields)
{
	*fields = (struct audit_fields){ .rest = record->body };
	while (audit_fields_next(fields))
		if (text_equal(fields->name, name))
			return true;
	return false;
}

struct text audit_record_field(const struct audit_record *record, struct text name)
{
	struct audit_fields fields;

	return find(record, name, &fields) ? fields.value : (struct text){};
}

static int digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

static bool is_hexadecimal(struct text text)
{
	for (size_t i = 0; i < text.length; i++)
		if (digit(text.data[i]) < 0)
			return false;
	return text.length > 0 && text.length % 2 == 0;
}

bool audit_record_untrusted(const struct audit_record *record, struct text name,
			    struct buffer *bytes)
{
	struct audit_fields fields;

	if (!find(record, name, &fields))
		return false;
	if (fields.quoted || !is_hexadecimal(fields.value)) {
		buffer_append(bytes, fields.value.data, fields.value.length);
		return true;
	}
	for (size_t i = 0; i < fields.value.length; i += 2)
		buffer_append_char(bytes, (char)(digit(fields.value.data[i]) << 4 |
						 digit(fields.value.data[i + 1])));
	return true;
}

bool audit_record_number(const struct audit_record *record, struct text name, int base,
			 int64_t *ret)
{
	struct text value = audit_record_field(record, name);
	char digits[32], *end;

	if (value.length == 0 || value.length >= sizeof(digits))
		return false;
	memcpy(digits, value.data, value.length);
	digits[value.length] = '\0';
	errno = 0;
	*ret = digits[0] == '-' ? strtoll(digits, &end, base)
				: (int64_t)strtoull(digits, &end, base);
	return !errno && !*end;
}
