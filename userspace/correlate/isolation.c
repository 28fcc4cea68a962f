// SPDX-License-Identifier: Apache-2.0
#include "correlate/isolation.h"

#include <cap-ng.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "event/record.h"

#define PIDS_NONE      (4 * 1024 * 1024) /* PID_MAX_LIMIT: there cannot be more anyway */
#define NANO_PER_CPU   1000000000
#define DEFAULT_PERIOD 100000 /* microseconds, as runc and the kernel have it */

#define BIT(capability) (1ull << (capability))

/* What docker gives without being told otherwise (moby's caps.DefaultCapabilities). */
static const uint64_t default_capabilities =
	BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |
	BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) |
	BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) |
	BIT(CAP_AUDIT_WRITE);

/* Namespaces by what declares them, and those of which the engine's configuration decides unless
 * something is declared. */
static const struct {
	enum field field;
	bool configured;
} modes[DECLARED_NAMESPACES] = {
	[DECLARED_PID] = { FIELD_declared_namespaces_pid, false },
	[DECLARED_NET] = { FIELD_declared_namespaces_net, false },
	[DECLARED_IPC] = { FIELD_declared_namespaces_ipc, false },
	[DECLARED_UTS] = { FIELD_declared_namespaces_uts, false },
	[DECLARED_USER] = { FIELD_declared_namespaces_user, true },
	[DECLARED_CGROUP] = { FIELD_declared_namespaces_cgroup, true },
};

static const struct {
	const char *setting;
	enum limit limit;
} rows[RESOURCES] = {
	[RESOURCE_MEMORY] = { "Memory=", LIMIT_MEMORY },
	[RESOURCE_PIDS] = { "PidsLimit=", LIMIT_PIDS },
	[RESOURCE_NANO_CPUS] = { "NanoCpus=", LIMIT_CPUS },
	[RESOURCE_CPU_QUOTA] = { "CpuQuota=", LIMIT_CPUS },
	[RESOURCE_CPU_PERIOD] = { "CpuPeriod=", LIMIT_CPUS },
};

static uint64_t capability_bit(const char *name)
{
	int bit = capng_name_to_capability(name);

	return bit >= 0 && bit < 64 ? 1ull << bit : 0;
}

uint64_t isolation_capabilities(const struct record *record, enum field field)
{
	char name[DECLARE_CAPABILITY];
	uint64_t set = 0;
	struct text item;

	for (size_t i = 0; (item = record_item(record, field, i)).data; i++)
		if (declare_capability(item, name))
			set |= capability_bit(name);
	return set;
}

static bool names_all(const struct record *record, enum field field)
{
	char name[DECLARE_CAPABILITY];
	struct text item;

	for (size_t i = 0; (item = record_item(record, field, i)).data; i++)
		if (declare_capability(item, name) && strcmp(name, "ALL") == 0)
			return true;
	return false;
}

/* As the engine puts them together (moby, caps.TweakCapabilities): to add all goes before dropping
 * all, which then drops nothing. */
static uint64_t allowed_capabilities(const struct record *create)
{
	uint64_t add = isolation_capabilities(create, FIELD_declared_capabilities_add);
	uint64_t drop = isolation_capabilities(create, FIELD_declared_capabilities_drop);

	if (names_all(create, FIELD_declared_capabilities_add))
		return ~drop;
	if (names_all(create, FIELD_declared_capabilities_drop))
		return add;
	return (default_capabilities & ~drop) | add;
}

static bool find_setting(const struct record *record, const char *name, struct text *ret)
{
	size_t length = strlen(name);
	struct text item;

	for (size_t i = 0; (item = record_item(record, FIELD_declared_settings, i)).data; i++) {
		if (item.length < length || memcmp(item.data, name, length) != 0)
			continue;
		*ret = (struct text){ item.data + length, item.length - length };
		return true;
	}
	return false;
}

static bool find_number(const struct record *record, const char *name, int64_t *ret)
{
	struct text value;
	char digits[24];

	if (!find_setting(record, name, &value) || value.length >= sizeof(digits))
		return false;
	memcpy(digits, value.data, value.length);
	digits[value.length] = '\0';
	*ret = strtoll(digits, NULL, 10);
	return true;
}

static struct sharing read_mode(struct text mode, bool configured, struct containers *containers)
{
	static const struct text prefix = { "container:", sizeof("container:") - 1 };
	struct sharing sharing = { .kind = SHARING_PRIVATE };
	struct text reference;

	if (text_equal(mode, TEXT("host")))
		sharing.kind = SHARING_HOST;
	if ((mode.length == 0 && configured) ||
	    (mode.length >= 3 && memcmp(mode.data, "ns:", 3) == 0))
		sharing.kind = SHARING_UNKNOWN;
	if (mode.length < prefix.length || memcmp(mode.data, prefix.data, prefix.length) != 0)
		return sharing;
	reference = (struct text){ mode.data + prefix.length, mode.length - prefix.length };
	sharing.kind = SHARING_CONTAINER;
	if (container_id_valid(reference))
		memcpy(sharing.id, reference.data, CONTAINER_ID);
	else if (!containers || containers_resolve(containers, reference, sharing.id) < 0)
		sharing.kind = SHARING_UNKNOWN;
	return sharing;
}

