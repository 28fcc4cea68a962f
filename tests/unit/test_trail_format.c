// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/trail_bed.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "trail/committed.h"
#include "trail/folder.h"
#include "trail/frame.h"
#include "trail/key.h"
#include "trail/sign.h"

static struct trail_header sample_header(void)
{
	struct trail_header header = {
		.type = TRAIL_LOSS,
		.class = TRAIL_EVIDENCE,
		.flags = TRAIL_FLAG_SUMMARY_INCOMPLETE,
		.types = 1u << TRAIL_DATA | 1u << TRAIL_LOSS,
		.commit_index = 1,
		.commit_frames = 2,
		.frame = 7,
		.wall_ns = 1,
		.boot_ns = 2,
		.first_event = 11,
		.event_count = 3,
		.commit_first_event = 10,
		.commit_event_count = 5,
		.raw_length = 1000,
		.summary = (const uint8_t *)"summary",
		.summary_length = 7,
	};

	memset(header.trail_id, 1, sizeof(header.trail_id));
	memset(header.boot_id, 2, sizeof(header.boot_id));
	memset(header.raw_hash, 3, sizeof(header.raw_hash));
	memset(header.previous_hash, 4, sizeof(header.previous_hash));
	return header;
}

static void test_header_comes_back(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_header header = sample_header(), again = {};
	size_t length;

	trail_header_encode(&header, &bytes);
	assert_int_equal(bytes.error, 0);
	assert_int_equal(trail_skippable_length((uint8_t *)bytes.data, TRAIL_MAGIC_HEADER,
						TRAIL_HEADER_MOST, &length),
			 0);
	assert_int_equal(length, bytes.length);
	assert_int_equal(length, 8 + 224 + 7);
	assert_int_equal(trail_header_decode((uint8_t *)bytes.data, bytes.length, &again), 0);
	assert_memory_equal(again.summary, "summary", 7);
	again.summary = header.summary;
	assert_int_equal(again.type, header.type);
	assert_int_equal(again.class, header.class);
	assert_int_equal(again.flags, header.flags);
	assert_int_equal(again.types, header.types);
	assert_int_equal(again.commit_index, 1);
	assert_int_equal(again.commit_frames, 2);
	assert_int_equal(again.frame, 7);
	assert_int_equal(again.first_event, 11);
	assert_int_equal(again.event_count, 3);
	assert_int_equal(again.commit_first_event, 10);
	assert_int_equal(again.commit_event_count, 5);
	assert_int_equal(again.raw_length, 1000);
	assert_memory_equal(again.raw_hash, header.raw_hash, 32);
	assert_memory_equal(again.previous_hash, header.previous_hash, 32);
	assert_memory_equal(again.trail_id, header.trail_id, 16);
	assert_memory_equal(again.boot_id, header.boot_id, 16);
}

/* The place of each field is promised to other programs. */
static void test_header_layout(void **state)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_header header = sample_header();
	uint64_t number;

	trail_header_encode(&header, &bytes);
	assert_memory_equal(bytes.data,
			    "\x5d\x2a\x4d\x18\xe7\0\0\0"
			    "DKTFRAME"
			    "\x01\0",
			    18);
	assert_int_equal(bytes.data[18], TRAIL_LOSS);
	assert_int_equal(bytes.data[19], TRAIL_EVIDENCE);
	memcpy(&number, bytes.data + 8 + 64, 8);
	assert_int_equal(le64toh(number), 7);
	memcpy(&number, bytes.data + 8 + 104, 8);
	assert_int_equal(le64toh(number), 10);
	assert_int_equal(bytes.data[8 + 128], 3);
	assert_int_equal(bytes.data[8 + 160], 4);
	assert_memory_equal(bytes.data + 8 + 224, "summary", 7);
}

static int decode_changed(const struct trail_header *header)
{
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_header again;

	trail_header_encode(header, &bytes);
	return trail_header_decode((uint8_t *)bytes.data, bytes.length, &again);
}

