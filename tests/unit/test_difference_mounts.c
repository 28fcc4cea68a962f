// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "difference_bed.h"

#define DECLARED(source, target, mode)                                                             \
	"\"declared\":{\"mounts\":[{\"type\":\"bind\",\"source\":\"" source                        \
	"\",\"target\":\"" target "\",\"mode\":\"" mode "\"}]}"
#define SHOWN(source, target, mode)                                                                \
	"\"mounts\":[{\"source\":\"" source "\",\"target\":\"" target "\",\"mode\":\"" mode "\"}]"
#define DIFFERENCE(declared, actual)                                                               \
	"[{\"field\":\"mounts\",\"declared\":\"" declared "\",\"actual\":\"" actual "\"}]"

static void test_unasked(void **state)
{
	difference_expect("\"declared\":{}", NULL, SHOWN("/etc", "/mnt", "rw"),
			  DIFFERENCE("without it", "/etc:/mnt:rw"), 75);
	difference_expect(DECLARED("/srv/etc", "/data", "rw"), NULL, SHOWN("/etc", "/mnt", "ro"),
			  DIFFERENCE("without it", "/etc:/mnt:ro"), 75);
	difference_expect(DECLARED("/srv", "/da", "rw"), NULL, SHOWN("/etc", "/data", "ro"),
			  DIFFERENCE("without it", "/etc:/data:ro"), 75);
}

static void test_asked(void **state)
{
	difference_expect(DECLARED("/", "/host/", "rw"), NULL, SHOWN("/", "/host", "rw"), NULL, 0);
	/* What is mounted below it comes along, and may be written to: only the first is "ro". */
	difference_expect(DECLARED("/", "//host", "ro,rslave"), NULL,
			  SHOWN("/run", "/host/run", "rw"), NULL, 0);
	/* A volume, of which somebody else said what it is. */
	difference_expect(DECLARED("backup", "/x", ""), NULL, SHOWN("/etc", "/x", "rw"), NULL, 0);
	/* In most images /var/run is a link. */
	difference_expect(DECLARED("/var/run/docker.sock", "/var/run/docker.sock", ""), NULL,
			  SHOWN("/docker.sock", "/run/docker.sock", "rw"), NULL, 0);
	difference_expect("\"declared\":{}", NULL,
			  SHOWN("/usr/bin/tini", "/sbin/docker-init", "ro"), NULL, 0);
	difference_expect("\"declared\":{}", NULL,
			  SHOWN("/usr/bin/tini", "/sbin/docker-init", "rw"),
			  DIFFERENCE("without it", "/usr/bin/tini:/sbin/docker-init:rw"), 75);
	/* In a user namespace nobody can make a device. */
	difference_expect(
		"\"declared\":{\"devices\":[\"/dev/fuse\"]}", NULL,
		"\"namespaces\":{\"user\":\"private\"}," SHOWN("/dev/fuse", "/dev/x", "rw"), NULL,
		0);
	/* Links on both sides: by what it is called inside. */
	difference_expect(DECLARED("/bin/sh", "/bin/mysh", ""), NULL,
			  SHOWN("/bin/dash", "/usr/bin/mysh", "rw"), NULL, 0);
	/* Where it lies is too long to be told, but not what it is. */
	difference_expect(DECLARED("/etc", "/a/b", ""), NULL, SHOWN("/etc", ".../b", "rw"), NULL,
			  0);
	difference_expect("\"declared\":{}", NULL, SHOWN("/etc", ".../x", "rw"),
			  DIFFERENCE("without it", "/etc:.../x:rw"), 75);
}

/* What is told of the host's own files: not on a file system whose names are looked up anew each
 * time. */
static void skip_where_unknown(const char *path)
{
	struct file_identity identity;

	if (file_identify(path, &identity) != -EAGAIN)
		return;
	puts("# skip: this file system is asked anew for every name (9p, NFS): what a path leads to is not known");
	skip();
}

