// SPDX-License-Identifier: Apache-2.0
/*
 * Records of audit, assembled to events, on one core: `bench_audit make N FILE` writes a log of N
 * records as auditd does (ENRICHED), interleaved as several processors make it; `bench_audit read
 * FILE` says how many records a second of processor time are assembled from it, as from a file
 * (where texts stay) and as from the kernel (where they are copied).
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "correlate/audit_assemble.h"

#define BEGIN UINT64_C(1763000000)
#define TURNS 5 /* the best of them counts */

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* ---- make */

static void head(FILE *file, const char *type, uint64_t event)
{
	fprintf(file, "type=%s msg=audit(%" PRIu64 ".%03" PRIu64 ":%" PRIu64 "): ", type,
		BEGIN + event / 2000, event / 2 % 1000, 1000 + event);
}

/* Who touches a file of the engine's: five records. */
static void write_part(FILE *file, uint64_t event, unsigned int part)
{
	static const char names[] = "\x1d"
				    "OUID=\"root\" OGID=\"root\"\n";

	switch (part) {
	case 0:
		head(file, "SYSCALL", event);
		fprintf(file,
			"arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=55a2bb56f918 a2=441 "
			"a3=1b6 items=3 ppid=%" PRIu64 " pid=%" PRIu64
			" auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=%" PRIu64
			" comm=\"dockerd\" exe=\"/usr/sbin/dockerd\" subj=unconfined "
			"key=\"docktrail-config\"\x1d"
			"ARCH=x86_64 SYSCALL=openat AUID=\"alice\" UID=\"root\" "
			"GID=\"root\" EUID=\"root\" SUID=\"root\" FSUID=\"root\" EGID=\"root\" SGID=\"root\" "
			"FSGID=\"root\"\n",
			500 + event % 300, 1000 + event % 30000, 1 + event % 50);
		return;
	case 1:
		head(file, "CWD", event);
		fputs("cwd=\"/root\"\n", file);
		return;
	case 2:
	case 3:
		head(file, "PATH", event);
		fprintf(file,
			"item=%u name=\"/etc/docker/%s\" inode=%" PRIu64
			" dev=fe:00 mode=0100644 ouid=0 ogid=0 rdev=00:00 nametype=%s cap_fp=0 cap_fi=0 "
			"cap_fe=0 cap_fver=0 cap_frootid=0%s",
			part - 2, part == 2 ? "" : "daemon.json", 1089600 + event % 100,
			part == 2 ? "PARENT" : "NORMAL", names);
		return;
	default:
		head(file, "PROCTITLE", event);
		fputs("proctitle=646F636B657264002D2D636F6E6669672D66696C65002F6574632F646F636B65722F6461656D6F6E2E6A736F6E\n",
		      file);
	}
}

#define PARTS 5

/* Two at a time: as two processors write. */
static int make(uint64_t records, const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "w");

	if (!file)
		return -1;
	for (uint64_t event = 0; event * PARTS < records; event += 2)
		for (unsigned int part = 0; part < PARTS; part++) {
			write_part(file, event, part);
			write_part(file, event + 1, part);
		}
	return fflush(file);
}

/* ---- read */

struct seen {
	uint64_t events, records;
};

static void on_event(void *user, const struct audit_event *event)
{
	struct seen *seen = user;

	seen->events++;
	seen->records += event->count;
}

static int assemble(const char *data, size_t length, bool stable, struct seen *seen)
{
	const struct audit_assembler_options options = { stable, on_event, seen };
	struct audit_assembler *assembler;
	const char *end = data + length;
	int r = audit_assembler_new(&options, &assembler);

	for (const char *at = data; r == 0 && at < end;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)) ?: end;
		struct audit_record record;

		if (audit_record_parse_line((struct text){ at, (size_t)(newline - at) }, &record) ==
		    0)
			r = audit_assembler_push(assembler, &record);
		at = newline + 1;
	}
	if (r == 0)
		audit_assembler_flush(assembler, UINT64_MAX);
	audit_assembler_free(assembler);
	return r;
}

static int measure(const char *data, size_t length, bool stable, const char *name)
{
	uint64_t best = UINT64_MAX;
	struct seen seen;

	for (int turn = 0; turn < TURNS; turn++) {
		uint64_t began = cpu_ns(), took;

		seen = (struct seen){};
		if (assemble(data, length, stable, &seen) < 0)
			return -1;
		took = cpu_ns() - began;
		best = took < best ? took : best;
	}
	printf("%s %.0f\n%s-events %" PRIu64 "\n", name, (double)seen.records * 1e9 / (double)best,
	       name, seen.events);
	return 0;
}

static int read_log(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *data;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -1;
	data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED)
		return -1;
	return measure(data, (size_t)status.st_size, true, "assembled-file") < 0
		       ? -1
		       : measure(data, (size_t)status.st_size, false, "assembled-live");
}

int main(int argc, char **argv)
{
	int r = -1;

	if (argc == 4 && strcmp(argv[1], "make") == 0)
		r = make(strtoull(argv[2], NULL, 10), argv[3]);
	else if (argc == 3 && strcmp(argv[1], "read") == 0)
		r = read_log(argv[2]);
	else
		fputs("usage: bench_audit make N FILE | bench_audit read FILE\n", stderr);
	if (r < 0)
		perror(argv[0]);
	return r < 0;
}
