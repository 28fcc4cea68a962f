/* SPDX-License-Identifier: Apache-2.0 */
/* io_uring without its library: one operation at a time. */
#pragma once

#include <linux/io_uring.h>

struct uring {
	int fd;
	struct io_uring_params parameters;
	char *submitted, *completed;
	struct io_uring_sqe *entries;
};

/* `flags` of io_uring_setup(2), IORING_SETUP_SQPOLL among them. Returns 0 or -errno: -ENOSYS and
 * -EPERM where io_uring is not to be had. */
int uring_open(struct uring *uring, unsigned int flags);
/* Do it and wait for it. Returns its result, a negative errno among them. */
int uring_do(struct uring *uring, const struct io_uring_sqe *operation);
void uring_close(struct uring *uring);
