// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buffer.h"

static void assert_holds(struct buffer *buffer, const char *expected)
{
	assert_int_equal(buffer->length, strlen(expected));
	assert_string_equal(buffer_string(buffer), expected);
}

static void pieces_stand_behind_each_other(void **state)
{
	_cleanup_buffer_ struct buffer buffer = {};

	assert_holds(&buffer, "");
	buffer_append_char(&buffer, 'a');
	buffer_append_string(&buffer, "bc");
	buffer_append(&buffer, "d\0", 1);
	buffer_append(&buffer, NULL, 0);
	buffer_printf(&buffer, "-%d-%s", 7, "x");
	assert_holds(&buffer, "abcd-7-x");
}

static void numbers_are_exact(void **state)
{
	_cleanup_buffer_ struct buffer buffer = {};

	buffer_append_unsigned(&buffer, 0);
	buffer_append_char(&buffer, ' ');
	buffer_append_unsigned(&buffer, UINT64_MAX);
	buffer_append_char(&buffer, ' ');
	buffer_append_signed(&buffer, INT64_MIN);
	buffer_append_char(&buffer, ' ');
	buffer_append_signed(&buffer, INT64_MAX);
	buffer_append_char(&buffer, ' ');
	buffer_append_signed(&buffer, -1);
	assert_holds(&buffer, "0 18446744073709551615 -9223372036854775808 9223372036854775807 -1");
}

static void hex_has_two_digits_a_byte(void **state)
{
	_cleanup_buffer_ struct buffer buffer = {};

	buffer_append_hex(&buffer, "\x00\x0f\xa0\xff", 4);
	buffer_append_hex(&buffer, NULL, 0);
	assert_holds(&buffer, "000fa0ff");
}

static void it_grows_by_any_piece(void **state)
{
	_cleanup_buffer_ struct buffer buffer = {};
	char piece[700];
	size_t length = 0;

	for (size_t i = 0; i < sizeof(piece); i++) {
		memset(piece, (int)(i % 256), i);
		buffer_append(&buffer, piece, i);
		buffer_append_char(&buffer, (char)(i % 256));
		length += i + 1;
		assert_int_equal(buffer.length, length);
	}
	for (size_t i = 0, at = 0; i < sizeof(piece); i++)
		for (size_t j = 0; j <= i; j++)
			assert_int_equal((unsigned char)buffer.data[at++], i % 256);
}

static void the_first_bytes_are_consumed(void **state)
{
	_cleanup_buffer_ struct buffer buffer = {};

	buffer_append_string(&buffer, "abcdef");
	buffer_consume(&buffer, 0);
	buffer_consume(&buffer, 2);
	assert_holds(&buffer, "cdef");
	buffer_consume(&buffer, 99);
	assert_holds(&buffer, "");
	buffer_consume(&buffer, 1);
}

static void errors_stick_until_cleared(void **state)
{
	_cleanup_buffer_ struct buffer buffer = {};

	buffer_append_string(&buffer, "kept");
	assert_int_equal(buffer_reserve(&buffer, SIZE_MAX), -ENOMEM);
	assert_int_equal(buffer.error, -ENOMEM);
	buffer_append_string(&buffer, "x");
	buffer_append_char(&buffer, 'x');
	buffer_append_unsigned(&buffer, 1);
	buffer_append_hex(&buffer, "x", 1);
	buffer_printf(&buffer, "x");
	assert_int_equal(buffer.length, 4);
	assert_null(buffer_string(&buffer));
	assert_int_equal(buffer_reserve(&buffer, 1), -ENOMEM);
	buffer_clear(&buffer);
	assert_int_equal(buffer.error, 0);
	buffer_append_string(&buffer, "again");
	assert_holds(&buffer, "again");
}

static void memory_is_kept_by_clear_and_not_by_free(void **state)
{
	struct buffer buffer = {};
	char *data;

	buffer_append_string(&buffer, "abc");
	data = buffer.data;
	buffer_clear(&buffer);
	assert_ptr_equal(buffer.data, data);
	assert_int_equal(buffer.length, 0);
	buffer_free(&buffer);
	assert_null(buffer.data);
	assert_int_equal(buffer.capacity, 0);
	buffer_free(&buffer);
	buffer_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_stand_behind_each_other),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(hex_has_two_digits_a_byte),
		cmocka_unit_test(it_grows_by_any_piece),
		cmocka_unit_test(the_first_bytes_are_consumed),
		cmocka_unit_test(errors_stick_until_cleared),
		cmocka_unit_test(memory_is_kept_by_clear_and_not_by_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
