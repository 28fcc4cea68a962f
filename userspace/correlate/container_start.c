// SPDX-License-Identifier: Apache-2.0
#include "correlate/container_start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "correlate/capability.h"
#include "correlate/declare.h"
#include "correlate/message.h"
#include "event/record.h"

#define ISOLATION_GIVEN_AWAY 75
#define ISOLATION_UNKNOWN    50
#define MOST_LABEL_BYTES     256

static void set_capabilities(struct record *record, enum field field, uint64_t set)
{
	char name[CAPABILITY_NAME];

	record_set_empty_list(record, field);
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(set >> bit & 1))
			continue;
		capability_name(bit, name);
		record_add_text(record, field, text_of(name));
	}
}

static bool has_strong_capability(uint64_t set)
{
	char name[CAPABILITY_NAME];

	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(set >> bit & 1))
			continue;
		capability_name(bit, name);
		if (declare_is_strong(name))
			return true;
	}
	return false;
}

/* As declare_severity() judges what was asked for. */
static bool isolation_is_given_away(const struct record *record,
				    const struct wire_container_start *message)
{
	static const enum field own[] = { FIELD_namespaces_mnt, FIELD_namespaces_pid,
					  FIELD_namespaces_net, FIELD_namespaces_ipc,
					  FIELD_namespaces_uts };
	struct text pid = record_text(record, FIELD_namespaces_pid);

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (text_equal(record_text(record, own[i]), TEXT("host")))
			return true;
	if (pid.length > 10 && memcmp(pid.data, "container:", 10) == 0)
		return true;
	/* In a user namespace of its own they do not reach the host. */
	if (!text_equal(record_text(record, FIELD_namespaces_user), TEXT("host")))
		return false;
	return message->seccomp == 0 || has_strong_capability(message->capabilities_permitted |
							      message->capabilities_bounding);
}

static void set_map(struct record *record, enum field field, const struct wire_header *header,
		    struct wire_str string)
{
	struct text bytes = message_text(header, string);
	struct wire_extent extent;
	char line[3 * 11];

	for (size_t at = 0; at + sizeof(extent) <= bytes.length; at += sizeof(extent)) {
		memcpy(&extent, bytes.data + at, sizeof(extent));
		snprintf(line, sizeof(line), "%u %u %u", extent.inside, extent.outside,
			 extent.count);
		record_add_text(record, field, text_of(line));
	}
}

/* A runtime that is not known is no crime, and rootless engines own their control groups. */
static void set_doubts(struct record *record, unsigned int doubts)
{
	static const struct {
		unsigned int doubt, severity;
		const char *name;
	} rows[] = {
		{ WIRE_DOUBT_RUNTIME, 50, "no-runtime" },
		{ WIRE_DOUBT_OWNER, 0, "users-cgroup" },
		{ WIRE_DOUBT_ANOTHER, 100, "another-was-called-so" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(doubts & rows[i].doubt))
			continue;
		record_add_text(record, FIELD_doubts, text_of(rows[i].name));
		record_raise_severity(record, rows[i].severity);
	}
}

/* PAGE_COUNTER_MAX, PIDS_MAX and RUNTIME_INF of the kernel are no limits. */
#define PIDS_NONE (4u * 1024 * 1024)

static void set_limits(struct record *record, const struct wire_container_start *message)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (message->memory_most < (uint64_t)LONG_MAX / page)
		record_set_number(record, FIELD_limits_memory, message->memory_most * page);
	if (message->pids_most < PIDS_NONE)
		record_set_number(record, FIELD_limits_pids, message->pids_most);
	if (message->cpu_quota != WIRE_NO_LIMIT && message->cpu_period)
		record_set_number(
			record, FIELD_limits_nano_cpus,
			(uint64_t)((double)message->cpu_quota * 1e9 / (double)message->cpu_period));
}

/* ---- what it has of the host */

/* The next so many names, the last of a path first: "/first/last" behind what is there. */
static bool append_names(struct text *names, unsigned int count, bool cut, struct buffer *ret)
{
	struct text parts[UINT8_MAX];

	for (unsigned int i = 0; i < count; i++) {
		const char *end = names->length ? memchr(names->data, '\0', names->length) : NULL;

		if (!end)
			return false;
		parts[i] = (struct text){ names->data, (size_t)(end - names->data) };
		names->length -= parts[i].length + 1;
		names->data = end + 1;
	}
	/* Of a target no slash before it: a folder may be called so. */
	if (cut)
		buffer_printf(ret, "%s...", ret->length ? "/" : "");
	while (count-- > 0) {
		buffer_append_char(ret, '/');
		buffer_append(ret, parts[count].data, parts[count].length);
	}
	return true;
}

