// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is said over an engine's TCP listener. Both programs see packets of the whole host, so they
 * are attached only while an engine listens on TCP. Sequence numbers put each byte in its place: a
 * retransmission and a peek say nothing new.
 */
#include "bpf/tcp.bpf.h"

#define TCP_TIME_WAIT     6
#define TCP_NEW_SYN_RECV  12
#define TCP_HEADER_LENGTH 20
#define TCP_FLAG_SYN      2

struct tcp_skb_cb___part {
	__u32 seq;
} __attribute__((preserve_access_index));

/* Since 6.14 it is a 16-bit member (e7ed12bd0b7c); the place of the low bits is the same. */
struct tcp_skb_cb___flags {
	__u8 tcp_flags;
} __attribute__((preserve_access_index));

struct mptcp_skb_cb___part {
	__u64 map_seq;
	__u32 offset;
} __attribute__((preserve_access_index));

enum { PIECE_TAKEN, PIECE_SENT, TCP_SCRATCHES };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCP_SCRATCHES);
	__type(key, __u32);
	__type(value, struct piece);
} tcp_pieces SEC(".maps");

/* What is left to copy of one buffer; on the stack, for bpf_loop. */
struct copy {
	struct sk_buff *skb;
	struct piece *piece;
	__u64 address, fragments, vmemmap, pages;
	__u32 from, to;              /* within the buffer */
	__u32 left, position, count; /* at `address`; walked; fragments */
	__u32 sent, upgrade;
	__u8 first[2]; /* bytes that were sent */
};

static __always_inline void send_chunk(struct copy *copy, __u32 chunk)
{
	if (is_upgrade(copy->piece, chunk))
		copy->upgrade = 1;
	if (!copy->sent) {
		copy->first[0] = copy->piece->tail[0];
		copy->first[1] = copy->piece->tail[1];
	}
	piece_send(copy->piece, chunk, chunk);
	copy->sent += chunk;
}

static long copy_whole(__u32 i, struct copy *copy)
{
	__u32 chunk = copy->to - copy->from;

	if (!chunk)
		return 1;
	if (chunk > WIRE_PIECE_MOST)
		chunk = WIRE_PIECE_MOST;
	if (buffer_read(copy->skb, copy->from, copy->piece->tail, chunk))
		return 1;
	send_chunk(copy, chunk);
	copy->from += chunk;
	return 0;
}

static long copy_address(__u32 i, struct copy *copy)
{
	__u32 chunk = copy->left;

	if (!chunk)
		return 1;
	if (chunk > WIRE_PIECE_MOST)
		chunk = WIRE_PIECE_MOST;
	if (bpf_probe_read_kernel(copy->piece->tail, chunk, (void *)copy->address))
		return 1;
	send_chunk(copy, chunk);
	copy->address += chunk;
	copy->left -= chunk;
	return 0;
}

/* The part of [position, position + length) that is asked for lies at `address`. */
static __always_inline void copy_run(struct copy *copy, __u64 address, __u32 length)
{
	__u32 start = copy->from > copy->position ? copy->from - copy->position : 0;
	__u32 end = copy->to > copy->position ? copy->to - copy->position : 0;

	if (end > length)
		end = length;
	copy->position += length;
	if (start >= end)
		return;
	copy->address = address + start;
	copy->left = end - start;
	bpf_loop(64, copy_address, copy, 0);
}

static long copy_fragment(__u32 i, struct copy *copy)
{
	struct fragment fragment = {};

	if (i >= copy->count ||
	    bpf_probe_read_kernel(&fragment, sizeof(fragment),
				  (void *)(copy->fragments + i * sizeof(fragment))))
		return 1;
	copy_run(copy,
		 copy->pages +
			 (((fragment.page - copy->vmemmap) / bpf_core_type_size(struct page))
			  << 12) +
			 fragment.offset,
		 fragment.length);
	return 0;
}

static __always_inline void copy_pages(struct copy *copy)
{
	struct sk_buff *skb = copy->skb;
	struct skb_shared_info *shared =
		(void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));

	copy_run(copy, (__u64)BPF_CORE_READ(skb, data), skb->len - skb->data_len);
	if (!page_bases(&copy->vmemmap, &copy->pages))
		return;
	copy->count = BPF_CORE_READ(shared, nr_frags);
	copy->fragments = (__u64)shared + bpf_core_field_offset(struct skb_shared_info, frags);
	bpf_loop(17, copy_fragment, copy, 0);
}

