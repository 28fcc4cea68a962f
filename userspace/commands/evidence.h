/* SPDX-License-Identifier: Apache-2.0 */
/* Between evidence.c, which gathers, and evidence_package.c, which writes it down. */
#pragma once

#include <stdio.h>

#include "base/buffer.h"
#include "base/text_list.h"
#include "commands/verify_report.h"
#include "trail/excerpt.h"

struct evidence {
	const char *trail, *state, *output;
	uint64_t since_ns, until_ns, made_ns;
	char *folder;           /* where it is put together, beside the output; owned */
	char name[96];          /* of the folder in the archive */
	int at;                 /* the folder */
	struct buffer coverage; /* lines in which the recorder tells of itself */
	struct trail_excerpt excerpt;
	struct verify_report report; /* on the trail itself, here and now */
	char hash[65];               /* of the output */
	uint64_t bytes;
};

/*
 * Write everything but the trail into the folder: verdict, coverage, versions, the custody sheet,
 * what the package is checked by, and SHA-256 of all of it. Returns 0 or -errno.
 */
int evidence_write(struct evidence *evidence);

/* Make the archive of the folder: `output`, which must not be there. Returns 0 or -errno. */
int evidence_archive(struct evidence *evidence);
