// SPDX-License-Identifier: Apache-2.0
/* What replay says beside the events: that there is no trail, or more than was asked for. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "commands/replay_run.h"
#include "output/when.h"
#include "trail/old.h"

int replay_say_no_trail(const struct replay *replay, int error)
{
	for (size_t i = 0; i < replay->path_count; i++) {
		const char *path = replay->paths[i];

		if (replay->path_count > 1 && access(path, R_OK) == 0)
			continue;
		if (error == -EACCES)
			fprintf(stderr,
				"%s: %s may not be read: be root, or in the group that owns it\n",
				replay->name, path);
		else if (access(path, F_OK) == 0)
			fprintf(stderr, "%s: %s is no trail: it has no segments (*.jsonl.zst)\n",
				replay->name, path);
		else
			fprintf(stderr,
				"%s: there is no trail at %s: was it recorded elsewhere? --trail DIR\n",
				replay->name, path);
	}
	return EX_NOINPUT;
}

void replay_say_gone(const struct replay *replay, uint64_t events, uint64_t last_wall_ns)
{
	char when[WHEN_MOST];

	fprintf(stderr,
		"%s: %" PRIu64
		" events are not shown: their payloads were dropped by policy, the last of "
		"them recorded at %s; `docktrail verify` says whether they were due\n",
		replay->name, events, when_stamp(last_wall_ns, replay->local, when));
}

/* What was recorded before lies beside it. */
void replay_say_older_trails(const struct replay *replay)
{
	_cleanup_free_ char(*names)[TRAIL_OLD_NAME_BYTES] = NULL;
	_cleanup_close_ int folder =
		replay->folder ? open(replay->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	size_t count;

	if (folder < 0 || trail_old_list(folder, &names, &count) < 0 || count == 0)
		return;
	fprintf(stderr,
		"%s: what came before lies in older trails, which were set aside (the last one: %s/" TRAIL_OLD_FOLDER
		"/%s): name their folders, too\n",
		replay->name, replay->folder, names[0]);
}

/* Whoever renames a container would hide what it did before. */
void replay_say_other_name(const struct replay *replay)
{
	const char *id = replay->select.under_another_name;

	if (id[0])
		fprintf(stderr,
			"%s: %s was not always called so: --container %s shows what came before, too\n",
			replay->name, id, id);
}
