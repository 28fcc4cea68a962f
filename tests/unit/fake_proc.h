/* SPDX-License-Identifier: Apache-2.0 */
/* A /proc of files, in a temporary folder. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fake_process {
	uint32_t pid, parent;
	uint64_t ticks;         /* start */
	const char *name;       /* comm */
	const char *executable; /* NULL: no link */
	const char *args;       /* with its NULs; NULL: no file */
	size_t args_length;
	uint32_t uid;
	const char *login_uid;    /* "1000"; NULL: no file */
	const char *cgroup;       /* NULL: no file */
	uint32_t mount_namespace; /* 0: no folder ns */
	char state;               /* 0: 'S' */
	unsigned int tty;
};

/* A new folder; fails the test if there is none. The path is the test's to free. */
char *fake_folder(void);
/* Remove it with all that is in it. */
void fake_remove(char *folder);

/* Write `data` to folder/path, whose parents are made. */
void fake_file(const char *folder, const char *path, const void *data, size_t length);

void fake_process_make(const char *folder, const struct fake_process *process);
void fake_process_end(const char *folder, uint32_t pid);
