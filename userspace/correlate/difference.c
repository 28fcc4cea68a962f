// SPDX-License-Identifier: Apache-2.0
#include "correlate/difference.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "correlate/capability.h"
#include "correlate/declare.h"
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

static void differ(struct record *start, const char *field, const char *declared,
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
		differ(start, namespaces[i].name, text, shown);
	}
	if (text_equal(record_text(start, FIELD_namespaces_mnt), TEXT("host")))
		differ(start, "namespaces.mnt", "private", TEXT("host"));
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
	differ(start, "capabilities", "without these", (struct text){ list, length });
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
		differ(start, limits[limit].name, before, text_of(is));
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

/* ---- mounts: of the host's sensitive files alone, others are not shown */

static bool is_at_or_below(struct text path, const char *tree)
{
	size_t length = strlen(tree);

	return path.length >= length && memcmp(path.data, tree, length) == 0 &&
	       (path.length == length || path.data[length] == '/');
}

static struct text last_name(struct text path)
{
	const char *slash = path.length ? memrchr(path.data, '/', path.length) : NULL;

	return slash ? (struct text){ slash + 1, path.length - (size_t)(slash + 1 - path.data) }
		     : path;
}

static bool has_name(const char *path, struct text name)
{
	struct text last = last_name(text_of(path));

	return last.length > 0 && text_equal(last, name);
}

/* How a mount that was asked for explains one that is there. Links in an image lead targets
 * elsewhere, and those of the host sources: then by what either is called, and only one. */
enum explanation { EXPLAINS_NOT, EXPLAINS_AT, EXPLAINS_BELOW, EXPLAINS_BY_NAME };

/* At its target whatever it names, a volume may be anything; below, what is mounted in what it
 * brings along. */
static enum explanation explains(const struct declared_path *declared, struct text source,
				 struct text target)
{
	struct text asked = text_of(declared->source), where = text_of(declared->target);
	bool sensitive = declare_is_sensitive(asked);

	if (text_equal(target, where))
		return sensitive || asked.length == 0 || asked.data[0] != '/' ? EXPLAINS_AT
									      : EXPLAINS_NOT;
	if (!sensitive)
		return EXPLAINS_NOT;
	if (is_at_or_below(target, declared->target))
		return EXPLAINS_BELOW;
	return has_name(declared->source, last_name(source)) ||
			       has_name(declared->target, last_name(target))
		       ? EXPLAINS_BY_NAME
		       : EXPLAINS_NOT;
}

/* The engine's own doing: it shares the host's memory with who shares its IPC namespace, `--init`
 * is a program of its own, and in a user namespace it mounts the devices that it cannot make. */
static bool is_engines(struct text source, struct text target, struct text mode,
		       const struct record *start)
{
	bool device = is_at_or_below(source, "/dev");
	struct text users = record_text(start, FIELD_namespaces_user), name = last_name(source);

	if (text_equal(target, TEXT("/dev/shm")))
		return device &&
		       !text_equal(record_text(start, FIELD_namespaces_ipc), TEXT("private"));
	if (text_equal(last_name(target), TEXT("docker-init")) && text_equal(mode, TEXT("ro")))
		return memmem(name.data, name.length, "init", 4) ||
		       memmem(name.data, name.length, "tini", 4);
	return device && users.data && !text_equal(users, TEXT("host"));
}

/* What becomes of the mounts of a start: which are explained, by what is used up for it. */
struct mounts {
	struct record *start;
	struct declared_path *asked; /* its own, and those of whom it borrows */
	size_t asked_count;
	bool *used;           /* by what was asked for: it has explained one */
	const char **differs; /* by what is there: what is told as declared; NULL: explained */
};

static void explain_mount(struct mounts *mounts, size_t i, bool by_name)
{
	const struct record *start = mounts->start;
	struct text source = record_item(start, FIELD_mounts_source, i);
	struct text target = record_item(start, FIELD_mounts_target, i);
	bool read_only = text_equal(record_item(start, FIELD_mounts_mode, i), TEXT("ro"));

	for (size_t j = 0; j < mounts->asked_count && mounts->differs[i]; j++) {
		const struct declared_path *path = &mounts->asked[j];
		enum explanation how = explains(path, source, target);

		if (how == EXPLAINS_NOT || (how == EXPLAINS_BY_NAME) != by_name ||
		    (by_name && mounts->used[j]))
			continue;
		mounts->used[j] = true;
		/* Of what is mounted below it, it makes nothing read-only. */
		mounts->differs[i] =
			path->read_only && !read_only && how != EXPLAINS_BELOW ? "ro" : NULL;
	}
}

