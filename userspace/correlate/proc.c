// SPDX-License-Identifier: Apache-2.0
#include "correlate/proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#define SMALL_MOST   4096
#define CGROUPS_MOST 65536

static const char *const namespace_names[WIRE_NAMESPACES] = {
	[WIRE_NS_MNT] = "mnt",       [WIRE_NS_PID] = "pid",   [WIRE_NS_NET] = "net",
	[WIRE_NS_IPC] = "ipc",       [WIRE_NS_UTS] = "uts",   [WIRE_NS_USER] = "user",
	[WIRE_NS_CGROUP] = "cgroup", [WIRE_NS_TIME] = "time",
};

uint64_t proc_tick_ns(void)
{
	long ticks = sysconf(_SC_CLK_TCK);

	return NS_PER_SECOND / (uint64_t)(ticks > 0 ? ticks : 100);
}

/* A decimal number at the start of `rest`, which is moved behind it. */
static bool take_number(struct text *rest, uint64_t *ret)
{
	uint64_t number = 0;
	size_t i = 0;

	for (; i < rest->length && isdigit((unsigned char)rest->data[i]); i++)
		if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(rest->data[i] - '0'), &number))
			return false;
	if (i == 0)
		return false;
	*rest = (struct text){ rest->data + i, rest->length - i };
	*ret = number;
	return true;
}

static bool take_char(struct text *rest, char c)
{
	if (rest->length == 0 || rest->data[0] != c)
		return false;
	*rest = (struct text){ rest->data + 1, rest->length - 1 };
	return true;
}

/* Field `number` of proc(5), of those behind the name, which are separated by one space. */
static bool stat_field(struct text rest, unsigned int number, uint64_t *ret)
{
	for (unsigned int i = 3; i < number; i++) {
		const char *space = memchr(rest.data, ' ', rest.length);

		if (!space)
			return false;
		rest.length -= (size_t)(space + 1 - rest.data);
		rest.data = space + 1;
	}
	return take_number(&rest, ret);
}

/* "PID (NAME) STATE PPID ...": the name may hold spaces, newlines and parentheses of its own, what
 * follows it never does. */
static int parse_stat(struct text stat, struct proc_process *process)
{
	const char *open = memchr(stat.data, '(', stat.length);
	const char *close =
		open ? memrchr(open, ')', stat.length - (size_t)(open - stat.data)) : NULL;
	uint64_t parent, tty, threads, ticks;
	struct text rest;
	size_t length;

	if (!close || stat.data + stat.length - close < 3 || close[1] != ' ')
		return -EBADMSG;
	rest = (struct text){ close + 2, (size_t)(stat.data + stat.length - close) - 2 };
	if (!stat_field(rest, 4, &parent) || !stat_field(rest, 20, &threads) ||
	    !stat_field(rest, 22, &ticks))
		return -EBADMSG;
	if (parent > INT_MAX || ticks > UINT64_MAX / proc_tick_ns())
		return -EBADMSG;
	/* A leader that has ended is a zombie too while other threads of it live. */
	process->ended = strchr("ZXx", rest.data[0]) && threads <= 1;
	process->task.parent_pid = (uint32_t)parent;
	process->task.start = ticks * proc_tick_ns();
	/* tty_nr is printed with %d; no driver has a major that makes it negative. */
	if (stat_field(rest, 7, &tty) && tty <= UINT32_MAX)
		proc_tty_name((uint32_t)tty, process->task.tty);
	/* Of workers and kernel threads /proc shows more than the task's comm. */
	length = (size_t)(close - open) - 1;
	memcpy(process->task.name, open + 1, length < WIRE_COMM - 1 ? length : WIRE_COMM - 1);
	return 0;
}

/* The real and the effective id of the line that begins so. The names in status are escaped: no
 * process can make a line of its own. */
static bool parse_ids(struct text status, const char *begin, uint32_t *ret_real,
		      uint32_t *ret_effective)
{
	const char *line = memmem(status.data, status.length, begin, strlen(begin));
	uint64_t real, effective;
	struct text rest;

	if (!line)
		return false;
	line += strlen(begin);
	rest = (struct text){ line, status.length - (size_t)(line - status.data) };
	if (!take_number(&rest, &real) || !take_char(&rest, '\t') ||
	    !take_number(&rest, &effective) || real > UINT32_MAX || effective > UINT32_MAX)
		return false;
	*ret_real = (uint32_t)real;
	*ret_effective = (uint32_t)effective;
	return true;
}

