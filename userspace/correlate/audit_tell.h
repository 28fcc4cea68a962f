/* SPDX-License-Identifier: Apache-2.0 */
/* What an act that audit recorded is told as. */
#pragma once

#include "correlate/audit_act.h"
#include "event/field.h"

struct actor_context;
struct record;
struct redact;

/* Which event it is; EVENT_COUNT: none that is told. */
enum event audit_tell_kind(const struct audit_act *act);

/* The group AUDIT. */
void audit_tell_fill(const struct audit_act *act, const struct redact *redact,
		     struct record *record);

/* Who did it, as the kernel recorded it, over what the process tree knows. */
void audit_tell_actor(const struct audit_act *act, const struct actor_context *actors,
		      struct record *record);

/* A path of it, absolute where the working folder is known; appended to `ret`. 0 or -ENOMEM. */
int audit_tell_path(const struct audit_act *act, const struct audit_path *path, struct buffer *ret);

/* The name of a kind of record: "SYSCALL". */
const char *audit_tell_type(uint32_t type, char number[24]);

/* What stands behind NAME= in a message, quotes taken off; empty: nothing. */
struct text audit_tell_value(const struct audit_act *act, struct text name);
