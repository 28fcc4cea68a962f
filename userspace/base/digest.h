/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) of what comes in pieces, through libcrypto. */
#pragma once

#include <stddef.h>

struct digest;

#define DIGEST_TEXT 65 /* 64 hexadecimal digits, terminated */

/* Returns 0 or -ENOMEM. */
int digest_new(struct digest **ret);
/* Takes NULL. */
void digest_free(struct digest *digest);

void digest_add(struct digest *digest, const void *data, size_t length);

/* The digest of all that was added; begins anew. Returns 0, or -EIO where libcrypto failed. */
int digest_end(struct digest *digest, char ret[DIGEST_TEXT]);

static inline void digest_freep(struct digest **digest)
{
	digest_free(*digest);
}

#define _cleanup_digest_ __attribute__((cleanup(digest_freep)))
