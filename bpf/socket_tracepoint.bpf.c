// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The engine's socket where fentry is refused: the second rung of socket.bpf.c, by tracepoints
 * alone. */
#include "bpf/socket.bpf.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags,
			       struct bpf_dynptr *ptr) __ksym __weak;
extern void *bpf_rdonly_cast(void *pointer, __u32 type) __ksym __weak;

/* Only to read from: no call, but the verifier's leave. */
static __always_inline struct unix_sock *as_unix_sock(struct sock *sk)
{
	return bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct unix_sock));
}

/* Here for tcp.bpf.c: bpftool 7.1 links a kernel's function into one object only. */
__hidden bool buffer_is_readable(void)
{
	return bpf_dynptr_from_skb;
}

__hidden long buffer_read(struct sk_buff *skb, __u32 from, void *to, __u32 length)
{
	struct bpf_dynptr bytes;

	if (!bpf_dynptr_from_skb || bpf_dynptr_from_skb((struct __sk_buff *)skb, 0, &bytes))
		return -1;
	return bpf_dynptr_read(to, length, &bytes, from, 0);
}

/*
 * unix_stream_connect() wakes the listener and unix_stream_sendmsg() the receiver in the caller's
 * own context. This also fires for every TCP and UDP packet: the family comes first.
 */
SEC("tp_btf/sk_data_ready")
int BPF_PROG(data_ready, struct sock *sk)
{
	struct socket_file file;
	struct unix_sock *receiver;
	struct sock *from;

	if (sk->__sk_common.skc_family != AF_UNIX)
		return 0;
	receiver = bpf_skc_to_unix_sock(sk);
	if (!receiver)
		return 0;
	if (sk->__sk_common.skc_state == TCP_LISTEN) {
		/* Which of the two new sockets is this one's? The first send tells (capture joins
		 * by pid). */
		if (is_watched_listener(receiver, &file))
			connect_send(&file, 0, 0, sk, NULL);
		return 0;
	}
	from = receiver->peer;
	if (from)
		sending(from, sk);
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(send_length, struct sock *sk, int ret, int flags)
{
	struct mark *mark;

	if (!sk || sk->__sk_common.skc_family != AF_UNIX || ret <= 0)
		return 0;
	mark = mark_of(sk);
	if (mark)
		__sync_fetch_and_add(&mark->queued, ret);
	return 0;
}

/*
 * Bytes are read before the sender's own wake-up has fired: it is still inside its first send. Only
 * its end can be marked here (the verifier lets nobody follow skb->sk to the peer); the next send
 * marks the other one with the same number. Nor is there a cookie to be had of it: without room in
 * the socket this piece is lost, and counted.
 */
static __always_inline struct mark *mark_alone(struct sock *sk)
{
	struct unix_sock *self = as_unix_sock(sk);
	struct sock *peer = self->peer, *engine = peer;
	struct mark new = {}, *mark;

	if (!peer)
		return NULL;
	if (is_watched(self, &new.listener)) {
		new.direction = WIRE_ENGINE;
		engine = sk;
	} else if (!is_watched(as_unix_sock(peer), &new.listener)) {
		return NULL;
	}
	new.connector = connector_of(engine);
	new.stream = stream_at_first(&new.listener);
	new.connection = __sync_fetch_and_add(&last_connection, 1) + 1;
	mark = mark_store(sk, &new);
	if (!mark)
		lost(WIRE_socket_piece, WIRE_LOSS_no_memory, 0, 0);
	return mark;
}

/* What is left to copy of one message; on the stack, for bpf_loop. */
struct copy {
	struct sk_buff *skb;
	struct piece *piece;
	struct mark *mark;
	__u32 offset, kept, left;
};

static long copy_chunk(__u32 i, struct copy *copy)
{
	struct piece *piece = copy->piece;
	__u32 chunk = copy->kept;
	struct bpf_dynptr bytes;

	if (!chunk)
		return 1;
	if (chunk > WIRE_PIECE_MOST)
		chunk = WIRE_PIECE_MOST;
	if (bpf_dynptr_from_skb((struct __sk_buff *)copy->skb, 0, &bytes) ||
	    bpf_dynptr_read(piece->tail, chunk, &bytes, copy->offset, 0))
		return 1;
	if (is_upgrade(piece, chunk)) {
		piece->record.flags |= WIRE_PIECE_STREAM;
		if (copy->mark->stream == STREAM_NONE)
			copy->mark->stream = STREAM_LIKELY;
	}
	piece_send(piece, chunk, chunk);
	copy->offset += chunk;
	copy->kept -= chunk;
	copy->left -= chunk;
	return 0;
}

/*
 * A reader copies (part of) a message out of the kernel's own buffer: what it receives, whatever
 * the sender has done since. Fires for each read with the whole skb: this read's bytes are `length`
 * from UNIXCB(skb).consumed. A peek looks the same here and is taken twice; a splice is not seen.
 */
SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(copy_datagram, struct sk_buff *skb, int length)
{
	struct copy copy = { .skb = skb };
	struct sock *sk = skb->sk;
	struct piece *piece;
	struct mark *mark;
	__u32 scratch = PIECE_READ;

	if (!sk || sk->__sk_common.skc_family != AF_UNIX || length <= 0)
		return 0;
	mark = mark_of(sk);
	if (!mark)
		mark = mark_alone(sk);
	if (!mark)
		return 0;
	piece = bpf_map_lookup_elem(&pieces, &scratch);
	if (!piece)
		return 0;
	copy.piece = piece;
	copy.mark = mark;
	copy.left = length;
	copy.kept = piece_begin(piece, mark, length);
	if (!copy.kept && !(piece->record.flags & WIRE_PIECE_CUT))
		return 0;
	copy.offset = ((struct unix_skb_parms *)skb->cb)->consumed;
	if (copy.kept && bpf_dynptr_from_skb)
		bpf_loop(64, copy_chunk, &copy, 0);
	if (copy.kept)
		lost(WIRE_socket_piece, WIRE_LOSS_unreadable, 0, copy.kept);
	if (copy.left)
		piece_send(piece, copy.left, 0);
	return 0;
}

#define ECONNRESET 104

/*
 * End of file at one end is the end of the other's direction. Who closes and leaves unread what was
 * answered resets the connection (unix_release_sock()): the other end is told so once, in place of
 * it.
 */
SEC("tp_btf/sock_recv_length")
int BPF_PROG(receive_length, struct sock *sk, int ret, int flags)
{
	struct unix_sock *receiver;
	struct mark *mark;
	struct sock *from;

	if ((ret && ret != -ECONNRESET) || !sk || sk->__sk_common.skc_family != AF_UNIX ||
	    !(sk->sk_shutdown & 1))
		return 0;
	receiver = bpf_skc_to_unix_sock(sk);
	from = receiver ? receiver->peer : NULL;
	mark = from ? mark_of(from) : NULL;
	if (mark)
		direction_ended(mark);
	return 0;
}
