// SPDX-License-Identifier: Apache-2.0
#include "correlate/capability.h"

#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#define HASH_NONFATAL_OOM          1
#include <uthash.h>

#include "correlate/declare.h"
#include "event/record.h"

#define SEVERITY_STRONG 50 /* what reaches the host was granted */

/* What was told of a kind, and who it was. */
struct use {
	struct wire_capability kind;
	uint64_t told;
	char name[WIRE_COMM + 1];
	char *executable; /* owned; NULL: unknown */
	bool refused;     /* no memory for its place in the table */
	UT_hash_handle hh;
};

struct capability_uses {
	struct use *table;
};

void capability_name(unsigned int number, char name[CAPABILITY_NAME])
{
	const char *known = capng_capability_to_name(number);

	if (known)
		snprintf(name, CAPABILITY_NAME, "CAP_%s", known);
	else
		snprintf(name, CAPABILITY_NAME, "CAP_%u", number);
	for (char *at = name; *at; at++)
		*at = (char)toupper((unsigned char)*at);
}

int capability_uses_new(struct capability_uses **ret)
{
	struct capability_uses *uses = calloc(1, sizeof(*uses));

	if (!uses)
		return -ENOMEM;
	*ret = uses;
	return 0;
}

static void use_free(struct use *use)
{
	free(use->executable);
	free(use);
}

void capability_uses_free(struct capability_uses *uses)
{
	struct use *use, *next;

	if (!uses)
		return;
	HASH_ITER (hh, uses->table, use, next) {
		HASH_DEL(uses->table, use);
		use_free(use);
	}
	free(uses);
}

static struct use *find(const struct capability_uses *uses, const struct wire_capability *kind)
{
	struct use *use;

	HASH_FIND(hh, uses->table, kind, sizeof(*kind), use);
	return use;
}

static void describe(const struct wire_capability *kind, uint64_t count, struct record *record)
{
	char name[CAPABILITY_NAME];

	capability_name(kind->capability, name);
	record_set_string(record, FIELD_capability_name, name);
	record_set_string(record, FIELD_capability_verdict, kind->denied ? "denied" : "granted");
	record_set_string(record, FIELD_event_outcome, kind->denied ? "failure" : "success");
	record_set_number(record, FIELD_capability_count, count);
	if (!kind->inode)
		record_set_boolean(record, FIELD_capability_lumped, true);
	if (kind->borrowed)
		record_set_boolean(record, FIELD_capability_borrowed, true);
	/* Of the host's own processes that is no news. */
	if (kind->container[0] && !kind->denied && !kind->borrowed && declare_is_strong(name))
		record_raise_severity(record, SEVERITY_STRONG);
}

static int keep(struct capability_uses *uses, const struct wire_capability *kind,
		const struct record *record)
{
	struct text executable = record_text(record, FIELD_process_executable);
	struct text name = record_text(record, FIELD_process_name);
	struct use *use = find(uses, kind);

	if (use || HASH_COUNT(uses->table) >= CAPABILITY_KINDS)
		return 0; /* the kernel has no more either */
	use = calloc(1, sizeof(*use));
	if (!use)
		return -ENOMEM;
	use->kind = *kind;
	use->told = 1;
	memcpy(use->name, name.data ?: "", name.length < WIRE_COMM ? name.length : WIRE_COMM);
	if (executable.data)
		use->executable = strndup(executable.data, executable.length);
	HASH_ADD(hh, uses->table, kind, sizeof(use->kind), use);
	if (!use->refused)
		return 0;
	use_free(use);
	return -ENOMEM;
}

int capability_first(struct capability_uses *uses, const struct wire_capability_use *message,
		     struct record *record)
{
	struct wire_capability kind;

	memset(&kind, 0, sizeof(kind)); /* its padding is part of the key */
	memcpy(kind.container, message->task.container, WIRE_CONTAINER);
	kind.inode = message->inode;
	kind.device = message->device;
	kind.user_namespace = message->user_namespace;
	kind.capability = message->capability;
	kind.denied = message->denied;
	kind.borrowed = message->borrowed;
	describe(&kind, 1, record);
	return keep(uses, &kind, record);
}

bool capability_counted(struct capability_uses *uses, const struct wire_capability *kind,
			uint64_t count, struct record *record)
{
	struct use *use = find(uses, kind);

	if (!use || count <= use->told)
		return false;
	record_begin(record, EVENT_capability_use);
	if (kind->container[0])
		record_set_text(record, FIELD_container_id,
				text_within(kind->container, WIRE_CONTAINER));
	if (!kind->inode)
		; /* any of its programs */
	else if (use->executable)
		record_set_string(record, FIELD_process_executable, use->executable);
	else
		record_set_string(record, FIELD_process_name, use->name);
	describe(kind, count - use->told, record);
	use->told = count;
	return true;
}

bool capability_any_of(const struct capability_uses *uses, const char container[WIRE_CONTAINER])
{
	for (const struct use *use = uses->table; use; use = use->hh.next)
		if (memcmp(use->kind.container, container, WIRE_CONTAINER) == 0)
			return true;
	return false;
}

void capability_forget(struct capability_uses *uses, const struct wire_capability *kind)
{
	struct use *use = find(uses, kind);

	if (!use)
		return;
	HASH_DEL(uses->table, use);
	use_free(use);
}
