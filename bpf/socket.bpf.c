// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The engine's socket: who connects, who sends, what both sides say as the receiver got it, and the
 * end.
 *
 * Two rungs see the same things. Userspace tries the first whole, then the second
 * (capture/bpf_ladder.c):
 *
 *   fentry      here: unix_stream_connect, unix_stream_sendmsg, the two read actors and
 * unix_release: exact, by the receiver, with refusals. Needs trampolines for fentry. tracepoint
 * socket_tracepoint.bpf.c: sk_data_ready, sock_send_length, skb_copy_datagram_iovec,
 *               sock_recv_length: no refusals, a receiver's splice is missed, a close is seen as
 * the end of file or by the sweep.
 */
#include "bpf/socket.bpf.h"

struct mark_storage marks SEC(".maps");
struct spare_mark_sockets spare_marks SEC(".maps");
__u64 spare_marked;
__u32 spare_looks;
struct listener_files listeners SEC(".maps");
struct handed_over_connections handed_over SEC(".maps");
struct listener_names listener_names SEC(".maps");
struct piece_scratch pieces SEC(".maps");
const volatile __u32 volume_most = 256 * 1024;
__u8 listener_lengths[WIRE_SUN_MOST];
__u64 last_connection;

/* ---- fentry: connects ---- */

/* A connect on its way: kern_path() inside it tells the file that was meant even where it is
 * refused. */
struct attempt {
	__u64 name; /* address of sun_path */
	struct socket_file file;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct attempt);
} attempts SEC(".maps");

SEC("fentry/unix_stream_connect")
int BPF_PROG(connect_begin, struct socket *socket, struct sockaddr *address, int length, int flags)
{
	struct attempt attempt = { .name = (__u64)((struct sockaddr_un *)address)->sun_path };
	__u64 thread = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&attempts, &thread, &attempt, BPF_ANY);
	return 0;
}

SEC("fexit/kern_path")
int BPF_PROG(connect_path, const char *name, unsigned int flags, struct path *path, int ret)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct attempt *attempt = bpf_map_lookup_elem(&attempts, &thread);
	struct inode *inode;

	if (!attempt || (__u64)name != attempt->name || ret)
		return 0;
	inode = BPF_CORE_READ(path, dentry, d_inode);
	attempt->file.inode = BPF_CORE_READ(inode, i_ino);
	attempt->file.device = BPF_CORE_READ(inode, i_sb, s_dev);
	return 0;
}

/* Was one of ours meant? By its file, or, where the path led nowhere, by the words. */
static __always_inline bool is_meant(const struct attempt *attempt, struct sockaddr *address)
{
	char name[WIRE_SUN_MOST] = {};

	if (attempt && attempt->file.inode)
		return bpf_map_lookup_elem(&listeners, &attempt->file);
	if (bpf_probe_read_kernel_str(name, sizeof(name),
				      ((struct sockaddr_un *)address)->sun_path) < 0)
		return false;
	return bpf_map_lookup_elem(&listener_names, name);
}

SEC("fexit/unix_stream_connect")
int BPF_PROG(connect_end, struct socket *socket, struct sockaddr *address, int length, int flags,
	     int ret)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct attempt *attempt = bpf_map_lookup_elem(&attempts, &thread);
	struct sock *client = socket->sk, *engine;
	struct socket_file file = {};
	struct unix_sock *end;
	struct mark *mark;

	if (ret) {
		if (is_meant(attempt, address)) {
			if (attempt)
				file = attempt->file;
			connect_send(&file, 0, ret, NULL, address);
		}
		bpf_map_delete_elem(&attempts, &thread);
		return 0;
	}
	bpf_map_delete_elem(&attempts, &thread);
	end = client ? bpf_skc_to_unix_sock(client) : NULL;
	engine = end ? end->peer : NULL;
	if (!engine || !is_watched_listener(bpf_skc_to_unix_sock(engine), &file))
		return 0;
	mark = mark_both(client, engine, &file);
	connect_send(&file, mark ? mark->connection : 0, 0, client, address);
	return 0;
}

/* ---- fentry: senders ---- */

