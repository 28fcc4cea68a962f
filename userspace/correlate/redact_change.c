// SPDX-License-Identifier: Apache-2.0
/* Instructions of a Dockerfile as `docker commit --change` and `docker import --change` bring them.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "correlate/redact_private.h"

enum keep {
	KEEP_NAME,    /* carries values: only the instruction's own name */
	KEEP_TEXT,    /* by the rules for text */
	KEEP_COMMAND, /* by those for command lines */
};

/*
 * What a change may be (builder/dockerfile's validCommitCommands). Anything else is masked whole:
 * the engine joins changes by a new line, so that one may go on with the ENV of the one before it,
 * and ONBUILD may have any instruction behind it.
 */
static const struct {
	const char *name;
	enum keep keep;
} instructions[] = {
	{ "ARG", KEEP_NAME },    { "CMD", KEEP_COMMAND },     { "ENTRYPOINT", KEEP_COMMAND },
	{ "ENV", KEEP_NAME },    { "EXPOSE", KEEP_TEXT },     { "HEALTHCHECK", KEEP_COMMAND },
	{ "LABEL", KEEP_NAME },  { "STOPSIGNAL", KEEP_TEXT }, { "USER", KEEP_TEXT },
	{ "VOLUME", KEEP_TEXT }, { "WORKDIR", KEEP_TEXT },
};

static void append_line(const struct redact *redact, struct text line, struct buffer *ret)
{
	_cleanup_text_list_ struct text_list whole = {}, masked = {};
	int r = text_list_append(&whole, line);

	if (r == 0)
		r = redact_arguments(redact, &whole, &masked);
	if (r < 0)
		ret->error = r;
	else if (!whole.cut && masked.count == 1)
		buffer_append(ret, text_list_at(&masked, 0).data, text_list_at(&masked, 0).length);
	else
		redact_mask(ret, line);
}

/* CMD id, or CMD ["id"]: of a list all is masked if something of it would be as a line. */
static void append_command(const struct redact *redact, struct text command, struct buffer *ret)
{
	_cleanup_buffer_ struct buffer line = {}, masked = {};

	if (!memchr(command.data, '[', command.length)) {
		append_line(redact, command, ret);
		return;
	}
	for (size_t i = 0; i < command.length; i++)
		buffer_append_char(&line, strchr("[\",]", command.data[i]) ? ' ' : command.data[i]);
	append_line(redact, (struct text){ line.data, line.length }, &masked);
	if (line.error || masked.error)
		ret->error = line.error ?: masked.error;
	else if (text_equal((struct text){ line.data, line.length },
			    (struct text){ masked.data, masked.length }))
		buffer_append(ret, command.data, command.length);
	else
		redact_mask(ret, command);
}

void redact_change(const struct redact *redact, struct text change, struct buffer *ret)
{
	size_t start = 0, end;

	while (start < change.length && redact_is_space(change.data[start]))
		start++;
	end = start;
	while (end < change.length && isalpha((unsigned char)change.data[end]))
		end++;
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		struct text rest = redact_skip(change, end);

		if (strlen(instructions[i].name) != end - start ||
		    strncasecmp(instructions[i].name, change.data + start, end - start) != 0 ||
		    (rest.length > 0 && !redact_is_space(*rest.data)) ||
		    memchr(change.data, '\n', change.length) ||
		    memchr(change.data, '\r', change.length))
			continue;
		end += rest.length > 0;
		rest = redact_skip(change, end);
		buffer_append(ret, change.data, end);
		if (instructions[i].keep == KEEP_NAME)
			redact_mask(ret, rest);
		else if (instructions[i].keep == KEEP_COMMAND)
			append_command(redact, rest, ret);
		else
			redact_text(redact, rest, false, ret);
		return;
	}
	redact_mask(ret, change);
}