/* As Go's strconv.ParseBool() reads it; what that refuses changes nothing. */
static void read_boolean(struct text text, bool *value)
{
	static const char *const words[] = { "1", "t", "T", "true",  "TRUE",  "True",
					     "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (text_equal(text, text_of(words[i])))
			*value = i < ARRAY_SIZE(words) / 2;
}

/* Also by a profile without a default action, such as `{}` (runc, SetupSeccomp), of which its
 * length is kept: with one it is longer. */
static bool filters_nothing(struct text seccomp)
{
	static const char prefix[] = "[profile len=";
	size_t length = 0, at = sizeof(prefix) - 1;

	if (text_equal(seccomp, TEXT("unconfined")))
		return true;
	if (seccomp.length <= at || memcmp(seccomp.data, prefix, at) != 0)
		return false;
	for (; at < seccomp.length && seccomp.data[at] >= '0' && seccomp.data[at] <= '9'; at++)
		length = length * 10 + (size_t)(seccomp.data[at] - '0');
	return length < sizeof("{\"defaultAction\":\"\"}") - 1;
}

/* As the engine reads them (moby, parseSecurityOpt): '=' parts a name from its value if there is
 * one, otherwise ':'; the last of several counts. */
static void read_option(struct isolation *isolation, struct text option)
{
	const char *at = option.length ? memchr(option.data, '=', option.length) : NULL;
	struct text name, value;

	if (text_equal(option, TEXT("no-new-privileges")))
		isolation->no_new_privileges = true;
	if (!at && option.length)
		at = memchr(option.data, ':', option.length);
	if (!at)
		return;
	name = (struct text){ option.data, (size_t)(at - option.data) };
	value = (struct text){ at + 1, option.length - name.length - 1 };
	if (text_equal(name, TEXT("no-new-privileges")))
		read_boolean(value, &isolation->no_new_privileges);
	else if (text_equal(name, TEXT("seccomp")))
		isolation->seccomp_unconfined = filters_nothing(value);
}

/* ---- mounts */

static char *clean_path(struct text path)
{
	_cleanup_buffer_ struct buffer cleaned = {};

	if (path.length == 0 || path.data[0] != '/')
		return strndup(path.length ? path.data : "", path.length);
	declare_clean_path(path, &cleaned);
	if (cleaned.length == 0)
		buffer_append_char(&cleaned, '/');
	return cleaned.error ? NULL : strndup(cleaned.data, cleaned.length);
}

static bool is_read_only(struct text mode)
{
	struct text word;

	for (size_t at = 0; at < mode.length; at += word.length + 1) {
		const char *comma = memchr(mode.data + at, ',', mode.length - at);

		word.data = mode.data + at;
		word.length = comma ? (size_t)(comma - word.data) : mode.length - at;
		if (text_equal(word, TEXT("ro")))
			return true;
	}
	return false;
}

/* `now`: it was asked for a moment ago. */
static int read_mount(struct isolation *isolation, struct text source, struct text target,
		      struct text mode, bool now)
{
	struct declared_path *mount = &isolation->mounts[isolation->mount_count++];

	mount->source = clean_path(source);
	mount->target = clean_path(target);
	mount->read_only = is_read_only(mode);
	if (now && mount->source && mount->source[0] == '/')
		file_identify(mount->source, &mount->file);
	return mount->source && mount->target ? 0 : -ENOMEM;
}

static int read_lenders(struct isolation *isolation, const struct record *create,
			struct containers *containers)
{
	size_t count = record_count(create, FIELD_declared_volumes_from);

	isolation->lenders = calloc(count + 1, sizeof(*isolation->lenders));
	if (!isolation->lenders)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct text item = record_item(create, FIELD_declared_volumes_from, i);
		struct declared_lender *lender = &isolation->lenders[isolation->lender_count];
		const char *colon = item.length ? memchr(item.data, ':', item.length) : NULL;
		struct text name = { item.data, colon ? (size_t)(colon - item.data) : item.length };

		if (!containers || containers_resolve(containers, name, lender->id) < 0) {
			isolation->mounts_unknown = true;
			continue;
		}
		if (colon)
			lender->read_only = is_read_only(
				(struct text){ colon + 1, item.length - name.length - 1 });
		isolation->lender_count++;
	}
	return 0;
}

static int read_mounts(struct isolation *isolation, const struct record *create,
		       struct containers *containers)
{
	size_t mounts = record_count(create, FIELD_declared_mounts_target);
	size_t devices = record_count(create, FIELD_declared_devices);
	int r = read_lenders(isolation, create, containers);

