/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of a watched connection. It lives in the socket storage of both of its ends: it
 * dies with the socket, and outlives the peer pointer, which is gone as soon as a client that sends
 * and closes at once has closed. A client may leave no room in its own socket: then it lives in
 * spare_marks.
 */
#pragma once

#include "bpf/emit.bpf.h"

struct socket_file {
	__u64 inode;
	__u32 device; /* the kernel's dev_t */
	__u32 unused;
};

/* One direction: everything that the end which carries the mark sends. */
struct mark {
	struct socket_file listener;
	__u64 connection;
	__u64 queued;       /* bytes sent, as of sends that have returned */
	__u64 taken;        /* bytes that the other end has received */
	__u64 sender_start; /* who sent last: the identity of a process, its user and its program */
	__u32 sender_pid, sender_uid, sender_effective_uid, sender_exec;
	__u32 connector; /* pid of who connected */
	__u32 turn, turn_bytes;
	__u32 seen; /* in spare_marks: the last look that found its socket */
	__u8 direction;
	__u8 answered; /* the other side has spoken since this turn began */
	__u8 stream;   /* enum stream */
	__u8 ended;
};

/*
 * The client chooses where its reads begin, and much of what the engine answers: an error names the
 * container that was asked for. So bytes that look like an upgrade prove nothing. Userspace, which
 * reads the whole conversation, says so, and until then all is kept.
 */
enum stream {
	STREAM_NONE,
	STREAM_LIKELY, /* an answer looks like an upgrade: userspace's word is awaited */
	STREAM_SURE,   /* both directions are only counted */
};

struct mark_storage {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct mark);
};

/*
 * Of sockets whose storage is refused: its memory is part of what a socket may set aside
 * (sk_storage_charge(), net.core.optmem_max), and SO_ATTACH_FILTER uses that up. By cookie, which
 * is given once. Nothing is pushed out: a mark that were made anew would begin to count again.
 */
struct spare_mark_sockets {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct mark);
};

extern struct mark_storage marks SEC(".maps");
extern struct spare_mark_sockets spare_marks SEC(".maps");
extern __u64 spare_marked; /* how many were made: a load tells that there are none */
extern __u32 spare_looks;  /* how often userspace has looked who is alive */

static __always_inline struct mark *spare_mark_of(struct sock *sk)
{
	__u64 cookie = sk->__sk_common.skc_cookie.counter;

	return cookie ? bpf_map_lookup_elem(&spare_marks, &cookie) : NULL;
}

/* Most of a host's sockets have no storage at all, which a load tells without a call. */
static __always_inline struct mark *mark_of(struct sock *sk)
{
	struct mark *mark = NULL;

	if (sk->sk_bpf_storage)
		mark = bpf_sk_storage_get(&marks, sk, 0, 0);
	if (!mark && spare_marked)
		mark = spare_mark_of(sk);
	return mark;
}

/* This end's mark, made in its storage if there is none. NULL where that has no room. */
static __always_inline struct mark *mark_store(struct sock *sk, struct mark *new)
{
	struct mark *mark = bpf_sk_storage_get(&marks, sk, new, BPF_SK_STORAGE_GET_F_CREATE);

	/* Or another CPU has made it at this moment. */
	return mark ?: mark_of(sk);
}

static __always_inline struct mark *mark_spare(struct sock *sk, struct mark *new)
{
	__u64 cookie = bpf_get_socket_cookie(sk);

	__sync_fetch_and_add(&spare_marked, 1);
	new->seen = spare_looks;
	bpf_map_update_elem(&spare_marks, &cookie, new, BPF_NOEXIST);
	return bpf_map_lookup_elem(&spare_marks, &cookie);
}

/* As mark_store(), wherever there is room. NULL only without memory, and then it is counted. */
static __always_inline struct mark *mark_make(struct sock *sk, struct mark *new)
{
	struct mark *mark = mark_store(sk, new);

	if (!mark)
		mark = mark_spare(sk, new);
	if (!mark)
		lost(WIRE_socket_piece, WIRE_LOSS_no_memory, 0, 0);
	return mark;
}