static void tell_mount(struct record *start, size_t i, const char *declared)
{
	struct text source = record_item(start, FIELD_mounts_source, i);
	struct text target = record_item(start, FIELD_mounts_target, i);
	struct text mode = record_item(start, FIELD_mounts_mode, i);
	_cleanup_buffer_ struct buffer actual = {};

	/* Where it is cannot be told, nor then what explains it. */
	if (target.length > 4 && memcmp(target.data, "/...", 4) == 0)
		return;
	if (is_engines(source, target, mode, start))
		return;
	buffer_printf(&actual, "%.*s:%.*s:%.*s", (int)source.length, source.data,
		      (int)target.length, target.data, (int)mode.length, mode.data);
	/* Without memory the record is refused as well. */
	if (!actual.error)
		differ(start, "mounts", declared, (struct text){ actual.data, actual.length });
}

/* All that it asked for, lent; `ret` NULL: only how many. Returns their count, or -1 where one from
 * whom it borrows is not known as a whole. */
static ssize_t gather(const struct isolation *isolation, const struct isolation_peers *peers,
		      struct declared_path *ret)
{
	size_t count = isolation->mount_count;

	if (isolation->mounts_unknown)
		return -1;
	for (size_t i = 0; ret && i < count; i++)
		ret[i] = isolation->mounts[i];
	for (size_t i = 0; i < isolation->lender_count; i++) {
		const struct declared_lender *lender = &isolation->lenders[i];
		const struct isolation *peer =
			peers->find(peers->user, (struct text){ lender->id, CONTAINER_ID });

		if (!peer || peer->mounts_unknown || peer->lender_count > 0)
			return -1;
		for (size_t j = 0; j < peer->mount_count; j++, count++) {
			if (!ret)
				continue;
			ret[count] = peer->mounts[j];
			ret[count].read_only |= lender->read_only;
		}
	}
	return (ssize_t)count;
}

static void compare_mounts(const struct isolation *isolation, const struct isolation_peers *peers,
			   struct record *start)
{
	size_t count = record_count(start, FIELD_mounts_source);
	ssize_t asked_count = gather(isolation, peers, NULL);
	_cleanup_free_ struct declared_path *asked = NULL;
	_cleanup_free_ bool *used = NULL;
	_cleanup_free_ const char **differs = calloc(count + 1, sizeof(*differs));
	struct mounts mounts = { .start = start, .differs = differs };

	if (asked_count < 0)
		return;
	mounts.asked_count = (size_t)asked_count;
	mounts.asked = asked = calloc(mounts.asked_count + 1, sizeof(*asked));
	mounts.used = used = calloc(mounts.asked_count + 1, sizeof(*used));
	if (!asked || !used || !differs) {
		start->error = -ENOMEM;
		return;
	}
	gather(isolation, peers, asked);
	for (size_t i = 0; i < count; i++)
		differs[i] = "without it";
	/* What is where it was asked for takes nothing away from what is elsewhere. */
	for (int by_name = 0; by_name < 2; by_name++)
		for (size_t i = 0; i < count; i++)
			explain_mount(&mounts, i, by_name);
	for (size_t i = 0; i < count; i++)
		if (differs[i])
			tell_mount(start, i, differs[i]);
}

void isolation_compare(const struct isolation *isolation, const struct isolation_peers *peers,
		       struct record *start)
{
	compare_namespaces(isolation, peers, start);
	compare_capabilities(isolation, start);
	if (needs_seccomp(isolation) && text_equal(record_text(start, FIELD_seccomp), TEXT("off")))
		differ(start, "seccomp", "filter", TEXT("off"));
	if (isolation->no_new_privileges && record_has(start, FIELD_no_new_privileges) &&
	    !start->values[FIELD_no_new_privileges].boolean)
		differ(start, "no_new_privileges", "true", TEXT("false"));
	for (unsigned int i = 0; i < LIMITS && !isolation->updated_unknown; i++)
		compare_limit(isolation, (enum limit)i, start);
	compare_mounts(isolation, peers, start);
}