static void test_header_refuses(void **state)
{
	static const struct {
		size_t offset;
		uint64_t value;
	} changes[] = {
		{ offsetof(struct trail_header, event_count), 1001 },
		{ offsetof(struct trail_header, event_count), 5 },
		{ offsetof(struct trail_header, first_event), 9 },
		{ offsetof(struct trail_header, first_event), 16 },
		{ offsetof(struct trail_header, first_event), UINT64_MAX },
		{ offsetof(struct trail_header, commit_first_event), 0 },
		{ offsetof(struct trail_header, commit_event_count), UINT64_MAX },
		{ offsetof(struct trail_header, frame), 0 },
		{ offsetof(struct trail_header, raw_length), TRAIL_RAW_MOST + 1ull },
	};
	_cleanup_buffer_ struct buffer bytes = {};
	struct trail_header header = sample_header(), again;

	assert_int_equal(decode_changed(&header), 0);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		header = sample_header();
		memcpy((char *)&header + changes[i].offset, &changes[i].value, 8);
		assert_int_equal(decode_changed(&header), -EBADMSG);
	}
	header = sample_header();
	header.type = TRAIL_DATA; /* not the greatest of the set */
	assert_int_equal(decode_changed(&header), -EBADMSG);
	header = sample_header();
	header.commit_index = 2;
	assert_int_equal(decode_changed(&header), -EBADMSG);
	header = sample_header();
	trail_header_encode(&header, &bytes);
	for (size_t length = 0; length < bytes.length; length++) {
		uint8_t *copy = malloc(length ?: 1);

		memcpy(copy, bytes.data, length);
		assert_int_equal(trail_header_decode(copy, length, &again), -EBADMSG);
		free(copy);
	}
	bytes.data[8 + 8] = 2;
	assert_int_equal(trail_header_decode((uint8_t *)bytes.data, bytes.length, &again),
			 -EPROTONOSUPPORT);
}

struct memory {
	const char *data;
	size_t length;
};

static int read_memory(void *context, uint64_t offset, void *data, size_t length)
{
	const struct memory *memory = context;

	if (offset > memory->length || memory->length - offset < length)
		return -ENODATA;
	memcpy(data, memory->data + offset, length);
	return 0;
}

/* Against libzstd, over sizes that give each form of header and block. */
static void test_zstd_length(void **state)
{
	static const size_t sizes[] = {
		0, 1, 255, 256, 257, 65791, 65792, 131072, 131073, 1 << 20
	};
	ZSTD_CCtx *compressor = ZSTD_createCCtx();

	ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (int noise = 0; noise < 2; noise++) {
			size_t bound = ZSTD_compressBound(sizes[i]), n;
			char *raw = calloc(1, sizes[i] + 1), *stored = malloc(bound + 4);
			struct memory memory = { stored, 0 };
			uint64_t length = 0;

			for (size_t j = 0; noise && j < sizes[i]; j++)
				raw[j] = (char)rand();
			n = ZSTD_compress2(compressor, stored, bound, raw, sizes[i]);
			assert_false(ZSTD_isError(n));
			memcpy(stored + n, "abcd", 4);
			memory.length = n + 4;
			assert_int_equal(trail_zstd_length(read_memory, &memory, n + 4, &length),
					 0);
			assert_int_equal(length, n);
			assert_int_equal(trail_zstd_length(read_memory, &memory, n - 1, &length),
					 -EBADMSG);
			memory.length = 7; /* within the first block header */
			assert_int_equal(trail_zstd_length(read_memory, &memory, n + 4, &length),
					 -ENODATA);
			free(raw);
			free(stored);
		}
	ZSTD_freeCCtx(compressor);
}

