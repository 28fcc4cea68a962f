// SPDX-License-Identifier: Apache-2.0
#include "trail/frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/buffer.h"

static uint32_t load32(const uint8_t *at)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	return le32toh(number);
}

static void append_skippable(struct buffer *out, uint32_t magic, size_t length)
{
	uint32_t head[2] = { htole32(magic), htole32((uint32_t)length) };

	buffer_append(out, head, sizeof(head));
}

void trail_header_encode(const struct trail_header *header, struct buffer *out)
{
	struct trail_disk_header disk = {
		.version = htole16(TRAIL_VERSION),
		.type = (uint8_t)header->type,
		.class = (uint8_t)header->class,
		.flags = htole32(header->flags),
		.header_length = htole32((uint32_t)sizeof(disk) + header->summary_length),
		.summary_length = htole32(header->summary_length),
		.types = htole32(header->types),
		.commit_index = htole16((uint16_t)header->commit_index),
		.commit_frames = htole16((uint16_t)header->commit_frames),
		.frame = htole64(header->frame),
		.wall_ns = htole64(header->wall_ns),
		.boot_ns = htole64(header->boot_ns),
		.first_event = htole64(header->first_event),
		.event_count = htole64(header->event_count),
		.commit_first_event = htole64(header->commit_first_event),
		.commit_event_count = htole64(header->commit_event_count),
		.raw_length = htole64(header->raw_length),
	};

	memcpy(disk.magic, TRAIL_HEADER_MAGIC, sizeof(disk.magic));
	memcpy(disk.trail_id, header->trail_id, sizeof(disk.trail_id));
	memcpy(disk.boot_id, header->boot_id, sizeof(disk.boot_id));
	memcpy(disk.raw_hash, header->raw_hash, sizeof(disk.raw_hash));
	memcpy(disk.previous_hash, header->previous_hash, sizeof(disk.previous_hash));
	append_skippable(out, TRAIL_MAGIC_HEADER, sizeof(disk) + header->summary_length);
	buffer_append(out, &disk, sizeof(disk));
	buffer_append(out, header->summary, header->summary_length);
}

void trail_seal_encode(const struct trail_seal *seal, struct buffer *out)
{
	struct trail_disk_seal disk = {
		.stored_kind = htole32((uint32_t)seal->stored_kind),
		.stored_count = htole32(seal->stored_count),
		.stored_length = htole64(seal->stored_length),
	};

	memcpy(disk.magic, TRAIL_SEAL_MAGIC, sizeof(disk.magic));
	memcpy(disk.next_public_key, seal->next_public_key, sizeof(disk.next_public_key));
	memcpy(disk.signature, seal->signature, sizeof(disk.signature));
	memcpy(disk.stored_hash, seal->stored_hash, sizeof(disk.stored_hash));
	append_skippable(out, TRAIL_MAGIC_SEAL, sizeof(disk));
	buffer_append(out, &disk, sizeof(disk));
}

int trail_skippable_length(const uint8_t *data, uint32_t magic, size_t most, size_t *ret_length)
{
	uint32_t length = load32(data + 4);

	if (load32(data) != magic || length > most)
		return -EBADMSG;
	*ret_length = TRAIL_SKIPPABLE_BYTES + length;
	return 0;
}

static bool header_plausible(const struct trail_header *header)
{
	uint64_t end;

	if (header->type < 1 || header->type > TRAIL_TYPE_MOST || header->class >= TRAIL_CLASSES)
		return false;
	/* The type is the greatest of the set. */
	if (!header->types || 31 - __builtin_clz(header->types) != (int)header->type)
		return false;
	if (header->commit_frames < 1 || header->commit_frames > TRAIL_COMMIT_MOST ||
	    header->commit_index >= header->commit_frames)
		return false;
	if (header->frame < 1 || header->first_event < 1 || header->commit_first_event < 1)
		return false;
	if (header->raw_length > TRAIL_RAW_MOST || header->event_count > header->raw_length)
		return false;
	if (__builtin_add_overflow(header->commit_first_event, header->commit_event_count, &end))
		return false;
	return header->first_event >= header->commit_first_event && header->first_event <= end &&
	       header->event_count <= end - header->first_event;
}

