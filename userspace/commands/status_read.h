/* SPDX-License-Identifier: Apache-2.0 */
/* What a trail's status.json says, and whether it is still true. The layout: docktrail-status(8).
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define STATUS_FILE       "status.json"
#define STATUS_BYTES_MOST (1u << 20)
/* It is written every second; a machine that swaps may take a few. */
#define STATUS_STALE_NS (10 * NS_PER_SECOND)

struct status {
	struct json_object *root; /* owned; NULL where there is no status.json that can be read */
	bool recording, degraded;
	char why[200];    /* one sentence */
	uint64_t age_ns;  /* of status.json */
	size_t set_aside; /* trails before this one, that could not be continued */
};

/*
 * Look at the trail in `folder`. Returns 0, also when nothing records it; -ENOENT where no trail
 * is; -errno.
 */
int status_read(const char *folder, struct status *ret_status);
/*
 * status_checkpoint.c: print how far the trail goes, as an anchor. What is wrong is said on stderr,
 * by `name`. Returns the exit status.
 */
int status_checkpoint(const char *name, const char *trail, bool json);

/* Takes NULL. */
void status_clear(struct status *status);

/* Members, "" or 0 or NULL where there is none of that name and type. `object` may be NULL. */
const char *status_string(struct json_object *object, const char *key);
uint64_t status_number(struct json_object *object, const char *key);
double status_real(struct json_object *object, const char *key);
struct json_object *status_object(struct json_object *object, const char *key);
struct json_object *status_list(struct json_object *object, const char *key);
size_t status_count(struct json_object *list);
struct json_object *status_item(struct json_object *list, size_t i);
