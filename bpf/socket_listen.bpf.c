// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who listens: the sockets of engines, unix and TCP, as they are opened and as they are found. And
 * of TCP the connections: both hooks fire where a socket changes its state, never for a packet.
 *
 * A TCP listener is an engine's if its port is a configured one, or if the process that opens or
 * holds it runs a program with an engine's name or holds a watched unix listener. None of that is
 * for an attacker to take away from a real engine; who fakes it only shows himself.
 */
#include "bpf/mptcp.bpf.h"

#define NAME_ROOM 128 /* a power of two, of a socket's name */

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT    2
#define TCP_SYN_RECV    3
#define TCP_CLOSE       7
#define TCP_CLOSE_WAIT  8

struct tcp_listener_storage tcp_listeners SEC(".maps");
struct tcp_line_storage tcp_lines SEC(".maps");

/* TCP listeners of engines that are open: userspace attaches what sees packets while there are. */
__u64 tcp_listening;

/* The last components of the watched paths, padded with zeros. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, char[WIRE_SUN_MOST]);
	__type(value, __u8);
} listener_basenames SEC(".maps");

struct engine_program_names engine_programs SEC(".maps");
struct engine_port_numbers engine_ports SEC(".maps");
struct engine_holder_processes engine_holders SEC(".maps");

struct listening_port_counts listening_ports SEC(".maps");

/* ---- who */

/*
 * A process that manages sockets for others holds an engine's listener until it is wanted
 * (systemd.socket(5)), and many of others that are none.
 */
static __always_inline bool is_service_manager(const char name[PROGRAM_MOST])
{
	static const char systemd[] = "systemd";

	for (int i = 0; i < (int)sizeof(systemd); i++)
		if (name[i] != systemd[i])
			return false;
	return true;
}

static __always_inline void holder_note(struct task_struct *task)
{
	char name[PROGRAM_MOST];
	__u64 start = BPF_CORE_READ(task, group_leader, start_boottime);
	__u32 pid = BPF_CORE_READ(task, tgid);

	program_name(task, name);
	if (!is_service_manager(name))
		bpf_map_update_elem(&engine_holders, &pid, &start, BPF_ANY);
}

/* ---- a record of a listener */

struct listen_record {
	struct wire_engine_listen record;
	char tail[WIRE_SUN_MOST];
};

static __always_inline struct listen_record *listen_begin(struct task_struct *task, struct sock *sk)
{
	struct listen_record *listen = bpf_ringbuf_reserve(&ring_state, sizeof(*listen), 0);
	struct wire_engine_listen *record;

	if (!listen) {
		lost(WIRE_engine_listen, WIRE_LOSS_ring_full, 0, 0);
		return NULL;
	}
	record = &listen->record;
	__builtin_memset(listen, 0, sizeof(*listen));
	header_fill(&record->header, WIRE_engine_listen, sizeof(*record));
	record->header.length = sizeof(*listen);
	task_fill(&record->task, task);
	record->cookie = bpf_get_socket_cookie(sk);
	record->opener = BPF_CORE_READ(sk, sk_peer_pid, numbers[0].nr);
	record->family = sk->__sk_common.skc_family;
	record->network = network_of(sk);
	record->own_network = BPF_CORE_READ(task, group_leader, nsproxy, net_ns, ns.inum);
	return listen;
}

/* At once: userspace attaches what sees the content, and adds the socket to those that are watched.
 */
static __always_inline void listen_send(struct listen_record *listen)
{
	bpf_ringbuf_submit(listen, BPF_RB_FORCE_WAKEUP);
}

/* ---- unix */

/*
 * The name that the file has now. A server may bind another one and rename it into its place: its
 * own words are `name` only where they end in that.
 */
static __always_inline bool has_watched_basename(struct unix_sock *socket, char name[NAME_ROOM],
						 long *length)
{
	const unsigned char *from = BPF_CORE_READ(socket, path.dentry, d_name.name);
	char last[WIRE_SUN_MOST] = {};
	long size = bpf_probe_read_kernel_str(last, sizeof(last), from), start = *length - size;

	if (size <= 1 || !bpf_map_lookup_elem(&listener_basenames, last))
		return false;
	for (int i = 0; i < WIRE_SUN_MOST && i < size; i++)
		if (start < 0 || start + i >= WIRE_SUN_MOST ||
		    name[(start + i) & (NAME_ROOM - 1)] != last[i]) {
			__builtin_memcpy(name, last, sizeof(last));
			*length = size;
			break;
		}
	return true;
}

