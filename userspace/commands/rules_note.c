// SPDX-License-Identifier: Apache-2.0
#include "commands/rules_note.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "capture/audit_rule.h"
#include "commands/rules.h"

#define NOTE_MOST (1u << 20)

static int append_boot(struct buffer *text)
{
	return file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, text);
}

int rules_note_write(const char *path, struct audit_rule_data *const *rules, size_t count)
{
	_cleanup_buffer_ struct buffer text = {};
	int r;

	if (count == 0)
		return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
	r = append_boot(&text);
	for (size_t i = 0; r == 0 && i < count; i++) {
		audit_rule_append(rules[i], &text);
		buffer_append_char(&text, '\n');
	}
	r = r ?: text.error;
	return r ?: file_replace(AT_FDCWD, path, text.data, text.length, 0600);
}

int rules_note_read(const char *path, struct buffer *ret)
{
	_cleanup_buffer_ struct buffer boot = {};
	int r = append_boot(&boot);

	if (r == 0)
		r = file_read(AT_FDCWD, path, NOTE_MOST, ret);
	if (r < 0 || ret->length < boot.length || memcmp(ret->data, boot.data, boot.length) != 0)
		buffer_clear(ret);
	return r == -ENOMEM ? r : 0;
}

bool rules_note_has(const struct buffer *note, const struct audit_rule_data *rule)
{
	_cleanup_buffer_ struct buffer line = {};

	buffer_append_char(&line, '\n');
	audit_rule_append(rule, &line);
	buffer_append_char(&line, '\n');
	return note->length && !line.error &&
	       memmem(note->data, note->length, line.data, line.length);
}

static bool says(const char *line, const struct audit_rule_data *rule)
{
	bool same = false;

	/* Whether a watch is of a folder does not stand in it. */
	for (int folder = 0; !same && folder < 2; folder++) {
		_cleanup_free_ struct audit_rule_data *data = NULL;
		_cleanup_buffer_ struct buffer problem = {};

		same = audit_rule_parse(line, folder, &data, &problem) == 0 &&
		       audit_rule_equal(data, rule);
	}
	return same;
}

static bool is_persistent(const struct audit_rule_data *rule)
{
	_cleanup_buffer_ struct buffer file = {};
	char *rest, *line;

	if (file_read(AT_FDCWD, RULES_FILE, NOTE_MOST, &file) < 0 || !buffer_string(&file))
		return false;
	rest = file.data;
	while ((line = strsep(&rest, "\n")))
		if (line[0] == '-' && strncmp(line, "-c", 2) != 0 && says(line, rule))
			return true;
	return false;
}

bool rules_is_installed(const struct audit_rule_data *rule)
{
	_cleanup_buffer_ struct buffer note = {};

	return (rules_note_read(RULES_NOTE_INSTALLED, &note) == 0 && rules_note_has(&note, rule)) ||
	       is_persistent(rule);
}
