// SPDX-License-Identifier: Apache-2.0
/* Where a process listens, of real sockets of this one. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "correlate/servers.h"

#define SECOND NS_PER_SECOND

static int proc;

static int open_proc(void **state)
{
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return proc < 0;
}

static int close_proc(void **state)
{
	return close(proc);
}

static int listen_tcp(int family, char address[80])
{
	struct sockaddr_storage name = { .ss_family = (sa_family_t)family };
	struct sockaddr_in *four = (void *)&name;
	struct sockaddr_in6 *six = (void *)&name;
	socklen_t length = family == AF_INET ? sizeof(*four) : sizeof(*six);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (family == AF_INET)
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		six->sin6_addr = in6addr_loopback;
	if (bind(fd, (struct sockaddr *)&name, length) < 0 || listen(fd, 1) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
	if (family == AF_INET)
		snprintf(address, 80, "tcp://127.0.0.1:%u", ntohs(four->sin_port));
	else
		snprintf(address, 80, "tcp://[::1]:%u", ntohs(six->sin6_port));
	return fd;
}

static bool has(const struct text_list *list, const char *address)
{
	for (size_t i = 0; list && i < list->count; i++)
		if (text_equal(text_list_at(list, i), text_of(address)))
			return true;
	return false;
}

static void every_kind_of_listener_is_found(void **state)
{
	_cleanup_text_list_ struct text_list list = {};
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/docktrail-servers-XXXXXX", four[80], six[80], unix_address[140];
	int fds[3] = { listen_tcp(AF_INET, four), listen_tcp(AF_INET6, six), -1 }, pair[2];

	assert_non_null(mkdtemp(folder));
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/a b", folder);
	snprintf(unix_address, sizeof(unix_address), "unix://%s", name.sun_path);
	fds[2] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fds[2], (struct sockaddr *)&name, sizeof(name)), 0);
	/* What is only bound, or connected, does not listen. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(servers_read(proc, (uint32_t)getpid(), &list), 0);
	assert_false(has(&list, unix_address));
	assert_int_equal(listen(fds[2], 1), 0);
	assert_int_equal(servers_read(proc, (uint32_t)getpid(), &list), 0);
	assert_true(has(&list, unix_address));
	assert_true(has(&list, four));
	assert_true(fds[1] < 0 || has(&list, six));
	assert_int_equal(list.count, fds[1] < 0 ? 2 : 3);
	unlink(name.sun_path);
	rmdir(folder);
	for (size_t i = 0; i < 3; i++)
		close(fds[i]);
	close(pair[0]);
	close(pair[1]);
}

static void who_is_gone_is_not_known(void **state)
{
	_cleanup_text_list_ struct text_list list = {};

	assert_int_equal(servers_read(proc, 0x7fffffff, &list), -ESRCH);
	assert_int_equal(list.count, 0);
}

static void what_was_found_is_kept_for_a_while(void **state)
{
	struct servers *servers = NULL;
	uint32_t pid = (uint32_t)getpid();
	char address[80];
	int pair[2], fd;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fd = listen_tcp(AF_INET, address);
	assert_int_equal(servers_new(proc, &servers), 0);
	assert_true(has(servers_find(servers, pid, 0, SECOND), address));
	close(fd);
	assert_true(has(servers_find(servers, pid, 0, 2 * SECOND), address));
	assert_null(servers_find(servers, pid, 0, SECOND + SERVERS_KEPT_NS));
	servers_free(servers);
	close(pair[0]);
	close(pair[1]);
}

static void another_process_with_its_number_is_not_it(void **state)
{
	struct servers *servers = NULL;
	char address[80];
	int pair[2], fd = listen_tcp(AF_INET, address);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(servers_new(proc, &servers), 0);
	assert_null(servers_find(servers, (uint32_t)getpid(), 1, SECOND));
	servers_free(servers);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

static void there_are_so_many_looks_in_a_second(void **state)
{
	struct servers *servers = NULL;
	uint32_t pid = (uint32_t)getpid();
	char address[80];
	int pair[2], fd = listen_tcp(AF_INET, address);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(servers_new(proc, &servers), 0);
	for (uint32_t i = 0; i < SERVERS_LOOKS_PER_SECOND; i++)
		assert_null(servers_find(servers, 0x7fffff00 + i, 0, SECOND));
	assert_null(servers_find(servers, pid, 0, SECOND));
	assert_true(has(servers_find(servers, pid, 0, 2 * SECOND), address));
	servers_free(servers);
	close(fd);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_listener_is_found),
		cmocka_unit_test(who_is_gone_is_not_known),
		cmocka_unit_test(what_was_found_is_kept_for_a_while),
		cmocka_unit_test(another_process_with_its_number_is_not_it),
		cmocka_unit_test(there_are_so_many_looks_in_a_second),
	};

	return cmocka_run_group_tests(tests, open_proc, close_proc);
}