int trail_header_decode(const uint8_t *data, size_t length, struct trail_header *ret_header)
{
	struct trail_disk_header disk;
	struct trail_header header;

	if (length < TRAIL_SKIPPABLE_BYTES + sizeof(disk) || load32(data) != TRAIL_MAGIC_HEADER ||
	    load32(data + 4) != length - 8)
		return -EBADMSG;
	memcpy(&disk, data + TRAIL_SKIPPABLE_BYTES, sizeof(disk));
	if (memcmp(disk.magic, TRAIL_HEADER_MAGIC, sizeof(disk.magic)) != 0)
		return -EBADMSG;
	if (le16toh(disk.version) != TRAIL_VERSION)
		return -EPROTONOSUPPORT;
	if (le32toh(disk.header_length) != length - TRAIL_SKIPPABLE_BYTES ||
	    le32toh(disk.summary_length) != length - TRAIL_SKIPPABLE_BYTES - sizeof(disk))
		return -EBADMSG;
	header = (struct trail_header){
		.type = disk.type,
		.class = disk.class,
		.flags = le32toh(disk.flags),
		.types = le32toh(disk.types),
		.commit_index = le16toh(disk.commit_index),
		.commit_frames = le16toh(disk.commit_frames),
		.frame = le64toh(disk.frame),
		.wall_ns = le64toh(disk.wall_ns),
		.boot_ns = le64toh(disk.boot_ns),
		.first_event = le64toh(disk.first_event),
		.event_count = le64toh(disk.event_count),
		.commit_first_event = le64toh(disk.commit_first_event),
		.commit_event_count = le64toh(disk.commit_event_count),
		.raw_length = le64toh(disk.raw_length),
		.summary = data + TRAIL_SKIPPABLE_BYTES + sizeof(disk),
		.summary_length = le32toh(disk.summary_length),
	};
	memcpy(header.trail_id, disk.trail_id, sizeof(header.trail_id));
	memcpy(header.boot_id, disk.boot_id, sizeof(header.boot_id));
	memcpy(header.raw_hash, disk.raw_hash, sizeof(header.raw_hash));
	memcpy(header.previous_hash, disk.previous_hash, sizeof(header.previous_hash));
	if (!header_plausible(&header))
		return -EBADMSG;
	*ret_header = header;
	return 0;
}

static bool stored_plausible(uint32_t kind, uint32_t count)
{
	switch (kind) {
	case TRAIL_STORED_ALONE:
	case TRAIL_STORED_PRUNED:
		return count == 1;
	case TRAIL_STORED_PACKED:
		return count > 1 && count <= TRAIL_PACKED_MOST;
	case TRAIL_STORED_WITHIN:
		return count > 0 && count < TRAIL_PACKED_MOST;
	default:
		return false;
	}
}

int trail_seal_decode(const uint8_t *data, size_t length, struct trail_seal *ret_seal)
{
	struct trail_disk_seal disk;
	struct trail_seal seal;

	if (length != TRAIL_SEAL_BYTES || load32(data) != TRAIL_MAGIC_SEAL ||
	    load32(data + 4) != sizeof(disk))
		return -EBADMSG;
	memcpy(&disk, data + TRAIL_SKIPPABLE_BYTES, sizeof(disk));
	if (memcmp(disk.magic, TRAIL_SEAL_MAGIC, sizeof(disk.magic)) != 0)
		return -EBADMSG;
	seal.stored_kind = le32toh(disk.stored_kind);
	seal.stored_count = le32toh(disk.stored_count);
	/* Not signed: a field that no one reads would be one where a flipped bit goes unnoticed. */
	if (!stored_plausible(le32toh(disk.stored_kind), seal.stored_count))
		return -EBADMSG;
	seal.stored_length = le64toh(disk.stored_length);
	memcpy(seal.next_public_key, disk.next_public_key, sizeof(seal.next_public_key));
	memcpy(seal.signature, disk.signature, sizeof(seal.signature));
	memcpy(seal.stored_hash, disk.stored_hash, sizeof(seal.stored_hash));
	*ret_seal = seal;
	return 0;
}

