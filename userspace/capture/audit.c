// SPDX-License-Identifier: Apache-2.0
#include "capture/audit.h"

#include <errno.h>
#include <libaudit.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVE_BYTES (4 << 20) /* of the kernel's memory, for records that are not read yet */
#define DRAIN_MOST    4096
#define MESSAGE_MOST  16384 /* the kernel's records have at most 8,970 bytes */

struct audit_source {
	int fd;
	bool daemon;
	struct audit_source_stats stats;
	char message[MESSAGE_MOST] __attribute__((aligned(NLMSG_ALIGNTO)));
};

static int join(struct audit_source *source)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int bytes = RECEIVE_BYTES, group = AUDIT_NLGRP_READLOG, r;

	source->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);
	if (source->fd < 0)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -ENOTSUP : -errno;
	/* Without CAP_NET_ADMIN it stays smaller, and overruns are counted all the same. */
	if (setsockopt(source->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
		setsockopt(source->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(source->fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (!source->daemon)
		return setsockopt(source->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
				  sizeof(group)) < 0
			       ? -errno
			       : 0;
	/* The port that says so is the one that is written to (audit_set, kernel/audit.c). */
	r = audit_set_pid(source->fd, (uint32_t)getpid(), WAIT_YES);
	return r < 0 ? -errno : 0;
}

int audit_source_open(bool daemon, struct audit_source **ret)
{
	struct audit_source *source = calloc(1, sizeof(*source));
	int r;

	if (!source)
		return -ENOMEM;
	source->daemon = daemon;
	r = join(source);
	if (r < 0) {
		audit_source_free(source);
		return r;
	}
	*ret = source;
	return 0;
}

void audit_source_free(struct audit_source *source)
{
	if (!source)
		return;
	if (source->fd >= 0 && source->daemon)
		audit_set_pid(source->fd, 0, WAIT_NO);
	if (source->fd >= 0)
		close(source->fd);
	free(source);
}

int audit_source_fd(const struct audit_source *source)
{
	return source->fd;
}

/* Answers to what a daemon says come the same way as records. */
static bool is_record(uint16_t type)
{
	return type == AUDIT_LOGIN || type == AUDIT_USER ||
	       (type >= AUDIT_FIRST_USER_MSG && type != AUDIT_REPLACE);
}

/*
 * nlmsg_len of a record is sometimes that of the text alone (audit_log_end, until 5.x): how long
 * the datagram is says how much there is.
 */
static int take(struct audit_source *source, size_t length, audit_record_handler handler,
		void *user)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)source->message;
	struct text payload = { source->message + NLMSG_HDRLEN, length - NLMSG_HDRLEN };

	if (!is_record(header->nlmsg_type))
		return 0;
	while (payload.length > 0 && (payload.data[payload.length - 1] == '\0' ||
				      payload.data[payload.length - 1] == '\n'))
		payload.length--;
	source->stats.records++;
	return handler(user, header->nlmsg_type, payload);
}

int audit_source_drain(struct audit_source *source, audit_record_handler handler, void *user)
{
	struct sockaddr_nl from;
	int taken = 0, r = 0;

	while (r >= 0 && taken < DRAIN_MOST) {
		struct iovec part = { source->message, sizeof(source->message) };
		struct msghdr message = { .msg_name = &from,
					  .msg_namelen = sizeof(from),
					  .msg_iov = &part,
					  .msg_iovlen = 1 };
		ssize_t length = recvmsg(source->fd, &message, 0);

		if (length < 0 && errno == EAGAIN)
			break;
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno == ENOBUFS) {
			source->stats.overruns++;
			continue;
		}
		if (length < 0)
			return -errno;
		taken++;
		/* The kernel's port is 0: another process may send to ours. */
		if (from.nl_pid != 0 || message.msg_flags & MSG_TRUNC || length < NLMSG_HDRLEN)
			source->stats.bad++;
		else
			r = take(source, (size_t)length, handler, user);
	}
	return r < 0 ? r : taken;
}

void audit_source_get_stats(const struct audit_source *source, struct audit_source_stats *ret)
{
	*ret = source->stats;
}
