// SPDX-License-Identifier: Apache-2.0
/* Routes to the same socket by another path, or none. */
#include "tests/bpf/route.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/bpf/uring.h"

void go_plainly(struct trip *trip)
{
	struct errand errand = trip_errand(trip);

	errand.before = trip->argument;
	trip_ask(trip, &errand, 0);
	trip_go(trip, &errand);
}

/* "<folder>/<name>-<what>" becomes the path; `socket` is what it was. */
static void rename_path(struct errand *errand, const char *what, char socket[128])
{
	memcpy(socket, errand->path, sizeof(errand->path));
	snprintf(errand->path, sizeof(errand->path), "%s/%s-%s", errand->folder, errand->name,
		 what);
}

int through_a_symbolic_link(struct errand *errand)
{
	char socket[128];

	rename_path(errand, "soft", socket);
	return symlink(socket, errand->path);
}

int through_a_hard_link(struct errand *errand)
{
	char socket[128];

	rename_path(errand, "hard", socket);
	return link(socket, errand->path);
}

/* What is mounted from here on, nobody else sees. */
static int leave_the_mount_namespace(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int through_a_bind_mount(struct errand *errand)
{
	char socket[128];
	int fd;

	rename_path(errand, "bound", socket);
	fd = open(errand->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || leave_the_mount_namespace())
		return 1;
	close(fd);
	return mount(socket, errand->path, NULL, MS_BIND, NULL);
}

/* Its folder is elsewhere, and where it was is another file system. */
int from_another_mount_namespace(struct errand *errand)
{
	char there[128];

	if (leave_the_mount_namespace() || mount(errand->folder, "/mnt", NULL, MS_BIND, NULL) ||
	    mount("tmpfs", errand->folder, "tmpfs", 0, NULL) || access(errand->path, F_OK) == 0)
		return 1;
	snprintf(there, sizeof(there), "/mnt/%s", errand->name);
	memcpy(errand->path, there, sizeof(there));
	return 0;
}

int from_a_chroot(struct errand *errand)
{
	snprintf(errand->path, sizeof(errand->path), "/%s", errand->name);
	return chroot(errand->folder) || chdir("/");
}

int by_a_relative_path(struct errand *errand)
{
	const char *last = strrchr(errand->folder, '/');

	snprintf(errand->path, sizeof(errand->path), "../%s/./%s", last + 1, errand->name);
	return chdir(errand->folder);
}

int through_the_root_of_a_process(struct errand *errand)
{
	char socket[128];

	memcpy(socket, errand->path, sizeof(socket));
	snprintf(errand->path, sizeof(errand->path), "/proc/%d/root%.80s", getppid(), socket);
	return 0;
}

int through_a_descriptor_of_the_path(struct errand *errand)
{
	int fd = open(errand->path, O_PATH | O_CLOEXEC);

	snprintf(errand->path, sizeof(errand->path), "/proc/self/fd/%d", fd);
	return fd < 0;
}

/* ---- a user of its own, with a pid of its own */

static int go_from_new_namespaces(void *context)
{
	struct errand *errand = context;
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS))
		return errno == EPERM || errno == ENOSPC ? ROUTE_SKIPPED : 1;
	pid = fork();
	if (pid == 0)
		_exit(getpid() == 1 ? errand_do(errand) : 2);
	errand->ground->pid = pid;
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

void go_as_a_child_of_new_namespaces(struct trip *trip)
{
	struct errand errand = trip_errand(trip);
	struct expected_request *expected = trip_ask(trip, &errand, 0);

	trip_run(trip, go_from_new_namespaces, &errand);
	expected->pid = expected->connector = trip->ground->pid;
}

/* ---- io_uring alone: no system call on the socket at all */

struct operations {
	struct uring uring;
	unsigned int flags;
	int fd;
};

static int do_operation(struct operations *operations, struct io_uring_sqe operation)
{
	operation.flags = (__u8)operations->flags;
	return uring_do(&operations->uring, &operation);
}

static int connect_by_uring(struct operations *operations, const struct errand *errand)
{
	const struct uring_route *route = errand->argument;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r;

	alarm((unsigned int)scene_seconds(30));
	snprintf(address.sun_path, sizeof(address.sun_path), "%.*s",
		 (int)sizeof(address.sun_path) - 1, errand->path);
	operations->flags = route->operation;
	r = uring_open(&operations->uring, route->setup);
	if (r < 0)
		return r == -ENOSYS || r == -EPERM ? ROUTE_SKIPPED : 1;
	operations->fd = do_operation(operations, (struct io_uring_sqe){ .opcode = IORING_OP_SOCKET,
									 .fd = AF_UNIX,
									 .off = SOCK_STREAM });
	if (operations->fd < 0)
		return 2;
	r = do_operation(operations, (struct io_uring_sqe){ .opcode = IORING_OP_CONNECT,
							    .fd = operations->fd,
							    .addr = (uintptr_t)&address,
							    .off = sizeof(address) });
	return r;
}

static int talk_by_uring(void *context)
{
	const struct errand *errand = context;
	struct operations operations;
	char answer[256];
	int r = connect_by_uring(&operations, errand);

	if (r)
		return r < 0 ? 3 : r;
	r = do_operation(&operations, (struct io_uring_sqe){ .opcode = IORING_OP_SEND,
							     .fd = operations.fd,
							     .addr = (uintptr_t)errand->request,
							     .len = (unsigned int)errand->length });
	if (r != (int)errand->length)
		return 4;
	r = do_operation(&operations, (struct io_uring_sqe){ .opcode = IORING_OP_RECV,
							     .fd = operations.fd,
							     .addr = (uintptr_t)answer,
							     .len = sizeof(answer) });
	uring_close(&operations.uring);
	return r > 0 ? 0 : 5;
}

void go_by_uring(struct trip *trip)
{
	struct errand errand = trip_errand(trip);
	struct expected_request *expected = trip_ask(trip, &errand, 300);

	expected->pid = expected->connector = trip_run(trip, talk_by_uring, &errand);
}

/* ---- 32 bits */

static int become_ia32(const struct errand *errand, const char *how)
{
	alarm((unsigned int)scene_seconds(30));
	execl(actor_path("ia32"), "ia32", how, errand->path, errand->request, NULL);
	return errno == ENOEXEC ? ROUTE_SKIPPED : 1;
}

static int talk_in_32_bits(void *context)
{
	const struct errand *errand = context;

	return become_ia32(errand, errand->argument);
}

void go_in_32_bits(struct trip *trip)
{
	struct errand errand = trip_errand(trip);
	struct expected_request *expected = trip_ask(trip, &errand, 0);

	expected->name = "ia32";
	expected->pid = expected->connector = trip_run(trip, talk_in_32_bits, &errand);
}

/* ---- refused */

static int become(uid_t uid)
{
	return setresgid(uid, uid, uid) || setresuid(uid, uid, uid);
}

int refused_plainly(void *context)
{
	struct errand *errand = context;
	int fd = errand->before ? errand->before(errand) : 0;

	if (fd || become(errand->uid))
		return 1;
	/* Each errno ends it with another status; the route says which one is right. */
	fd = errand_connect(errand);
	return fd < 0 ? -fd : 0;
}

int refused_by_uring(void *context)
{
	static const struct uring_route plainly;
	struct errand *errand = context;
	struct operations operations;
	int r;

	errand->argument = &plainly;
	r = become(errand->uid) ? 1 : connect_by_uring(&operations, errand);
	return r < 0 ? -r : r;
}

int refused_in_32_bits(void *context)
{
	const struct errand *errand = context;

	return become(errand->uid) ? 1 : become_ia32(errand, errand->argument);
}
