// SPDX-License-Identifier: Apache-2.0
#include "capture/audit_paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <json-c/json.h>
#include <limits.h>
#include <linux/openat2.h>
#include <mntent.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define DAEMON_CONFIG      "etc/docker/daemon.json"
#define DAEMON_CONFIG_MOST (1u << 20)
#define HOMES_MOST         256

static const char *const program_folders[] = {
	"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin",
};

/* systemd.unit(5), table 1, without what generators make: the first one is where a person puts it.
 */
static const char *const unit_folders[] = {
	"/etc/systemd/system",     "/etc/systemd/system.control", "/run/systemd/system.control",
	"/run/systemd/transient",  "/run/systemd/system",         "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};

/* ---- below the root */

static int open_below(int root, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The path of what a descriptor stands for, as it is called below the root. */
static int path_of(int root, int fd, struct buffer *path)
{
	char link[64], name[PATH_MAX], above[PATH_MAX];
	ssize_t length, root_length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, name, sizeof(name) - 1);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", root);
	root_length = readlink(link, above, sizeof(above) - 1);
	if (length < 0 || root_length < 0)
		return -errno;
	if (root_length == 1)
		root_length = 0; /* "/" */
	buffer_append(path, name + root_length, (size_t)(length - root_length));
	if (length == root_length)
		buffer_append_char(path, '/');
	return path->error;
}

int audit_path_follow(int root, const char *path, struct buffer *real)
{
	_cleanup_close_ int fd = open_below(root, path, O_PATH);

	return fd < 0 ? fd : path_of(root, fd, real);
}

static enum audit_path_kind kind_of(mode_t mode)
{
	return S_ISDIR(mode)    ? AUDIT_PATH_FOLDER
	       : S_ISLNK(mode)  ? AUDIT_PATH_LINK
	       : S_ISSOCK(mode) ? AUDIT_PATH_SOCKET
				: AUDIT_PATH_OTHER;
}

enum audit_path_kind audit_path_look(int root, const char *path, struct buffer *real)
{
	const char *last = strrchr(path, '/') + 1;
	_cleanup_free_ char *folder = strndup(path, (size_t)(last - path));
	_cleanup_close_ int fd = folder ? open_below(root, folder, O_PATH | O_DIRECTORY) : -ENOMEM;
	struct stat status;

	if (fd < 0 || path_of(root, fd, real) < 0) {
		buffer_append_string(real, path);
		return AUDIT_PATH_NO_FOLDER;
	}
	if (real->length > 1)
		buffer_append_char(real, '/');
	buffer_append_string(real, last);
	if (fstatat(fd, last, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return AUDIT_PATH_ABSENT;
	return kind_of(status.st_mode);
}

static bool is_there(int root, const char *path)
{
	_cleanup_close_ int fd = open_below(root, path, O_PATH | O_NOFOLLOW);

	return fd >= 0;
}

/* Likewise, where no folder behind the first `trusted` bytes is a link. */
static bool is_there_unlinked(const struct audit_paths *paths, const char *path, size_t trusted)
{
	_cleanup_free_ char *folder = strndup(path, trusted);
	_cleanup_close_ int above = -1, fd = -1;
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };

	if (!folder || audit_paths_far(paths, path))
		return false;
	above = open_below(paths->root, trusted ? folder : "/", O_PATH | O_DIRECTORY);
	if (above < 0)
		return false;
	path += trusted;
	fd = (int)syscall(SYS_openat2, above, path + strspn(path, "/"), &how, sizeof(how));
	return fd >= 0;
}

static int append_path(struct text_list *list, const char *folder, const char *name)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/%s", folder, name);

	if (length < 0 || (size_t)length >= sizeof(path))
		return 0; /* no kernel would find it */
	return text_list_append(list, text_of(path));
}

/* ---- file systems that need not answer */

/* Where a path lies: whether the last thing mounted at or above it is such a one. */
bool audit_paths_far(const struct audit_paths *paths, const char *path)
{
	size_t longest = 0;
	bool far = false;

	for (size_t i = 0; i < paths->mounts.count; i++) {
		struct text mount = text_list_at(&paths->mounts, i);
		struct text folder = { mount.data + 1, mount.length - 1 };

		if (folder.length < longest || strncmp(path, folder.data, folder.length) != 0 ||
		    (path[folder.length] && path[folder.length] != '/'))
			continue;
		longest = folder.length;
		far = mount.data[0] == 'f';
	}
	return far;
}

static bool is_far_type(const char *type)
{
	static const char *const types[] = { "autofs", "nfs*",  "cifs",     "smb*",   "9p",
					     "afs",    "ncp*",  "coda",     "ceph",   "fuse*",
					     "lustre", "gfs2*", "orangefs", "beegfs", "ocfs2*" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (fnmatch(types[i], type, 0) == 0)
			return true;
	return false;
}

int audit_paths_read_mounts(struct audit_paths *paths)
{
	int fd = open_below(paths->root, "proc/self/mounts", O_RDONLY), r = 0;
	_cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char names[4 * PATH_MAX], entry[PATH_MAX + 2];
	struct mntent mount;

	if (!file) {
		closep(&fd);
		return 0; /* without it nothing is known to be far */
	}
	while (r == 0 && getmntent_r(file, &mount, names, sizeof(names))) {
		bool far = is_far_type(mount.mnt_type);

		/* The root itself always answers: nothing would run without it. A near one counts
		 * only where a far one is above it. */
		if (strcmp(mount.mnt_dir, "/") == 0 ||
		    (!far && !audit_paths_far(paths, mount.mnt_dir)) ||
		    strlen(mount.mnt_dir) >= PATH_MAX)
			continue;
		snprintf(entry, sizeof(entry), "%c%s", far ? 'f' : 'n', mount.mnt_dir);
		r = text_list_append(&paths->mounts, text_of(entry));
	}
	return r;
}

/* ---- the names */

static int match_in(const struct audit_paths *paths, const char *folder, const char *pattern,
		    struct text_list *ret)
{
	int fd = audit_paths_far(paths, folder)
			 ? -ENOENT
			 : open_below(paths->root, folder, O_RDONLY | O_DIRECTORY);
	int r = 0;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!stream) {
		closep(&fd);
		return 0; /* a folder that is not there has no such program */
	}
	while (r == 0 && (entry = readdir(stream)))
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) == 0)
			r = append_path(ret, folder, entry->d_name);
	closedir(stream);
	return r;
}

