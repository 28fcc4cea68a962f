// SPDX-License-Identifier: Apache-2.0
#include "commands/prove.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/bpf.h"

/* Of what was said, by each way that a hook has to see: read, spliced, sent out of a file. */
static bool say_and_hear(int from, int to)
{
	_cleanup_close_ int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int ends[2];
	char said[2];
	bool heard;

	if (write(from, "ab", 2) != 2 || read(to, said, 1) != 1 || pipe2(ends, O_CLOEXEC) < 0)
		return false;
	heard = splice(to, NULL, ends[1], NULL, 1, 0) == 1;
	close(ends[0]);
	close(ends[1]);
	return heard &&
	       (file < 0 || (sendfile(from, file, NULL, 1) == 1 && read(to, said, 1) == 1));
}

/* Connect to a listener of one's own, and talk to it. */
static bool talk(int listener, const struct sockaddr *address, socklen_t length)
{
	_cleanup_close_ int client = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_close_ int server = -1;
	struct sockaddr_storage peer;
	socklen_t peer_length = sizeof(peer);

	if (client < 0 || connect(client, address, length) < 0)
		return false;
	server = accept4(listener, (struct sockaddr *)&peer, &peer_length, SOCK_CLOEXEC);
	return server >= 0 && say_and_hear(client, server);
}

/* Nobody listens there, and nobody could: the path leads through a file. */
static bool be_refused(void)
{
	_cleanup_close_ int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_un nowhere = { .sun_family = AF_UNIX,
					     .sun_path = "/proc/self/exe/nothing" };

	return client >= 0 &&
	       connect(client, (const struct sockaddr *)&nowhere, sizeof(nowhere)) < 0 &&
	       (errno == ENOTDIR || errno == ENOENT || errno == EACCES);
}

/* By a name that the kernel chooses (unix(7), autobind): never at a path. */
static bool do_unix(void)
{
	_cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t length = sizeof(address);

	return listener >= 0 &&
	       bind(listener, (struct sockaddr *)&address, sizeof(address.sun_family)) == 0 &&
	       listen(listener, 1) == 0 &&
	       getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
	       talk(listener, (struct sockaddr *)&address, length) && be_refused();
}

static bool do_tcp(void)
{
	_cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);

	return listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       listen(listener, 1) == 0 &&
	       getsockname(listener, (struct sockaddr *)&address, &length) == 0 &&
	       talk(listener, (struct sockaddr *)&address, length);
}

/* That this program runs is an exec of its own. */
static bool do_process(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Whether it may be nicer to itself than it is: asked of the kernel, granted or not. */
static bool do_capability(void)
{
	int nice = getpriority(PRIO_PROCESS, 0);

	return nice > -20 &&
	       (setpriority(PRIO_PROCESS, 0, nice - 1) == 0 || errno == EACCES || errno == EPERM);
}

static bool do_namespace(void)
{
	return unshare(CLONE_NEWUTS) == 0;
}

int prove_acts(void)
{
	unsigned int done = 0;

	/* What hangs must not hang for ever. */
	alarm(PROVE_SECONDS);
	done |= do_unix() ? BPF_ACT_UNIX : 0;
	done |= do_tcp() ? BPF_ACT_TCP : 0;
	done |= do_process() ? BPF_ACT_PROCESS : 0;
	done |= do_capability() ? BPF_ACT_CAPABILITY : 0;
	done |= do_namespace() ? BPF_ACT_NAMESPACE : 0;
	return (int)done;
}