/* A send of nothing says nothing: it must not begin a turn. */
static __always_inline void sending_on(struct socket *socket, size_t length)
{
	struct sock *from = socket->sk, *to;
	struct unix_sock *end = from && length ? bpf_skc_to_unix_sock(from) : NULL;

	to = end ? end->peer : NULL;
	if (from && to)
		sending(from, to);
}

static __always_inline void sent_on(struct sock *from, int ret)
{
	struct mark *mark;

	if (ret <= 0)
		return;
	mark = mark_of(from);
	if (mark)
		__sync_fetch_and_add(&mark->queued, ret);
}

SEC("fentry/unix_stream_sendmsg")
int BPF_PROG(send_begin, struct socket *socket, struct msghdr *message, size_t length)
{
	sending_on(socket, length);
	return 0;
}

SEC("fexit/unix_stream_sendmsg")
int BPF_PROG(send_end, struct socket *socket, struct msghdr *message, size_t length, int ret)
{
	struct sock *from = socket->sk;

	if (from)
		sent_on(from, ret);
	return 0;
}

/* sendfile and splice, until 6.5 (57d44a354a43 made them sendmsg with MSG_SPLICE_PAGES) */
SEC("fentry/unix_stream_sendpage")
int BPF_PROG(sendpage_begin, struct socket *socket, struct page *page, int offset, size_t size,
	     int flags)
{
	sending_on(socket, size);
	return 0;
}

SEC("fexit/unix_stream_sendpage")
int BPF_PROG(sendpage_end, struct socket *socket, struct page *page, int offset, size_t size,
	     int flags, ssize_t ret)
{
	struct sock *from = socket->sk;

	if (from)
		sent_on(from, ret);
	return 0;
}

/* ---- fentry: content ---- */

/* x86-64 only: a page's address is found through these two. */
extern const void vmemmap_base __ksym __weak;
extern const void page_offset_base __ksym __weak;

/* Here for tcp.bpf.c: bpftool 7.1 links a kernel's symbol into one object only. */
__hidden bool page_bases(__u64 *vmemmap, __u64 *pages)
{
	if (!&vmemmap_base || !&page_offset_base)
		return false;
	return !bpf_probe_read_kernel(vmemmap, sizeof(*vmemmap), &vmemmap_base) &&
	       !bpf_probe_read_kernel(pages, sizeof(*pages), &page_offset_base);
}

/* What is left to copy of one message. */
struct copy {
	struct piece *piece;
	struct mark *mark;
	__u64 address, fragments, vmemmap, pages;
	__u32 left;                  /* bytes at `address` still to copy */
	__u32 start, end;            /* of the kept bytes within the message */
	__u32 position, count, sent; /* walked; fragments; bytes handed to userspace */
	__u32 upgrade;
};

static long copy_chunk(__u32 i, struct copy *copy)
{
	__u32 bytes = copy->left;
	struct piece *piece = copy->piece;

	if (!bytes)
		return 1;
	if (bytes > WIRE_PIECE_MOST)
		bytes = WIRE_PIECE_MOST;
	if (bpf_probe_read_kernel(piece->tail, bytes, (void *)copy->address)) {
		lost(WIRE_socket_piece, WIRE_LOSS_unreadable, 0, bytes);
		piece_send(piece, bytes, 0);
	} else {
		if (is_upgrade(piece, bytes)) {
			piece->record.flags |= WIRE_PIECE_STREAM;
			copy->upgrade = 1;
		}
		piece_send(piece, bytes, bytes);
	}
	copy->address += bytes;
	copy->left -= bytes;
	copy->sent += bytes;
	return 0;
}

static long copy_fragment(__u32 i, struct copy *copy)
{
	struct fragment fragment = {};
	__u32 start, end;

	if (i >= copy->count ||
	    bpf_probe_read_kernel(&fragment, sizeof(fragment),
				  (void *)(copy->fragments + i * sizeof(fragment))))
		return 1;
	start = copy->start > copy->position ? copy->start - copy->position : 0;
	end = copy->end > copy->position ? copy->end - copy->position : 0;
	if (end > fragment.length)
		end = fragment.length;
	if (start < end) {
		copy->address = copy->pages +
				(((fragment.page - copy->vmemmap) / bpf_core_type_size(struct page))
				 << 12) +
				fragment.offset + start;
		copy->left = end - start;
		bpf_loop(64, copy_chunk, copy, 0);
	}
	copy->position += fragment.length;
	return 0;
}