void trail_signed_bytes(const uint8_t *header, size_t header_length, const uint8_t *next_public_key,
			struct buffer *out)
{
	buffer_append(out, header + TRAIL_SKIPPABLE_BYTES, header_length - TRAIL_SKIPPABLE_BYTES);
	buffer_append(out, next_public_key, TRAIL_KEY_BYTES);
}

/* The frame header's length from its descriptor, RFC 8878 section 3.1.1.1; 0 when it is not one of
 * ours. */
static unsigned int zstd_header_length(uint8_t descriptor)
{
	static const uint8_t content_size_bytes[] = { 0, 2, 4, 8 };
	bool single_segment = descriptor & 0x20;
	unsigned int length = 5;

	/* Reserved bit, dictionary id: neither is ever written here; the checksum always is. */
	if ((descriptor & 0x08) || (descriptor & 0x03) || !(descriptor & 0x04))
		return 0;
	if (!single_segment && descriptor >> 6 == 0)
		return 0;
	length += single_segment ? 0 : 1;
	length += descriptor >> 6 == 0 ? 1 : content_size_bytes[descriptor >> 6];
	return length;
}

int trail_zstd_length(trail_read_function read, void *context, uint64_t most, uint64_t *ret_length)
{
	uint8_t head[5], block[3];
	bool last = false;
	uint64_t at;
	int r;

	if (most < sizeof(head))
		return -EBADMSG;
	r = read(context, 0, head, sizeof(head));
	if (r < 0)
		return r;
	at = zstd_header_length(head[4]);
	if (load32(head) != TRAIL_MAGIC_ZSTD || at == 0)
		return -EBADMSG;
	while (!last) {
		uint32_t word;

		if (most < at + sizeof(block))
			return -EBADMSG;
		r = read(context, at, block, sizeof(block));
		if (r < 0)
			return r;
		word = block[0] | (uint32_t)block[1] << 8 | (uint32_t)block[2] << 16;
		last = word & 1;
		if ((word >> 1 & 3) == 3 || word >> 3 > 128u << 10)
			return -EBADMSG;
		at += sizeof(block) + ((word >> 1 & 3) == 1 ? 1 : word >> 3);
	}
	at += 4;
	if (at > most)
		return -EBADMSG;
	*ret_length = at;
	return 0;
}

/* Advance over `text` if it stands there. */
static bool skip(const char **at, const char *end, const char *text, size_t length)
{
	if ((size_t)(end - *at) < length || memcmp(*at, text, length) != 0)
		return false;
	*at += length;
	return true;
}

#define SKIP(at, end, text) skip(at, end, text, sizeof(text) - 1)

/* A number without sign, leading zeros or overflow. */
static bool parse_number(const char **at, const char *end, uint64_t *ret_number)
{
	const char *begin = *at;
	uint64_t number = 0;

	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(**at - '0'), &number))
			return false;
	*ret_number = number;
	return *at > begin && (*begin != '0' || *at == begin + 1);
}

int trail_line_sequence(const char *line, size_t length, const char *id16, uint64_t *ret_sequence)
{
	const char *at = line, *end = line + length;
	uint64_t number, again;

	if (!SKIP(&at, end, "{\"@timestamp\":\""))
		return -EBADMSG;
	/* A timestamp has no quote in it, and 64 bytes are more than any has. */
	for (const char *most = end - at > 64 ? at + 64 : end; at < most && *at != '"';)
		at++;
	if (!SKIP(&at, end, "\",\"event\":{\"id\":\"") || !skip(&at, end, id16, 16) ||
	    !SKIP(&at, end, "-") || !parse_number(&at, end, &number) ||
	    !SKIP(&at, end, "\",\"sequence\":") || !parse_number(&at, end, &again))
		return -EBADMSG;
	if (number != again || at == end || (*at != ',' && *at != '}'))
		return -EBADMSG;
	*ret_sequence = number;
	return 0;
}
