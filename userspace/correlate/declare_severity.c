// SPDX-License-Identifier: Apache-2.0
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "bpf/wire.h"
#include "correlate/declare.h"

#define ISOLATION_GIVEN_AWAY 75

/* With one of these a process reaches the host, or other containers. */
static const char *const strong_capabilities[] = {
	"ALL",
	"SYS_ADMIN",
	"SYS_PTRACE",
	"SYS_MODULE",
	"SYS_RAWIO",
	"SYS_BOOT",
	"SYS_TIME",
	"SYSLOG",
	"DAC_READ_SEARCH",
	"NET_ADMIN",
	"MAC_ADMIN",
	"MAC_OVERRIDE",
	"BPF",
	"PERFMON",
	"AUDIT_CONTROL",
	"AUDIT_READ",
	"LINUX_IMMUTABLE",
	"IPC_OWNER",
	"CHECKPOINT_RESTORE",
};

/* Everything below these. "/var/run" is "/run". */
static const char *const sensitive_trees[] = {
	"/etc",
	"/root",
	"/proc",
	"/sys",
	"/dev",
	"/boot",
	"/usr",
	"/bin",
	"/sbin",
	"/lib",
	"/lib32",
	"/lib64",
	"/run",
	"/var/log",
	"/var/lib/docker",
	"/var/lib/containerd",
	"/var/lib/containers",
	"/var/lib/kubelet",
	"/var/spool/cron",
};

/* Only these folders as a whole. */
static const char *const sensitive_folders[] = { "/", "/home", "/var", "/var/lib", "/var/spool" };

/* What half of all containers mount, and that tells nothing. */
static const char *const harmless[] = {
	"/etc/localtime",
	"/etc/timezone",
	"/usr/share/zoneinfo",
	/* With `--init` an engine mounts it into the container. */
	"/usr/bin/docker-init",
	"/usr/bin/tini-static",
	"/usr/libexec/docker/docker-init",
	"/usr/libexec/podman/catatonit",
	/* Devices of every container: who may not make them in it mounts them. */
	"/dev/null",
	"/dev/zero",
	"/dev/full",
	"/dev/tty",
	"/dev/random",
	"/dev/urandom",
};

/* Engines mount from here into each of their containers. */
static const char *const engines_trees[] = {
	"/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/var/lib/kubelet",
	"/run/docker",     "/run/containerd",     "/run/containers",
};

bool declare_sensitive_row(size_t row, const char **path, uint16_t *kind)
{
	static const struct {
		const char *const *paths;
		size_t count;
		uint16_t kind;
	} lists[] = {
		/* Of a path that stands in two of them the last says what it is. */
		{ sensitive_trees, ARRAY_SIZE(sensitive_trees), WIRE_FILE_TREE },
		{ sensitive_folders, ARRAY_SIZE(sensitive_folders), WIRE_FILE_WHOLE },
		{ engines_trees, ARRAY_SIZE(engines_trees), WIRE_FILE_WHOLE },
		{ harmless, ARRAY_SIZE(harmless), WIRE_FILE_HARMLESS },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); row -= lists[i++].count) {
		if (row >= lists[i].count)
			continue;
		*path = lists[i].paths[row];
		*kind = lists[i].kind;
		if (strcmp(*path, "/proc") == 0 || strcmp(*path, "/sys") == 0)
			*kind |= WIRE_FILE_KERNELS;
		return true;
	}
	return false;
}

static bool is_below(struct text path, const char *tree)
{
	size_t length = strlen(tree);

	return path.length >= length && memcmp(path.data, tree, length) == 0 &&
	       (path.length == length || path.data[length] == '/');
}

void declare_clean_path(struct text path, struct buffer *out)
{
	size_t in = 0;

	while (in < path.length) {
		size_t start = in, part;

		while (in < path.length && path.data[in] != '/')
			in++;
		part = in++ - start;
		if (part == 0 || (part == 1 && path.data[start] == '.'))
			continue;
		if (part == 2 && memcmp(path.data + start, "..", 2) == 0) {
			while (out->length > 0 && out->data[--out->length] != '/')
				;
			continue;
		}
		buffer_append_char(out, '/');
		buffer_append(out, path.data + start, part);
	}
}