static __always_inline void copy_linear(struct copy *copy, struct sk_buff *skb)
{
	__u32 linear = BPF_CORE_READ(skb, len) - BPF_CORE_READ(skb, data_len);

	if (copy->start < linear) {
		copy->address = (__u64)BPF_CORE_READ(skb, data) + copy->start;
		copy->left = (copy->end < linear ? copy->end : linear) - copy->start;
		bpf_loop(64, copy_chunk, copy, 0);
	}
	copy->position = linear;
}

static __always_inline void copy_fragments(struct copy *copy, struct sk_buff *skb)
{
	struct skb_shared_info *shared =
		(void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));

	if (copy->end <= copy->position || !&vmemmap_base || !&page_offset_base)
		return;
	copy->count = BPF_CORE_READ(shared, nr_frags);
	copy->fragments = (__u64)shared + bpf_core_field_offset(struct skb_shared_info, frags);
	bpf_probe_read_kernel(&copy->vmemmap, sizeof(copy->vmemmap), &vmemmap_base);
	bpf_probe_read_kernel(&copy->pages, sizeof(copy->pages), &page_offset_base);
	bpf_loop(17, copy_fragment, copy, 0);
}

/*
 * `ret` bytes of the message from [consumed + skip] on went to the reader: at the actor's return,
 * so that a copy that faulted and will be taken again is not seen twice, and before
 * unix_stream_read_generic() moves `consumed`. A peek takes nothing.
 */
static __always_inline void reading(struct sk_buff *skb, int skip,
				    struct unix_stream_read_state *state, int ret, __u32 scratch)
{
	struct unix_skb_parms *control = (void *)&skb->cb;
	struct sock *from = skb->sk, *receiver = state->socket->sk;
	struct mark *mark;
	struct copy copy = {};
	struct piece *piece;
	__u32 kept;

	if (ret <= 0 || !from || !receiver || BPF_CORE_READ(state, flags) & MSG_PEEK)
		return;
	mark = mark_of(from);
	if (!mark) {
		if (!mark_pair(from, receiver))
			return;
		mark = mark_of(from);
		if (!mark)
			return;
	}
	piece = bpf_map_lookup_elem(&pieces, &scratch);
	if (!piece)
		return;
	kept = piece_begin(piece, mark, ret);
	if (!kept && !(piece->record.flags & WIRE_PIECE_CUT))
		return;
	copy.piece = piece;
	copy.start = BPF_CORE_READ(control, consumed) + skip;
	copy.end = copy.start + kept;
	copy_linear(&copy, skb);
	copy_fragments(&copy, skb);
	if (copy.upgrade && mark->stream == STREAM_NONE)
		mark->stream = STREAM_LIKELY;
	if (copy.sent < kept)
		lost(WIRE_socket_piece, WIRE_LOSS_unreadable, 0, kept - copy.sent);
	if (copy.sent < (__u32)ret)
		piece_send(piece, ret - copy.sent, 0);
}

SEC("fexit/unix_stream_read_actor")
int BPF_PROG(read_end, struct sk_buff *skb, int skip, int chunk,
	     struct unix_stream_read_state *state, int ret)
{
	reading(skb, skip, state, ret, PIECE_READ);
	return 0;
}

SEC("fexit/unix_stream_splice_actor")
int BPF_PROG(splice_end, struct sk_buff *skb, int skip, int chunk,
	     struct unix_stream_read_state *state, int ret)
{
	reading(skb, skip, state, ret, PIECE_SPLICE);
	return 0;
}

/* ---- fentry: the end ---- */

SEC("fentry/unix_release")
int BPF_PROG(release, struct socket *socket)
{
	struct sock *sk = socket->sk;
	struct mark *mark = sk ? mark_of(sk) : NULL;

	if (mark)
		direction_ended(mark);
	return 0;
}

/* ---- both rungs: what was there before ---- */

/*
 * unix_release_sock() takes the socket from its file; the sock itself lives on as long as its peer
 * does. Not for the engine's end: one that waits for accept(2) has no file yet.
 */
