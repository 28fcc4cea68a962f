/* SPDX-License-Identifier: Apache-2.0 */
/* An engine's folder with the files of its containers, and what is known of these. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "correlate/containers.h"

struct engine_bed {
	char *folder;
	struct containers *containers;
	uint64_t now;
};

int engine_set_up(void **state);

int engine_tear_down(void **state);

void engine_later(struct engine_bed *fixture, uint64_t seconds);

/* "begin" and then zeros, 64 digits. */
struct text engine_id(const char *begin);

void engine_config_is(struct engine_bed *fixture, const char *begin, const void *json,
		      size_t length);

void engine_has(struct engine_bed *fixture, const char *begin, const char *name, const char *image);

void engine_removes(struct engine_bed *fixture, const char *begin);

void engine_assert_names(struct engine_bed *fixture, const char *begin, const char *name,
			 const char *image);

void engine_assert_unknown(struct engine_bed *fixture, const char *begin);

void engine_assert_resolves(struct engine_bed *fixture, const char *reference, const char *begin);

void engine_assert_no_such(struct engine_bed *fixture, const char *reference, int error);
