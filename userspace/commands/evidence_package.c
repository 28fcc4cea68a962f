// SPDX-License-Identifier: Apache-2.0
#include "commands/evidence.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/version.h"
#include "trail/format.h"

#define SUMS_FILE "SHA256SUMS"

static const char verifier[] =
#include "commands/verifier.inc"
	;

static const char format[] =
#include "commands/trail_format.inc"
	;

static int put(const struct evidence *evidence, const char *name, const struct buffer *text)
{
	return text->error ?: file_replace(evidence->at, name, text->data, text->length, 0640);
}

static int put_string(const struct evidence *evidence, const char *name, const char *text)
{
	return file_replace(evidence->at, name, text, strlen(text), 0640);
}

static void add_time(struct buffer *text, const char *label, uint64_t wall_ns)
{
	buffer_printf(text, "%-26s", label);
	clock_append_rfc3339(text, wall_ns);
	buffer_append_char(text, '\n');
}

/* ---- the verdict on the trail itself */

static int put_verdict(struct evidence *evidence, const char *name, bool json)
{
	_cleanup_fclose_ FILE *file = NULL;
	int fd = openat(evidence->at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640), r;

	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	evidence->report.json = json;
	r = verify_report_print(&evidence->report, file);
	return r < 0 ? r : fflush(file) == 0 ? 0 : -errno;
}

/* ---- versions */

/* What is installed here is what wrote it and what read it. */
static int put_versions(const struct evidence *evidence)
{
	_cleanup_buffer_ struct buffer text = {}, system = {};
	struct utsname name = {};

	uname(&name);
	buffer_printf(&text, "docktrail      %s\nformat         %d\n", DOCKTRAIL_VERSION,
		      TRAIL_VERSION);
	buffer_printf(&text, "kernel         %s %s %s\n", name.sysname, name.release, name.version);
	buffer_printf(&text, "libzstd        %s\nlibcrypto      %s\nlibarchive     %s\n",
		      ZSTD_versionString(), OpenSSL_version(OPENSSL_VERSION),
		      archive_version_string());
	if (file_read(AT_FDCWD, "/etc/os-release", 16 << 10, &system) == 0) {
		buffer_append_string(&text, "\n/etc/os-release of this machine:\n");
		buffer_append(&text, system.data, system.length);
	}
	return put(evidence, "versions.txt", &text);
}

/* ---- the custody sheet */

static void add_who(struct buffer *text)
{
	_cleanup_buffer_ struct buffer login = {};
	const struct passwd *user = getpwuid(getuid());

	buffer_printf(text, "%-26s%s (uid %u)\n", "collected by", user ? user->pw_name : "?",
		      (unsigned int)getuid());
	/* Who logged in stays who he is behind sudo: pam_loginuid(8). */
	if (file_read(AT_FDCWD, "/proc/self/loginuid", 64, &login) == 0 &&
	    strcmp(buffer_string(&login) ?: "", "4294967295") != 0)
		buffer_printf(text, "%-26suid %s\n", "logged in as", buffer_string(&login));
}

static void add_trail(struct buffer *text, const struct evidence *evidence)
{
	const struct trail_excerpt *excerpt = &evidence->excerpt;
	char root[2 * TRAIL_KEY_BYTES + 1], anchor[TRAIL_ANCHOR_TEXT_MOST];

	hex_put(root, evidence->report.verdict.root, TRAIL_KEY_BYTES);
	buffer_printf(text, "%-26s%s\n%-26s%s\n", "trail", evidence->trail,
		      "root key, as found there", root);
	buffer_printf(text, "%-26s%s\n", "last frame in the package",
		      trail_anchor_text(excerpt->head.trail_id, excerpt->head.frame,
					excerpt->head.hash, anchor));
	buffer_printf(text,
		      "%-26s%" PRIu64 " segments, %" PRIu64 " frames, %" PRIu64 " events\n"
		      "%-26s%" PRIu64 " frames, %" PRIu64 " events\n",
		      "of the trail, by headers", excerpt->segments, excerpt->frames,
		      excerpt->events, "of the window, whole", excerpt->kept_frames,
		      excerpt->kept_events);
	if (excerpt->gone_frames)
		buffer_printf(text, "%-26s%" PRIu64 " frames, %" PRIu64 " events\n",
			      "dropped by policy before", excerpt->gone_frames,
			      excerpt->gone_events);
	if (excerpt->damaged_segments)
		buffer_printf(text, "%-26s%" PRIu64 " segments, copied as they lay there\n",
			      "damaged", excerpt->damaged_segments);
	buffer_printf(text, "%-26s%s%s%s\n", "verdict on the trail",
		      trail_verdict_name(evidence->report.verdict.code),
		      evidence->report.verdict.reason[0] ? ": " : "",
		      evidence->report.verdict.reason);
}

