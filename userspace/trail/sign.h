/* SPDX-License-Identifier: Apache-2.0 */
/* Ed25519 (RFC 8032) and SHA-256 through libcrypto, as much of them as a trail needs. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trail/format.h"

/* SHA-256. Returns 0 or -ENOMEM. */
int trail_hash(const void *data, size_t length, uint8_t *ret_hash);

/* A new key from the private generator of libcrypto. Returns 0 or -EIO. */
int trail_key_generate(uint8_t *ret_seed, uint8_t *ret_public_key);

/* The public key of a seed. Returns 0 or -EIO. */
int trail_key_public(const uint8_t *seed, uint8_t *ret_public_key);

/* Sign `length` bytes. Returns 0 or -EIO. */
int trail_sign(const uint8_t *seed, const void *data, size_t length, uint8_t *ret_signature);

/* Returns 0 when the signature is good, -EBADMSG when it is not, -ENOMEM. */
int trail_check_signature(const uint8_t *public_key, const void *data, size_t length,
			  const uint8_t *signature);

/* Random bytes that need not stay secret: ids, seeds of hash tables. Returns 0 or -EIO. */
int trail_random(void *data, size_t length);

/*
 * Memory for keys, zeroed: locked, not in cores, between pages that nobody may touch; libcrypto's
 * own copies of keys are there too (OPENSSL_secure_malloc(3)). Where this memory cannot be had, or
 * not be locked, it is other memory: see trail_secrets_locked(). NULL: there is no memory.
 */
void *trail_secret_new(size_t length);
/* Overwrites it. Takes NULL. */
void trail_secret_free(void *secret, size_t length);
/* Whether no key can be swapped out. Before the first trail_secret_new(): false. */
bool trail_secrets_locked(void);

/* Overwrite, also where the compiler sees that no one reads it again. */
void trail_wipe(void *data, size_t length);
