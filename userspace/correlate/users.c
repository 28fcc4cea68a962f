// SPDX-License-Identifier: Apache-2.0
#include "correlate/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"

#define FILE_MOST (1u << 20)
#define NAME_MOST 255

struct user {
	uint32_t uid;
	uint32_t name;  /* offset in the contents, terminated there */
	uint32_t order; /* in the file: the first one of a uid or a name counts */
};

struct users {
	char *path;
	struct buffer contents;
	struct user *by_uid, *by_name;
	size_t count;
	bool looked;
	uint64_t looked_at;
	struct stat seen; /* all zero: nothing was read */
};

int users_new(const char *path, struct users **ret)
{
	struct users *users = calloc(1, sizeof(*users));

	if (!users)
		return -ENOMEM;
	users->path = strdup(path);
	if (!users->path) {
		free(users);
		return -ENOMEM;
	}
	*ret = users;
	return 0;
}

void users_free(struct users *users)
{
	if (!users)
		return;
	free(users->path);
	free(users->by_uid);
	free(users->by_name);
	buffer_free(&users->contents);
	free(users);
}

/* No sign, no space, no overflow, and not the one that means none. */
static bool parse_uid(const char *text, const char *end, uint32_t *ret)
{
	uint64_t uid = 0;

	if (text == end || end - text > 10)
		return false;
	for (; text < end; text++) {
		if (*text < '0' || *text > '9')
			return false;
		uid = uid * 10 + (uint64_t)(*text - '0');
	}
	if (uid >= UINT32_MAX)
		return false;
	*ret = (uint32_t)uid;
	return true;
}

static bool acceptable_name(const char *name, size_t length)
{
	/* "+name" and "-name" mean NIS (nsswitch compat), never a user. */
	if (length == 0 || length > NAME_MOST || strchr("#+-", name[0]))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return true;
}

/* "name:password:uid:...": of a line that fits, its user. The name is terminated in place. */
static bool parse_line(char *contents, char *line, char *end, struct user *ret)
{
	char *password = memchr(line, ':', (size_t)(end - line));
	char *uid = password ? memchr(password + 1, ':', (size_t)(end - password - 1)) : NULL;
	char *gid = uid ? memchr(uid + 1, ':', (size_t)(end - uid - 1)) : NULL;

	if (!gid || !acceptable_name(line, (size_t)(password - line)) ||
	    !parse_uid(uid + 1, gid, &ret->uid))
		return false;
	*password = '\0';
	ret->name = (uint32_t)(line - contents);
	return true;
}

static int compare_uid(const void *a, const void *b)
{
	const struct user *one = a, *other = b;

	if (one->uid != other->uid)
		return one->uid < other->uid ? -1 : 1;
	return one->order < other->order ? -1 : one->order > other->order;
}

static int compare_name(const void *a, const void *b, void *contents)
{
	const struct user *one = a, *other = b;
	int r = strcmp((char *)contents + one->name, (char *)contents + other->name);

	return r ?: one->order < other->order ? -1 : one->order > other->order;
}

/* Whole lines only: the last one may have been cut by the bound. */
static size_t parse_all(struct buffer *contents, struct user *users)
{
	char *line = contents->data, *end = contents->data + contents->length, *newline;
	size_t count = 0;

	while (line < end && (newline = memchr(line, '\n', (size_t)(end - line)))) {
		if (parse_line(contents->data, line, newline, &users[count])) {
			users[count].order = (uint32_t)count;
			count++;
		}
		line = newline + 1;
	}
	return count;
}

static size_t count_lines(const struct buffer *contents)
{
	size_t lines = 0;

	for (size_t i = 0; i < contents->length; i++)
		lines += contents->data[i] == '\n';
	return lines;
}

static int read_all(struct users *users)
{
	_cleanup_buffer_ struct buffer contents = {};
	_cleanup_free_ struct user *by_uid = NULL, *by_name = NULL;
	size_t count;
	int r;

	r = file_read(AT_FDCWD, users->path, FILE_MOST, &contents);
	if (r < 0 && r != -EFBIG)
		return r;
	if (r == 0)
		buffer_append_char(&contents, '\n');
	if (contents.error)
		return contents.error;
	count = count_lines(&contents);
	by_uid = calloc(count + 1, sizeof(*by_uid));
	by_name = calloc(count + 1, sizeof(*by_name));
	if (!by_uid || !by_name)
		return -ENOMEM;
	count = parse_all(&contents, by_uid);
	memcpy(by_name, by_uid, count * sizeof(*by_uid));
	qsort(by_uid, count, sizeof(*by_uid), compare_uid);
	qsort_r(by_name, count, sizeof(*by_name), compare_name, contents.data);

	buffer_free(&users->contents);
	free(users->by_uid);
	free(users->by_name);
	users->contents = contents;
	contents = (struct buffer){};
	users->by_uid = TAKE_PTR(by_uid);
	users->by_name = TAKE_PTR(by_name);
	users->count = count;
	return 0;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

int users_refresh(struct users *users, uint64_t now)
{
	struct stat status;
	int r;

	if (users->looked && now - users->looked_at < NS_PER_SECOND)
		return 0;
	users->looked = true;
	users->looked_at = now;
	if (stat(users->path, &status) < 0)
		return -errno;
	if (same_file(&status, &users->seen))
		return 0;
	r = read_all(users);
	if (r < 0)
		return r;
	/* As it was before it was read: a change meanwhile shows the next time. */
	users->seen = status;
	return 0;
}

const char *users_name(const struct users *users, uint32_t uid)
{
	size_t low = 0, high = users->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (users->by_uid[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == users->count || users->by_uid[low].uid != uid)
		return NULL;
	return users->contents.data + users->by_uid[low].name;
}

int users_uid(const struct users *users, const char *name, uint32_t *ret_uid)
{
	size_t low = 0, high = users->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(users->contents.data + users->by_name[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == users->count ||
	    strcmp(users->contents.data + users->by_name[low].name, name) != 0)
		return -ENOENT;
	*ret_uid = users->by_name[low].uid;
	return 0;
}
