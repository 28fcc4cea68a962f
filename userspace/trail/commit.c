// SPDX-License-Identifier: Apache-2.0
#include "trail/store_private.h"

#include <errno.h>
#include <string.h>

#include <zstd.h>
#include <zstd_errors.h>

#include "base/clock.h"
#include "trail/frame.h"
#include "trail/sign.h"

/* Append one zstd frame with content size and checksum; the compressor was set up so. */
static int append_compressed(struct trail_store *store, const struct buffer *raw)
{
	struct buffer *out = &store->out;
	size_t n;
	int r;

	r = buffer_reserve(out, ZSTD_compressBound(raw->length));
	if (r < 0)
		return r;
	n = ZSTD_compress2(store->compressor, out->data + out->length, out->capacity - out->length,
			   raw->data, raw->length);
	if (ZSTD_isError(n))
		return ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation ? -ENOMEM : -EIO;
	out->length += n;
	return 0;
}

static int append_header(struct trail_store *store, const struct trail_batch_part *part,
			 struct trail_header *header)
{
	bool is_first = store->offset == 0 && header->commit_index == 0;
	int r;

	header->types = part->types;
	header->type = 31 - (unsigned int)__builtin_clz(part->types);
	header->first_event = part->first_event;
	header->event_count = part->event_count;
	header->raw_length = part->raw.length;
	r = trail_hash(part->raw.data, part->raw.length, header->raw_hash);
	if (r < 0)
		return r;
	buffer_clear(&store->summary);
	header->flags = 0;
	if (trail_summary_encode(&part->summary, part->raw.length, &store->summary))
		header->flags |= TRAIL_FLAG_SUMMARY_INCOMPLETE;
	if (part->types & 1u << TRAIL_NEWCHAIN)
		trail_old_encode(&store->old, &store->summary);
	if (part->types & 1u << TRAIL_PRUNE)
		trail_pruned_encode(&part->pruned, &store->summary);
	/* A segment tells all that it takes to prune it. */
	if (store->retention_known && (is_first || part->types & 1u << TRAIL_START))
		trail_retention_encode(&store->retention, &store->summary);
	if (is_first && store->previous.frame_count > 0)
		trail_totals_encode(&store->previous, &store->summary);
	header->summary = (const uint8_t *)store->summary.data;
	header->summary_length = (uint32_t)store->summary.length;
	trail_header_encode(header, &store->out);
	return store->summary.error;
}

/* Sign the HEADER of `header_length` bytes at `begin`; `key` becomes that of the next frame. */
static int append_seal(struct trail_store *store, size_t begin, size_t header_length,
		       struct trail_key *key)
{
	uint8_t seed[TRAIL_KEY_BYTES];
	size_t stored = begin + header_length;
	struct trail_seal seal = {
		.stored_kind = TRAIL_STORED_ALONE,
		.stored_count = 1,
		.stored_length = store->out.length - stored,
	};
	int r;

	r = trail_key_generate(seed, seal.next_public_key);
	if (r < 0)
		return r;
	buffer_clear(&store->signed_bytes);
	trail_signed_bytes((const uint8_t *)store->out.data + begin, header_length,
			   seal.next_public_key, &store->signed_bytes);
	r = store->signed_bytes.error;
	if (r == 0)
		r = trail_sign(key->seed, store->signed_bytes.data, store->signed_bytes.length,
			       seal.signature);
	if (r == 0)
		r = trail_hash(store->out.data + stored, seal.stored_length, seal.stored_hash);
	if (r == 0)
		r = trail_hash(store->signed_bytes.data, store->signed_bytes.length,
			       key->previous_hash);
	if (r == 0) {
		trail_seal_encode(&seal, &store->out);
		r = store->out.error;
	}
	memcpy(key->seed, seed, sizeof(seed));
	memcpy(key->public_key, seal.next_public_key, sizeof(key->public_key));
	key->frame++;
	trail_wipe(seed, sizeof(seed));
	return r;
}

/* Put the frames of a batch into store->out. `key` becomes that of the frame after them. */
static int build_frames(struct trail_store *store, const struct trail_batch *batch,
			struct trail_key *key, struct trail_header *header)
{
	int r;

	/* Evidence first. */
	for (int class = TRAIL_EVIDENCE; class >= TRAIL_ROUTINE; class --) {
		const struct trail_batch_part *part = &batch->part[class];
		size_t begin = store->out.length, header_length;

		if (part->event_count == 0)
			continue;
		store->prepared.frame_at[header->commit_index] = begin;
		header->class = (enum trail_class) class;
		header->frame = key->frame;
		memcpy(header->previous_hash, key->previous_hash, sizeof(header->previous_hash));
		r = append_header(store, part, header);
		if (r < 0)
			return r;
		header_length = store->out.length - begin;
		r = append_compressed(store, &part->raw);
		if (r < 0)
			return r;
		r = append_seal(store, begin, header_length, key);
		if (r < 0)
			return r;
		header->commit_index++;
	}
	key->first_event = batch->first_event + batch->event_count;
	return 0;
}

int trail_store_prepare(struct trail_store *store, const struct trail_batch *batch)
{
	struct trail_prepared *prepared = &store->prepared;
	struct trail_header header = {
		.commit_frames = (batch->part[TRAIL_EVIDENCE].event_count > 0) +
				 (batch->part[TRAIL_ROUTINE].event_count > 0),
		.wall_ns = clock_wall_ns(),
		.boot_ns = clock_boot_ns(),
		.commit_first_event = batch->first_event,
		.commit_event_count = batch->event_count,
	};
	struct trail_committed *head = &prepared->head;
	int r;

	*prepared = (struct trail_prepared){
		.key = store->key,
		.head = store->head,
		.frames = header.commit_frames,
		.begin_ns = clock_monotonic_ns(),
	};
	memcpy(header.trail_id, store->key.trail_id, sizeof(header.trail_id));
	memcpy(header.boot_id, store->key.boot_id, sizeof(header.boot_id));
	buffer_clear(&store->out);
	r = build_frames(store, batch, &prepared->key, &header);
	if (r < 0)
		return r;
	head->frame = prepared->key.frame - 1;
	head->event = prepared->key.first_event - 1;
	head->segment = store->segment;
	head->offset = store->offset + store->out.length;
	head->wall_ns = header.wall_ns;
	memcpy(head->hash, prepared->key.previous_hash, sizeof(head->hash));
	return 0;
}
