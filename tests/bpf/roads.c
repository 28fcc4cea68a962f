// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/roads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "tests/bpf/uring.h"

#define PIECE 4096

/* ---- in */

int send_by_write(int fd, const char *data, size_t length)
{
	return file_write_all(fd, data, length);
}

int send_byte_by_byte(int fd, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (write(fd, data + i, 1) != 1)
			return -errno;
	return 0;
}

int send_by_writev(int fd, const char *data, size_t length)
{
	size_t a = length / 3, b = length / 2;
	struct iovec parts[3] = { { (char *)data, a },
				  { (char *)data + a, b - a },
				  { (char *)data + b, length - b } };
	ssize_t n = writev(fd, parts, 3);

	return n == (ssize_t)length ? 0 : n < 0 ? -errno : -EIO;
}

int send_by_sendmmsg(int fd, const char *data, size_t length)
{
	size_t part = length / 3;
	struct iovec parts[3] = { { (char *)data, part },
				  { (char *)data + part, part },
				  { (char *)data + 2 * part, length - 2 * part } };
	struct mmsghdr messages[3] = {};
	int n;

	for (int i = 0; i < 3; i++) {
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	n = sendmmsg(fd, messages, 3, 0);
	return n == 3 ? 0 : n < 0 ? -errno : -EIO;
}

static int temporary_file(const char *data, size_t length)
{
	int fd = memfd_create("road", MFD_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = file_write_all(fd, data, length);
	if (r == 0 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return r;
}

int send_by_sendfile(int fd, const char *data, size_t length)
{
	_cleanup_close_ int file = temporary_file(data, length);
	off_t at = 0;

	if (file < 0)
		return file;
	while ((size_t)at < length)
		if (sendfile(fd, file, &at, length - (size_t)at) <= 0)
			return -errno;
	return 0;
}

int send_by_splice(int fd, const char *data, size_t length)
{
	int ends[2];
	int r = 0;

	if (pipe(ends) < 0)
		return -errno;
	while (length > 0 && r == 0) {
		size_t part = length < 32768 ? length : 32768;

		r = file_write_all(ends[1], data, part);
		for (size_t left = part; left > 0 && r == 0;) {
			ssize_t n = splice(ends[0], NULL, fd, NULL, left, SPLICE_F_MOVE);

			if (n <= 0)
				r = n ? -errno : -EIO;
			else
				left -= (size_t)n;
		}
		data += part;
		length -= part;
	}
	close(ends[0]);
	close(ends[1]);
	return r;
}

int send_out_of_a_map(int fd, const char *data, size_t length)
{
	_cleanup_close_ int file = temporary_file(data, length);
	void *map;
	int r;

	if (file < 0)
		return file;
	/* Not one of its pages is in the page table of this process. */
	map = mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, 0);
	if (map == MAP_FAILED)
		return -errno;
	r = file_write_all(fd, map, length);
	munmap(map, length);
	return r;
}

static int do_bytes(struct uring *uring, int operation, int fd, void *data, size_t length)
{
	return uring_do(uring, &(struct io_uring_sqe){ .opcode = (__u8)operation,
						       .fd = fd,
						       .addr = (uintptr_t)data,
						       .len = (unsigned int)length });
}

int send_by_uring(int fd, const char *data, size_t length)
{
	struct uring uring;
	int r = uring_open(&uring, 0);

	if (r < 0)
		return r;
	while (length > 0) {
		r = do_bytes(&uring, IORING_OP_SEND, fd, (char *)data, length);
		if (r <= 0)
			break;
		data += r;
		length -= (size_t)r;
	}
	uring_close(&uring);
	return length == 0 ? 0 : r ?: -EIO;
}

/* ---- out */

static int took(const char *data, ssize_t n, struct buffer *received, struct buffer *copied)
{
	if (n <= 0)
		return n ? -errno : -ENODATA;
	buffer_append(received, data, (size_t)n);
	buffer_append(copied, data, (size_t)n);
	return received->error;
}

static int receive_pieces(int fd, size_t length, size_t piece, struct buffer *received,
			  struct buffer *copied)
{
	char data[PIECE];

	while (received->length < length) {
		int r = took(data, read(fd, data, piece), received, copied);

		if (r < 0)
			return r;
	}
	return 0;
}

int receive_by_read(int fd, size_t length, struct buffer *received, struct buffer *copied)
{
	return receive_pieces(fd, length, PIECE, received, copied);
}

int receive_byte_by_byte(int fd, size_t length, struct buffer *received, struct buffer *copied)
{
	return receive_pieces(fd, length, 1, received, copied);
}

int receive_by_recvmsg(int fd, size_t length, struct buffer *received, struct buffer *copied)
{
	char data[PIECE];
	struct iovec parts[3] = { { data, 7 }, { data + 7, 1000 }, { data + 1007, PIECE - 1007 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };

	while (received->length < length) {
		int r = took(data, recvmsg(fd, &message, 0), received, copied);

		if (r < 0)
			return r;
	}
	return 0;
}

int receive_after_a_peek(int fd, size_t length, struct buffer *received, struct buffer *copied)
{
	char data[PIECE];

	while (received->length < length) {
		ssize_t n = recv(fd, data, sizeof(data), MSG_PEEK);
		int r;

		if (n <= 0)
			return n ? -errno : -ENODATA;
		buffer_append(copied, data, (size_t)n);
		r = took(data, read(fd, data, (size_t)n), received, copied);
		if (r < 0)
			return r;
	}
	return 0;
}

int receive_by_splice(int fd, size_t length, struct buffer *received, struct buffer *copied)
{
	char data[PIECE];
	int ends[2], r = 0;

	if (pipe(ends) < 0)
		return -errno;
	while (received->length < length && r == 0) {
		ssize_t n = splice(fd, NULL, ends[1], NULL, sizeof(data), SPLICE_F_MOVE);

		if (n <= 0 || read(ends[0], data, (size_t)n) != n) {
			r = n < 0 ? -errno : -EIO;
			break;
		}
		buffer_append(received, data, (size_t)n);
		r = received->error;
	}
	close(ends[0]);
	close(ends[1]);
	return r;
}

int receive_by_uring(int fd, size_t length, struct buffer *received, struct buffer *copied)
{
	char data[PIECE];
	struct uring uring;
	int r = uring_open(&uring, 0);

	if (r < 0)
		return r;
	while (received->length < length && r >= 0) {
		r = do_bytes(&uring, IORING_OP_RECV, fd, data, sizeof(data));
		if (r > 0)
			r = took(data, r, received, copied);
		else if (r == 0)
			r = -ENODATA;
	}
	uring_close(&uring);
	return r < 0 ? r : 0;
}
