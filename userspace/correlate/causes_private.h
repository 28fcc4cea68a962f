/* SPDX-License-Identifier: Apache-2.0 */
/* What causes.c (who asked for what) and causes_fill.c (what came of it) share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define uthash_nonfatal_oom(entry) ((entry)->refused = true)
#define HASH_NONFATAL_OOM          1
#include <uthash.h>

#include "base/text.h"

struct cause;
struct containers;
struct isolation;

#define KEY_MOST 64 /* digits of an id */

/* What came of a request, if it was granted. */
enum act { ACT_NONE, ACT_CREATE, ACT_START, ACT_EXEC, ACT_EXEC_START, ACT_UPDATE };

/* How much a request says of what it did: an engine mostly reads all of it before it acts. */
enum word { WORD_UNFINISHED, WORD_UNANSWERED, WORD_ANSWERED };

struct entry {
	char key[KEY_MOST];
	size_t key_length;
	enum act act;         /* of a request that was not answered: what it asks for, */
	char *name;           /* how a container is to be called (owned; NULL: not told), */
	char about[KEY_MOST]; /* and which one is to be started, or has the exec */
	size_t about_length;
	struct isolation *declared; /* of a container; NULL: not known */
	/* Of a container who created and who started it, of an exec who asked for it, of a request
	 * who sent it: the first. Owned; NULL: nobody is known. */
	struct cause *causes[2];
	enum word started; /* of who started it */
	bool indirect;     /* who made it is known by its name alone, or who started an exec */
	bool used;         /* who started it is told: the next start is another one's */
	bool restarts;     /* by a policy that its request declared */
	bool refused;      /* no memory for its place in the table */
	UT_hash_handle hh;
};

struct causes {
	struct containers *resolver;
	/* The one that was used last is the last. By container, by exec, by request. */
	struct entry *containers, *execs, *unanswered;
	bool forgot_containers, forgot_execs; /* there were more */
};

/* By container, exec or request; NULL: it is not known. */
struct entry *causes_find(struct entry **table, struct text key);

/* Out of its table, and freed. */
void causes_forget(struct entry **table, struct entry *entry);

/* From the request, of which `entry` was kept, to what came of it, which has this id. Returns 0 or
 * -ENOMEM. */
int causes_settle(struct causes *causes, struct entry *entry, struct text target);