void proc_tty_name(uint32_t device, char ret[WIRE_TTY])
{
	unsigned int major = device >> 8 & 0xfff; /* new_encode_dev() */
	unsigned int minor = (device & 0xff) | (device >> 12 & 0xfff00);

	ret[0] = '\0';
	if (major >= 136 && major <= 143) /* Documentation/admin-guide/devices.txt */
		snprintf(ret, WIRE_TTY, "pts%u", minor + (major - 136) * 256);
	else if (major == 4)
		snprintf(ret, WIRE_TTY, minor < 64 ? "tty%u" : "ttyS%u",
			 minor < 64 ? minor : minor - 64);
	else if (major == 204 && minor >= 64 && minor < 80)
		snprintf(ret, WIRE_TTY, "ttyAMA%u", minor - 64);
	else if (major == 229)
		snprintf(ret, WIRE_TTY, "hvc%u", minor);
	else if (major == 5 && minor == 1)
		snprintf(ret, WIRE_TTY, "console");
}

/* "docker-<id>.scope", "<id>": the component, without ".scope", ends in 64 digits. */
static bool container_in_name(struct text name, char ret[WIRE_CONTAINER])
{
	static const struct text scope = { ".scope", 6 };
	const char *id;

	if (name.length >= scope.length &&
	    memcmp(name.data + name.length - scope.length, scope.data, scope.length) == 0)
		name.length -= scope.length;
	if (name.length < WIRE_CONTAINER)
		return false;
	id = name.data + name.length - WIRE_CONTAINER;
	for (size_t i = 0; i < WIRE_CONTAINER; i++)
		if (!isdigit((unsigned char)id[i]) && (id[i] < 'a' || id[i] > 'f'))
			return false;
	memcpy(ret, id, WIRE_CONTAINER);
	return true;
}

static bool container_in_path(struct text path, char ret[WIRE_CONTAINER])
{
	while (path.length > 0) {
		const char *slash = memrchr(path.data, '/', path.length);
		size_t at = slash ? (size_t)(slash + 1 - path.data) : 0;

		if (container_in_name((struct text){ path.data + at, path.length - at }, ret))
			return true;
		path.length = slash ? at - 1 : 0;
	}
	return false;
}

bool proc_container(struct text cgroups, char ret[WIRE_CONTAINER])
{
	bool found = false;

	while (cgroups.length > 0) {
		const char *newline = memchr(cgroups.data, '\n', cgroups.length);
		size_t length = newline ? (size_t)(newline - cgroups.data) : cgroups.length;
		struct text line = { cgroups.data, length };
		const char *colon = memchr(line.data, ':', line.length);
		bool unified = line.length >= 3 && memcmp(line.data, "0::", 3) == 0;

		if (colon)
			colon = memchr(colon + 1, ':',
				       line.length - (size_t)(colon + 1 - line.data));
		if (colon && (unified || !found)) {
			line.length -= (size_t)(colon + 1 - line.data);
			line.data = colon + 1;
			found = container_in_path(line, ret) || found;
		}
		length += newline != NULL;
		cgroups = (struct text){ cgroups.data + length, cgroups.length - length };
	}
	return found;
}

static void read_namespaces(int folder, uint32_t ret[WIRE_NAMESPACES])
{
	for (size_t i = 0; i < WIRE_NAMESPACES; i++) {
		char path[16], target[32];
		size_t skip = strlen(namespace_names[i]) + 2; /* "mnt:[4026531841]" */
		struct text rest;
		uint64_t inum;
		ssize_t n;

		ret[i] = 0;
		snprintf(path, sizeof(path), "ns/%s", namespace_names[i]);
		n = readlinkat(folder, path, target, sizeof(target));
		if (n <= (ssize_t)skip)
			continue;
		rest = (struct text){ target + skip, (size_t)n - skip };
		if (take_number(&rest, &inum) && inum <= UINT32_MAX)
			ret[i] = (uint32_t)inum;
	}
}

