/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the trail share: a folder for it, lines for it, and its files as bytes. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "trail/reader.h"
#include "trail/verify.h"
#include "trail/writer.h"

#define BED_SEGMENT "00000000000000000001.jsonl.zst"

struct bed {
	char folder[64]; /* the trail; its state is in folder/state */
	struct trail_writer *writer;
	struct trail_recovery recovery; /* of the last opening */
};

/* Make an empty folder, in memory where there is such a file system. */
void bed_make(struct bed *bed);
void bed_make_in(struct bed *bed, const char *where);
/* Close what is open and remove everything. */
void bed_remove(struct bed *bed);

int bed_try_open(struct bed *bed, const struct trail_options *options);
void bed_open(struct bed *bed);
void bed_close(struct bed *bed);

/* Append one line of this type, class and kind; returns what trail_writer_append() does. */
int bed_append(struct bed *bed, enum trail_type type, enum trail_class class, const char *kind);
/* The same with a container and a text of `padding` bytes that does not compress. */
int bed_append_long(struct bed *bed, enum trail_class class, const char *container, size_t padding);

/* The note that payloads are dropped. */
int bed_append_pruned(struct bed *bed, const struct trail_pruned *pruned);

/* START; then STOP and close: what a recorder does. */
void bed_start(struct bed *bed);
void bed_stop(struct bed *bed);

/* A file of the trail as bytes, and back: the file then has just these. */
void bed_load(const struct bed *bed, const char *name, struct buffer *ret_bytes);
void bed_store(const struct bed *bed, const char *name, const void *data, size_t length);
void bed_unlink(const struct bed *bed, const char *name);

/* By trail/verify.h; fails the test where tools/verify-trail.py comes to another verdict. */
struct trail_verdict bed_verify(const struct bed *bed);
struct trail_verdict bed_verify_with(const struct bed *bed,
				     const struct trail_verify_options *options);
/* Fails the test with the verdict's reason when it is another one. */
void bed_expect(const struct bed *bed, enum trail_verdict_code code);

void bed_open_reader(const struct bed *bed, unsigned int flags, struct trail_reader **ret_reader);