static int put_custody(const struct evidence *evidence)
{
	static const char lines[] =
		"\nTo be filled in by hand\n\n"
		"SHA-256 of the package    ________________________________________________________________\n"
		"root key, as kept elsewhere ______________________________________________________________\n"
		"\n"
		"handed over by            received by               date and time        purpose\n"
		"________________________  ________________________  ___________________  __________________\n"
		"________________________  ________________________  ___________________  __________________\n"
		"________________________  ________________________  ___________________  __________________\n"
		"________________________  ________________________  ___________________  __________________\n";
	_cleanup_buffer_ struct buffer text = {};
	char host[256] = "?";

	gethostname(host, sizeof(host) - 1);
	buffer_append_string(&text, "Evidence from a trail of docktrail\n\n");
	buffer_printf(&text, "%-26s%s\n", "host", host);
	add_who(&text);
	add_time(&text, "collected at", evidence->made_ns);
	add_time(&text, "window from", evidence->since_ns);
	add_time(&text, "window until", evidence->until_ns);
	add_trail(&text, evidence);
	buffer_append_string(&text, lines);
	return put(evidence, "CUSTODY.txt", &text);
}

static int put_readme(const struct evidence *evidence)
{
	static const char text[] =
		"What is in this package, and how to check it with the tools of any distribution\n"
		"\n"
		"  CUSTODY.txt      who made it, of what, and who has had it since\n"
		"  SHA256SUMS       of everything else in it:           sha256sum -c SHA256SUMS\n"
		"  trail/           the frames. All headers and signatures of the trail are there, from its\n"
		"                   first frame on; payloads are of the window, and of frames in which the\n"
		"                   recorder told of itself; as JSON lines:\n"
		"                   zstd -dc trail/*.jsonl.zst | jq .\n"
		"  anchors.txt      the last frame, as TRAIL:FRAME:HASH\n"
		"  verdict.txt      what `docktrail verify` said of the whole trail where it lay; verdict.json\n"
		"  coverage.jsonl   what the recorder told of itself, as JSON lines: when it ran, by which\n"
		"                   hooks, what it could not see, what it lost\n"
		"  versions.txt     of what wrote and read it\n"
		"  trail-format.md  the format, to the byte\n"
		"  verify-trail.py  checks the trail by that description alone; needs Python, libcrypto, libzstd:\n"
		"                   python3 verify-trail.py trail --excerpt --root KEY --anchor \"$(cat anchors.txt)\"\n"
		"                   or, with docktrail:\n"
		"                   docktrail verify trail --excerpt --root KEY --anchor anchors.txt\n"
		"\n"
		"KEY is the public key that was printed when the trail was begun, from where it was kept; trail/root.pub\n"
		"is a copy that proves nothing. The expected verdict is UNPROVEN-END: the chain is whole from the root to\n"
		"the last frame of this package, and nothing in it was changed, left out or put in. That the trail itself\n"
		"had no further frames is what verdict.txt says, by the key that stayed on the host.\n";

	return put_string(evidence, "README.txt", text);
}

static int put_anchors(const struct evidence *evidence)
{
	_cleanup_buffer_ struct buffer text = {};
	const struct trail_anchor *head = &evidence->excerpt.head;
	char anchor[TRAIL_ANCHOR_TEXT_MOST];

	if (head->frame)
		buffer_printf(&text, "%s\n",
			      trail_anchor_text(head->trail_id, head->frame, head->hash, anchor));
	return text.length || text.error ? put(evidence, "anchors.txt", &text) : 0;
}

/* ---- every file of it, by name */

typedef int (*file_function)(void *context, const char *path, const char *name);

static int by_name(const FTSENT **left, const FTSENT **right)
{
	return strcmp((*left)->fts_name, (*right)->fts_name);
}

static int each_file(const struct evidence *evidence, file_function each, void *context)
{
	char *const roots[] = { evidence->folder, NULL };
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	const FTSENT *entry;
	int r = tree ? 0 : -errno;

	while (r == 0 && (entry = fts_read(tree)))
		if (entry->fts_info == FTS_F)
			r = each(context, entry->fts_path,
				 entry->fts_path + strlen(evidence->folder) + 1);
		else if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR)
			r = -entry->fts_errno;
	if (tree)
		fts_close(tree);
	return r;
}

