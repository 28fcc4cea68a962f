// SPDX-License-Identifier: Apache-2.0
#include "trail/batch.h"

#include <stdlib.h>

struct trail_batch *trail_batch_new(void)
{
	return calloc(1, sizeof(struct trail_batch));
}

void trail_batch_free(struct trail_batch *batch)
{
	if (!batch)
		return;
	for (unsigned int class = 0; class < TRAIL_CLASSES; class ++)
		buffer_free(&batch->part[class].raw);
	free(batch);
}

void trail_batch_clear(struct trail_batch *batch, uint64_t seed)
{
	for (unsigned int class = 0; class < TRAIL_CLASSES; class ++) {
		struct trail_batch_part *part = &batch->part[class];

		buffer_clear(&part->raw);
		trail_summary_clear(&part->summary, seed);
		part->types = 0;
		part->pruned = (struct trail_pruned){};
		part->first_event = 0;
		part->event_count = 0;
	}
	batch->next = NULL;
	batch->first_event = 0;
	batch->event_count = 0;
	batch->raw_bytes = 0;
	batch->deadline_ns = UINT64_MAX;
}

bool trail_batch_fits(const struct trail_batch *batch, const struct trail_entry *entry)
{
	return trail_summary_fits(&batch->part[trail_entry_class(entry)].summary, entry->terms,
				  entry->term_count);
}

int trail_batch_add(struct trail_batch *batch, const struct trail_entry *entry, uint64_t sequence)
{
	struct trail_batch_part *part = &batch->part[trail_entry_class(entry)];
	int r;

	r = buffer_reserve(&part->raw, entry->length + 1);
	if (r < 0) {
		/* The lines that it holds are good, and a later one may be shorter. */
		part->raw.error = 0;
		return r;
	}
	buffer_append(&part->raw, entry->line, entry->length);
	buffer_append_char(&part->raw, '\n');
	trail_summary_add(&part->summary, entry->time_ns, entry->terms, entry->term_count);
	part->types |= 1u << entry->type;
	for (unsigned int class = 0; entry->pruned && class < TRAIL_CLASSES; class ++)
		if (part->pruned.before_frame[class] < entry->pruned->before_frame[class])
			part->pruned.before_frame[class] = entry->pruned->before_frame[class];
	if (part->event_count++ == 0)
		part->first_event = sequence;
	if (batch->event_count++ == 0)
		batch->first_event = sequence;
	batch->raw_bytes += entry->length + 1;
	return 0;
}
