// SPDX-License-Identifier: Apache-2.0
#include "commands/replay_gather.h"

#include <errno.h>
#include <stdlib.h>

#include "base/hex.h"
#include "trail/frame.h"

int replay_gather_add(struct replay_gather *gather, const struct trail_header *header,
		      const struct replay_line *line)
{
	/* A line that does not say its number stays where it is. */
	uint64_t sequence = gather->count ? gather->lines[gather->count - 1].sequence : 0;
	size_t offset = gather->bytes.length;
	char id16[17];

	if (gather->count == gather->room) {
		size_t room = gather->room ? gather->room * 2 : 256;
		struct replay_gathered *lines = reallocarray(gather->lines, room, sizeof(*lines));

		if (!lines)
			return -ENOMEM;
		gather->lines = lines;
		gather->room = room;
	}
	hex_put(id16, header->trail_id, 8);
	buffer_append(&gather->bytes, line->text.data, line->text.length);
	trail_line_sequence(line->text.data, line->text.length, id16, &sequence);
	gather->lines[gather->count++] =
		(struct replay_gathered){ sequence, offset, line->text.length, line->passes };
	return gather->bytes.error;
}

static int by_sequence(const void *a, const void *b)
{
	const struct replay_gathered *left = a, *right = b;

	if (left->sequence != right->sequence)
		return left->sequence < right->sequence ? -1 : 1;
	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

int replay_gather_show(struct replay_gather *gather,
		       int (*show)(void *context, const struct replay_line *line), void *context)
{
	int r = gather->bytes.error;

	if (gather->count > 0)
		qsort(gather->lines, gather->count, sizeof(*gather->lines), by_sequence);
	for (size_t i = 0; r == 0 && i < gather->count; i++) {
		const struct replay_gathered *line = &gather->lines[i];

		r = show(context,
			 &(struct replay_line){ { gather->bytes.data + line->offset, line->length },
						line->passes });
	}
	gather->count = 0;
	buffer_clear(&gather->bytes);
	return r;
}

void replay_gather_clear(struct replay_gather *gather)
{
	buffer_free(&gather->bytes);
	free(gather->lines);
	*gather = (struct replay_gather){};
}