static int hash_file(const char *path, char ret_hash[DIGEST_TEXT], uint64_t *ret_bytes)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_digest_ struct digest *digest = NULL;
	char bytes[1 << 16];
	ssize_t n;
	int r = fd < 0 ? -errno : digest_new(&digest);

	*ret_bytes = 0;
	if (r < 0)
		return r;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		digest_add(digest, bytes, (size_t)n);
		*ret_bytes += (uint64_t)n;
	}
	return n < 0 ? -errno : digest_end(digest, ret_hash);
}

static int add_sum(void *context, const char *path, const char *name)
{
	char hash[DIGEST_TEXT];
	uint64_t bytes;
	int r = hash_file(path, hash, &bytes);

	/* As sha256sum(1) writes and reads it. */
	if (r == 0)
		buffer_printf(context, "%s  %s\n", hash, name);
	return r;
}

int evidence_write(struct evidence *evidence)
{
	_cleanup_buffer_ struct buffer sums = {};
	int r = put_verdict(evidence, "verdict.txt", false);

	if (r == 0)
		r = put_verdict(evidence, "verdict.json", true);
	if (r == 0)
		r = put(evidence, "coverage.jsonl", &evidence->coverage);
	if (r == 0)
		r = put_anchors(evidence);
	if (r == 0)
		r = put_versions(evidence);
	if (r == 0)
		r = put_string(evidence, "verify-trail.py", verifier);
	if (r == 0)
		r = put_string(evidence, "trail-format.md", format);
	if (r == 0)
		r = put_readme(evidence);
	if (r == 0)
		r = put_custody(evidence);
	if (r == 0)
		r = each_file(evidence, add_sum, &sums);
	return r < 0 ? r : put(evidence, SUMS_FILE, &sums);
}

/* ---- the archive */

struct packing {
	const struct evidence *evidence;
	struct archive *archive;
};

static int failed(struct archive *archive)
{
	int error = archive_errno(archive);

	return error > 0 ? -error : -EIO;
}

static int add_bytes(struct archive *archive, int fd)
{
	char bytes[1 << 16];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		if (archive_write_data(archive, bytes, (size_t)n) < 0)
			return failed(archive);
	return n < 0 ? -errno : 0;
}

static int add_to_archive(void *context, const char *path, const char *name)
{
	struct packing *packing = context;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct archive_entry *entry = archive_entry_new();
	_cleanup_free_ char *inside = NULL;
	struct stat status;
	int r = 0;

	if (!entry || asprintf(&inside, "%s/%s", packing->evidence->name, name) < 0)
		r = -ENOMEM;
	else if (fd < 0 || fstat(fd, &status) < 0)
		r = -errno;
	if (r == 0) {
		archive_entry_set_pathname(entry, inside);
		archive_entry_set_size(entry, status.st_size);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0640);
		archive_entry_set_mtime(entry, (time_t)(packing->evidence->made_ns / NS_PER_SECOND),
					0);
		r = archive_write_header(packing->archive, entry) == ARCHIVE_OK
			    ? add_bytes(packing->archive, fd)
			    : failed(packing->archive);
	}
	archive_entry_free(entry);
	return r;
}

static int write_archive(const struct evidence *evidence, int fd)
{
	struct packing packing = { evidence, archive_write_new() };
	int r = -ENOMEM;

	if (packing.archive) {
		r = archive_write_add_filter_zstd(packing.archive) == ARCHIVE_OK &&
				    archive_write_set_format_pax_restricted(packing.archive) ==
					    ARCHIVE_OK &&
				    archive_write_open_fd(packing.archive, fd) == ARCHIVE_OK
			    ? 0
			    : failed(packing.archive);
		if (r == 0)
			r = each_file(evidence, add_to_archive, &packing);
		if (r == 0 && archive_write_close(packing.archive) != ARCHIVE_OK)
			r = failed(packing.archive);
		archive_write_free(packing.archive);
	}
	return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

int evidence_archive(struct evidence *evidence)
{
	_cleanup_close_ int fd =
		open(evidence->output, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_archive(evidence, fd);
	if (r == 0)
		r = hash_file(evidence->output, evidence->hash, &evidence->bytes);
	if (r < 0)
		unlink(evidence->output);
	return r;
}
