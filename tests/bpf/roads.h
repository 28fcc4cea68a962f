/* SPDX-License-Identifier: Apache-2.0 */
/* Every road by which bytes come into a stream socket, and out of it. */
#pragma once

#include <stddef.h>

#include "base/buffer.h"

/* Send all of it. Returns 0 or -errno. */
typedef int (*road_in)(int fd, const char *data, size_t length);

int send_by_write(int fd, const char *data, size_t length);
int send_byte_by_byte(int fd, const char *data, size_t length);
int send_by_writev(int fd, const char *data, size_t length);
int send_by_sendmmsg(int fd, const char *data, size_t length);
int send_by_sendfile(int fd, const char *data, size_t length);
int send_by_splice(int fd, const char *data, size_t length);
int send_out_of_a_map(int fd, const char *data, size_t length);
int send_by_uring(int fd, const char *data, size_t length);

/*
 * Receive `length` bytes. `received` is what a caller got; `copied` is what skb_copy_datagram_iovec
 * was called for: a peek is in there again, a splice is not. Returns 0 or -errno.
 */
typedef int (*road_out)(int fd, size_t length, struct buffer *received, struct buffer *copied);

int receive_by_read(int fd, size_t length, struct buffer *received, struct buffer *copied);
int receive_byte_by_byte(int fd, size_t length, struct buffer *received, struct buffer *copied);
int receive_by_recvmsg(int fd, size_t length, struct buffer *received, struct buffer *copied);
int receive_after_a_peek(int fd, size_t length, struct buffer *received, struct buffer *copied);
int receive_by_splice(int fd, size_t length, struct buffer *received, struct buffer *copied);
int receive_by_uring(int fd, size_t length, struct buffer *received, struct buffer *copied);