/*
 * The engine's first word: TLS (RFC 8446 5.1: a record's type and version), or neither that nor
 * HTTP. Where a connection was open before, only the former can be told.
 */
static __always_inline bool is_closed_to_us(const __u8 first[2], bool begins)
{
	return (begins && first[0] != 'H') ||
	       (first[0] >= 0x14 && first[0] <= 0x17 && first[1] == 3);
}

/*
 * `length` bytes of `mark`'s direction, the first of which has this sequence number and lies
 * `offset` bytes into the buffer.
 */
static __always_inline void bytes_seen(struct tcp_line *line, struct mark *mark, struct mark *other,
				       struct copy *copy, __u32 sequence, __u32 length)
{
	__u32 scratch = mark->direction == WIRE_CLIENT ? PIECE_TAKEN : PIECE_SENT, kept;
	__s32 ahead = sequence - (__u32)mark->taken;
	struct piece *piece;

	if (ahead < 0) {
		if ((__u32)-ahead >= length)
			return; /* all of it was there before */
		copy->from += -ahead;
		length -= -ahead;
	} else {
		mark->taken += ahead; /* what lies between went another way, or was not seen */
	}
	other->answered = 1;
	piece = bpf_map_lookup_elem(&tcp_pieces, &scratch);
	if (!piece)
		return;
	kept = piece_begin(piece, mark, length);
	if (!kept && !(piece->record.flags & WIRE_PIECE_CUT))
		return;
	copy->piece = piece;
	copy->to = copy->from + kept;
	if (kept && buffer_is_readable())
		bpf_loop(64, copy_whole, copy, 0);
	else if (kept)
		copy_pages(copy);
	if (copy->sent < kept)
		lost(WIRE_socket_piece, WIRE_LOSS_unreadable, 0, kept - copy->sent);
	if (copy->sent < length)
		piece_send(piece, length - copy->sent, 0);
	if (copy->upgrade && mark->stream == STREAM_NONE)
		mark->stream = other->stream = STREAM_LIKELY;
}

static __always_inline struct tcp_line *line_of(struct sk_buff *skb)
{
	struct sock *sk = skb->sk;

	if (!sk || !is_internet(sk))
		return NULL;
	/* Those two are smaller than a socket and have no storage. */
	if (sk->__sk_common.skc_state == TCP_TIME_WAIT ||
	    sk->__sk_common.skc_state == TCP_NEW_SYN_RECV)
		return NULL;
	return bpf_sk_storage_get(&tcp_lines, sk, 0, 0);
}

/* Whether it is the engine that reads: asked once, in the reader's own context. */
static __always_inline bool is_announced(struct sock *sk, struct tcp_line *line)
{
	if (line->foreign)
		return false;
	if (!line->client.connection) {
		if (!why_engine(bpf_get_current_task_btf(), sk->__sk_common.skc_num)) {
			line->foreign = 1;
			return false;
		}
		line_announce(sk, line);
	}
	return true;
}

/* ---- MPTCP: what came by any path, in order, as the upper socket has it (__mptcp_recvmsg_mskq) */

/* Of the byte at `offset`: both go on with each read. */
static __always_inline __u32 upper_sequence(struct sk_buff *skb)
{
	struct mptcp_skb_cb___part *control = (void *)skb->cb;

	return BPF_CORE_READ(control, map_seq);
}

/* No connection was seen to begin there: it is known when it is read first. */
static __always_inline struct tcp_line *upper_line(struct sk_buff *skb, struct sock *sk)
{
	struct mptcp_sock___part *upper = (void *)sk;
	struct tcp_line new = {}, *line;

	if (!is_internet(sk) || sk->sk_protocol != IPPROTO_MPTCP ||
	    !is_listening_port(sk->__sk_common.skc_num))
		return NULL;
	new.client.direction = WIRE_CLIENT;
	new.engine.direction = WIRE_ENGINE;
	new.client_base = upper_sequence(skb);
	new.opened = bpf_ktime_get_boot_ns();
	if (bpf_core_field_exists(upper->bytes_consumed) && BPF_CORE_READ(upper, bytes_consumed)) {
		new.present = 1;
		new.client_base--;
		new.client.taken = 1;
	}
	line = bpf_sk_storage_get(&tcp_lines, sk, &new, BPF_SK_STORAGE_GET_F_CREATE);
	if (!line)
		lost(WIRE_tcp_accept, WIRE_LOSS_no_memory, 0, 0);
	return line;
}