/* A listening unix socket that is, or may be, one of the watched ones. */
static __always_inline void unix_listener(struct task_struct *task, struct unix_sock *socket,
					  struct sock *sk, bool found)
{
	struct unix_address *address = BPF_CORE_READ(socket, addr);
	struct listen_record *listen;
	struct socket_file file = {};
	char name[NAME_ROOM] = {};
	bool watched;
	long length;
	__u8 one = WIRE_WATCH_WHOLE | WIRE_WATCH_PATTERN;

	if (!address || !bound_file(socket, &file))
		return;
	length = bpf_probe_read_kernel_str(name, WIRE_SUN_MOST, &address->name[0].sun_path);
	watched = bpf_map_lookup_elem(&listeners, &file);
	if (!watched && (length <= 0 || !has_watched_basename(socket, name, &length)))
		return;
	if (watched)
		holder_note(task);
	else if (!found) /* until userspace has looked at its whole path: its first client counts */
		bpf_map_update_elem(&listeners, &file, &one, BPF_NOEXIST);
	listen = listen_begin(task, sk);
	if (!listen)
		return;
	listen->record.socket_inode = file.inode;
	listen->record.device = file.device;
	listen->record.found = found;
	__builtin_memcpy(listen->tail, name, WIRE_SUN_MOST);
	listen->record.name.length = length > 0 ? length - 1 : 0;
	listen_send(listen);
}

SEC("fexit/unix_listen")
int BPF_PROG(listen_end, struct socket *socket, int backlog, int ret)
{
	struct sock *sk = socket->sk;
	struct unix_sock *self;

	if (ret || !sk)
		return 0;
	self = bpf_skc_to_unix_sock(sk);
	if (self)
		unix_listener(bpf_get_current_task_btf(), self, sk, false);
	return 0;
}

/* ---- TCP: listeners */

static __always_inline void ports_change(__u32 port, __s64 by)
{
	__u64 *count = bpf_map_lookup_elem(&listening_ports, &port);

	__sync_fetch_and_add(&tcp_listening, by);
	if (count)
		__sync_fetch_and_add(count, by);
}

static __always_inline struct tcp_listener *own_listener(struct sock *sk, __u64 cookie)
{
	struct tcp_listener *listener = bpf_sk_storage_get(&tcp_listeners, sk, 0, 0);

	return listener && listener->cookie == cookie ? listener : NULL;
}

/* Marks it and counts it, if it is not. */
static __always_inline void tcp_listener_mark(struct sock *sk, const struct tcp_listener *new)
{
	if (own_listener(sk, new->cookie))
		return;
	bpf_sk_storage_delete(&tcp_listeners, sk);
	if (!bpf_sk_storage_get(&tcp_listeners, sk, (void *)new, BPF_SK_STORAGE_GET_F_CREATE)) {
		lost(WIRE_engine_listen, WIRE_LOSS_no_memory, 0, 0);
		return;
	}
	if (new->upper)
		return;
	ports_change(new->port, 1);
	if (sk->sk_protocol == IPPROTO_MPTCP && !upper_add(sk, new->port, new->cookie))
		lost(WIRE_engine_listen, WIRE_LOSS_no_memory, 0, 0);
}

static __always_inline void tcp_listener_note(struct task_struct *task, struct sock *sk, bool found)
{
	__u16 port = sk->__sk_common.skc_num;
	struct tcp_listener new = {}, *own;
	struct listen_record *listen;
	__u8 why = why_engine(task, port);

	if (!why)
		return;
	new.cookie = bpf_get_socket_cookie(sk);
	new.port = port;
	new.why = why;
	/* Its listen(2) goes on to the one below, which comes here next and is told. */
	new.upper = sk->sk_protocol == IPPROTO_MPTCP && !found;
	tcp_listener_mark(sk, &new);
	if (new.upper)
		return;
	listen = listen_begin(task, sk);
	if (!listen)
		return;
	own = own_listener(sk, new.cookie);
	if (own && own->upper)
		listen->record.cookie = lower_cookie(sk);
	listen->record.port = port;
	listen->record.why = why;
	listen->record.found = found;
	address_fill(sk, false, (__u8 *)listen->tail);
	listen->record.address.length = 16;
	listen_send(listen);
}

