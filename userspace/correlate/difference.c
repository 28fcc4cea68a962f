// SPDX-License-Identifier: Apache-2.0
#include "correlate/difference.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "correlate/capability.h"
#include "correlate/difference_private.h"
#include "correlate/isolation.h"
#include "event/record.h"

#define SEVERITY_UNASKED 75
#define SEVERITY_UPDATED 50
#define SHARING_TEXT     (sizeof("container:") + CONTAINER_ID)
#define STEPS_MOST       16        /* of containers that share in turn */
#define CPU_STEP         10000u    /* billionths of a CPU: a microsecond of the usual period */
#define CPU_STEP_SYSTEMD 10000000u /* to which systemd rounds up */

static const struct {
	const char *name;
	enum field shown;
} namespaces[DECLARED_NAMESPACES] = {
	[DECLARED_PID] = { "namespaces.pid", FIELD_namespaces_pid },
	[DECLARED_NET] = { "namespaces.net", FIELD_namespaces_net },
	[DECLARED_IPC] = { "namespaces.ipc", FIELD_namespaces_ipc },
	[DECLARED_UTS] = { "namespaces.uts", FIELD_namespaces_uts },
	[DECLARED_USER] = { "namespaces.user", FIELD_namespaces_user },
	[DECLARED_CGROUP] = { "namespaces.cgroup", FIELD_namespaces_cgroup },
};

static const struct {
	const char *name;
	enum field shown;
} limits[LIMITS] = {
	[LIMIT_MEMORY] = { "limits.memory", FIELD_limits_memory },
	[LIMIT_PIDS] = { "limits.pids", FIELD_limits_pids },
	[LIMIT_CPUS] = { "limits.nano_cpus", FIELD_limits_nano_cpus },
};

void difference_tell(struct record *start, const char *field, const char *declared,
		     struct text actual)
{
	record_add_text(start, FIELD_difference_field, text_of(field));
	record_add_text(start, FIELD_difference_declared, text_of(declared));
	record_add_text(start, FIELD_difference_actual, actual);
	record_add_text(start, FIELD_difference_request, (struct text){});
	record_raise_severity(start, SEVERITY_UNASKED);
}

static struct sharing read_shown(struct text shown)
{
	struct sharing sharing = { .kind = SHARING_CONTAINER };

	if (text_equal(shown, TEXT("host")))
		sharing.kind = SHARING_HOST;
	else if (text_equal(shown, TEXT("private")))
		sharing.kind = SHARING_PRIVATE;
	else if (shown.length == SHARING_TEXT - 1)
		memcpy(sharing.id, shown.data + shown.length - CONTAINER_ID, CONTAINER_ID);
	else
		sharing.kind = SHARING_UNKNOWN;
	return sharing;
}

struct resolved {
	struct sharing sharing;
	bool sure;   /* false: it ends at a container of which nothing is known */
	bool shared; /* the container that was named shares in turn */
};

/* Whose namespace it is in the end, where containers share with one that shares in turn. */
static struct resolved resolve(struct sharing sharing, size_t namespace,
			       const struct isolation_peers *peers)
{
	struct resolved resolved = { .sharing = sharing, .sure = true };

	for (unsigned int step = 0; resolved.sharing.kind == SHARING_CONTAINER; step++) {
		const struct text id = { resolved.sharing.id, CONTAINER_ID };
		const struct isolation *peer = peers->find(peers->user, id);

		resolved.sure = peer;
		if (!peer || peer->namespaces[namespace].kind == SHARING_PRIVATE)
			break;
		resolved.sharing = peer->namespaces[namespace];
		resolved.shared = true;
		if (step == STEPS_MOST)
			resolved.sharing.kind = SHARING_UNKNOWN;
	}
	return resolved;
}

static bool same_sharing(const struct sharing *a, const struct sharing *b)
{
	return a->kind == b->kind &&
	       (a->kind != SHARING_CONTAINER || memcmp(a->id, b->id, CONTAINER_ID) == 0);
}

/* Whether what is shown can be what was declared. */
static bool fits(const struct resolved *declared, struct sharing shown, size_t namespace,
		 const struct isolation_peers *peers, bool users_are_hosts)
{
	struct resolved owner = resolve(shown, namespace, peers);

	if (declared->sharing.kind == SHARING_UNKNOWN || shown.kind == SHARING_UNKNOWN)
		return true;
	/* An engine that is in a user namespace means its own ones by "host". */
	if (declared->sharing.kind == SHARING_HOST && !users_are_hosts)
		return true;
	/* The first that was seen in a namespace stands for all that share it. */
	if (declared->sharing.kind == SHARING_CONTAINER && shown.kind == SHARING_CONTAINER &&
	    (same_sharing(&declared->sharing, &owner.sharing) || !owner.sure))
		return true;
	if (declared->sharing.kind == SHARING_CONTAINER && shown.kind == SHARING_PRIVATE &&
	    declared->shared)
		return true; /* the one that made it has ended: nobody is known to have it */
	if (!declared->sure && shown.kind != SHARING_PRIVATE)
		return true;
	return same_sharing(&declared->sharing, &shown);
}

