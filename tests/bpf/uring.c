// SPDX-License-Identifier: Apache-2.0
#include "tests/bpf/uring.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *map_ring(const struct uring *uring, size_t size, off_t what)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, uring->fd,
			 what);

	return map == MAP_FAILED ? NULL : map;
}

int uring_open(struct uring *uring, unsigned int flags)
{
	struct io_uring_params *parameters = &uring->parameters;

	*uring = (struct uring){ .parameters = { .flags = flags, .sq_thread_idle = 1000 } };
	uring->fd = (int)syscall(__NR_io_uring_setup, 8, parameters);
	if (uring->fd < 0)
		return -errno;
	uring->submitted = map_ring(uring, parameters->sq_off.array + parameters->sq_entries * 4,
				    IORING_OFF_SQ_RING);
	uring->completed = map_ring(uring,
				    parameters->cq_off.cqes +
					    parameters->cq_entries * sizeof(struct io_uring_cqe),
				    IORING_OFF_CQ_RING);
	uring->entries =
		map_ring(uring, parameters->sq_entries * sizeof(*uring->entries), IORING_OFF_SQES);
	if (uring->submitted && uring->completed && uring->entries)
		return 0;
	close(uring->fd);
	return -ENOMEM;
}

int uring_do(struct uring *uring, const struct io_uring_sqe *operation)
{
	const struct io_uring_params *parameters = &uring->parameters;
	unsigned int *tail = (void *)(uring->submitted + parameters->sq_off.tail);
	unsigned int mask = *(unsigned int *)(uring->submitted + parameters->sq_off.ring_mask);
	unsigned int *array = (void *)(uring->submitted + parameters->sq_off.array);
	unsigned int *head = (void *)(uring->completed + parameters->cq_off.head);
	unsigned int done = *(unsigned int *)(uring->completed + parameters->cq_off.ring_mask);
	struct io_uring_cqe *results = (void *)(uring->completed + parameters->cq_off.cqes);
	unsigned int at = *tail & mask, how = IORING_ENTER_GETEVENTS;
	int result;

	uring->entries[at] = *operation;
	array[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (parameters->flags & IORING_SETUP_SQPOLL) /* the kernel's own thread submits */
		how |= IORING_ENTER_SQ_WAKEUP;
	if (syscall(__NR_io_uring_enter, uring->fd, 1, 1, how, NULL, 0) < 0)
		return -errno;
	result = results[*head & done].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

void uring_close(struct uring *uring)
{
	const struct io_uring_params *parameters = &uring->parameters;

	munmap(uring->submitted, parameters->sq_off.array + parameters->sq_entries * 4);
	munmap(uring->completed,
	       parameters->cq_off.cqes + parameters->cq_entries * sizeof(struct io_uring_cqe));
	munmap(uring->entries, parameters->sq_entries * sizeof(*uring->entries));
	close(uring->fd);
}
