// SPDX-License-Identifier: Apache-2.0
/*
 * flood PATH requests N: N times GET /_ping on one connection, each as soon as the last is
 * answered. flood PATH connections N: N connections, all open before the first asks and until the
 * last is answered, one GET /_ping on each. Prints how many were answered with 200. Each request is
 * one write, and so one turn.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char request[] = "GET /_ping HTTP/1.1\r\nHost: d\r\nUser-Agent: flood\r\n\r\n";

static int open_one(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int ask(int fd)
{
	return write(fd, request, sizeof(request) - 1) == (ssize_t)sizeof(request) - 1;
}

/* One answer with its head and its body of Content-Length: true if it is a 200. */
static int is_answered(int fd)
{
	char text[4096];
	size_t have = 0;

	for (;;) {
		ssize_t n = read(fd, text + have, sizeof(text) - 1 - have);
		char *end, *length;

		if (n <= 0)
			return 0;
		have += (size_t)n;
		text[have] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		if (end && length && length < end &&
		    have >= (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10))
			return strncmp(text, "HTTP/1.1 200 ", 13) == 0;
	}
}

static long flood_requests(const char *path, long count)
{
	int fd = open_one(path);
	long answered = 0;

	while (fd >= 0 && answered < count && ask(fd) && is_answered(fd))
		answered++;
	return answered;
}

static long flood_connections(const char *path, long count)
{
	struct rlimit limit = { (rlim_t)count + 16, (rlim_t)count + 16 };
	int *fds = calloc((size_t)count, sizeof(*fds));
	long answered = 0;

	if (!fds || setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	for (long i = 0; i < count; i++)
		fds[i] = open_one(path);
	for (long i = 0; i < count; i++)
		if (!ask(fds[i]))
			fds[i] = -1;
	for (long i = 0; i < count; i++)
		answered += fds[i] >= 0 && is_answered(fds[i]);
	return answered;
}

int main(int count, char **arguments)
{
	long most = count == 4 ? atol(arguments[3]) : 0, answered;

	if (most <= 0)
		return 64;
	answered = strcmp(arguments[2], "requests") == 0 ? flood_requests(arguments[1], most)
							 : flood_connections(arguments[1], most);
	printf("%ld\n", answered);
	return answered == most ? 0 : 1;
}
