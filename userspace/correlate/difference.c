// SPDX-License-Identifier: Apache-2.0
#include "correlate/difference.h"

#include <cap-ng.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "correlate/containers.h"
#include "event/record.h"

#define SEVERITY_UNASKED 75
#define SEVERITY_UPDATED 50
#define MODE_MOST        (sizeof("container:") + 256)

/* What docker gives without being told otherwise (moby's caps.DefaultCapabilities). */
static const char *const default_capabilities[] = {
	"chown",   "dac_override", "fsetid",           "fowner",
	"mknod",   "net_raw",      "setgid",           "setuid",
	"setfcap", "setpcap",      "net_bind_service", "sys_chroot",
	"kill",    "audit_write",
};

/* Namespaces whose mode is private unless something else is declared, and those of which the
 * engine's configuration decides. */
static const struct {
	const char *name;
	enum field declared, actual;
	bool configured;
} namespaces[] = {
	{ "pid", FIELD_declared_namespaces_pid, FIELD_namespaces_pid, false },
	{ "net", FIELD_declared_namespaces_net, FIELD_namespaces_net, false },
	{ "ipc", FIELD_declared_namespaces_ipc, FIELD_namespaces_ipc, false },
	{ "uts", FIELD_declared_namespaces_uts, FIELD_namespaces_uts, false },
	{ "user", FIELD_declared_namespaces_user, FIELD_namespaces_user, true },
	{ "cgroup", FIELD_declared_namespaces_cgroup, FIELD_namespaces_cgroup, true },
};

static const struct {
	const char *name, *setting;
	enum field actual;
} limits[] = {
	{ "limits.memory", "Memory=", FIELD_limits_memory },
	{ "limits.pids", "PidsLimit=", FIELD_limits_pids },
	{ "limits.nano_cpus", "NanoCpus=", FIELD_limits_nano_cpus },
};

/* 0 is none, as for the engine. */
struct limit {
	uint64_t declared, updated;
	uint64_t request; /* that updated it; 0: none did */
};

struct isolation {
	char modes[ARRAY_SIZE(namespaces)][MODE_MOST]; /* empty: not declared */
	struct limit limits[ARRAY_SIZE(limits)];
	uint64_t capabilities; /* that it may have */
	bool privileged, seccomp_off, no_new_privileges;
};

static uint64_t capability_bit(const char *name)
{
	int bit;

	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	bit = capng_name_to_capability(name);
	return bit >= 0 && bit < 64 ? 1ull << bit : 0;
}

static struct text item_at(const struct record *record, enum field field, size_t i)
{
	const struct value *value = &record->values[field];

	return record_has(record, field) && i < value->list.count ? value->list.items[i]
								  : (struct text){};
}

/* The named ones; all of them for "ALL". */
static uint64_t capability_set(const struct record *record, enum field field)
{
	uint64_t set = 0;
	struct text item;
	char name[40];

	for (size_t i = 0; (item = item_at(record, field, i)).data; i++) {
		if (item.length >= sizeof(name))
			continue;
		memcpy(name, item.data, item.length);
		name[item.length] = '\0';
		if (strcasecmp(name, "ALL") == 0)
			return ~0ull;
		set |= capability_bit(name);
	}
	return set;
}

/* As the engine puts them together (caps.TweakCapabilities). */
static uint64_t allowed_capabilities(const struct record *create)
{
	uint64_t add = capability_set(create, FIELD_declared_capabilities_add);
	uint64_t drop = capability_set(create, FIELD_declared_capabilities_drop);
	uint64_t usual = 0;

	for (size_t i = 0; i < ARRAY_SIZE(default_capabilities); i++)
		usual |= capability_bit(default_capabilities[i]);
	if (add == ~0ull)
		return ~drop;
	return drop == ~0ull ? add : (usual & ~drop) | add;
}

static bool has_option(const struct record *record, const char *option)
{
	struct text item;

	for (size_t i = 0; (item = item_at(record, FIELD_declared_security_options, i)).data; i++)
		if (item.length == strlen(option) &&
		    strncasecmp(item.data, option, item.length) == 0)
			return true;
	return false;
}

/* Whether the setting is there; -1 and 0 are "no limit". */
static bool find_setting(const struct record *record, const char *name, uint64_t *ret)
{
	size_t length = strlen(name);
	struct text item;
	char number[24];
	long long value;

	for (size_t i = 0; (item = item_at(record, FIELD_declared_settings, i)).data; i++) {
		if (item.length <= length || item.length - length >= sizeof(number) ||
		    memcmp(item.data, name, length) != 0)
			continue;
		memcpy(number, item.data + length, item.length - length);
		number[item.length - length] = '\0';
		value = strtoll(number, NULL, 10);
		*ret = value > 0 ? (uint64_t)value : 0;
		return true;
	}
	return false;
}

int isolation_new(const struct record *create, struct isolation **ret)
{
	struct isolation *isolation;

	*ret = NULL;
	if (record_has(create, FIELD_declared_cut) || record_has(create, FIELD_declared_repeated))
		return 0;
	isolation = calloc(1, sizeof(*isolation));
	if (!isolation)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		struct text mode = record_text(create, namespaces[i].declared);

		if (mode.length < MODE_MOST)
			memcpy(isolation->modes[i], mode.data ?: "", mode.length);
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		find_setting(create, limits[i].setting, &isolation->limits[i].declared);
	isolation->capabilities = allowed_capabilities(create);
	isolation->privileged = record_has(create, FIELD_declared_privileged) &&
				create->values[FIELD_declared_privileged].boolean;
	isolation->seccomp_off = has_option(create, "seccomp=unconfined") ||
				 has_option(create, "seccomp:unconfined");
	isolation->no_new_privileges = has_option(create, "no-new-privileges") ||
				       has_option(create, "no-new-privileges:true") ||
				       has_option(create, "no-new-privileges=true");
	*ret = isolation;
	return 0;
}