/* The row's own path goes before, but what is below "/". */
static void append_row(uint16_t row, struct buffer *ret)
{
	const char *path;
	uint16_t kind;

	if (row != WIRE_ROW_SOCKET && declare_sensitive_row(row, &path, &kind) && path[1])
		buffer_append(ret, path, strlen(path));
}

static void or_root(struct buffer *path)
{
	if (path->length == 0)
		buffer_append_char(path, '/');
}

int container_start_mounts(const struct wire_mount *mounts, size_t count, struct text names,
			   struct record *record)
{
	_cleanup_buffer_ struct buffer source = {}, target = {};

	for (size_t i = 0; i < count; i++) {
		const struct wire_mount *mount = &mounts[i];

		buffer_clear(&source);
		buffer_clear(&target);
		append_row(mount->row, &source);
		if (!append_names(&names, mount->source_names, mount->source_cut, &source) ||
		    !append_names(&names, mount->target_names, mount->target_cut, &target))
			return -EBADMSG;
		or_root(&source);
		or_root(&target);
		if (source.error || target.error)
			return -ENOMEM;
		record_add_text(record, FIELD_mounts_source,
				(struct text){ source.data, source.length });
		record_add_text(record, FIELD_mounts_target,
				(struct text){ target.data, target.length });
		record_add_text(record, FIELD_mounts_mode,
				mount->read_only ? TEXT("ro") : TEXT("rw"));
		record_raise_severity(record, ISOLATION_GIVEN_AWAY);
	}
	return 0;
}

static int fill_mounts(const struct wire_container_start *message, struct record *record)
{
	struct text bytes = message_text(&message->header, message->mounts);
	struct wire_mount mounts[WIRE_MOUNTS];
	size_t count = bytes.length / sizeof(*mounts);

	if (message->mounts_cut) {
		/* What was not looked at may be the worst of them. */
		record_set_boolean(record, FIELD_mounts_cut, true);
		record_raise_severity(record, ISOLATION_UNKNOWN);
	}
	if (count == 0 || count > WIRE_MOUNTS)
		return 0;
	memcpy(mounts, bytes.data, count * sizeof(*mounts));
	return container_start_mounts(mounts, count,
				      message_text(&message->header, message->mount_names), record);
}

/* ---- its label */

/* Whether the number is still that of a process in the same mount namespace. */
static bool is_still_there(const struct wire_task *task)
{
	char path[40], link[40], expected[40];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", task->pid);
	snprintf(expected, sizeof(expected), "mnt:[%u]", task->namespaces[WIRE_NS_MNT]);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0)
		return false;
	link[length] = 0;
	return strcmp(link, expected) == 0;
}

/* One of them is there, if any: AppArmor's own file, which is not shared with other modules. */
static void fill_label(const struct wire_task *task, struct record *record)
{
	static const char *const files[] = { "apparmor/current", "current" };
	_cleanup_buffer_ struct buffer label = {};
	char path[60];

	if (!is_still_there(task))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(files) && label.length == 0; i++) {
		snprintf(path, sizeof(path), "/proc/%u/attr/%s", task->pid, files[i]);
		if (file_read(AT_FDCWD, path, MOST_LABEL_BYTES, &label) < 0)
			buffer_clear(&label);
	}
	while (label.length > 0 &&
	       (label.data[label.length - 1] == '\n' || !label.data[label.length - 1]))
		label.length--;
	if (label.length > 0)
		record_set_text(record, FIELD_lsm_label, (struct text){ label.data, label.length });
}

int container_start_fill(const struct wire_container_start *message, struct record *record)
{
	static const char *const modes[] = { "off", "strict", "filter" };

	set_capabilities(record, FIELD_capabilities_permitted, message->capabilities_permitted);
	set_capabilities(record, FIELD_capabilities_effective, message->capabilities_effective);
	set_capabilities(record, FIELD_capabilities_bounding, message->capabilities_bounding);
	set_capabilities(record, FIELD_capabilities_ambient, message->capabilities_ambient);
	if (message->seccomp < ARRAY_SIZE(modes))
		record_set_string(record, FIELD_seccomp, modes[message->seccomp]);
	record_set_boolean(record, FIELD_no_new_privileges, message->no_new_privileges);
	set_map(record, FIELD_uid_map, &message->header, message->uid_map);
	set_map(record, FIELD_gid_map, &message->header, message->gid_map);
	set_limits(record, message);
	set_doubts(record, message->doubts);
	if (isolation_is_given_away(record, message))
		record_raise_severity(record, ISOLATION_GIVEN_AWAY);
	fill_label(&message->task, record);
	return fill_mounts(message, record);
}
