// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/trail_bed.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/file.h"
#include "second_verifier.h"

void bed_make(struct bed *bed)
{
	bed_make_in(bed, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

void bed_make_in(struct bed *bed, const char *where)
{
	*bed = (struct bed){};
	snprintf(bed->folder, sizeof(bed->folder), "%s/trail-test-XXXXXX", where);
	assert_non_null(mkdtemp(bed->folder));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void bed_remove(struct bed *bed)
{
	trail_writer_close(bed->writer);
	bed->writer = NULL;
	nftw(bed->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int bed_try_open(struct bed *bed, const struct trail_options *options)
{
	struct trail_options own = options ? *options : (struct trail_options){};

	own.folder = bed->folder;
	return trail_writer_open(&own, &bed->writer, &bed->recovery);
}

void bed_open(struct bed *bed)
{
	assert_int_equal(bed_try_open(bed, NULL), 0);
}

void bed_close(struct bed *bed)
{
	assert_int_equal(trail_writer_close(bed->writer), 0);
	bed->writer = NULL;
}

static int append_line(struct bed *bed, const struct trail_entry *template, const char *kind,
		       const char *container, const char *text)
{
	uint64_t sequence = trail_writer_next_sequence(bed->writer);
	struct trail_term terms[] = {
		{ TRAIL_TERM_KIND, kind, (uint32_t)strlen(kind) },
		{ TRAIL_TERM_CONTAINER, container, container ? (uint32_t)strlen(container) : 0 },
	};
	struct trail_entry entry = *template;
	struct buffer line = {};
	int r;

	buffer_printf(
		&line,
		"{\"@timestamp\":\"2026-01-02T03:04:05.000000000Z\",\"event\":{\"id\":\"%.16s-%lu\","
		"\"sequence\":%lu,\"action\":\"%s\"},\"message\":\"%s\"}",
		trail_writer_id(bed->writer), sequence, sequence, kind, text);
	assert_int_equal(line.error, 0);
	entry.line = line.data;
	entry.length = line.length;
	entry.terms = terms;
	entry.term_count = container ? 2 : 1;
	entry.time_ns = clock_wall_ns();
	r = trail_writer_append(bed->writer, &entry);
	buffer_free(&line);
	return r;
}

int bed_append(struct bed *bed, enum trail_type type, enum trail_class class, const char *kind)
{
	struct trail_entry entry = { .type = (uint8_t)type, .class = (uint8_t) class };

	return append_line(bed, &entry, kind, NULL, "");
}

int bed_append_pruned(struct bed *bed, const struct trail_pruned *pruned)
{
	struct trail_entry entry = { .type = TRAIL_PRUNE, .pruned = pruned };

	return append_line(bed, &entry, "recorder-pruned", NULL, "");
}

int bed_append_long(struct bed *bed, enum trail_class class, const char *container, size_t padding)
{
	struct trail_entry entry = { .type = TRAIL_DATA, .class = (uint8_t) class };
	char *text = malloc(padding + 1);
	int r;

	assert_non_null(text);
	for (size_t i = 0; i < padding; i++)
		text[i] = (char)('a' + rand() % 26);
	text[padding] = '\0';
	r = append_line(bed, &entry, "api-request", container, text);
	free(text);
	return r;
}

void bed_start(struct bed *bed)
{
	bed_open(bed);
	assert_int_equal(bed_append(bed, TRAIL_START, TRAIL_EVIDENCE, "recorder-start"), 0);
}

void bed_stop(struct bed *bed)
{
	assert_int_equal(bed_append(bed, TRAIL_STOP, TRAIL_EVIDENCE, "recorder-stop"), 0);
	bed_close(bed);
}

static void path_of(const struct bed *bed, const char *name, char *ret_path, size_t size)
{
	assert_true((size_t)snprintf(ret_path, size, "%s/%s", bed->folder, name) < size);
}

void bed_load(const struct bed *bed, const char *name, struct buffer *ret_bytes)
{
	char path[160];

	path_of(bed, name, path, sizeof(path));
	*ret_bytes = (struct buffer){};
	assert_int_equal(file_read(AT_FDCWD, path, 64 << 20, ret_bytes), 0);
}

void bed_store(const struct bed *bed, const char *name, const void *data, size_t length)
{
	char path[160];
	int fd;

	path_of(bed, name, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, data, length), 0);
	close(fd);
}

void bed_unlink(const struct bed *bed, const char *name)
{
	char path[160];

	path_of(bed, name, path, sizeof(path));
	assert_int_equal(unlink(path), 0);
}

struct trail_verdict bed_verify_with(const struct bed *bed,
				     const struct trail_verify_options *options)
{
	struct trail_verdict verdict;
	enum trail_verdict_code second;

	assert_int_equal(trail_verify(bed->folder, options, &verdict), 0);
	/* What is in motion may have moved. */
	if (verdict.live)
		return verdict;
	second = second_verdict(bed->folder, options);
	if (second != verdict.code)
		fail_msg("%s (%s), but %s by the second verifier", trail_verdict_name(verdict.code),
			 verdict.reason, trail_verdict_name(second));
	return verdict;
}

struct trail_verdict bed_verify(const struct bed *bed)
{
	return bed_verify_with(bed, NULL);
}

void bed_expect(const struct bed *bed, enum trail_verdict_code code)
{
	struct trail_verdict verdict = bed_verify(bed);

	if (verdict.code != code)
		fail_msg("%s, not %s: %s (frame %lu, offset %lu)", trail_verdict_name(verdict.code),
			 trail_verdict_name(code), verdict.reason, verdict.bad_frame,
			 verdict.bad_offset);
}

void bed_open_reader(const struct bed *bed, unsigned int flags, struct trail_reader **ret_reader)
{
	const char *paths[] = { bed->folder };

	assert_int_equal(trail_reader_open(paths, 1, flags, ret_reader), 0);
}