/* What a link led to when it was asked for; and what came along with it. */
static void test_links_of_the_host(void **state)
{
	char folder[] = "/tmp/docktrail-XXXXXX", link[40], asked[300], along[300];

	assert_non_null(mkdtemp(folder));
	snprintf(link, sizeof(link), "%s/l", folder);
	assert_int_equal(symlink("/etc", link), 0);
	skip_where_unknown(link);
	snprintf(asked, sizeof(asked),
		 "\"declared\":{\"mounts\":[{\"type\":\"bind\",\"source\":\"%s\",\"target\":\"/x\","
		 "\"mode\":\"\"}]}",
		 link);
	difference_expect(asked, NULL, SHOWN("/etc", "/x", "rw"), NULL, 0);
	difference_expect(asked, NULL, SHOWN("/usr", "/x", "rw"),
			  DIFFERENCE("without it", "/usr:/x:rw"), 75);
	snprintf(along, sizeof(along),
		 "\"declared\":{\"mounts\":[{\"type\":\"bind\",\"source\":\"%s\",\"target\":\"/x\","
		 "\"mode\":\"ro\"}]}",
		 folder);
	difference_expect(along, NULL, SHOWN("/etc", "/x/l", "rw"), NULL, 0);
	/* Where it turned out to be. */
	difference_expect(along, NULL, SHOWN("/etc", "/y/l", "rw"),
			  DIFFERENCE("without it", "/etc:/y/l:rw"), 75);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* The usual way to watch a host: each explains itself, whichever stands first. */
static void test_brought_along(void **state)
{
#define MOUNT(source, target, mode)                                                                \
	"{\"source\":\"" source "\",\"target\":\"" target "\",\"mode\":\"" mode "\"}"
	static const char asked[] =
		"\"declared\":{\"mounts\":[" MOUNT("/proc", "/host/proc", "ro") "," MOUNT(
			"/sys", "/host/sys", "ro") "," MOUNT("/", "/rootfs", "ro") "]}";

	skip_where_unknown("/etc");
	difference_expect(asked, NULL,
			  "\"mounts\":[" MOUNT("/", "/rootfs", "ro") "," MOUNT(
				  "/proc", "/rootfs/proc",
				  "rw") "," MOUNT("/sys", "/host/sys",
						  "ro") "," MOUNT("/proc", "/host/proc", "ro") "]",
			  NULL, 0);
	/* Through the image's own link, /var/run: what lies below goes the same way. */
	difference_expect(DECLARED("/run", "/var/run", "rw"), NULL,
			  "\"mounts\":[" MOUNT("/run", "/private/run", "rw") "," MOUNT(
				  "/run/netns", "/private/run/netns", "rw") "]",
			  NULL, 0);
	/* A volume whose driver mounts the host. */
	difference_expect(
		DECLARED("v", "/v", "rw"), NULL,
		"\"mounts\":[" MOUNT("/", "/v", "rw") "," MOUNT("/run", "/v/run", "rw") "]", NULL,
		0);
	/* Something else than what lies there. */
	difference_expect(DECLARED("/usr", "/data", "ro"), NULL,
			  "\"mounts\":[" MOUNT("/usr", "/data",
					       "ro") "," MOUNT("/root", "/data/local", "rw") "]",
			  DIFFERENCE("without it", "/root:/data/local:rw"), 75);
#undef MOUNT
}

/* Those of another container, as that one asked for them. */
static void test_lent(void **state)
{
	static const char asked[] = "\"declared\":{\"volumes_from\":[\"other:ro\"]}";

	difference_expect(asked, NULL, SHOWN("/etc", "/x", "ro"), NULL, 0);
	difference_declare_peer(OTHER, DECLARED("/etc", "/x", ""));
	difference_expect(asked, NULL, SHOWN("/etc", "/x", "ro"), NULL, 0);
	difference_expect(asked, NULL, SHOWN("/etc", "/x", "rw"), DIFFERENCE("ro", "/etc:/x:rw"),
			  75);
	difference_expect(asked, NULL, SHOWN("/root", "/y", "rw"),
			  DIFFERENCE("without it", "/root:/y:rw"), 75);
	difference_forget_peers(NULL);
}

static void test_read_only(void **state)
{
	difference_expect(DECLARED("/etc", "/x", "ro"), NULL, SHOWN("/etc", "/x", "ro"), NULL, 0);
	difference_expect(DECLARED("/etc", "/x", "z,ro"), NULL, SHOWN("/etc", "/x", "rw"),
			  DIFFERENCE("ro", "/etc:/x:rw"), 75);
	difference_expect(DECLARED("/etc", "/x", "rw"), NULL, SHOWN("/etc", "/x", "ro"), NULL, 0);
}

/* One name is asked for, and something else mounted: at the same place, beside it, below it. */
static void test_another(void **state)
{
	difference_expect(DECLARED("/srv/d", "/data", ""), NULL, SHOWN("/etc", "/data", "rw"),
			  DIFFERENCE("without it", "/etc:/data:rw"), 75);
	difference_expect(DECLARED("v", "/vol", ""), NULL, SHOWN("/etc", "/vol/x", "rw"),
			  DIFFERENCE("without it", "/etc:/vol/x:rw"), 75);
	difference_expect(DECLARED("/etc", "/x", "ro"), NULL, SHOWN("/etc", "/y", "rw"),
			  DIFFERENCE("ro", "/etc:/y:rw"), 75);
	/* Each explains one by its name alone. */
	difference_expect(DECLARED("/etc", "/x", ""), NULL,
			  "\"mounts\":[{\"source\":\"/etc\",\"target\":\"/y\",\"mode\":\"rw\"},"
			  "{\"source\":\"/etc\",\"target\":\"/z\",\"mode\":\"rw\"}]",
			  DIFFERENCE("without it", "/etc:/z:rw"), 75);
	/* What stands first takes nothing from the one that was asked for. */
	difference_expect(DECLARED("/etc", "/a", ""), NULL,
			  "\"mounts\":[{\"source\":\"/etc\",\"target\":\"/b\",\"mode\":\"rw\"},"
			  "{\"source\":\"/etc\",\"target\":\"/a\",\"mode\":\"rw\"}]",
			  DIFFERENCE("without it", "/etc:/b:rw"), 75);
	difference_expect("\"declared\":{\"namespaces\":{\"ipc\":\"host\"}}", NULL,
			  "\"namespaces\":{\"ipc\":\"host\"}," SHOWN("/etc", "/dev/shm", "rw"),
			  DIFFERENCE("without it", "/etc:/dev/shm:rw"), 75);
	difference_expect("\"declared\":{}", NULL, SHOWN("/etc/shadow", "/sbin/docker-init", "ro"),
			  DIFFERENCE("without it", "/etc/shadow:/sbin/docker-init:ro"), 75);
}

/* What the request does not tell may be any of it. */
static void test_unknown(void **state)
{
	difference_expect("\"declared\":{\"volumes_from\":[\"other\"]}", NULL,
			  SHOWN("/etc", "/x", "rw"), NULL, 0);
	difference_expect("\"declared\":{\"devices\":[\"nvidia:all\"]}", NULL,
			  SHOWN("/usr/bin/nvidia-smi", "/usr/bin/nvidia-smi", "ro"), NULL, 0);
	difference_expect("\"declared\":{\"namespaces\":{\"ipc\":\"host\"}}", NULL,
			  "\"namespaces\":{\"ipc\":\"host\"}," SHOWN("/dev/shm", "/dev/shm", "rw"),
			  NULL, 0);
	difference_expect(
		"\"declared\":{}", NULL,
		"\"namespaces\":{\"ipc\":\"private\"}," SHOWN("/dev/shm", "/dev/shm", "rw"),
		DIFFERENCE("without it", "/dev/shm:/dev/shm:rw"), 75);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unasked),       cmocka_unit_test(test_asked),
		cmocka_unit_test(test_read_only),     cmocka_unit_test(test_another),
		cmocka_unit_test(test_unknown),       cmocka_unit_test(test_links_of_the_host),
		cmocka_unit_test(test_brought_along), cmocka_unit_test(test_lent),
	};

	return cmocka_run_group_tests_name("difference of mounts", tests, NULL, NULL);
}
