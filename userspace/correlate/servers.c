// SPDX-License-Identifier: Apache-2.0
#include "correlate/servers.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "correlate/proc.h"

#define DESCRIPTORS_MOST 1024
#define SOCKETS_MOST     128
#define TABLE_MOST       (1u << 20)
#define ADDRESSES_MOST   8

struct sockets {
	uint64_t inodes[SOCKETS_MOST];
	size_t count;
};

static bool has_socket(const struct sockets *sockets, uint64_t inode)
{
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->inodes[i] == inode)
			return true;
	return false;
}

static void look_at_descriptor(int folder, const char *name, struct sockets *sockets)
{
	char target[64], end;
	ssize_t n = readlinkat(folder, name, target, sizeof(target) - 1);
	uint64_t inode;

	if (n <= 0 || sockets->count >= SOCKETS_MOST)
		return;
	target[n] = '\0';
	if (sscanf(target, "socket:[%" SCNu64 "%c", &inode, &end) == 2 && end == ']')
		sockets->inodes[sockets->count++] = inode;
}

static int find_sockets(int process, struct sockets *sockets)
{
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	DIR *folder;

	if (fd < 0)
		return -errno;
	folder = fdopendir(fd);
	if (!folder) {
		close(fd);
		return -ENOMEM;
	}
	for (size_t i = 0; i < DESCRIPTORS_MOST && (entry = readdir(folder)); i++)
		look_at_descriptor(fd, entry->d_name, sockets);
	closedir(folder);
	return 0;
}

static int add(struct text_list *ret, const char *address)
{
	for (size_t i = 0; i < ret->count; i++)
		if (text_equal(text_list_at(ret, i), text_of(address)))
			return 0;
	if (ret->count >= ADDRESSES_MOST) {
		ret->cut = true;
		return 0;
	}
	return text_list_append(ret, text_of(address));
}

/* "sl local_address rem_address st queues timer retransmits uid timeout inode", addresses as 32-bit
 * words of the machine's own order (net/ipv4/tcp_ipv4.c get_tcp4_sock). */
static int read_tcp_line(const char *line, const struct sockets *sockets, struct text_list *ret)
{
	char local[40], host[INET6_ADDRSTRLEN], address[80];
	unsigned int port, state;
	uint32_t words[4] = {};
	uint64_t inode;
	int family;

	if (sscanf(line, " %*[0-9]: %39[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %" SCNu64,
		   local, &port, &state, &inode) != 4 ||
	    state != 10 || !has_socket(sockets, inode))
		return 0;
	family = strlen(local) == 32 ? AF_INET6 : AF_INET;
	for (size_t i = 0; i < (family == AF_INET6 ? 4 : 1); i++) {
		char word[9] = {};

		memcpy(word, local + 8 * i, 8);
		words[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	if (!inet_ntop(family, words, host, sizeof(host)))
		return 0;
	snprintf(address, sizeof(address), family == AF_INET6 ? "tcp://[%s]:%u" : "tcp://%s:%u",
		 host, port);
	return add(ret, address);
}

/* "Num: RefCount Protocol Flags Type St Inode Path" (net/unix/af_unix.c unix_seq_show); flag 1 <<
 * 16 is __SO_ACCEPTCON: it listens. */
static int read_unix_line(const char *line, const struct sockets *sockets, struct text_list *ret)
{
	char path[110] = "", address[sizeof(path) + 8];
	unsigned int flags, type;
	uint64_t inode;

	if (sscanf(line, " %*[0-9a-f]: %*x %*x %x %x %*x %" SCNu64 " %109[^\n]", &flags, &type,
		   &inode, path) < 3 ||
	    !(flags & 0x10000) || type != 1 || !has_socket(sockets, inode))
		return 0;
	snprintf(address, sizeof(address), "unix://%s", path);
	return add(ret, address);
}

static int read_table(int process, const char *name, const struct sockets *sockets,
		      struct text_list *ret)
{
	_cleanup_buffer_ struct buffer contents = {};
	const char *line, *end;
	int r = file_read(process, name, TABLE_MOST, &contents);

	/* Of one that is longer the rest is left out; this kernel may have no IPv6. */
	if (r < 0 && r != -EFBIG)
		return r == -ENOMEM ? r : 0;
	line = buffer_string(&contents);
	for (r = line ? 0 : -ENOMEM; r == 0 && line && *line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		r = strcmp(name, "net/unix") == 0 ? read_unix_line(line, sockets, ret)
						  : read_tcp_line(line, sockets, ret);
	}
	return r;
}

int servers_read(int proc, uint32_t pid, struct text_list *ret)
{
	static const char *const tables[] = { "net/tcp", "net/tcp6", "net/unix" };
	struct sockets sockets = {};
	_cleanup_close_ int process = -1;
	char name[16];
	int r;

	snprintf(name, sizeof(name), "%" PRIu32, pid);
	process = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = find_sockets(process, &sockets);
	/* Who only asks has the one socket on which it does. */
	if (r < 0 || sockets.count < 2)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(tables) && r == 0; i++)
		r = read_table(process, tables[i], &sockets, ret);
	return r;
}

/* ---- what was found */

struct server {
	uint32_t pid;
	uint64_t start, looked; /* `looked`: by the caller's clock */
	struct text_list listens;
};

struct servers {
	int proc;
	struct server kept[SERVERS_KEPT];
	size_t next;
	uint64_t second; /* in which `looks` were made */
	unsigned int looks;
};

int servers_new(int proc, struct servers **ret)
{
	struct servers *servers = calloc(1, sizeof(*servers));

	if (!servers)
		return -ENOMEM;
	servers->proc = fcntl(proc, F_DUPFD_CLOEXEC, 3);
	if (servers->proc < 0) {
		free(servers);
		return -errno;
	}
	*ret = servers;
	return 0;
}

void servers_free(struct servers *servers)
{
	if (!servers)
		return;
	for (size_t i = 0; i < SERVERS_KEPT; i++)
		text_list_free(&servers->kept[i].listens);
	close(servers->proc);
	free(servers);
}

/* A pid may be another process's by now; /proc knows its start to a tick. */
static bool is_still(const struct servers *servers, uint32_t pid, uint64_t start)
{
	struct proc_process process = {};
	bool still = proc_read(servers->proc, pid, 0, &process) == 0 && !process.ended &&
		     (!start || start - process.task.start < proc_tick_ns());

	proc_process_clear(&process);
	return still;
}

const struct text_list *servers_find(struct servers *servers, uint32_t pid, uint64_t start,
				     uint64_t now)
{
	struct server *server;

	for (size_t i = 0; i < SERVERS_KEPT; i++) {
		server = &servers->kept[i];
		if (server->pid == pid && server->start == start &&
		    now - server->looked < SERVERS_KEPT_NS)
			return server->listens.count ? &server->listens : NULL;
	}
	if (now / NS_PER_SECOND != servers->second) {
		servers->second = now / NS_PER_SECOND;
		servers->looks = 0;
	}
	if (servers->looks >= SERVERS_LOOKS_PER_SECOND)
		return NULL;
	servers->looks++;
	server = &servers->kept[servers->next];
	servers->next = (servers->next + 1) % SERVERS_KEPT;
	text_list_clear(&server->listens);
	server->pid = pid;
	server->start = start;
	server->looked = now;
	if (servers_read(servers->proc, pid, &server->listens) < 0 ||
	    !is_still(servers, pid, start)) {
		text_list_clear(&server->listens);
		server->pid = 0;
	}
	return server->listens.count ? &server->listens : NULL;
}
