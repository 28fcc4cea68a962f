// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/digest.h"

/* The examples of FIPS 180-4's test vectors, in pieces. */
static void test_digest(void **state)
{
	static const char text[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	_cleanup_digest_ struct digest *digest = NULL;
	char hex[DIGEST_TEXT];

	assert_int_equal(digest_new(&digest), 0);
	assert_int_equal(digest_end(digest, hex), 0);
	assert_string_equal(hex,
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < strlen(text); i += 7)
		digest_add(digest, text + i, strlen(text) - i < 7 ? strlen(text) - i : 7);
	assert_int_equal(digest_end(digest, hex), 0);
	assert_string_equal(hex,
			    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	/* It begins anew. */
	digest_add(digest, "abc", 3);
	assert_int_equal(digest_end(digest, hex), 0);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_digest) };

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
