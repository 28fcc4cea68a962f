// SPDX-License-Identifier: Apache-2.0
#include "base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct digest {
	EVP_MD_CTX *context;
	bool failed;
};

static void begin(struct digest *digest)
{
	digest->failed = EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1;
}

int digest_new(struct digest **ret)
{
	struct digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return -ENOMEM;
	digest->context = EVP_MD_CTX_new();
	if (!digest->context) {
		free(digest);
		return -ENOMEM;
	}
	begin(digest);
	*ret = digest;
	return 0;
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

void digest_add(struct digest *digest, const void *data, size_t length)
{
	digest->failed |= EVP_DigestUpdate(digest->context, data, length) != 1;
}

int digest_end(struct digest *digest, char ret[DIGEST_TEXT])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	bool failed = digest->failed;

	failed |= EVP_DigestFinal_ex(digest->context, bytes, &length) != 1;
	begin(digest);
	if (failed)
		return -EIO;
	for (unsigned int i = 0; i < length; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}
