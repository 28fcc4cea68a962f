// SPDX-License-Identifier: Apache-2.0
#include "trail/sign.h"

#include <errno.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/cleanup.h"

static void pkey_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

static void context_freep(EVP_MD_CTX **context)
{
	EVP_MD_CTX_free(*context);
}

int trail_hash(const void *data, size_t length, uint8_t *ret_hash)
{
	return EVP_Digest(data, length, ret_hash, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int trail_key_generate(uint8_t *ret_seed, uint8_t *ret_public_key)
{
	if (RAND_priv_bytes(ret_seed, TRAIL_KEY_BYTES) != 1)
		return -EIO;
	return trail_key_public(ret_seed, ret_public_key);
}

int trail_key_public(const uint8_t *seed, uint8_t *ret_public_key)
{
	_cleanup_(pkey_freep)
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, TRAIL_KEY_BYTES);
	size_t length = TRAIL_KEY_BYTES;

	if (!key || EVP_PKEY_get_raw_public_key(key, ret_public_key, &length) != 1)
		return -EIO;
	return 0;
}

int trail_sign(const uint8_t *seed, const void *data, size_t length, uint8_t *ret_signature)
{
	_cleanup_(pkey_freep)
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, TRAIL_KEY_BYTES);
	_cleanup_(context_freep)
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t signature_length = TRAIL_SIGNATURE_BYTES;

	if (!key || !context || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(context, ret_signature, &signature_length, data, length) != 1)
		return -EIO;
	return 0;
}

int trail_check_signature(const uint8_t *public_key, const void *data, size_t length,
			  const uint8_t *signature)
{
	_cleanup_(pkey_freep)
	EVP_PKEY *key =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, TRAIL_KEY_BYTES);
	_cleanup_(context_freep)
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!key || !context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1)
		return -ENOMEM;
	return EVP_DigestVerify(context, signature, TRAIL_SIGNATURE_BYTES, data, length) == 1
		       ? 0
		       : -EBADMSG;
}

int trail_random(void *data, size_t length)
{
	return RAND_bytes(data, (int)length) == 1 ? 0 : -EIO;
}

/* What one recorder's key state and libcrypto need, several times over; a container's usual limit
 * of locked memory. */
#define SECRET_BYTES 65536
#define SECRET_LEAST 32

static bool secrets_locked;

void *trail_secret_new(size_t length)
{
	if (!CRYPTO_secure_malloc_initialized())
		secrets_locked = CRYPTO_secure_malloc_init(SECRET_BYTES, SECRET_LEAST) == 1;
	return OPENSSL_secure_zalloc(length);
}

void trail_secret_free(void *secret, size_t length)
{
	OPENSSL_secure_clear_free(secret, length);
}

bool trail_secrets_locked(void)
{
	return secrets_locked;
}

void trail_wipe(void *data, size_t length)
{
	OPENSSL_cleanse(data, length);
}