static void test_line_sequence(void **state)
{
	static const struct {
		const char *line;
		int r;
	} lines[] = {
#define HEAD "{\"@timestamp\":\"t\",\"event\":{\"id\":\"0123456789abcdef-"
		{ HEAD "12\",\"sequence\":12,\"a\":1}}", 0 },
		{ HEAD "12\",\"sequence\":12}}", 0 },
		{ HEAD "12\",\"sequence\":13,", -EBADMSG },
		{ HEAD "12\",\"sequence\":012,", -EBADMSG },
		{ HEAD "012\",\"sequence\":12,", -EBADMSG },
		{ HEAD "12\",\"sequence\":12", -EBADMSG },
		{ HEAD "12\",\"sequence\":12x", -EBADMSG },
		{ HEAD "\",\"sequence\":,", -EBADMSG },
		{ HEAD "99999999999999999999\",\"sequence\":99999999999999999999,", -EBADMSG },
		{ "{\"@timestamp\":\"t\",\"event\":{\"id\":\"1123456789abcdef-12\",\"sequence\":12,",
		  -EBADMSG },
		{ "{\"@timestamp\":\"", -EBADMSG },
		{ "", -EBADMSG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		uint64_t sequence = 0;
		/* Exactly as long as the line, so that reading on is seen. */
		size_t length = strlen(lines[i].line);
		char *copy = malloc(length ?: 1);

		memcpy(copy, lines[i].line, length);
		assert_int_equal(trail_line_sequence(copy, length, "0123456789abcdef", &sequence),
				 lines[i].r);
		assert_int_equal(sequence, lines[i].r ? 0 : 12);
		free(copy);
	}
}

/* RFC 8032 section 7.1, TEST 2. */
static void test_ed25519(void **state)
{
	static const uint8_t seed[32] =
		"\x4c\xcd\x08\x9b\x28\xff\x96\xda\x9d\xb6\xc3\x46\xec\x11\x4e\x0f"
		"\x5b\x8a\x31\x9f\x35\xab\xa6\x24\xda\x8c\xf6\xed\x4f\xb8\xa6\xfb";
	static const uint8_t begin[4] = "\x92\xa0\x09\xa9";
	uint8_t public_key[32], signature[64];

	assert_int_equal(trail_key_public(seed, public_key), 0);
	assert_memory_equal(public_key, "\x3d\x40\x17\xc3\xe8\x43\x89\x5a", 8);
	assert_int_equal(trail_sign(seed, "\x72", 1, signature), 0);
	assert_memory_equal(signature, begin, 4);
	assert_int_equal(trail_check_signature(public_key, "\x72", 1, signature), 0);
	assert_int_equal(trail_check_signature(public_key, "\x73", 1, signature), -EBADMSG);
	/* A public key that is no point of the curve is a bad signature, not an error. */
	memset(public_key, 0xff, sizeof(public_key));
	assert_int_equal(trail_check_signature(public_key, "\x72", 1, signature), -EBADMSG);
}

static void test_key_slots(void **state)
{
	struct trail_key key = { .frame = 5, .first_event = 9 };
	struct trail_key_state keys;
	uint8_t bytes[TRAIL_SLOTS * TRAIL_SLOT_BYTES], byte;
	int older, newer, fd = memfd_create("key", MFD_CLOEXEC);

	assert_int_equal(trail_key_read(fd, &keys), 0);
	assert_int_equal(keys.state[0], TRAIL_SLOT_EMPTY);
	assert_int_equal(keys.state[1], TRAIL_SLOT_EMPTY);
	trail_key_order(&keys, &older, &newer);
	assert_int_equal(older, -1);
	assert_int_equal(trail_key_generate(key.seed, key.public_key), 0);
	assert_int_equal(trail_key_store(fd, 1, &key), 0);
	key.frame = 4;
	assert_int_equal(trail_key_store(fd, 0, &key), 0);
	assert_int_equal(trail_key_read(fd, &keys), 0);
	trail_key_order(&keys, &older, &newer);
	assert_int_equal(older, 0);
	assert_int_equal(newer, 1);
	assert_int_equal(keys.key[1].frame, 5);
	assert_int_equal(keys.key[1].first_event, 9);
	assert_memory_equal(keys.key[1].seed, key.seed, 32);
	/* No flipped bit of a slot goes unnoticed, nor of the emptiness behind it. */
	assert_int_equal(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	for (size_t i = 0; i < 300 * 8; i++) {
		byte = bytes[i / 8] ^ (uint8_t)(1u << i % 8);
		assert_int_equal(pwrite(fd, &byte, 1, (off_t)(i / 8)), 1);
		assert_int_equal(trail_key_read(fd, &keys), 0);
		assert_int_equal(keys.state[0], TRAIL_SLOT_TORN);
		assert_int_equal(pwrite(fd, &bytes[i / 8], 1, (off_t)(i / 8)), 1);
	}
	assert_int_equal(trail_key_erase(fd, 1), 0);
	assert_int_equal(trail_key_read(fd, &keys), 0);
	trail_key_order(&keys, &older, &newer);
	assert_int_equal(older, 0);
	assert_int_equal(newer, -1);
	assert_int_equal(keys.state[1], TRAIL_SLOT_EMPTY);
	close(fd);
}

static void test_committed(void **state)
{
	struct trail_committed committed = {
		.frame = 12, .event = 99, .segment = 1, .offset = 345, .wall_ns = 678
	};
	struct trail_committed again;
	_cleanup_buffer_ struct buffer text = {};
	struct bed bed;
	int fd;

	bed_make(&bed);
	bed_store(&bed, "committed", "", 0);
	fd = open(bed.folder, O_RDONLY | O_DIRECTORY);
	assert_int_equal(trail_committed_read(fd, &again), -EBADMSG);
	memset(committed.hash, 0xab, sizeof(committed.hash));
	{
		_cleanup_close_ int file = openat(fd, "committed", O_RDWR);

		assert_int_equal(trail_committed_write(file, &committed), 0);
	}
	assert_int_equal(trail_committed_read(fd, &again), 0);
	assert_memory_equal(&again, &committed, sizeof(again));
	bed_load(&bed, "committed", &text);
	assert_non_null(strstr(buffer_string(&text), "\nframe 00000000000000000012\n"));
	for (size_t i = 0; i < text.length * 8; i++) {
		text.data[i / 8] ^= (char)(1u << i % 8);
		bed_store(&bed, "committed", text.data, text.length);
		assert_int_equal(trail_committed_read(fd, &again), -EBADMSG);
		text.data[i / 8] ^= (char)(1u << i % 8);
	}
	bed_unlink(&bed, "committed");
	assert_int_equal(trail_committed_read(fd, &again), -ENOENT);
	close(fd);
	bed_remove(&bed);
}

static void test_segment_names(void **state)
{
	char name[TRAIL_SEGMENT_NAME_BYTES];
	uint64_t number;

	trail_segment_name(42, name);
	assert_string_equal(name, "00000000000000000042.jsonl.zst");
	assert_true(trail_segment_parse(name, &number));
	assert_int_equal(number, 42);
	assert_true(trail_segment_parse("18446744073709551615.jsonl.zst", &number));
	assert_false(trail_segment_parse("18446744073709551616.jsonl.zst", &number));
	assert_false(trail_segment_parse("00000000000000000000.jsonl.zst", &number));
	assert_false(trail_segment_parse("0000000000000000001.jsonl.zst", &number));
	assert_false(trail_segment_parse("0000000000000000000x.jsonl.zst", &number));
	assert_false(trail_segment_parse("committed", &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_comes_back), cmocka_unit_test(test_header_layout),
		cmocka_unit_test(test_header_refuses),    cmocka_unit_test(test_zstd_length),
		cmocka_unit_test(test_line_sequence),     cmocka_unit_test(test_ed25519),
		cmocka_unit_test(test_key_slots),         cmocka_unit_test(test_committed),
		cmocka_unit_test(test_segment_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
