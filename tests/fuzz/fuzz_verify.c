// SPDX-License-Identifier: Apache-2.0
/*
 * A root key, then any bytes as a segment: whoever judges, salvages or sets aside such a trail
 * comes to an end; what is found good is what can be salvaged, and no more is proven than a trail
 * without a key can.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "trail/folder.h"
#include "trail/salvage.h"
#include "trail/sign.h"
#include "trail/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/fuzz-verify-XXXXXX";
static char segment_path[64], state_path[64];

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void remove_all(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_folder(void)
{
	if (segment_path[0])
		return;
	if (!mkdtemp(folder))
		abort();
	atexit(remove_all);
	snprintf(segment_path, sizeof(segment_path), "%s/00000000000000000001.jsonl.zst", folder);
	snprintf(state_path, sizeof(state_path), "%s/state", folder);
	if (mkdir(state_path, 0700) < 0)
		abort();
}

static int touch_lines(void *context, const char *data, size_t length)
{
	uint8_t hash[TRAIL_HASH_BYTES];

	(void)context;
	/* All of it must be there for the sanitizer; that it is lines is not this one's to check.
	 */
	return trail_hash(data, length, hash);
}

static int count_run(void *context, const struct trail_run *run)
{
	uint64_t *events = context;

	if (run->from_root)
		*events += run->events;
	return 0;
}

static void judge(const uint8_t *root)
{
	const struct trail_verify_options options = { .root = root };
	struct trail_verdict verdict;
	uint64_t salvaged = 0;
	const struct trail_salvage_options how = {
		.root = root, .payload = touch_lines, .run = count_run, .context = &salvaged
	};
	int r;

	if (trail_verify(folder, &options, &verdict) < 0)
		abort();
	/* Without a key nothing proves the end. */
	if (verdict.code < TRAIL_UNPROVEN_END)
		abort();
	r = trail_salvage(folder, &how);
	if (r < 0 && r != -E2BIG)
		abort();
	if (r == 0 && salvaged < verdict.events)
		abort();
}

/* There is no key, so that it cannot be continued: it is moved, and a sound one is begun. */
static void begin_anew(void)
{
	const struct trail_store_options options = {
		.folder = folder,
		.begin_anew = true,
		.level = 1,
		.segment_bytes = 1 << 20,
		.segment_ns = UINT64_MAX,
	};
	struct trail_recovery recovery = {};
	struct trail_store store;

	if (trail_store_open(&options, &store, &recovery) < 0)
		abort();
	if (recovery.old.reason != TRAIL_DAMAGE_NO_KEY || recovery.old.key_frame != 0)
		abort();
	trail_store_close(&store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *file;

	if (size < TRAIL_KEY_BYTES)
		return 0;
	make_folder();
	file = fopen(segment_path, "w");
	if (!file ||
	    fwrite(data + TRAIL_KEY_BYTES, 1, size - TRAIL_KEY_BYTES, file) !=
		    size - TRAIL_KEY_BYTES ||
	    fclose(file) != 0)
		abort();
	judge(data);
	begin_anew();
	remove_all();
	if (mkdir(folder, 0700) < 0 || mkdir(state_path, 0700) < 0)
		abort();
	return 0;
}
