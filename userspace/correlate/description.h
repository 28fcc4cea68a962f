/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one request asks: which of the engine's operations on which object, what its body declares,
 * and which id the answer gives. Secrets go before anything is kept (redact.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct containers;
struct http_ambiguous;
struct http_head;
struct description;
struct record;
struct redact;

/* From a request's head. Returns 0 or -ENOMEM. */
int description_new(const struct http_head *head, const struct redact *redact,
		    struct description **ret);
/* From the start of what could not be read as a request. Returns 0 or -ENOMEM. */
int description_new_ambiguous(const struct http_ambiguous *ambiguous, const struct redact *redact,
			      struct description **ret);
/* Takes NULL. */
void description_free(struct description *description);

/* Whether both ask the same: method and path, as they were received. */
bool description_same(const struct description *one, const struct description *other);

/* It is a request, but not to every engine, for this reason; `start` as in http_ambiguous, or
 * empty. */
void description_doubt(struct description *description, const char *reason, struct text start);

/* It came behind the last request that the engine read of its connection: nothing was dispatched.
 */
void description_unread(struct description *description);

/* Whether this operation may turn the connection into a stream without being asked by an Upgrade
 * header. */
bool description_may_take_over(const struct description *description);

/* Bytes of the request's or the answer's body; `data` NULL: so many are missing. */
void description_request_body(struct description *description, const char *data, uint64_t length);
/*
 * Its body has ended, or no more of it will be seen: a form in it is read (Go's
 * Request.ParseForm()). Does nothing the second time. Returns 0 or -ENOMEM.
 */
int description_end_request(struct description *description);
void description_answer_body(struct description *description, const char *data, uint64_t length);

/* Whether the operation's answer of this status gives an id that has not come yet. */
bool description_awaits_id(const struct description *description, unsigned int status);

/* Whether its body is an archive, of any size; so may be that of what is not known. */
bool description_takes_upload(const struct description *description);

/* Whether it makes or starts a container; and whether that may be the one with this whole id and
 * this name (empty: not known). */
bool description_may_start(const struct description *description);
bool description_starts(const struct description *description, struct text container,
			struct text name);

/*
 * Fill REQUEST, TARGET and DECLARED fields and raise the severity to what the operation and what it
 * declares deserve; names of containers come from the engine's files. With `answer`, only TARGET.
 */
void description_fill(const struct description *description, struct containers *containers,
		      struct record *record, bool answer);
