// SPDX-License-Identifier: Apache-2.0
#include "trail/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/hex.h"
#include "trail/frame.h"
#include "trail/queue.h"
#include "trail/sign.h"

#define DEFAULT_COMMIT_BYTES (1u << 20)
#define DEFAULT_QUEUE_BYTES  (16u << 20)
#define DEFAULT_LEVEL        3

#define RETRY_NS NS_PER_SECOND /* between two attempts where the disk took nothing */

#define DEFAULT_SEGMENT_BYTES (64u << 20)
#define DEFAULT_SEGMENT_NS    (24 * 3600 * NS_PER_SECOND)

struct trail_writer {
	struct trail_options options;
	char id[2 * TRAIL_ID_BYTES + 1];
	char root[2 * TRAIL_KEY_BYTES + 1];
	uint64_t next_sequence; /* the appending thread's own */

	struct trail_store store; /* the writing thread's own */
	pthread_t thread;

	pthread_mutex_t lock; /* of everything below; never held across I/O */
	pthread_cond_t wake;  /* there may be something to write */
	pthread_cond_t done;  /* a commit has ended */
	struct trail_queue queue;
	uint64_t pace_ns;    /* CLOCK_MONOTONIC: no commit before it without need */
	uint64_t sync_event; /* someone waits for this one */
	bool closing;
	struct trail_writer_stats stats;
};

/* ---- the writing thread ---- */

/* When the next commit is to start, on CLOCK_MONOTONIC; UINT64_MAX when there is nothing to write.
 */
static uint64_t due_ns(const struct trail_writer *writer)
{
	uint64_t due;

	if (!writer->queue.full && !writer->queue.filling)
		return UINT64_MAX;
	if (writer->closing || writer->sync_event > writer->stats.committed_event)
		return 0;
	due = writer->queue.full ? 0 : writer->queue.filling->deadline_ns;
	/* The pace keeps small commits from wearing the disk; it must not make the queue grow. */
	if (writer->queue.full_count >= 2 ||
	    writer->stats.queue_bytes >= writer->options.queue_bytes / 2)
		return due;
	return due > writer->pace_ns ? due : writer->pace_ns;
}

static void wait_until(struct trail_writer *writer, uint64_t ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(ns / NS_PER_SECOND),
		.tv_nsec = (long)(ns % NS_PER_SECOND),
	};

	if (ns == UINT64_MAX)
		pthread_cond_wait(&writer->wake, &writer->lock);
	else
		pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
}

static void count_commit(struct trail_writer *writer, const struct trail_batch *batch,
			 const struct trail_commit *commit)
{
	struct trail_writer_stats *stats = &writer->stats;
	const struct trail_committed *head = &writer->store.head;

	stats->frames += commit->frames;
	stats->commits++;
	stats->events += batch->event_count;
	stats->raw_bytes += batch->raw_bytes;
	stats->stored_bytes += commit->stored_bytes;
	stats->segment = head->segment;
	stats->committed_frame = head->frame;
	stats->committed_event = head->event;
	stats->committed_offset = head->offset;
	memcpy(stats->head, head->hash, sizeof(stats->head));
	stats->last_commit_wall_ns = head->wall_ns;
	stats->last_commit_duration_ns = commit->duration_ns;
	stats->last_disk_ns = commit->disk_ns;
	if (commit->duration_ns > stats->most_commit_duration_ns)
		stats->most_commit_duration_ns = commit->duration_ns;
	if (commit->disk_ns > stats->most_disk_ns)
		stats->most_disk_ns = commit->disk_ns;
}

/* The lock is held. Until `ns`, or until the writer is to end. */
static void pause_until(struct trail_writer *writer, uint64_t ns)
{
	while (!writer->closing && clock_monotonic_ns() < ns)
		wait_until(writer, ns);
}