static int expand_program(const struct audit_paths *paths, const char *pattern,
			  struct audit_found *found)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(program_folders); i++)
		r = match_in(paths, program_folders[i], pattern, &found->paths);
	if (found->paths.count == 0)
		buffer_printf(&found->why, "there is no program %s on this host", pattern);
	return r;
}

static int expand_unit(const struct audit_paths *paths, const char *unit, struct audit_found *found)
{
	const char *type = strrchr(unit, '.');
	char names[3][256], path[PATH_MAX];
	int r = 0;

	snprintf(names[0], sizeof(names[0]), "%s", unit);
	snprintf(names[1], sizeof(names[1]), "%.250s.d", unit);
	/* For all units of a type, this one too. */
	snprintf(names[2], sizeof(names[2]), "%.250s.d", type ? type + 1 : unit);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(unit_folders); i++)
		for (size_t n = 0; r == 0 && n < ARRAY_SIZE(names); n++) {
			snprintf(path, sizeof(path), "%s/%s", unit_folders[i], names[n]);
			/* Where a person would put one it is awaited. */
			if ((i == 0 && n < 2) || is_there(paths->root, path))
				r = text_list_append(&found->paths, text_of(path));
		}
	return r;
}

/*
 * One folder after the other of a pattern such as /run/user/?/docker.sock. What lies in a folder
 * that was found is whoever's it is: nothing is followed there.
 */
static int expand_pattern(const struct audit_paths *paths, const char *pattern, size_t trusted,
			  struct text_list *ret)
{
	const char *wild = strpbrk(pattern, "*?[");
	const char *rest, *slash;
	char component[NAME_MAX + 1];
	_cleanup_text_list_ struct text_list folders = {};
	_cleanup_free_ char *folder = NULL;
	int r = 0;

	if (!wild)
		return is_there_unlinked(paths, pattern, trusted)
			       ? text_list_append(ret, text_of(pattern))
			       : 0;
	for (slash = wild; *slash != '/'; slash--)
		;
	rest = strchrnul(wild, '/');
	if (slash == pattern || (size_t)(rest - slash) > sizeof(component))
		return 0;
	folder = strndup(pattern, (size_t)(slash - pattern));
	if (!folder)
		return -ENOMEM;
	memcpy(component, slash + 1, (size_t)(rest - slash) - 1);
	component[rest - slash - 1] = '\0';
	trusted = trusted ?: (size_t)(slash - pattern);
	r = match_in(paths, folder, component, &folders);
	for (size_t i = 0; r == 0 && i < folders.count; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s%s", text_list_at(&folders, i).data, rest) < 0)
			return -ENOMEM;
		r = expand_pattern(paths, path, trusted, ret);
	}
	return r;
}

static bool has_folder(int root, const char *path)
{
	_cleanup_buffer_ struct buffer real = {};

	return audit_path_look(root, path, &real) != AUDIT_PATH_NO_FOLDER;
}

static bool is_pattern(const char *socket)
{
	return strpbrk(socket, "*?[") != NULL;
}

static int expand_socket(const struct audit_paths *paths, struct audit_found *found)
{
	int r = 0;

	for (size_t i = 0; r == 0 && paths->sockets && paths->sockets[i]; i++)
		if (!is_pattern(paths->sockets[i]) && has_folder(paths->root, paths->sockets[i]))
			r = text_list_append(&found->paths, text_of(paths->sockets[i]));
	found->users_from = found->paths.count;
	for (size_t i = 0; r == 0 && paths->sockets && paths->sockets[i]; i++)
		if (is_pattern(paths->sockets[i]))
			r = expand_pattern(paths, paths->sockets[i], 0, &found->paths);
	if (found->paths.count == 0)
		buffer_append_string(&found->why,
				     "no folder is there for any socket that is watched");
	return r;
}

