// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/declare_private.h"
#include "correlate/redact_private.h"

#define MOST_OPTION_NAME_BYTES 32

/* What mount(8), nfs(5), mount.cifs(8), tmpfs, overlay and btrfs know, and no secret goes into. In
 * order. */
static const char *const harmless_options[] = {
	"acdirmax",     "acdirmin",  "acl",        "acregmax",   "acregmin",     "actimeo",
	"addr",         "async",     "atime",      "bg",         "bind",         "cache",
	"clientaddr",   "compress",  "data",       "defaults",   "dev",          "dir_mode",
	"diratime",     "dirsync",   "discard",    "dmode",      "domain",       "errors",
	"exec",         "fg",        "file_mode",  "fmode",      "forcegid",     "forceuid",
	"fsc",          "gid",       "guest",      "hard",       "index",        "intr",
	"iocharset",    "ip",        "lazytime",   "local_lock", "lock",         "lookupcache",
	"loop",         "lowerdir",  "metacopy",   "mfsymlinks", "minorversion", "mode",
	"mountaddr",    "mountport", "mountproto", "mountvers",  "msize",        "namlen",
	"nconnect",     "nfsvers",   "noac",       "noacl",      "noatime",      "nobrl",
	"nocto",        "nodev",     "nodiratime", "nodiscard",  "noexec",       "nointr",
	"nolock",       "noperm",    "noquota",    "norelatime", "noresvport",   "noserverino",
	"nosuid",       "nr_blocks", "nr_inodes",  "offset",     "port",         "prjquota",
	"private",      "proto",     "quota",      "rbind",      "rdirplus",     "rdma",
	"redirect_dir", "relatime",  "remount",    "resvport",   "retrans",      "retry",
	"ro",           "rprivate",  "rshared",    "rsize",      "rslave",       "rw",
	"sec",          "serverino", "shared",     "size",       "slave",        "soft",
	"strictatime",  "subvol",    "subvolid",   "suid",       "sync",         "tcp",
	"timeo",        "trans",     "udp",        "uid",        "upperdir",     "userxattr",
	"vers",         "volatile",  "workdir",    "workgroup",  "wsize",        "xino",
};

/* Folders that an overlay is made of. */
static const char *const folder_options[] = { "lowerdir", "upperdir", "workdir" };

/* File systems that are the kernel itself: no device is needed to reach the host with them. */
static const char *const kernel_filesystems[] = {
	"cgroup", "cgroup2", "configfs",   "debugfs", "devtmpfs", "efivarfs",
	"proc",   "pstore",  "securityfs", "sysfs",   "tracefs",
};

static bool is_one_of(struct text text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal(text, text_of(words[i])))
			return true;
	return false;
}

void declare_mask(struct buffer *ret, size_t length)
{
	if (length > 0)
		buffer_printf(ret, "[redacted len=%zu]", length);
}

/* The next of the options, name and value apart. Two commas stand for one that is part of a value
 * (cifs). */
static struct text next_option(struct text *options, struct text *ret_value)
{
	const char *start = options->data, *end = start + options->length, *p = start;
	struct text name;
	const char *equals;

	while (p < end && (*p != ',' || (p + 1 < end && p[1] == ',')))
		p += *p == ',' ? 2 : 1;
	name = (struct text){ start, (size_t)(p - start) };
	*options =
		p < end ? (struct text){ p + 1, (size_t)(end - p - 1) } : (struct text){ end, 0 };
	equals = name.length ? memchr(name.data, '=', name.length) : NULL;
	*ret_value = (struct text){};
	if (equals) {
		*ret_value = (struct text){ equals + 1, (size_t)(p - equals - 1) };
		name.length = (size_t)(equals - name.data);
	}
	return name;
}

static bool is_option_name(struct text name)
{
	for (size_t i = 0; i < name.length; i++)
		if (!redact_is_name(name.data[i]))
			return false;
	return name.length > 0 && name.length <= MOST_OPTION_NAME_BYTES;
}

/* Returns whether what follows may be the rest of a secret. */
static bool append_mount_option(struct text name, struct text value, bool after, struct buffer *ret)
{
	bool user = text_equal(name, TEXT("user")) || text_equal(name, TEXT("username"));
	bool harmless = is_one_of(name, harmless_options, ARRAY_SIZE(harmless_options));
	size_t whole = name.length + (value.data ? 1 + value.length : 0);

	if (!harmless && (after || !value.data || !is_option_name(name))) {
		declare_mask(ret, whole);
		return true;
	}
	buffer_append(ret, name.data, name.length);
	if (!value.data)
		return after;
	buffer_append_char(ret, '=');
	if (harmless)
		buffer_append(ret, value.data, value.length);
	else if (user)
		redact_user_password(value, ret);
	else
		declare_mask(ret, value.length);
	return after || (user ? memchr(value.data, '%', value.length) != NULL : !harmless);
}

void declare_mount_options(struct text options, struct buffer *ret)
{
	bool after = false, first = true;

	while (options.length > 0) {
		struct text value, name = next_option(&options, &value);

		if (!first)
			buffer_append_char(ret, ',');
		first = false;
		after = append_mount_option(name, value, after, ret);
	}
}

static bool is_local(struct text driver)
{
	return driver.length == 0 || text_equal(driver, TEXT("local"));
}

/* The engine mounts from "/": what does not begin with a slash is a path nevertheless. */
static bool is_sensitive_folder(struct text folder)
{
	_cleanup_buffer_ struct buffer path = {};

	if (folder.length == 0)
		return false;
	buffer_append_char(&path, '/');
	buffer_append(&path, folder.data, folder.length);
	return path.error || declare_is_sensitive((struct text){ path.data, path.length });
}