/* ---- TCP: connections */

/*
 * A port that is an engine's by its number tells its connects at once. At any other one an engine
 * may also hold the place of a container's published port, which another program serves: there it
 * is told when the engine itself reads (tcp.bpf.c), and so is MPTCP, whose upper socket is read.
 */
static __always_inline void line_begin(struct sock *sk, bool present)
{
	struct tcp_sock___part *tcp = (void *)sk;
	struct tcp_listener *listener = bpf_sk_storage_get(&tcp_listeners, sk, 0, 0);
	struct tcp_line new = {}, *line;
	__u16 port = sk->__sk_common.skc_num;
	struct upper_listeners *uppers = NULL;

	if (!listener) {
		uppers = uppers_of(sk, port);
		if (!uppers)
			return;
	}
	new.listener = listener ? listener->cookie : uppers->cookie;
	new.opened = bpf_ktime_get_boot_ns();
	new.client.direction = WIRE_CLIENT;
	new.engine.direction = WIRE_ENGINE;
	new.client_base = BPF_CORE_READ(tcp, copied_seq);
	new.engine_base = BPF_CORE_READ(tcp, snd_nxt);
	new.present = present;
	if (present) {
		/* The streams do not begin here: that is what an offset of 0 would say. */
		new.client_base--;
		new.engine_base--;
		new.client.taken = new.engine.taken = 1;
	}
	line = bpf_sk_storage_get(&tcp_lines, sk, &new, BPF_SK_STORAGE_GET_F_CREATE);
	if (!line)
		lost(WIRE_tcp_accept, WIRE_LOSS_no_memory, 0, 0);
	else if (present || (bpf_map_lookup_elem(&engine_ports, &port) && !is_lower(sk)))
		line_announce(sk, line);
}