void isolation_free(struct isolation *isolation)
{
	free(isolation);
}

void isolation_update(struct isolation *isolation, const struct record *update)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct limit *limit = &isolation->limits[i];

		/* For an update 0 is "as it was". */
		if (find_setting(update, limits[i].setting, &limit->updated) && limit->updated)
			limit->request = record_number(update, FIELD_event_sequence);
	}
}

/* ---- against what is */

static void differ(struct record *start, const char *field, const char *declared,
		   struct text actual)
{
	record_add_text(start, FIELD_difference_field, text_of(field));
	record_add_text(start, FIELD_difference_declared, text_of(declared));
	record_add_text(start, FIELD_difference_actual, actual);
	record_add_text(start, FIELD_difference_request, (struct text){});
	record_raise_severity(start, SEVERITY_UNASKED);
}

static bool is_mode(const char *mode, const char *prefix)
{
	return strncmp(mode, prefix, strlen(prefix)) == 0;
}

/* "private", "host" or "container:<id>" as it has to be shown; NULL: that cannot be said. */
static const char *expected(const char *mode, bool configured, struct containers *containers,
			    char text[MODE_MOST])
{
	char id[CONTAINER_ID];

	if (strcmp(mode, "host") == 0)
		return "host";
	if (!mode[0] && configured)
		return NULL;
	if (is_mode(mode, "ns:"))
		return NULL;
	if (!is_mode(mode, "container:"))
		return "private";
	if (!containers || containers_resolve(containers, text_of(mode + 10), id) < 0)
		return NULL;
	snprintf(text, MODE_MOST, "container:%.*s", CONTAINER_ID, id);
	return text;
}

static void compare_namespaces(const struct isolation *isolation, struct containers *containers,
			       struct record *start)
{
	char text[MODE_MOST];

	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		struct text actual = record_text(start, namespaces[i].actual);
		const char *mode = isolation->modes[i];
		const char *shown = expected(mode, namespaces[i].configured, containers, text);
		char field[32];

		if (!shown || !actual.data || text_equal(actual, text_of(shown)))
			continue;
		snprintf(field, sizeof(field), "namespaces.%s", namespaces[i].name);
		differ(start, field, shown, actual);
	}
	if (text_equal(record_text(start, FIELD_namespaces_mnt), TEXT("host")))
		differ(start, "namespaces.mnt", "private", TEXT("host"));
}

static void compare_capabilities(const struct isolation *isolation, struct record *start)
{
	uint64_t have = capability_set(start, FIELD_capabilities_bounding) |
			capability_set(start, FIELD_capabilities_permitted);
	uint64_t extra = have & ~isolation->capabilities;
	char list[2048] = "";
	size_t length = 0;

	if (isolation->privileged || !extra)
		return;
	for (unsigned int bit = 0; bit < 64 && length < sizeof(list) - 64; bit++) {
		const char *name = extra >> bit & 1 ? capng_capability_to_name(bit) : NULL;

		if (!name)
			continue;
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%sCAP_",
					   length ? " " : "");
		for (; *name; name++)
			list[length++] = (char)(*name >= 'a' && *name <= 'z' ? *name - 32 : *name);
		list[length] = '\0';
	}
	differ(start, "capabilities", "without these", (struct text){ list, length });
}

static void compare_limit(size_t i, const struct limit *limit, struct record *start)
{
	uint64_t actual = record_number(start, limits[i].actual), slack;
	uint64_t wanted = limit->request ? limit->updated : limit->declared;
	char declared[24] = "none", is[24] = "none", request[24];

	/* The kernel rounds to pages, and to microseconds of a period. */
	slack = limits[i].actual == FIELD_limits_memory      ? (uint64_t)sysconf(_SC_PAGESIZE)
		: limits[i].actual == FIELD_limits_nano_cpus ? wanted / 100
							     : 0;
	if (!limit->declared && !limit->request)
		return;
	if (actual <= limit->declared && actual + slack >= limit->declared)
		return;
	if (limit->declared)
		snprintf(declared, sizeof(declared), "%" PRIu64, limit->declared);
	if (actual)
		snprintf(is, sizeof(is), "%" PRIu64, actual);
	if (!limit->request || actual > wanted || actual + slack < wanted) {
		differ(start, limits[i].name, declared, text_of(is));
		return;
	}
	snprintf(request, sizeof(request), "%" PRIu64, limit->request);
	record_add_text(start, FIELD_difference_field, text_of(limits[i].name));
	record_add_text(start, FIELD_difference_declared, text_of(declared));
	record_add_text(start, FIELD_difference_actual, text_of(is));
	record_add_text(start, FIELD_difference_request, text_of(request));
	record_raise_severity(start, SEVERITY_UPDATED);
}

void isolation_compare(const struct isolation *isolation, struct containers *containers,
		       struct record *start)
{
	compare_namespaces(isolation, containers, start);
	compare_capabilities(isolation, start);
	if (!isolation->privileged && !isolation->seccomp_off &&
	    text_equal(record_text(start, FIELD_seccomp), TEXT("off")))
		differ(start, "seccomp", "filter", TEXT("off"));
	if (isolation->no_new_privileges && record_has(start, FIELD_no_new_privileges) &&
	    !start->values[FIELD_no_new_privileges].boolean)
		differ(start, "no_new_privileges", "true", TEXT("false"));
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		compare_limit(i, &isolation->limits[i], start);
}