static __always_inline bool is_closed(struct sock *client)
{
	return !BPF_CORE_READ(client, sk_socket);
}

/* Through a link a server binds another name than the watched one: then it is known by that one
 * too, should its file be moved away. A relative one is anybody's, and so is what only a pattern
 * names. */
static __always_inline void learn_name(struct unix_address *address,
				       const struct socket_file *listener)
{
	const __u8 *watch = bpf_map_lookup_elem(&listeners, listener);
	char name[WIRE_SUN_MOST] = {};
	__u32 length;
	__u8 found = 1;

	if (!address || !watch || *watch & WIRE_WATCH_PATTERN)
		return;
	length = address->len - sizeof(address->name[0].sun_family) - 1;
	if (length >= sizeof(name) ||
	    bpf_probe_read_kernel_str(name, sizeof(name), &address->name[0].sun_path) <= 1 ||
	    name[0] != '/')
		return;
	listener_lengths[length] = 1;
	bpf_map_update_elem(&listener_names, name, &found, BPF_ANY);
}

/*
 * Mark connections to watched listeners that are not marked yet, and name them. Runs at start for
 * those that were open before the probes, and on the tracepoint rung for those on which nothing was
 * said.
 */
SEC("iter/unix")
int socket_sweep(struct bpf_iter__unix *ctx)
{
	struct wire_socket_present *record;
	struct socket_file file;
	struct unix_sock *engine = ctx->unix_sk;
	struct sock *sk = (struct sock *)engine, *client;
	struct mark *mark;

	if (!engine)
		return 0;
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN) {
		/* Its inode as the kernel has it. */
		if (is_watched_listener(engine, &file))
			learn_name(engine->addr, &file);
		return 0;
	}
	if (!is_watched(engine, &file))
		return 0;
	client = engine->peer;
	if (!client || mark_of(sk))
		return 0;
	/* An engine may keep its end for long after the client has gone: no connection any more. */
	if (is_closed(client) && !BPF_CORE_READ(sk, sk_receive_queue.qlen))
		return 0;
	mark = mark_both(client, sk, &file);
	if (!mark)
		return 0;
	record = EMIT_BEGIN(ring_state, socket_present);
	if (!record)
		return 0;
	record->connection = mark->connection;
	record->socket_inode = file.inode;
	record->device = file.device;
	record->pid = mark->connector;
	record->listener = listener_of(client);
	EMIT_SEND(ring_state, record);
	return 0;
}

/* What a client sent before it closed may still be read. */
static __always_inline bool is_over(struct sock *sk, const struct mark *mark)
{
	return mark->direction == WIRE_CLIENT && is_closed(sk) && mark->taken >= mark->queued;
}

/* A client whose own socket had no room for it: found from the engine's end. */
static __always_inline void tell_spare(struct seq_file *seq, struct sock *engine)
{
	struct unix_sock *end = bpf_skc_to_unix_sock(engine);
	struct sock *client = end ? end->peer : NULL;
	struct mark *mark = client ? spare_mark_of(client) : NULL;

	if (!mark)
		return;
	mark->seen = spare_looks;
	if (!is_over(client, mark))
		tell_alive(seq, mark);
}

/* The connections that are alive, one for each end. */
SEC("iter/bpf_sk_storage_map")
int socket_alive(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct mark *mark = ctx->value;
	struct sock *sk = ctx->sk;

	if (!sk || !mark || is_over(sk, mark))
		return 0;
	tell_alive(ctx->meta->seq, mark);
	if (spare_marked && mark->direction == WIRE_ENGINE)
		tell_spare(ctx->meta->seq, sk);
	return 0;
}

/* Those whose sockets are gone: after the look above, which has seen all others. */
SEC("iter/bpf_map_elem")
int spare_forget(struct bpf_iter__bpf_map_elem *ctx)
{
	struct mark *mark = ctx->value;
	__u64 *cookie = ctx->key, key;

	if (!mark || !cookie || spare_looks - mark->seen < 3)
		return 0;
	key = *cookie;
	bpf_map_delete_elem(&spare_marks, &key);
	return 0;
}
