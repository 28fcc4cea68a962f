/* SPDX-License-Identifier: Apache-2.0 */
/* Who is behind something: what a request says of who sent it, to be put into what came of it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cause;
struct record;

/* Whose fields they become. */
enum cause_role { CAUSE_CREATED, CAUSE_STARTED, CAUSE_ENTERED, CAUSE_ROLES };

/* Of the api-request `record`, which was written; where a proxy passed it on, of who asked the
 * proxy. Returns 0 or -ENOMEM. */
int cause_new(const struct record *record, struct cause **ret);
/* Takes NULL. */
void cause_free(struct cause *cause);

/* The number of the event that the request was written as. */
uint64_t cause_sequence(const struct cause *cause);

/* Did the same user ask, who logged in as the same? */
bool cause_same_user(const struct cause *one, const struct cause *other);

/* Puts it into `record`, lent, unless somebody stands there in that role; of NULL nothing. */
void cause_fill(const struct cause *cause, enum cause_role role, struct record *record);
