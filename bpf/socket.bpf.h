/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The engine's socket: which listeners are watched, and what the probes of both rungs do. */
#pragma once

#include "bpf/mark.bpf.h"
#include "bpf/task.bpf.h"

#define AF_UNIX    1
#define TCP_LISTEN 10
#define MSG_PEEK   2

/* The watched listeners: the inode is the socket, whatever path led to it. The value is
 * WIRE_WATCH_...
 */
struct listener_files {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct socket_file);
	__type(value, __u8);
};

/*
 * The configured paths, as a server may have typed them at bind(2), padded with zeros. A daemon
 * that comes up is watched from its first client on, before userspace has seen the new inode.
 */
struct listener_names {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, char[WIRE_SUN_MOST]);
	__type(value, __u8);
};

/* The connections of which userspace has said that they were handed over. */
struct handed_over_connections {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
};

extern struct handed_over_connections handed_over SEC(".maps");
extern struct listener_files listeners SEC(".maps");
extern struct listener_names listener_names SEC(".maps");
extern const volatile __u32
	volume_most; /* bytes kept of one direction since the other side spoke */
extern __u8 listener_lengths[WIRE_SUN_MOST]; /* which lengths listener_names have: a first look */
extern __u64 last_connection;                /* ids are counted up from where userspace set this */

/* The file a socket is bound to; an accepted socket carries its listener's. False: not bound to a
 * file. */
static __always_inline bool bound_file(struct unix_sock *socket, struct socket_file *file)
{
	struct inode *inode = socket ? socket->path.dentry->d_inode : NULL;

	if (!inode)
		return false;
	file->inode = inode->i_ino;
	file->device = inode->i_sb->s_dev;
	file->unused = 0;
	return true;
}

static __always_inline bool is_watched(struct unix_sock *socket, struct socket_file *file)
{
	return bound_file(socket, file) && bpf_map_lookup_elem(&listeners, file);
}

/* A file's address ends with one NUL, whatever the server passed (unix_mkname_bsd()). */
static __always_inline bool is_long_as_configured(struct unix_address *address)
{
	__u32 length = address->len - sizeof(address->name[0].sun_family) - 1;

	return length < WIRE_SUN_MOST && listener_lengths[length];
}

static __always_inline bool is_configured(struct unix_address *address)
{
	char name[WIRE_SUN_MOST] = {};

	return bpf_probe_read_kernel_str(name, sizeof(name), &address->name[0].sun_path) > 0 &&
	       bpf_map_lookup_elem(&listener_names, name);
}

/* As is_watched(), but also by the string that the server bound: only where a connection begins. */
static __always_inline bool is_watched_listener(struct unix_sock *socket, struct socket_file *file)
{
	__u8 found = 1;

	if (!bound_file(socket, file))
		return false;
	if (bpf_map_lookup_elem(&listeners, file))
		return true;
	if (!socket->addr || !is_long_as_configured(socket->addr) || !is_configured(socket->addr))
		return false;
	bpf_map_update_elem(&listeners, file, &found, BPF_ANY);
	return true;
}

static __always_inline __u32 connector_of(struct sock *engine)
{
	/* init_peercred() in unix_stream_connect() gives the accepted socket the pid of who
	 * connected. */
	return BPF_CORE_READ(engine, sk_peer_pid, numbers[0].nr);
}

static __always_inline __u32 listener_of(struct sock *client)
{
	/* unix_listen() gives the listener its own pid, and copy_peercred() in
	 * unix_stream_connect() that to the client. */
	return BPF_CORE_READ(client, sk_peer_pid, numbers[0].nr);
}

/* Of a listener that is only watched for connects nothing is kept. */
static __always_inline __u8 stream_at_first(const struct socket_file *listener)
{
	__u8 *watch = bpf_map_lookup_elem(&listeners, listener);

	return watch && *watch & WIRE_WATCH_CONNECTS ? STREAM_SURE : STREAM_NONE;
}

/*
 * Mark both ends of a connection. Two CPUs may do it at once: the client's end is made first, and
 * who loses takes the winner's number from it. Returns the engine's mark or NULL.
 */
static __always_inline struct mark *mark_both(struct sock *client, struct sock *engine,
					      const struct socket_file *listener)
{
	struct mark new = { .listener = *listener, .direction = WIRE_CLIENT }, *mark;

	mark = mark_of(client);
	if (!mark)
		mark = mark_of(engine);
	new.connection = mark ? mark->connection : __sync_fetch_and_add(&last_connection, 1) + 1;
	new.connector = connector_of(engine);
	new.stream = stream_at_first(listener);
	mark = mark_make(client, &new);
	if (!mark)
		return NULL;
	new.connection = mark->connection;
	new.direction = WIRE_ENGINE;
	mark = mark_make(engine, &new);
	if (mark)
		mark->connection = new.connection;
	return mark;
}

