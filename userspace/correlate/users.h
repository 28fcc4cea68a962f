/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users, from a file in the form of passwd(5) and from nowhere else: NSS would load
 * foreign code and ask the network.
 */
#pragma once

#include <stdint.h>

struct users;

/* The names of `path`, which is read at the first users_refresh(). Returns 0 or -ENOMEM. */
int users_new(const char *path, struct users **ret);
/* Takes NULL. */
void users_free(struct users *users);

/*
 * Read the file again if it is another one or was changed; looked at once a second of `now` (any
 * clock that does not go backwards, ns) at most. Of a file beyond 1 MiB the rest is left out, and
 * so are lines that make no sense. Returns 0; -ENOMEM or -errno when it could not be read, and the
 * names read before stay.
 */
int users_refresh(struct users *users, uint64_t now);

/* The first name of this uid, as getpwuid(3); NULL if it has none. Good until users_refresh(). */
const char *users_name(const struct users *users, uint32_t uid);

/* The uid of this name. Returns 0 or -ENOENT. */
int users_uid(const struct users *users, const char *name, uint32_t *ret_uid);