/* Of a client on this host: who called connect(2). Its port is chosen only after that. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wire_task);
} tcp_clients SEC(".maps");

/* As spare_marks: by cookie, of clients whose sockets have no room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct wire_task);
} spare_clients SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_task);
} client_scratch SEC(".maps");

static __always_inline void client_begins(struct sock *sk)
{
	struct wire_task *task;
	__u32 zero = 0;
	__u64 cookie;

	if (!is_listening_port(bpf_ntohs(sk->__sk_common.skc_dport)))
		return;
	task = bpf_map_lookup_elem(&client_scratch, &zero);
	if (!task)
		return;
	__builtin_memset(task, 0, sizeof(*task));
	task_fill(task, bpf_get_current_task_btf());
	if (bpf_sk_storage_get(&tcp_clients, sk, task, BPF_SK_STORAGE_GET_F_CREATE))
		return;
	cookie = bpf_get_socket_cookie(sk);
	if (bpf_map_update_elem(&spare_clients, &cookie, task, BPF_ANY))
		lost(WIRE_tcp_client, WIRE_LOSS_no_memory, 0, 0);
}

static __always_inline struct wire_task *client_of(struct sock *sk)
{
	struct wire_task *task = bpf_sk_storage_get(&tcp_clients, sk, 0, 0);
	__u64 cookie = sk->__sk_common.skc_cookie.counter;

	if (!task && cookie)
		task = bpf_map_lookup_elem(&spare_clients, &cookie);
	return task;
}

struct client_record {
	struct wire_tcp_client record;
	__u8 tail[32];
};

static __always_inline void client_connected(struct sock *sk)
{
	struct wire_task *task = client_of(sk);
	struct client_record *client;

	if (!task)
		return;
	client = bpf_ringbuf_reserve(&ring_state, sizeof(*client), 0);
	if (!client) {
		lost(WIRE_tcp_client, WIRE_LOSS_ring_full, 0, 0);
		return;
	}
	__builtin_memset(client, 0, sizeof(*client));
	header_fill(&client->record.header, WIRE_tcp_client, sizeof(client->record));
	client->record.header.length = sizeof(*client);
	client->record.task = *task;
	client->record.port = sk->__sk_common.skc_num;
	client->record.peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	address_fill(sk, false, client->tail);
	address_fill(sk, true, client->tail + 16);
	client->record.local.length = 16;
	client->record.peer.offset = 16;
	client->record.peer.length = 16;
	bpf_ringbuf_submit(client, wake_submit(&ring_state, sizeof(*client)));
}

static __always_inline void socket_closed(struct sock *sk, int old)
{
	struct tcp_listener *listener;
	struct tcp_line *line;
	__u16 port;
	bool upper;

	if (old == TCP_LISTEN) {
		listener = own_listener(sk, bpf_get_socket_cookie(sk));
		if (!listener)
			return;
		port = listener->port;
		upper = listener->upper;
		if (bpf_sk_storage_delete(&tcp_listeners, sk) || upper)
			return;
		ports_change(port, -1);
		if (sk->sk_protocol == IPPROTO_MPTCP)
			upper_remove(sk, port);
		return;
	}
	line = bpf_sk_storage_get(&tcp_lines, sk, 0, 0);
	if (!line || !line->client.connection)
		return;
	direction_ended(&line->client);
	direction_ended(&line->engine);
}

/*
 * listen(2) and connect(2) come in the caller's context, the rest where the network brings it. For
 * every change of state of every TCP socket, a few in its life: most end after one comparison.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int old, int new)
{
	if (!sk || (sk->sk_protocol != IPPROTO_TCP && sk->sk_protocol != IPPROTO_MPTCP))
		return 0;
	if (new == TCP_LISTEN)
		tcp_listener_note(bpf_get_current_task_btf(), sk, false);
	else if (tcp_listening == 0)
		return 0;
	else if (new == TCP_CLOSE)
		socket_closed(sk, old);
	else if (sk->sk_protocol == IPPROTO_MPTCP)
		return 0; /* its paths tell the same */
	else if (new == TCP_SYN_SENT)
		client_begins(sk);
	else if (new == TCP_ESTABLISHED && old == TCP_SYN_SENT)
		client_connected(sk);
	else if (new == TCP_ESTABLISHED && old == TCP_SYN_RECV)
		line_begin(sk, false);
	return 0;
}

/* ---- what was there before */

/* Connections that an engine accepted before: at one of its own listeners' ports. */
static __always_inline void tcp_found(struct task_struct *task, struct sock *sk)
{
	__u8 state = sk->__sk_common.skc_state;
	__u16 port = sk->__sk_common.skc_num;
	struct tcp_listener new = {};

	if (state == TCP_LISTEN) {
		tcp_listener_note(task, sk, true);
		return;
	}
	if ((state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT) || !is_listening_port(port) ||
	    sk->sk_protocol == IPPROTO_MPTCP || bpf_sk_storage_get(&tcp_lines, sk, 0, 0) ||
	    !why_engine(task, port))
		return;
	/* Which of its listeners it was cannot be seen any more. */
	if (bpf_sk_storage_get(&tcp_listeners, sk, &new, BPF_SK_STORAGE_GET_F_CREATE))
		line_begin(sk, true);
}

/*
 * Every open file of every process: who holds a listener, wherever its network namespace, its mount
 * namespace and its path are. Run now and then, never for a client.
 */
SEC("iter/task_file")
int engine_look(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct unix_sock *self;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file || task->pid != task->tgid)
		return 0;
	socket = bpf_sock_from_file(file);
	sk = socket ? socket->sk : NULL;
	if (!sk)
		return 0;
	if (sk->__sk_common.skc_family == AF_UNIX) {
		self = sk->__sk_common.skc_state == TCP_LISTEN ? bpf_skc_to_unix_sock(sk) : NULL;
		if (self)
			unix_listener(task, self, sk, true);
	} else if (is_internet(sk) &&
		   (sk->sk_protocol == IPPROTO_TCP || sk->sk_protocol == IPPROTO_MPTCP)) {
		tcp_found(task, sk);
	}
	return 0;
}
