// SPDX-License-Identifier: Apache-2.0
/* docktrail record: see docktrail-record(8). */
#include <errno.h>
#include <sysexits.h>

#include "commands/command.h"
#include "commands/record_options.h"
#include "commands/recorder.h"

int command_record(int argc, char **argv)
{
	struct record_options options;
	int r = record_options_parse(&options, argc, argv);

	if (r == 0)
		r = recorder_run(&options);
	else
		r = r == -EINVAL ? EX_USAGE : EX_OSERR;
	record_options_clear(&options);
	return r;
}
