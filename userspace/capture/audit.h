/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's audit as a source: the READLOG multicast group, which delivers beside auditd and
 * without one (kernel/audit.c, kauditd_send_multicast_skb()). Needs CAP_AUDIT_READ in the host's
 * user namespace. Nothing of a record is parsed here. The kernel drops what a slow reader has no
 * room for and counts it nowhere: the times are counted here (ENOBUFS), the events that are missing
 * by their serials (correlate/audit_serials.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct audit_source;

struct audit_source_stats {
	uint64_t records;
	uint64_t overruns; /* times that the kernel had no room for more */
	uint64_t bad;      /* datagrams that were no record of the kernel's */
};

/*
 * Join the group; or, as `daemon`, be the audit daemon: the kernel then waits for us, within its
 * backlog, where it drops what a group has no room for, and writes nothing into its own log.
 * Returns 0; -EEXIST where another one is; -EPERM, also where audit is immutable; -ENOTSUP where
 * the kernel has no audit; -errno.
 */
int audit_source_open(bool daemon, struct audit_source **ret);
/* Nobody is the audit daemon then, if this was. Takes NULL. */
void audit_source_free(struct audit_source *source);

/* Readable when there are records. */
int audit_source_fd(const struct audit_source *source);

/* A record: its type, its text, which is valid during the call. Returns 0, or what ends the drain.
 */
typedef int (*audit_record_handler)(void *user, uint32_t type, struct text payload);

/* Take what is there, at most some thousand records. Returns how many, what the handler said if
 * that is negative, or -errno. */
int audit_source_drain(struct audit_source *source, audit_record_handler handler, void *user);

void audit_source_get_stats(const struct audit_source *source, struct audit_source_stats *ret);