static int open_process(int proc, uint32_t pid)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%u", pid);
	fd = openat(proc, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return errno == ENOENT ? -ESRCH : -errno;
}

void proc_namespaces(int proc, uint32_t pid, uint32_t ret[WIRE_NAMESPACES])
{
	_cleanup_close_ int folder = open_process(proc, pid);

	memset(ret, 0, WIRE_NAMESPACES * sizeof(ret[0]));
	if (folder >= 0)
		read_namespaces(folder, ret);
}

/* A file of one number, 4294967295 for none. */
static uint32_t read_number(int folder, const char *path, struct buffer *scratch)
{
	struct text rest;
	uint64_t number;

	buffer_clear(scratch);
	if (file_read(folder, path, SMALL_MOST, scratch) < 0)
		return WIRE_UNSET;
	rest = (struct text){ scratch->data, scratch->length };
	return take_number(&rest, &number) && number <= UINT32_MAX ? (uint32_t)number : WIRE_UNSET;
}

/*
 * Reading a command line cannot be made to wait by the process: the kernel takes anonymous memory
 * only (FOLL_ANON since CVE-2018-1120), and userfaultfd does not serve a foreign reader.
 */
static int read_program(int folder, struct proc_process *process)
{
	ssize_t n;
	int r;

	r = buffer_reserve(&process->executable, PATH_MAX);
	if (r < 0)
		return r;
	n = readlinkat(folder, "exe", process->executable.data, PATH_MAX);
	process->executable.length = n > 0 ? (size_t)n : 0;

	r = file_read(folder, "cmdline", WIRE_ARGS_MOST, &process->args);
	process->args_cut = r == -EFBIG;
	if (r < 0 && r != -EFBIG)
		process->args.length = 0;
	if (r == -ENOMEM)
		return r;
	/* A process that writes over its arguments (setproctitle) leaves a run of NULs behind. */
	while (!process->args_cut && process->args.length > 0 &&
	       process->args.data[process->args.length - 1] == '\0')
		process->args.length--;
	if (!process->args_cut && process->args.length > 0)
		buffer_append_char(&process->args, '\0');
	return process->args.error;
}

static void read_ids(int folder, struct wire_task *task, struct buffer *scratch)
{
	struct text status;

	buffer_clear(scratch);
	/* The line of groups may be long; those that are looked for stand before it. */
	file_read(folder, "status", SMALL_MOST, scratch);
	status = (struct text){ scratch->data ?: "", scratch->length };
	if (!parse_ids(status, "\nUid:\t", &task->uid, &task->effective_uid))
		task->uid = task->effective_uid = WIRE_UNSET;
	if (!parse_ids(status, "\nGid:\t", &task->gid, &task->effective_gid))
		task->gid = task->effective_gid = WIRE_UNSET;
	task->login_uid = read_number(folder, "loginuid", scratch);
	task->session = read_number(folder, "sessionid", scratch);
}

int proc_read(int proc, uint32_t pid, unsigned int parts, struct proc_process *ret)
{
	_cleanup_close_ int folder = open_process(proc, pid);
	_cleanup_buffer_ struct buffer scratch = {};
	int r;

	buffer_clear(&ret->executable);
	buffer_clear(&ret->args);
	ret->task = (struct wire_task){ .pid = pid };
	ret->ended = ret->args_cut = false;
	if (folder < 0)
		return folder;
	r = file_read(folder, "stat", SMALL_MOST, &scratch);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	r = parse_stat((struct text){ scratch.data ?: "", scratch.length }, ret);
	if (r < 0)
		return r;
	read_ids(folder, &ret->task, &scratch);
	if (parts & PROC_PROGRAM) {
		r = read_program(folder, ret);
		if (r < 0)
			return r;
	}
	if (parts & PROC_CONTAINER) {
		buffer_clear(&scratch);
		r = file_read(folder, "cgroup", CGROUPS_MOST, &scratch);
		if (r >= 0 || r == -EFBIG)
			proc_container((struct text){ scratch.data ?: "", scratch.length },
				       ret->task.container);
	}
	if (parts & PROC_NAMESPACES)
		read_namespaces(folder, ret->task.namespaces);
	return scratch.error;
}

void proc_process_clear(struct proc_process *process)
{
	buffer_free(&process->executable);
	buffer_free(&process->args);
}