/* Mark the pair if one end is bound to a watched file. Both must be held by the caller's context.
 */
static __always_inline bool mark_pair(struct sock *one, struct sock *other)
{
	struct socket_file file;

	if (is_watched(bpf_skc_to_unix_sock(other), &file))
		return mark_both(one, other, &file);
	if (is_watched(bpf_skc_to_unix_sock(one), &file))
		return mark_both(other, one, &file);
	return false;
}

static __always_inline bool sender_changed(struct mark *mark, struct task_struct *task)
{
	__u64 start = task->group_leader->start_boottime;
	__u32 pid = task->tgid, exec = task->self_exec_id;
	__u32 uid = task->cred->uid.val, effective = task->cred->euid.val;

	if (mark->sender_start == start && mark->sender_pid == pid && mark->sender_uid == uid &&
	    mark->sender_effective_uid == effective && mark->sender_exec == exec)
		return false;
	mark->sender_start = start;
	mark->sender_pid = pid;
	mark->sender_uid = uid;
	mark->sender_effective_uid = effective;
	mark->sender_exec = exec;
	return true;
}

/*
 * A send, in the sender's own context whatever road it came by (io_uring, ia32, a passed
 * descriptor). Says who sends when that changes, and tells the other direction that this side has
 * spoken.
 */
static __always_inline void sending(struct sock *from, struct sock *to)
{
	struct wire_socket_sender *record;
	struct task_struct *task;
	struct mark *mark = mark_of(from), *other;

	if (!mark) {
		if (!mark_pair(from, to))
			return;
		mark = mark_of(from);
		if (!mark)
			return;
	}
	other = mark_of(to);
	if (other) {
		other->answered = 1;
		if (other->stream > mark->stream)
			mark->stream = other->stream;
	}
	if (mark->direction != WIRE_CLIENT)
		return;
	task = bpf_get_current_task_btf();
	if (!sender_changed(mark, task))
		return;
	record = EMIT_BEGIN_HERE(ring_api, socket_sender);
	if (!record) {
		mark->sender_start = 0; /* said again at the next send */
		return;
	}
	task_fill(&record->task, task);
	record->connection = mark->connection;
	record->inode = mark->listener.inode;
	record->device = mark->listener.device;
	record->connector = mark->connector;
	record->offset = mark->queued;
	EMIT_SEND(ring_api, record);
}

static __always_inline bool is_handed_over(struct mark *mark)
{
	if (mark->stream == STREAM_LIKELY && bpf_map_lookup_elem(&handed_over, &mark->connection))
		mark->stream = STREAM_SURE;
	return mark->stream == STREAM_SURE;
}

/* One run of bytes that a receiver took, on its way into records of at most WIRE_PIECE_MOST. */
struct piece {
	struct wire_socket_piece record;
	char tail[WIRE_PIECE_MOST];
	struct wire_lost_caller caller; /* not sent: by whom it is lost where there is no room */
};

/* One for each program that fills it: where the kernel is preemptible, they nest on one CPU. */
enum { PIECE_READ, PIECE_SPLICE, PIECE_SCRATCHES };

struct piece_scratch {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PIECE_SCRATCHES);
	__type(key, __u32);
	__type(value, struct piece);
};

extern struct piece_scratch pieces SEC(".maps");

/* The receiver runs here: what a client said is lost in the name of who sent it. */
static __always_inline void caller_fill(struct wire_lost_caller *caller, const struct mark *mark)
{
	bool sent = mark->direction == WIRE_CLIENT && mark->sender_pid;

	caller->start = sent ? mark->sender_start : 0;
	caller->pid = sent ? mark->sender_pid : mark->connector;
	caller->message = WIRE_socket_piece;
	caller->reason = WIRE_LOSS_ring_full;
}

/*
 * Account for `length` bytes of this direction and decide how many of them are kept. The bound is
 * here because userspace's verdict would come 50 ms late. Fills the record but for its bytes;
 * returns how many bytes to copy, 0 when the run is only counted.
 */
