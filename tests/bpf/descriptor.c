// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/descriptor.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int descriptor_pass(int through, int fd)
{
	char byte = 0, space[CMSG_SPACE(sizeof(int))] = {};
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = space,
				  .msg_controllen = sizeof(space) };
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);

	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(control), &fd, sizeof(int));
	return sendmsg(through, &message, 0) == 1 ? 0 : -1;
}

int descriptor_take(int through)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = space,
				  .msg_controllen = sizeof(space) };
	struct cmsghdr *control;
	int fd;

	if (recvmsg(through, &message, 0) != 1)
		return -1;
	control = CMSG_FIRSTHDR(&message);
	if (!control || control->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(control), sizeof(int));
	return fd;
}
