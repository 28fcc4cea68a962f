/* SPDX-License-Identifier: Apache-2.0 */
/* COMMANDS: what docktrail can do. A command is one file, one row here, one test and one man page.
 */
#pragma once

#include <argp.h>

/*      name    for people                                              an example */
#define COMMANDS(COMMAND)                                                                          \
	COMMAND(record, "record who uses the Docker socket, and tell it live",                     \
		"docktrail record --trail ./trail")                                                \
	COMMAND(replay, "tell, list or print what was recorded",                                   \
		"docktrail replay --since yesterday --container web")                              \
	COMMAND(verify, "prove that a trail is whole and unchanged, or say where it is not",       \
		"docktrail verify --trail ./trail")                                                \
	COMMAND(evidence, "put a window of time into one file that verifies on another machine",   \
		"docktrail evidence --since -2h -o case.tar.zst")                                  \
	COMMAND(pack, "compress the closed files of a trail again, harder",                        \
		"docktrail pack --trail ./trail")                                                  \
	COMMAND(status, "show whether it is being recorded, by which hooks, and what was lost",    \
		"docktrail status")                                                                \
	COMMAND(import, "read logs of auditd into a trail: what is older than the recorder",       \
		"docktrail import /var/log/audit/audit.log*")                                      \
	COMMAND(rules, "print, install, remove or check the rules for the kernel's own audit",     \
		"docktrail rules status")                                                          \
	COMMAND(events, "explain the events and their fields: the names that --where knows",       \
		"docktrail events api-request")

struct command {
	const char *name, *summary, *example;
	/* argv[0] is "docktrail NAME". Returns the exit status: EX_USAGE (64) for usage. */
	int (*run)(int argc, char **argv);
};

#define COMMAND_FUNCTION(name, summary, example) int command_##name(int argc, char **argv);
COMMANDS(COMMAND_FUNCTION)
#undef COMMAND_FUNCTION

#define COMMAND_DEFAULT_TRAIL "/var/log/docktrail"
#define COMMAND_DEFAULT_STATE "/var/lib/docktrail"