/* The lock is held, but for the disk. */
static int write_frames(struct trail_writer *writer, struct trail_commit *ret_commit)
{
	int r;

	pthread_mutex_unlock(&writer->lock);
	r = trail_store_write(&writer->store, ret_commit);
	pthread_mutex_lock(&writer->lock);
	writer->stats.failures = writer->store.failures;
	writer->stats.failure = writer->store.failure;
	return r;
}

/*
 * Where the disk does not take the frames they wait, and behind them what is appended: it is tried
 * again every second, and a last time at the end. The lock is held, but for the disk.
 */
static int commit_batch(struct trail_writer *writer, const struct trail_batch *batch,
			struct trail_commit *ret_commit)
{
	struct trail_writer_stats *stats = &writer->stats;
	bool last = writer->closing;
	int r;

	pthread_mutex_unlock(&writer->lock);
	r = trail_store_prepare(&writer->store, batch);
	pthread_mutex_lock(&writer->lock);
	if (r < 0)
		return r;
	while ((r = write_frames(writer, ret_commit)) < 0 && !writer->options.halt_on_full &&
	       !last) {
		stats->waiting_error = r;
		pthread_cond_broadcast(&writer->done);
		pause_until(writer, clock_monotonic_ns() + RETRY_NS);
		last = writer->closing;
	}
	stats->waiting_error = 0;
	return r;
}

/* The lock is held, but for the disk. What was committed is acknowledged by now. */
static void rotate(struct trail_writer *writer)
{
	int r;

	pthread_mutex_unlock(&writer->lock);
	r = trail_store_rotate(&writer->store);
	pthread_mutex_lock(&writer->lock);
	writer->stats.segment = writer->store.segment;
	writer->stats.rotation_error = r;
	writer->stats.reserve_error = writer->store.reserve_error;
}

