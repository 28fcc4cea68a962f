/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded list of texts: arguments, mounts, capabilities. What does not fit is left out and
 * `cut` says so; a list never grows because somebody else wants it to.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/text.h"

#define TEXT_LIST_MOST_ITEMS 1024
#define TEXT_LIST_MOST_BYTES (64u << 10)

struct text_list {
	struct buffer bytes; /* the texts, a zero byte behind each */
	struct buffer ends;  /* of uint32_t: where each text's zero byte stands */
	size_t count;
	bool cut; /* something was left out, or the last text is not whole */
};

/*
 * Append a copy. Beyond TEXT_LIST_MOST_ITEMS or TEXT_LIST_MOST_BYTES nothing more is taken, sets
 * `cut` and returns 0: a text that is longer than the room left is shortened, and is the last.
 * Returns 0 or -ENOMEM.
 */
int text_list_append(struct text_list *list, struct text text);

/* Every text of `from` behind those of `list`. Returns 0 or -ENOMEM. */
int text_list_append_all(struct text_list *list, const struct text_list *from);

/*
 * Append the zero-terminated texts of `data` (a command line as /proc/PID/cmdline has it). A last
 * one without its zero byte is taken too. Returns 0 or -ENOMEM.
 */
int text_list_append_terminated(struct text_list *list, const char *data, size_t length);

/* The text at `index` (< count); owned by the list, valid until it changes. Zero-terminated. */
struct text text_list_at(const struct text_list *list, size_t index);

/* Empty it; the memory is kept for the next use. */
void text_list_clear(struct text_list *list);

/* Give the memory back. Takes NULL. */
void text_list_free(struct text_list *list);

#define _cleanup_text_list_ __attribute__((cleanup(text_list_free)))