/* Folders, a colon between them. */
static bool has_sensitive_folder(struct text folders)
{
	while (folders.length > 0) {
		const char *colon = memchr(folders.data, ':', folders.length);
		size_t length = colon ? (size_t)(colon - folders.data) : folders.length;

		if (is_sensitive_folder((struct text){ folders.data, length }))
			return true;
		length += colon ? 1 : 0;
		folders = (struct text){ folders.data + length, folders.length - length };
	}
	return false;
}

bool declare_mounts_host(const struct element *element, struct text driver)
{
	struct text options = element->options, device = element->device;

	if (!is_local(driver))
		return declare_is_sensitive(device);
	if (is_one_of(element->filesystem, kernel_filesystems, ARRAY_SIZE(kernel_filesystems)))
		return true;
	while (options.length > 0) {
		struct text value, name = next_option(&options, &value);

		if (is_one_of(name, folder_options, ARRAY_SIZE(folder_options)) &&
		    has_sensitive_folder(value))
			return true;
	}
	/* "server:/path" and "//server/share" are none of this host. */
	if (device.length == 0 ||
	    (device.data[0] != '/' && memchr(device.data, ':', device.length)) ||
	    (text_equal(element->filesystem, TEXT("cifs")) && device.data[0] == '/'))
		return false;
	return is_sensitive_folder(device);
}

/* User information in front of a host: "//user:password@host/share", "user@host:/path". */
static void append_device(struct text device, struct buffer *ret)
{
	const char *scheme = memmem(device.data, device.length, "://", 3), *slash, *at;
	size_t start = scheme ? (size_t)(scheme - device.data) + 3
		       : device.length > 2 && memcmp(device.data, "//", 2) == 0 ? 2
										: 0;
	struct text rest = { device.data + start, device.length - start };
	size_t host;

	slash = rest.length ? memchr(rest.data, '/', rest.length) : NULL;
	host = slash ? (size_t)(slash - rest.data) : rest.length;
	/* With a colon, what stands before the slash may be the beginning of a password. */
	at = host && memchr(rest.data, ':', host) ? memrchr(rest.data, '@', rest.length)
	     : host                               ? memrchr(rest.data, '@', host)
						  : NULL;
	buffer_append(ret, device.data, start);
	if (at) {
		declare_mask(ret, (size_t)(at - rest.data));
		rest = (struct text){ at, rest.length - (size_t)(at - rest.data) };
	}
	buffer_append(ret, rest.data, rest.length);
}

int declare_mask_device(struct element *element, struct text driver)
{
	_cleanup_buffer_ struct buffer masked = {};
	struct text device = element->device;

	if (!device.data)
		return 0;
	if (is_local(driver) || declare_is_sensitive(device))
		append_device(device, &masked);
	else
		declare_mask(&masked, device.length);
	return masked.error
		       ?: declare_set_text(&element->device,
					   (struct text){ masked.data, masked.length });
}

static int append_option(struct text_list *list, const char *name, const struct buffer *value)
{
	_cleanup_buffer_ struct buffer option = {};

	buffer_printf(&option, "%s=", name);
	buffer_append(&option, value->data, value->length);
	if (value->error || option.error)
		return -ENOMEM;
	return text_list_append(list, (struct text){ option.data, option.length });
}

int declare_volume_options(const struct element *element, struct declared *declared)
{
	_cleanup_buffer_ struct buffer filesystem = {}, options = {}, device = {};
	struct text_list *list = &declared->driver_options;
	bool local = is_local(declared->driver);
	int r = 0;

	if (local) {
		buffer_append(&filesystem, element->filesystem.data, element->filesystem.length);
		declare_mount_options(element->options, &options);
	} else {
		declare_mask(&filesystem, element->filesystem.length);
		declare_mask(&options, element->options.length);
	}
	buffer_append(&device, element->device.data, element->device.length);
	if (element->filesystem.data)
		r = append_option(list, "type", &filesystem);
	if (r == 0 && element->options.data)
		r = append_option(list, "o", &options);
	if (r == 0 && element->device.data)
		r = append_option(list, "device", &device);
	return r;
}

bool declare_is_network_option(struct text name)
{
	static const char *const words[] = { "parent", "macvlan_mode", "ipvlan_mode", "ipvlan_flag",
					     "encrypted" };
	static const char prefix[] = "com.docker.network.";

	return (name.length >= sizeof(prefix) - 1 &&
		memcmp(name.data, prefix, sizeof(prefix) - 1) == 0) ||
	       is_one_of(name, words, ARRAY_SIZE(words));
}

int declare_plugin_setting(struct declared *declared, struct text setting, size_t length)
{
	const char *equals = setting.length ? memchr(setting.data, '=', setting.length) : NULL;
	_cleanup_buffer_ struct buffer text = {};
	struct text name = setting, value = {};
	bool path, sensitive;

	if (!equals) {
		declare_mask(&text, length);
		return text.error
			       ?: text_list_append(&declared->settings,
						   (struct text){ text.data, text.length });
	}
	name.length = (size_t)(equals - setting.data);
	value = (struct text){ equals + 1, setting.length - name.length - 1 };
	path = (name.length > 7 && memcmp(equals - 7, ".source", 7) == 0) ||
	       (name.length > 5 && memcmp(equals - 5, ".path", 5) == 0);
	/* A mount or a device may be set by its name alone. */
	sensitive = declare_is_sensitive(value);
	declared->mounts_host |= sensitive;
	buffer_append(&text, name.data, name.length + 1);
	if (path || sensitive)
		buffer_append(&text, value.data, value.length);
	else
		declare_mask(&text, length - name.length - 1);
	return text.error
		       ?: text_list_append(&declared->settings,
					   (struct text){ text.data, text.length });
}
