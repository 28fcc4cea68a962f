/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From where audit sessions came: by the messages of those who let people in (sshd, login), and, of
 * sessions that were there before, by systemd-logind, where it runs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define SESSIONS_MOST 4096 /* the oldest goes first */
#define ADDRESS_MOST  64

struct sessions;

/* `elsewhere`: of another host or time, so that logind cannot know them. Returns 0 or -ENOMEM. */
int sessions_new(bool elsewhere, struct sessions **ret);
/* Takes NULL. */
void sessions_free(struct sessions *sessions);

/* A session came from this address. Returns 0, -EINVAL for what is none, or -ENOMEM. */
int sessions_learn(struct sessions *sessions, uint32_t session, struct text address);

/* Numbers begin anew: that host was booted. */
void sessions_forget(struct sessions *sessions);

/* NULL where it is not known, or it came from nowhere. Good until the next call. */
const char *sessions_address(struct sessions *sessions, uint32_t session);