	if (r < 0)
		return r;
	isolation->mounts = calloc(mounts + devices + 1, sizeof(*isolation->mounts));
	if (!isolation->mounts)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < mounts; i++)
		r = read_mount(isolation, record_item(create, FIELD_declared_mounts_source, i),
			       record_item(create, FIELD_declared_mounts_target, i),
			       record_item(create, FIELD_declared_mounts_mode, i), containers);
	/* Who may not make a device mounts it, maybe called otherwise. */
	for (size_t i = 0; r == 0 && i < devices; i++) {
		struct text device = record_item(create, FIELD_declared_devices, i);

		if (device.length == 0 || device.data[0] != '/')
			isolation->mounts_unknown = true;
		else
			r = read_mount(isolation, device, device, (struct text){}, containers);
	}
	return r;
}

/* Does it declare what cannot be told for certain? What is not kept of a body may be any of it. */
static bool is_partly_known(const struct record *request)
{
	struct text state = record_text(request, FIELD_api_state);

	return record_has(request, FIELD_declared_cut) ||
	       record_has(request, FIELD_declared_repeated) ||
	       text_equal(state, TEXT("truncated")) || text_equal(state, TEXT("ambiguous"));
}

int isolation_new(const struct record *create, struct containers *containers,
		  struct isolation **ret)
{
	struct isolation *isolation;
	struct text value;
	int r;

	*ret = NULL;
	if (is_partly_known(create))
		return 0;
	isolation = calloc(1, sizeof(*isolation));
	if (!isolation)
		return -ENOMEM;
	if (containers)
		containers_as_of(containers, record_number(create, FIELD_timestamp));
	for (size_t i = 0; i < DECLARED_NAMESPACES; i++)
		isolation->namespaces[i] = read_mode(record_text(create, modes[i].field),
						     modes[i].configured, containers);
	/* Then the engine does not look at the mode. */
	if (find_setting(create, "NetworkDisabled=", &value))
		isolation->namespaces[DECLARED_NET].kind = SHARING_PRIVATE;
	for (size_t i = 0; i < RESOURCES; i++)
		find_number(create, rows[i].setting, &isolation->declared.values[i]);
	isolation->updated = isolation->declared;
	isolation->capabilities = allowed_capabilities(create);
	isolation->privileged = record_has(create, FIELD_declared_privileged) &&
				create->values[FIELD_declared_privileged].boolean;
	for (size_t i = 0; (value = record_item(create, FIELD_declared_security_options, i)).data;
	     i++)
		read_option(isolation, value);
	r = read_mounts(isolation, create, containers);
	if (r < 0) {
		isolation_free(isolation);
		return r;
	}
	*ret = isolation;
	return 0;
}

void isolation_free(struct isolation *isolation)
{
	if (!isolation)
		return;
	for (size_t i = 0; i < isolation->mount_count; i++) {
		free(isolation->mounts[i].source);
		free(isolation->mounts[i].target);
	}
	free(isolation->mounts);
	free(isolation->lenders);
	free(isolation);
}

void isolation_update(struct isolation *isolation, const struct record *update)
{
	if (is_partly_known(update))
		isolation->updated_unknown = true;
	for (size_t i = 0; i < RESOURCES; i++) {
		int64_t value;

		/* 0 is "as it was"; but of processes the engine's field is a pointer, and 0 is no
		 * limit (moby, UpdateContainer). */
		if (!find_number(update, rows[i].setting, &value) ||
		    (value == 0 && i != RESOURCE_PIDS))
			continue;
		isolation->updated.values[i] = value;
		isolation->requests[rows[i].limit] = record_number(update, FIELD_event_sequence);
	}
}

/* As the engine makes a quota of them (moby, getCPUResources): what is set of quota and period goes
 * before NanoCpus, and a quota below 0 is none. */
static uint64_t cpu_limit(const struct resources *resources)
{
	int64_t nano = resources->values[RESOURCE_NANO_CPUS];
	int64_t quota = resources->values[RESOURCE_CPU_QUOTA];
	int64_t period = resources->values[RESOURCE_CPU_PERIOD];

	if (quota == 0 && period == 0)
		return nano > 0 ? (uint64_t)nano : 0;
	if (quota == 0 && nano > 0)
		quota = (int64_t)((double)nano * DEFAULT_PERIOD / NANO_PER_CPU);
	if (quota <= 0)
		return 0;
	return (uint64_t)((double)quota * NANO_PER_CPU /
			  (double)(period > 0 ? period : DEFAULT_PERIOD));
}

uint64_t isolation_limit(const struct resources *resources, enum limit limit)
{
	int64_t value = resources->values[limit == LIMIT_PIDS ? RESOURCE_PIDS : RESOURCE_MEMORY];
	int64_t page = sysconf(_SC_PAGESIZE);

	if (limit == LIMIT_CPUS)
		return cpu_limit(resources);
	/* What is as much as the kernel can count is no limit for it. */
	if (value <= 0 || (limit == LIMIT_PIDS && value >= PIDS_NONE) ||
	    (limit == LIMIT_MEMORY && value / page >= LONG_MAX / page))
		return 0;
	return (uint64_t)value;
}
