// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "fake_proc.h"

char *fake_folder(void)
{
	char *folder = strdup("/tmp/docktrail-test-XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	return folder;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

void fake_remove(char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(folder);
}

static void make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
}

void fake_file(const char *folder, const char *path, const void *data, size_t length)
{
	char whole[512];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	make_parents(whole);
	file = fopen(whole, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void write_stat(const char *folder, const struct fake_process *process)
{
	char path[64], text[512];
	int length = snprintf(
		text, sizeof(text),
		"%u (%s) %c %u %u %u %u -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 %llu 4096 "
		"100 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0\n",
		process->pid, process->name, process->state ?: 'S', process->parent, process->pid,
		process->pid, process->tty, (unsigned long long)process->ticks);

	snprintf(path, sizeof(path), "%u/stat", process->pid);
	fake_file(folder, path, text, (size_t)length);
}

static void write_small_files(const char *folder, const struct fake_process *process)
{
	char path[64], text[512];
	int length = snprintf(
		text, sizeof(text),
		"Name:\tx\nUmask:\t0022\nState:\tS (sleeping)\nPid:\t%u\nUid:\t%u\t%u\t0\t0\n"
		"Gid:\t%u\t%u\t0\t0\nGroups:\t1 2 3\n",
		process->pid, process->uid, process->uid + 1, process->uid + 2, process->uid + 3);

	snprintf(path, sizeof(path), "%u/status", process->pid);
	fake_file(folder, path, text, (size_t)length);
	if (process->login_uid) {
		snprintf(path, sizeof(path), "%u/loginuid", process->pid);
		fake_file(folder, path, process->login_uid, strlen(process->login_uid));
		snprintf(path, sizeof(path), "%u/sessionid", process->pid);
		fake_file(folder, path, "42", 2);
	}
	if (process->args) {
		snprintf(path, sizeof(path), "%u/cmdline", process->pid);
		fake_file(folder, path, process->args, process->args_length);
	}
	if (process->cgroup) {
		snprintf(path, sizeof(path), "%u/cgroup", process->pid);
		fake_file(folder, path, process->cgroup, strlen(process->cgroup));
	}
}

void fake_process_make(const char *folder, const struct fake_process *process)
{
	char path[512], target[64];

	write_stat(folder, process);
	write_small_files(folder, process);
	if (process->executable) {
		snprintf(path, sizeof(path), "%s/%u/exe", folder, process->pid);
		assert_int_equal(symlink(process->executable, path), 0);
	}
	if (process->mount_namespace) {
		snprintf(path, sizeof(path), "%s/%u/ns", folder, process->pid);
		mkdir(path, 0755);
		snprintf(path, sizeof(path), "%s/%u/ns/mnt", folder, process->pid);
		snprintf(target, sizeof(target), "mnt:[%u]", process->mount_namespace);
		assert_int_equal(symlink(target, path), 0);
	}
}

void fake_process_end(const char *folder, uint32_t pid)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%u", folder, pid);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