static __always_inline void upper_taken(struct sk_buff *skb, struct tcp_line *line, __u32 length)
{
	struct mptcp_skb_cb___part *control = (void *)skb->cb;
	struct copy copy = { .skb = skb };

	copy.from = BPF_CORE_READ(control, offset);
	bytes_seen(line, &line->client, &line->engine, &copy,
		   upper_sequence(skb) - line->client_base, length);
}

/* The engine takes what the client sent (tcp_recvmsg_locked): `length` bytes from copied_seq on. */
SEC("tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(tcp_taken, struct sk_buff *skb, int length)
{
	struct tcp_skb_cb___flags *flags = (void *)skb->cb;
	struct tcp_skb_cb___part *control = (void *)skb->cb;
	struct tcp_line *line = line_of(skb);
	struct copy copy = { .skb = skb };
	struct sock *sk = skb->sk;
	struct tcp_sock___part *tcp = (void *)sk;
	__u32 copied;
	__s32 ahead;

	if (!line && sk)
		line = upper_line(skb, sk);
	if (!line || !sk || length <= 0 || !is_announced(sk, line))
		return 0;
	if (sk->sk_protocol == IPPROTO_MPTCP) {
		upper_taken(skb, line, length);
		return 0;
	}
	copied = BPF_CORE_READ(tcp, copied_seq);
	copy.from = copied - BPF_CORE_READ(control, seq);
	if (BPF_CORE_READ(flags, tcp_flags) & TCP_FLAG_SYN)
		copy.from--;
	/* What the kernel steps over as urgent the engine does not read: the request goes on behind
	 * it. The same is seen of what it took by another way: both are counted. */
	ahead = copied - line->client_base - (__u32)line->client.taken;
	if (ahead > 0 && line->client.stream == STREAM_NONE) {
		lost(WIRE_socket_piece, WIRE_LOSS_unreadable, 0, ahead);
		line->client_base += ahead;
	}
	bytes_seen(line, &line->client, &line->engine, &copy, copied - line->client_base, length);
	return 0;
}

/* The engine's answer on its way to a device: the other end may be another host. */
SEC("tp_btf/net_dev_queue")
int BPF_PROG(tcp_sent, struct sk_buff *skb)
{
	struct tcp_line *line = line_of(skb);
	struct copy copy = { .skb = skb };
	__u8 header[TCP_HEADER_LENGTH];
	struct sock *sk = skb->sk;
	__u32 sequence, length;
	__u64 head, before;

	if (!line || !sk || !line->client.connection)
		return 0;
	head = (__u64)BPF_CORE_READ(skb, head) + skb->transport_header;
	if (bpf_probe_read_kernel(header, sizeof(header), (void *)head))
		return 0;
	/* In a tunnel the outer header may be another protocol's. */
	if (*(__be16 *)&header[0] != bpf_htons(sk->__sk_common.skc_num) ||
	    *(__be16 *)&header[2] != sk->__sk_common.skc_dport)
		return 0;
	copy.from = head - (__u64)BPF_CORE_READ(skb, data) + (header[12] >> 4) * 4;
	if (copy.from >= skb->len)
		return 0;
	length = skb->len - copy.from;
	sequence = bpf_ntohl(*(__be32 *)&header[4]);
	before = line->engine.taken;
	bytes_seen(line, &line->engine, &line->client, &copy, sequence - line->engine_base, length);
	if (copy.sent && before <= 1 && is_closed_to_us(copy.first, before == 0)) {
		line->client.stream = STREAM_SURE;
		line->engine.stream = STREAM_SURE;
	}
	return 0;
}

/* The connections that are alive, one for each direction. */
SEC("iter/bpf_sk_storage_map")
int tcp_alive(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct tcp_line *line = ctx->value;

	if (!ctx->sk || !line || !line->client.connection || line->client.ended)
		return 0;
	tell_alive(ctx->meta->seq, &line->client);
	tell_alive(ctx->meta->seq, &line->engine);
	return 0;
}