/* A path under a key of daemon.json; an empty text where there is none. */
static int read_daemon(int root, const char *key, struct buffer *value, struct buffer *why)
{
	_cleanup_buffer_ struct buffer contents = {};
	_cleanup_close_ int fd = open_below(root, DAEMON_CONFIG, O_PATH);
	char path[64];
	struct json_object *object, *member;
	int r = fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0)
		r = file_read(AT_FDCWD, path, DAEMON_CONFIG_MOST, &contents);
	if (r == -ENOENT)
		return 0;
	if (r == -ENOMEM)
		return r;
	object = r < 0 ? NULL : json_tokener_parse(buffer_string(&contents) ?: "");
	if (!object)
		buffer_printf(why, "/" DAEMON_CONFIG " cannot be read: %s; ",
			      r < 0 ? strerror(-r) : "it is no JSON");
	if (json_object_object_get_ex(object, key, &member) &&
	    json_object_is_type(member, json_type_string) &&
	    json_object_get_string(member)[0] == '/') {
		buffer_append_string(value, json_object_get_string(member));
		while (value->length > 1 && value->data[value->length - 1] == '/')
			value->length--;
	}
	json_object_put(object);
	return value->error;
}

/* KEY, or KEY=PATH. */
static int expand_daemon(const struct audit_paths *paths, const char *key,
			 struct audit_found *found)
{
	_cleanup_free_ char *name = strndup(key, strcspn(key, "="));
	_cleanup_buffer_ struct buffer value = {};
	const char *other = strchr(key, '=');
	int r = name ? read_daemon(paths->root, name, &value, &found->why) : -ENOMEM;

	if (r == 0 && value.length > 0)
		return text_list_append(&found->paths, (struct text){ value.data, value.length });
	if (r == 0 && other)
		return text_list_append(&found->paths, text_of(other + 1));
	if (r == 0)
		buffer_printf(&found->why, "/" DAEMON_CONFIG " names no %s", name);
	return r;
}

/* Whether somebody can log in as this user, or has used the client as it. */
static bool has_client(const struct audit_paths *paths, const struct passwd *user, const char *name)
{
	const char *shell = strrchr(user->pw_shell, '/');
	bool person = !shell || (strcmp(shell, "/nologin") != 0 && strcmp(shell, "/false") != 0 &&
				 strcmp(shell, "/sync") != 0);
	char path[PATH_MAX];

	if (user->pw_dir[0] != '/' || strcmp(user->pw_dir, "/") == 0)
		return false;
	/* Not so much as looked at: an automount would be mounted for it, a server asked. */
	if (audit_paths_far(paths, user->pw_dir))
		return person;
	if (!is_there(paths->root, user->pw_dir))
		return false;
	snprintf(path, sizeof(path), "%s/%s", user->pw_dir, name);
	return person || audit_paths_far(paths, path) || is_there(paths->root, path);
}

/* A home of several users comes once: what it becomes is compared in the end. */
static int expand_home(const struct audit_paths *paths, const char *name, struct audit_found *found)
{
	int fd = open_below(paths->root, "etc/passwd", O_RDONLY), r = 0;
	_cleanup_fclose_ FILE *users = fd < 0 ? NULL : fdopen(fd, "r");
	struct passwd *user;

	if (!users) {
		closep(&fd);
		buffer_append_string(&found->why, "/etc/passwd cannot be read");
		return 0;
	}
	found->users_from = 0;
	while (r == 0 && (user = fgetpwent(users))) {
		if (!has_client(paths, user, name))
			continue;
		if (found->paths.count == HOMES_MOST) {
			found->left_out++;
			continue;
		}
		r = append_path(&found->paths, user->pw_dir, name);
	}
	if (found->paths.count == 0)
		buffer_append_string(&found->why, "no user has a home folder");
	return r;
}

int audit_paths_expand(const struct audit_paths *paths, const char *name, struct audit_found *found)
{
	static const struct {
		const char *name;
		int (*expand)(const struct audit_paths *, const char *, struct audit_found *);
	} known[] = { { "program:", expand_program },
		      { "unit:", expand_unit },
		      { "daemon:", expand_daemon },
		      { "home:", expand_home } };

	found->users_from = SIZE_MAX;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(name, known[i].name, strlen(known[i].name)) == 0)
			return known[i].expand(paths, name + strlen(known[i].name), found);
	return strcmp(name, "socket") == 0 ? expand_socket(paths, found) : -EINVAL;
}

void audit_found_clear(struct audit_found *found)
{
	text_list_free(&found->paths);
	buffer_free(&found->why);
}
