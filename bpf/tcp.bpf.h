/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An engine's listeners and, of those on TCP, the connections. What is known of a connection lives
 * in the socket storage of the engine's end: of the other end this host may have no socket.
 */
#pragma once

#include "bpf/socket.bpf.h"
#include <bpf/bpf_endian.h>

#define AF_INET     2
#define AF_INET6    10
#define IPPROTO_TCP 6
/* Two sockets: the upper one is a process's, and below it there is a TCP socket for each path. */
#define IPPROTO_MPTCP 262
#define PROGRAM_MOST  32 /* of the name of an engine's program */

/* Of a listener; each socket that it accepts is born with a copy. */
struct tcp_listener {
	__u64 cookie; /* a copy has still the listener's, and counts nowhere */
	__u16 port;   /* at which it is counted: at its close the socket may have none */
	__u8 why;
	__u8 upper; /* of MPTCP, where the one below it is marked and counted */
};

/* Of the engine's end of a connection: both directions. */
struct tcp_line {
	struct mark client, engine;
	__u64 listener;                 /* its cookie; 0: not known */
	__u64 opened;                   /* boot clock */
	__u32 client_base, engine_base; /* sequence number of the first byte of each direction */
	__u8 present;                   /* open before it was seen */
	__u8 foreign;                   /* another program than an engine reads it */
};

struct tcp_listener_storage {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct tcp_listener);
};

struct tcp_line_storage {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tcp_line);
};

/* Names of engines' programs, padded with zeros; and ports that are an engine's, whoever listens.
 */
struct engine_program_names {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, char[PROGRAM_MOST]);
	__type(value, __u8);
};

struct engine_port_numbers {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u16);
	__type(value, __u8);
};

/* Processes that hold a watched unix listener, by pid; the value is when they were made. */
struct engine_holder_processes {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u64);
};

/*
 * How many marked listeners each port has: only who connects to one of them is looked at. Each has
 * its place, so that none can be taken by opening many.
 */
struct listening_port_counts {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u64);
};

extern struct listening_port_counts listening_ports SEC(".maps");
extern struct engine_program_names engine_programs SEC(".maps");
extern struct engine_port_numbers engine_ports SEC(".maps");
extern struct engine_holder_processes engine_holders SEC(".maps");
extern struct tcp_listener_storage tcp_listeners SEC(".maps");
extern struct tcp_line_storage tcp_lines SEC(".maps");

/* Not all of the kernel's, only what is read here. */
struct tcp_sock___part {
	__u32 copied_seq, snd_nxt;
	bool is_mptcp;
} __attribute__((preserve_access_index));

struct mptcp_sock___part {
	__u64 bytes_consumed; /* newer kernels only */
	struct sock *first;
} __attribute__((preserve_access_index));

/* Below an MPTCP socket; what fell back to TCP is none any more. */
static __always_inline bool is_lower(struct sock *sk)
{
	struct tcp_sock___part *tcp = (void *)sk;

	return bpf_core_field_exists(tcp->is_mptcp) && BPF_CORE_READ(tcp, is_mptcp);
}

static __always_inline bool is_listening_port(__u32 port)
{
	__u64 *count = bpf_map_lookup_elem(&listening_ports, &port);

	return count && *count;
}

static __always_inline bool is_internet(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return family == AF_INET || family == AF_INET6;
}

static __always_inline __u32 network_of(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/* 16 bytes, an IPv4 address as ::ffff:a.b.c.d, as a socket of both families has it. */
static __always_inline void address_fill(struct sock *sk, bool peer, __u8 to[16])
{
	__u32 four;

	if (sk->__sk_common.skc_family == AF_INET6) {
		if (peer)
			BPF_CORE_READ_INTO((struct in6_addr *)to, sk, __sk_common.skc_v6_daddr);
		else
			BPF_CORE_READ_INTO((struct in6_addr *)to, sk, __sk_common.skc_v6_rcv_saddr);
		return;
	}
	four = peer ? sk->__sk_common.skc_daddr : sk->__sk_common.skc_rcv_saddr;
	__builtin_memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, &four, sizeof(four));
}

/* ---- who is an engine */

static __always_inline void program_name(struct task_struct *task, char name[PROGRAM_MOST])
{
	const unsigned char *from = BPF_CORE_READ(task, mm, exe_file, f_path.dentry, d_name.name);

	__builtin_memset(name, 0, PROGRAM_MOST);
	bpf_probe_read_kernel_str(name, PROGRAM_MOST, from);
}

/* WIRE_LISTEN_..., 0 where it is none. */
static __always_inline __u8 why_engine(struct task_struct *task, __u16 port)
{
	char name[PROGRAM_MOST];
	__u32 pid = BPF_CORE_READ(task, tgid);
	__u64 *start;

	if (bpf_map_lookup_elem(&engine_ports, &port))
		return WIRE_LISTEN_PORT;
	start = bpf_map_lookup_elem(&engine_holders, &pid);
	if (start && *start == BPF_CORE_READ(task, group_leader, start_boottime))
		return WIRE_LISTEN_HOLDER;
	program_name(task, name);
	return bpf_map_lookup_elem(&engine_programs, name) ? WIRE_LISTEN_PROGRAM : 0;
}

/* ---- a connection becomes known */

struct accept_record {
	struct wire_tcp_accept record;
	__u8 tail[32];
};

static __always_inline void line_announce(struct sock *sk, struct tcp_line *line)
{
	struct accept_record *accept;

	line->client.connection = __sync_fetch_and_add(&last_connection, 1) + 1;
	line->engine.connection = line->client.connection;
	accept = bpf_ringbuf_reserve(&ring_state, sizeof(*accept), 0);
	if (!accept) {
		lost(WIRE_tcp_accept, WIRE_LOSS_ring_full, 0, 0);
		return;
	}
	__builtin_memset(accept, 0, sizeof(*accept));
	header_fill(&accept->record.header, WIRE_tcp_accept, sizeof(accept->record));
	accept->record.header.length = sizeof(*accept);
	accept->record.connection = line->client.connection;
	accept->record.opened = line->opened;
	accept->record.listener = line->listener;
	accept->record.network = network_of(sk);
	accept->record.port = sk->__sk_common.skc_num;
	accept->record.peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	accept->record.present = line->present;
	address_fill(sk, false, accept->tail);
	address_fill(sk, true, accept->tail + 16);
	accept->record.local.length = 16;
	accept->record.peer.offset = 16;
	accept->record.peer.length = 16;
	bpf_ringbuf_submit(accept, wake_submit(&ring_state, sizeof(*accept)));
}

/* ---- socket_tracepoint.bpf.c: bytes of a buffer by its dynptr, where the kernel has that */

bool buffer_is_readable(void);
/* Returns 0, or less where they cannot be read. */
long buffer_read(struct sk_buff *skb, __u32 from, void *to, __u32 length);

/* ---- socket.bpf.c: where the kernel has its array of pages, and the memory that it describes */

bool page_bases(__u64 *vmemmap, __u64 *pages);
