// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a line of a trail; what is read must be written so that it reads the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "event/json.h"
#include "event/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record *record;
	static struct buffer first, second;

	if (!record && record_new(&record) < 0)
		return 0;
	if (record_parse_json(record, (const char *)data, size) < 0)
		return 0;
	buffer_clear(&first);
	record_append_json(record, &first);
	if (record_parse_json(record, first.data, first.length) < 0)
		abort();
	buffer_clear(&second);
	record_append_json(record, &second);
	if (first.length != second.length || memcmp(first.data, second.data, first.length))
		abort();
	return 0;
}