bool declare_is_sensitive(struct text path)
{
	_cleanup_buffer_ struct buffer buffer = {};
	struct text cleaned;

	if (path.length == 0 || path.data[0] != '/')
		return false;
	declare_clean_path(path, &buffer);
	/* Without memory it cannot be ruled out. */
	if (buffer.error || buffer.length == 0)
		return true;
	cleaned = (struct text){ buffer.data, buffer.length };
	if (is_below(cleaned, "/var/run"))
		cleaned = (struct text){ buffer.data + 4, buffer.length - 4 };
	for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
		if (is_below(cleaned, harmless[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(sensitive_folders); i++)
		if (text_equal(cleaned, text_of(sensitive_folders[i])))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(sensitive_trees); i++)
		if (is_below(cleaned, sensitive_trees[i]))
			return true;
	/* An engine's socket, wherever it lies. */
	return memmem(cleaned.data, cleaned.length, "docker.sock", 11) ||
	       memmem(cleaned.data, cleaned.length, "podman.sock", 11) ||
	       memmem(cleaned.data, cleaned.length, "containerd.sock", 15);
}

bool declare_capability(struct text written, char name[DECLARE_CAPABILITY])
{
	const char *at = written.data, *end = at + written.length;
	size_t length = 0;

	while (at < end && length < DECLARE_CAPABILITY - 1) {
		char c = *at++;

		if (c == '\xc5' && at < end && *at == '\xbf') { /* U+017F, the long s */
			c = 'S';
			at++;
		} else if (c == '\xc4' && at < end && *at == '\xb1') { /* U+0131, the dotless i */
			c = 'I';
			at++;
		}
		name[length++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	name[length] = '\0';
	if (strncmp(name, "CAP_", 4) == 0)
		memmove(name, name + 4, length - 3);
	return at == end;
}

bool declare_is_strong(const char *capability)
{
	char name[DECLARE_CAPABILITY];

	if (!declare_capability(text_of(capability), name))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(strong_capabilities); i++)
		if (strcmp(name, strong_capabilities[i]) == 0)
			return true;
	return false;
}

static bool has_strong_capability(const struct text_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (declare_is_strong(text_list_at(list, i).data))
			return true;
	return false;
}

static bool lifts_protection(const struct text_list *options)
{
	static const char *const lifting[] = {
		"seccomp=unconfined",     "seccomp:unconfined", "apparmor=unconfined",
		"apparmor:unconfined",    "label=disable",      "label:disable",
		"systempaths=unconfined", "unmask=all",         "apparmor=disabled",
	};

	for (size_t i = 0; i < options->count; i++)
		for (size_t j = 0; j < ARRAY_SIZE(lifting); j++)
			if (strcasecmp(text_list_at(options, i).data, lifting[j]) == 0)
				return true;
	return false;
}

static bool shares_namespace(const struct declared *declared)
{
	for (size_t i = 0; i < DECLARED_NAMESPACES; i++) {
		struct text mode = declared->namespaces[i];

		if (text_equal(mode, TEXT("host")) ||
		    (mode.length > 3 && memcmp(mode.data, "ns:", 3) == 0) ||
		    (i == DECLARED_PID && mode.length > 10 &&
		     memcmp(mode.data, "container:", 10) == 0))
			return true;
	}
	/* A service joins the host's network by its name. */
	for (size_t i = 0; i < declared->networks.count; i++)
		if (text_equal(text_list_at(&declared->networks, i), TEXT("host")))
			return true;
	return false;
}

unsigned declare_severity(const struct declared *declared)
{
	bool away = declared->privileged == 1 || declared->paths_unmasked ||
		    declared->mounts_host || declared->privileges.count > 0 ||
		    shares_namespace(declared) || declared->devices.count > 0 ||
		    declared->device_rules.count > 0 ||
		    has_strong_capability(&declared->capabilities_add) ||
		    lifts_protection(&declared->security_options) || declared->repeated ||
		    declared->mount_count == DECLARED_MOST_MOUNTS ||
		    declared->capabilities_add.cut || declared->security_options.cut;

	for (size_t i = 0; !away && i < declared->mount_count; i++)
		away = declare_is_sensitive(declared->mounts[i].source);
	return away ? ISOLATION_GIVEN_AWAY : 0;
}