static __always_inline __u32 piece_begin(struct piece *piece, struct mark *mark, __u32 length)
{
	struct wire_socket_piece *record = &piece->record;
	__u32 room;

	__builtin_memset(record, 0, sizeof(*record));
	header_fill(&record->header, WIRE_socket_piece, sizeof(*record));
	record->connection = mark->connection;
	record->inode = mark->listener.inode;
	record->device = mark->listener.device;
	record->connector = mark->connector;
	record->direction = mark->direction;
	record->offset = mark->taken;
	caller_fill(&piece->caller, mark);
	mark->taken += length;
	if (mark->answered || !mark->turn) {
		mark->answered = 0;
		mark->turn++;
		mark->turn_bytes = 0;
		record->flags |= WIRE_PIECE_TURN;
	}
	record->turn = mark->turn;
	if (is_handed_over(mark)) {
		lost(WIRE_socket_piece, WIRE_LOSS_stream, 0, length);
		return 0;
	}
	room = mark->turn_bytes < volume_most ? volume_most - mark->turn_bytes : 0;
	mark->turn_bytes += length;
	if (length > room) {
		lost(WIRE_socket_piece, WIRE_LOSS_volume, 0, length - room);
		record->flags |= WIRE_PIECE_CUT;
		return room;
	}
	return length;
}

/* Send what stands in the tail: `bytes` of `length`. */
static __always_inline void piece_send(struct piece *piece, __u32 length, __u32 bytes)
{
	struct wire_socket_piece *record = &piece->record;
	/* A turn is what a client asks: the engine's answer to it is no second one. */
	__u32 turns = record->direction == WIRE_CLIENT && record->flags & WIRE_PIECE_TURN;
	__u32 size;

	if (bytes > WIRE_PIECE_MOST)
		bytes = WIRE_PIECE_MOST;
	record->length = length;
	record->data.length = bytes;
	size = sizeof(*record) + bytes;
	record->header.length = size;
	if (bpf_ringbuf_output(&ring_api, piece, size, wake_output(&ring_api, size)))
		lost_by(&piece->caller, turns, length);
	record->offset += length;
	record->flags &= ~WIRE_PIECE_TURN;
}

/* Perhaps the engine hands the connection over: what follows is no conversation then. */
static __always_inline bool is_upgrade(const struct piece *piece, __u32 bytes)
{
	static const char begin[] = "HTTP/1.1 101";

	if (piece->record.direction != WIRE_ENGINE || !(piece->record.flags & WIRE_PIECE_TURN) ||
	    bytes < sizeof(begin) - 1)
		return false;
	for (int i = 0; i < (int)sizeof(begin) - 1; i++)
		if (piece->tail[i] != begin[i])
			return false;
	return true;
}

/* Who sends and closes at once leaves bytes that the other end takes later; what was queued before
 * the mark was made is only seen when it is taken. */
static __always_inline __u64 bytes_sent(const struct mark *mark)
{
	return mark->queued > mark->taken ? mark->queued : mark->taken;
}

static __always_inline void direction_ended(struct mark *mark)
{
	struct wire_socket_close *record;

	if (mark->ended)
		return;
	mark->ended = 1;
	record = EMIT_BEGIN(ring_state, socket_close);
	if (!record)
		return;
	record->connection = mark->connection;
	record->sent = bytes_sent(mark);
	record->turns = mark->turn;
	record->direction = mark->direction;
	EMIT_SEND(ring_state, record);
}

/* What an iterator tells of a direction that is alive: struct bpf_alive of capture/bpf.h. */
struct alive {
	__u64 connection, sent;
	__u32 turns;
	__u8 direction;
};

static __always_inline void tell_alive(struct seq_file *seq, const struct mark *mark)
{
	struct alive alive = {};

	alive.connection = mark->connection;
	alive.sent = bytes_sent(mark);
	alive.turns = mark->turn;
	alive.direction = mark->direction;
	bpf_seq_write(seq, &alive, sizeof(alive));
}

static __always_inline void connect_send(const struct socket_file *file, __u64 connection,
					 int error, struct sock *listened, struct sockaddr *address)
{
	struct wire_socket_connect *record =
		bpf_ringbuf_reserve(&ring_state, sizeof(*record) + WIRE_SUN_MOST, 0);
	long length;

	if (!record) {
		lost_here(WIRE_socket_connect, WIRE_LOSS_ring_full, 0, 0);
		return;
	}
	__builtin_memset(record, 0, sizeof(*record) + WIRE_SUN_MOST);
	header_fill(&record->header, WIRE_socket_connect, sizeof(*record));
	record->header.length = sizeof(*record) + WIRE_SUN_MOST;
	task_fill(&record->task, bpf_get_current_task_btf());
	record->connection = connection;
	record->socket_inode = file->inode;
	record->device = file->device;
	record->error = error;
	record->listener = listened ? listener_of(listened) : 0;
	if (address) {
		length = bpf_probe_read_kernel_str(record + 1, WIRE_SUN_MOST,
						   ((struct sockaddr_un *)address)->sun_path);
		if (length > 0)
			record->path.length = length - 1;
	}
	bpf_ringbuf_submit(record, wake_submit(&ring_state, sizeof(*record) + WIRE_SUN_MOST));
}