static void *write_batches(void *context)
{
	struct trail_writer *writer = context;

	pthread_mutex_lock(&writer->lock);
	while (!writer->stats.error) {
		uint64_t due = due_ns(writer), now = clock_monotonic_ns();
		struct trail_commit commit;
		struct trail_batch *batch;
		int r;

		if (due == UINT64_MAX && writer->closing)
			break;
		if (due > now) {
			wait_until(writer, due);
			continue;
		}
		batch = trail_queue_take(&writer->queue);
		/* Now, and not behind the commit before: `zstd -dc` has nothing to say of an empty
		 * file but that it is too short. */
		rotate(writer);
		r = commit_batch(writer, batch, &commit);
		writer->stats.queue_bytes -= batch->raw_bytes;
		if (r < 0) {
			writer->stats.error = r;
		} else {
			count_commit(writer, batch, &commit);
			writer->pace_ns = clock_monotonic_ns() + commit.disk_ns;
		}
		trail_queue_give_back(&writer->queue, batch);
		pthread_cond_broadcast(&writer->done);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* ---- the appending thread ---- */

static int check_entry(const struct trail_writer *writer, const struct trail_entry *entry)
{
	uint64_t sequence;

	if (entry->class >= TRAIL_CLASSES || !entry->pruned != (entry->type != TRAIL_PRUNE) ||
	    ((entry->type < TRAIL_DATA || entry->type > TRAIL_PRUNE) &&
	     entry->type != TRAIL_NEWCHAIN))
		return -EINVAL;
	if (entry->length > TRAIL_LINE_MOST)
		return -EMSGSIZE;
	/* What is signed here must not be what `verify` calls false. */
	if (trail_line_sequence(entry->line, entry->length, writer->id, &sequence) < 0 ||
	    sequence != writer->next_sequence || memchr(entry->line, '\n', entry->length))
		return -EINVAL;
	return trail_summary_check(entry->terms, entry->term_count);
}

/* The lock is held. See that a batch with room for the entry is being filled. 0, -ENOBUFS, -ENOMEM.
 */
static int find_room(struct trail_writer *writer, const struct trail_entry *entry)
{
	size_t most = writer->options.queue_bytes, need = entry->length + 1;

	if (trail_entry_class(entry) == TRAIL_ROUTINE)
		most -= most / 4;
	if (writer->stats.queue_bytes + need > most)
		return -ENOBUFS;
	if (writer->queue.filling &&
	    (writer->queue.filling->raw_bytes + need > writer->options.commit_bytes ||
	     !trail_batch_fits(writer->queue.filling, entry))) {
		trail_queue_close(&writer->queue);
		pthread_cond_signal(&writer->wake);
	}
	return writer->queue.filling ? 0 : trail_queue_begin(&writer->queue);
}

/* The lock is held. When this entry's commit is to start; the writing thread is woken if that is
 * news. */
static void set_deadline(struct trail_writer *writer, const struct trail_entry *entry)
{
	struct trail_batch *batch = writer->queue.filling;
	uint64_t now, deadline;

	if (!entry->urgent && batch->deadline_ns != UINT64_MAX)
		return;
	now = clock_monotonic_ns();
	/* Half of it for gathering what comes along, half for the scheduler. */
	deadline = now + (entry->urgent ? writer->options.urgent_ns / 2
					: writer->options.commit_interval_ns);
	if (deadline >= batch->deadline_ns)
		return;
	batch->deadline_ns = deadline;
	pthread_cond_signal(&writer->wake);
}

static int append_locked(struct trail_writer *writer, const struct trail_entry *entry)
{
	struct trail_writer_stats *stats = &writer->stats;
	int r;

	if (stats->error)
		return -EIO;
	r = find_room(writer, entry);
	if (r < 0)
		return r;
	r = trail_queue_add(&writer->queue, entry, writer->next_sequence);
	if (r < 0)
		return r;
	set_deadline(writer, entry);
	stats->queue_bytes += entry->length + 1;
	if (stats->queue_bytes > stats->most_queue_bytes)
		stats->most_queue_bytes = stats->queue_bytes;
	writer->next_sequence++;
	return 0;
}

int trail_writer_append(struct trail_writer *writer, const struct trail_entry *entry)
{
	int r = check_entry(writer, entry);

	if (r < 0)
		return r;
	pthread_mutex_lock(&writer->lock);
	r = append_locked(writer, entry);
	if (r == -ENOBUFS)
		writer->stats.refused++;
	pthread_mutex_unlock(&writer->lock);
	return r;
}

int trail_writer_sync(struct trail_writer *writer)
{
	int r;

	pthread_mutex_lock(&writer->lock);
	writer->sync_event = writer->next_sequence - 1;
	pthread_cond_signal(&writer->wake);
	while (!writer->stats.error && !writer->stats.waiting_error &&
	       writer->stats.committed_event < writer->sync_event)
		pthread_cond_wait(&writer->done, &writer->lock);
	r = writer->stats.error ? -EIO : writer->stats.waiting_error ? -EAGAIN : 0;
	pthread_mutex_unlock(&writer->lock);
	return r;
}

void trail_writer_get_stats(struct trail_writer *writer, struct trail_writer_stats *ret_stats)
{
	pthread_mutex_lock(&writer->lock);
	*ret_stats = writer->stats;
	pthread_mutex_unlock(&writer->lock);
}

uint64_t trail_writer_next_sequence(const struct trail_writer *writer)
{
	return writer->next_sequence;
}

const char *trail_writer_id(const struct trail_writer *writer)
{
	return writer->id;
}

const char *trail_writer_root(const struct trail_writer *writer)
{
	return writer->root;
}

/* ---- its life ---- */

static void writer_free(struct trail_writer *writer)
{
	trail_queue_free(&writer->queue);
	trail_store_close(&writer->store);
	pthread_cond_destroy(&writer->wake);
	pthread_cond_destroy(&writer->done);
	pthread_mutex_destroy(&writer->lock);
	trail_secret_free(writer, sizeof(*writer));
}

static int set_options(struct trail_writer *writer, const struct trail_options *options)
{
	struct trail_options *own = &writer->options;
	size_t batches;

	*own = *options;
	own->commit_interval_ns = own->commit_interval_ns ?: NS_PER_SECOND;
	own->urgent_ns = own->urgent_ns ?: 100 * NS_PER_MS;
	own->commit_bytes = own->commit_bytes ?: DEFAULT_COMMIT_BYTES;
	own->queue_bytes = own->queue_bytes ?: DEFAULT_QUEUE_BYTES;
	own->level = own->level ?: DEFAULT_LEVEL;
	own->segment_bytes = own->segment_bytes ?: DEFAULT_SEGMENT_BYTES;
	own->segment_ns = own->segment_ns ?: DEFAULT_SEGMENT_NS;
	/* A frame may have one line more than commit_bytes when that line alone is longer. */
	if (!own->folder || own->commit_bytes > TRAIL_RAW_MOST - TRAIL_LINE_MOST ||
	    own->queue_bytes < own->commit_bytes)
		return -EINVAL;
	/* A batch has tables beside its lines: a tiny commit_bytes must not multiply them. */
	batches = own->queue_bytes / own->commit_bytes + 2;
	trail_queue_init(&writer->queue, batches < 66 ? batches : 66);
	return 0;
}

static void start(struct trail_writer *writer)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->wake, &monotonic);
	pthread_cond_init(&writer->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_mutex_init(&writer->lock, NULL);
	writer->store = (struct trail_store)TRAIL_STORE_CLOSED;
}

static void take_over(struct trail_writer *writer)
{
	const struct trail_store *store = &writer->store;

	hex_put(writer->id, store->key.trail_id, TRAIL_ID_BYTES);
	if (store->root_known)
		hex_put(writer->root, store->root_key, TRAIL_KEY_BYTES);
	writer->next_sequence = store->key.first_event;
	writer->stats.segment = store->segment;
	writer->stats.reserve_error = store->reserve_error;
	writer->stats.committed_frame = store->head.frame;
	writer->stats.committed_event = store->head.event;
	writer->stats.committed_offset = store->head.offset;
	writer->stats.last_commit_wall_ns = store->head.wall_ns;
	memcpy(writer->stats.head, store->head.hash, sizeof(writer->stats.head));
}

/* All signals are the appending thread's: a handler must not run in this one. */
static int start_thread(struct trail_writer *writer)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&writer->thread, NULL, write_batches, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static void writer_freep(struct trail_writer **writer)
{
	if (*writer)
		writer_free(*writer);
}

int trail_writer_open(const struct trail_options *options, struct trail_writer **ret_writer,
		      struct trail_recovery *ret_recovery)
{
	_cleanup_(writer_freep)
	struct trail_writer *writer = trail_secret_new(sizeof(*writer)); /* the key is in it */
	struct trail_store_options store = { .folder = options->folder, .state = options->state };
	int r;

	if (!writer)
		return -ENOMEM;
	start(writer);
	r = set_options(writer, options);
	if (r < 0)
		return r;
	store.level = writer->options.level;
	store.segment_bytes = writer->options.segment_bytes;
	store.segment_ns = writer->options.segment_ns;
	store.begin_anew = writer->options.begin_anew;
	store.retention = writer->options.retention;
	store.reserve = writer->options.reserve;
	memcpy(store.boot_id, options->boot_id, sizeof(store.boot_id));
	memcpy(store.machine_id, options->machine_id, sizeof(store.machine_id));
	r = trail_random(&writer->queue.hash_seed, sizeof(writer->queue.hash_seed));
	if (r < 0)
		return r;
	r = trail_store_open(&store, &writer->store, ret_recovery);
	if (r < 0)
		return r;
	/* The strings are the caller's, and were for opening only. */
	writer->options.folder = NULL;
	writer->options.state = NULL;
	writer->options.retention = NULL;
	take_over(writer);
	r = start_thread(writer);
	if (r < 0)
		return r;
	*ret_writer = TAKE_PTR(writer);
	return 0;
}

int trail_writer_close(struct trail_writer *writer)
{
	int r;

	if (!writer)
		return 0;
	pthread_mutex_lock(&writer->lock);
	writer->closing = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	r = writer->stats.error ? -EIO : 0;
	writer_free(writer);
	return r;
}
