// SPDX-License-Identifier: Apache-2.0
#include "trail/retention.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "trail/summary.h"

uint64_t trail_retention_due(const struct trail_retention *retention,
			     const struct trail_header *header)
{
	uint64_t floor_ns = retention->floor_ns[header->class];

	return floor_ns > TRAIL_NEVER - header->wall_ns ? TRAIL_NEVER : header->wall_ns + floor_ns;
}

static void encode(unsigned int tag, const uint64_t *numbers, struct buffer *out)
{
	uint64_t disk[TRAIL_CLASSES];

	for (unsigned int class = 0; class < TRAIL_CLASSES; class ++)
		disk[class] = htole64(numbers[class]);
	trail_summary_append(out, tag, disk, sizeof(disk));
}

static int decode(const struct trail_header *header, unsigned int tag, uint64_t *ret_numbers)
{
	struct trail_summary_element element;
	uint64_t disk[TRAIL_CLASSES];
	size_t at = 0;
	int r;

	while ((r = trail_summary_next(header->summary, header->summary_length, &at, &element)) >
	       0) {
		if (element.tag != tag)
			continue;
		if (element.length != sizeof(disk))
			return -EBADMSG;
		memcpy(disk, element.value, sizeof(disk));
		for (unsigned int class = 0; class < TRAIL_CLASSES; class ++)
			ret_numbers[class] = le64toh(disk[class]);
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}

void trail_retention_encode(const struct trail_retention *retention, struct buffer *out)
{
	encode(TRAIL_TAG_RETENTION, retention->floor_ns, out);
}

int trail_retention_decode(const struct trail_header *header, struct trail_retention *ret_retention)
{
	return decode(header, TRAIL_TAG_RETENTION, ret_retention->floor_ns);
}

void trail_pruned_encode(const struct trail_pruned *pruned, struct buffer *out)
{
	encode(TRAIL_TAG_PRUNED, pruned->before_frame, out);
}

int trail_pruned_decode(const struct trail_header *header, struct trail_pruned *ret_pruned)
{
	return decode(header, TRAIL_TAG_PRUNED, ret_pruned->before_frame);
}