static void compare_namespaces(const struct isolation *isolation,
			       const struct isolation_peers *peers, struct record *start)
{
	struct text users = record_text(start, FIELD_namespaces_user);
	bool users_are_hosts = !users.data || text_equal(users, TEXT("host"));

	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		struct text shown = record_text(start, namespaces[i].shown);
		struct resolved declared = resolve(isolation->namespaces[i], i, peers);
		char text[SHARING_TEXT];

		if (fits(&declared, read_shown(shown), i, peers, users_are_hosts))
			continue;
		if (declared.sharing.kind == SHARING_CONTAINER)
			snprintf(text, sizeof(text), "container:%.*s", CONTAINER_ID,
				 declared.sharing.id);
		else
			strcpy(text, declared.sharing.kind == SHARING_HOST ? "host" : "private");
		difference_tell(start, namespaces[i].name, text, shown);
	}
	if (text_equal(record_text(start, FIELD_namespaces_mnt), TEXT("host")))
		difference_tell(start, "namespaces.mnt", "private", TEXT("host"));
}

static void compare_capabilities(const struct isolation *isolation, struct record *start)
{
	uint64_t have = isolation_capabilities(start, FIELD_capabilities_bounding) |
			isolation_capabilities(start, FIELD_capabilities_permitted);
	uint64_t extra = have & ~isolation->capabilities;
	char list[64 * (CAPABILITY_NAME + 1)] = "", name[CAPABILITY_NAME];
	size_t length = 0;

	if (isolation->privileged || !extra)
		return;
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!(extra >> bit & 1))
			continue;
		capability_name(bit, name);
		length += (size_t)snprintf(list + length, sizeof(list) - length, "%s%s",
					   length ? " " : "", name);
	}
	difference_tell(start, "capabilities", "without these", (struct text){ list, length });
}

/* The kernel rounds memory down to pages; the engine makes whole microseconds of a period of
 * NanoCpus, which systemd rounds up. */
static bool is_limit(enum limit limit, uint64_t wanted, uint64_t shown)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (!wanted || !shown)
		return wanted == shown;
	switch (limit) {
	case LIMIT_MEMORY:
		return shown <= wanted && shown + page > wanted;
	case LIMIT_CPUS:
		return shown + CPU_STEP >= wanted && shown <= (wanted + CPU_STEP_SYSTEMD - 1) /
								      CPU_STEP_SYSTEMD *
								      CPU_STEP_SYSTEMD;
	default:
		return shown == wanted;
	}
}

static void compare_limit(const struct isolation *isolation, enum limit limit, struct record *start)
{
	uint64_t shown = record_number(start, limits[limit].shown);
	uint64_t declared = isolation_limit(&isolation->declared, limit);
	uint64_t updated = isolation_limit(&isolation->updated, limit);
	uint64_t request = isolation->requests[limit];
	char before[24] = "none", is[24] = "none", number[24];

	/* Without one the engine's own may hold. */
	if ((!declared && !updated) || is_limit(limit, declared, shown))
		return;
	if (declared)
		snprintf(before, sizeof(before), "%" PRIu64, declared);
	if (shown)
		snprintf(is, sizeof(is), "%" PRIu64, shown);
	if (!request || !is_limit(limit, updated, shown)) {
		difference_tell(start, limits[limit].name, before, text_of(is));
		return;
	}
	snprintf(number, sizeof(number), "%" PRIu64, request);
	record_add_text(start, FIELD_difference_field, text_of(limits[limit].name));
	record_add_text(start, FIELD_difference_declared, text_of(before));
	record_add_text(start, FIELD_difference_actual, text_of(is));
	record_add_text(start, FIELD_difference_request, text_of(number));
	record_raise_severity(start, SEVERITY_UPDATED);
}

/* With a profile of its own a privileged container has one from v28 on, and none before: which
 * engine it is cannot be said. */
static bool needs_seccomp(const struct isolation *isolation)
{
	return !isolation->privileged && !isolation->seccomp_unconfined;
}

void isolation_compare(const struct isolation *isolation, const struct isolation_peers *peers,
		       struct record *start)
{
	compare_namespaces(isolation, peers, start);
	compare_capabilities(isolation, start);
	if (needs_seccomp(isolation) && text_equal(record_text(start, FIELD_seccomp), TEXT("off")))
		difference_tell(start, "seccomp", "filter", TEXT("off"));
	if (isolation->no_new_privileges && record_has(start, FIELD_no_new_privileges) &&
	    !start->values[FIELD_no_new_privileges].boolean)
		difference_tell(start, "no_new_privileges", "true", TEXT("false"));
	for (unsigned int i = 0; i < LIMITS && !isolation->updated_unknown; i++)
		compare_limit(isolation, (enum limit)i, start);
	difference_mounts(isolation, peers, start);
}
