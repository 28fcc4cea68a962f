/* SPDX-License-Identifier: Apache-2.0 */
/* One record in words: what the story and the text format share. */
#pragma once

#include <stdbool.h>

#include "event/record.h"
#include "output/spans.h"

struct telling {
	struct spans what; /* "ContainerCreate 201", "refused EACCES" */
	struct spans rest; /* to what, and how: id, name, image, what was declared, errors */
};

/* What happened. Emptied first. Returns 0 or -ENOMEM. */
int tell(const struct record *record, struct telling *telling);

void telling_clear(struct telling *telling);
/* Takes NULL. */
void telling_free(struct telling *telling);

/* Appended to `spans`: who, "alice (audit uid 1000, session 42) as root". Nothing where no user is
 * known. */
void tell_user(const struct record *record, struct spans *spans);
/* The command line, or as much as is known of it: program, comm, pid. */
void tell_command(const struct record *record, struct spans *spans);
/* "in container "web" (fc984f560330)   sshd[811] > bash[902] > docker[25924]", outermost first. */
void tell_ancestry(const struct record *record, struct spans *spans);
/* "/run/docker.sock", "tcp://192.0.2.1:2375 from 192.0.2.7 port 50912" */
void tell_socket(const struct record *record, struct spans *spans);
/* engine-listen */
void tell_listen(const struct record *record, struct telling *telling);

/* container-start and container-present, container-exit, container-exec */
void tell_container_start(const struct record *record, struct telling *telling);
void tell_container_exit(const struct record *record, struct telling *telling);
void tell_container_exec(const struct record *record, struct telling *telling);
void tell_oom(const struct record *record, struct telling *telling);
void tell_capability(const struct record *record, struct telling *telling);
/* namespace-enter, namespace-create */
void tell_change(const struct record *record, struct telling *telling);
/* watch-hit, watch-drift, audit-config, user-login and user-logout, process-exec, audit-message,
 * log-import */
void tell_watch(const struct record *record, struct telling *telling);
void tell_drift(const struct record *record, struct telling *telling);
void tell_audit_config(const struct record *record, struct telling *telling);
void tell_session(const struct record *record, struct telling *telling);
void tell_exec(const struct record *record, struct telling *telling);
void tell_audit_message(const struct record *record, struct telling *telling);
void tell_log_import(const struct record *record, struct telling *telling);
/* Who had the container made, started it, asked for the exec; not of the process with the entity id
 * `asker`, if it is not empty, under whose requests the line stands. */
void tell_causes(const struct record *record, struct text asker, struct spans *spans);

/* "docker[25924]" */
void tell_process(const struct record *record, enum style style, struct spans *spans);

/* "ContainerCreate", or method and path where the operation is not known. */
void tell_operation(const struct record *record, enum style style, struct spans *spans);
/* " 201" in the colour of its class; nothing where it is absent. */
void tell_status(const struct record *record, struct spans *spans);
/* `fc984f560330  "quirky_bose"` */
void tell_target(const struct record *record, struct spans *spans);
/* `signal HUP`, `path /etc/passwd`: what stands in the query and not in the operation's name */
void tell_query(const struct record *record, struct spans *spans);
/* image, then all that gives isolation away: `busybox:1  pid=host  mount / -> /host  privileged` */
void tell_declared(const struct record *record, struct spans *spans);

/* The first 12 digits of a 64-digit id, with or without "sha256:"; anything else as it is. */
struct text tell_short_id(struct text id);

static inline bool tell_is(const struct record *record, enum field field, struct text text)
{
	return text_equal(record_text(record, field), text);
}
