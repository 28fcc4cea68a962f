// SPDX-License-Identifier: Apache-2.0
/*
 * Samples of the rings. Byte 0 of each is the message, or 'c' 's' 'p' 'e' for a good connect,
 * sender, piece and end; byte 1 the length of what follows. Of a message these are its bytes behind
 * the header, of a good one the connection with the direction (0 to 3, and 4), then what was sent.
 * What comes of it is a line that can be read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "capture/queue.h"
#include "correlate/actor.h"
#include "correlate/conversation.h"
#include "correlate/message.h"
#include "correlate/process.h"
#include "event/json.h"
#include "event/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct scene {
	struct actor_context actors;
	struct conversations *conversations;
	struct record *again;
	struct buffer line;
	struct queue queue;
	uint64_t time, offset[2][5];
	uint32_t turn[2][5];
	uint8_t last[5];
};

static const uint16_t message_bytes[WIRE_MESSAGES] = {
#define BYTES(name, ring, meaning) [WIRE_##name] = sizeof(struct wire_##name),
	MESSAGES(BYTES)
#undef BYTES
};

static void check(void *user, struct record *record)
{
	struct scene *scene = user;

	if (record->error)
		abort();
	buffer_clear(&scene->line);
	record_append_json(record, &scene->line);
	if (scene->line.error ||
	    record_parse_json(scene->again, scene->line.data, scene->line.length) < 0 ||
	    scene->again->event != record->event)
		abort();
}

static const char *socket_path(void *user, uint64_t inode, uint32_t device)
{
	return inode % 2 ? "/run/docker.sock" : NULL;
}

static int take(void *user, const struct wire_header *message)
{
	struct scene *scene = user;
	struct process_tree *tree = scene->actors.tree;

	if (message->message == WIRE_process_exec) {
		const struct wire_process_exec *exec = (const void *)message;
		const struct process_exec program = {
			.executable = message_text(message, exec->executable),
			.args = message_text(message, exec->args),
			.args_length = exec->args_length,
		};

		process_tree_exec(tree, &exec->task, message->time, &program);
	} else if (message->message == WIRE_process_fork) {
		const struct wire_process_fork *fork = (const void *)message;

		process_tree_fork(tree, &fork->task, fork->parent_start);
	} else if (message->message == WIRE_process_exit) {
		const struct wire_process_exit *end = (const void *)message;

		process_tree_exit(tree, end->pid, end->start, end->status, message->time);
	} else {
		conversations_message(scene->conversations, message);
	}
	return 0;
}

static void push(struct scene *scene, void *sample, enum wire_message message, size_t length)
{
	struct wire_header *header = sample;

	header->time = scene->time;
	header->length = (uint32_t)length;
	header->message = (uint16_t)message;
	if (queue_push(&scene->queue, sample, length) < 0)
		abort();
}

/* Bytes as they are: what makes no sense has to be refused, or borne. */
static void push_any(struct scene *scene, enum wire_message message, const uint8_t *data,
		     size_t size)
{
	size_t length = sizeof(struct wire_header) + size;
	/* Of its own size, so that a byte too much that is read is seen. */
	struct wire_header *sample = calloc(1, length);

	if (!sample)
		abort();
	memcpy(sample + 1, data, size);
	sample->tail = size ? data[size - 1] : 0;
	if (message < WIRE_MESSAGES && size > 1 && data[size - 2] % 2)
		sample->tail = message_bytes[message];
	push(scene, sample, message, length);
	free(sample);
}

static struct wire_task task_of(uint32_t pid)
{
	return (struct wire_task){ .start = pid, .pid = pid, .parent_pid = 1, .name = "client" };
}

static void push_piece(struct scene *scene, uint8_t who, const uint8_t *data, size_t size)
{
	uint64_t connection = 1 + who % 4;
	uint8_t direction = who / 4 % 2;
	struct {
		struct wire_socket_piece piece;
		uint8_t tail[UINT8_MAX];
	} sample = { .piece = { .header.tail = sizeof(sample.piece),
				.connection = connection,
				.offset = scene->offset[direction][connection],
				.inode = 1,
				.length = (uint32_t)size + (who & 8 ? 100 : 0),
				.connector = 7,
				.direction = direction,
				.data.length = (uint16_t)size } };

	if (scene->last[connection] != 1 + direction)
		scene->turn[direction][connection]++;
	scene->last[connection] = 1 + direction;
	sample.piece.turn = scene->turn[direction][connection];
	scene->offset[direction][connection] += sample.piece.length;
	memcpy(sample.tail, data, size);
	push(scene, &sample, WIRE_socket_piece, sizeof(sample.piece) + size);
}

static void push_good(struct scene *scene, char kind, const uint8_t *data, size_t size)
{
	uint8_t who = size ? data[0] : 0;
	uint64_t connection = 1 + who % 4;
	struct wire_socket_connect connect = { .header.tail = sizeof(connect),
					       .task = task_of(7),
					       .connection = who & 8 ? 0 : connection,
					       .socket_inode = 1 };
	struct wire_socket_sender sender = { .header.tail = sizeof(sender),
					     .task = task_of(8 + who / 8),
					     .connection = connection,
					     .inode = 1,
					     .offset = scene->offset[0][connection] };
	struct wire_socket_close end = { .header.tail = sizeof(end),
					 .connection = connection,
					 .direction = who / 4 % 2 };

	if (kind == 'c')
		push(scene, &connect, WIRE_socket_connect, sizeof(connect));
	else if (kind == 's')
		push(scene, &sender, WIRE_socket_sender, sizeof(sender));
	else if (kind == 'e')
		push(scene, &end, WIRE_socket_close, sizeof(end));
	else
		push_piece(scene, who, data + !!size, size - !!size);
}

static void end(struct scene *scene)
{
	conversations_tick(scene->conversations, scene->time);
	conversations_alive_begin(scene->conversations);
	conversations_alive_end(scene->conversations, scene->time + 2 * CONVERSATION_PATIENCE_NS);
	conversations_end(scene->conversations, scene->time);
	conversations_free(scene->conversations);
	process_tree_free(scene->actors.tree);
	record_free(scene->again);
	buffer_free(&scene->line);
	queue_clear(&scene->queue);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene scene = { .actors = { .boot_id = "12345678-aaaa-bbbb-cccc-1234567890ab" },
			       .time = 1 };
	const struct conversation_options options = { .actors = &scene.actors,
						      .prefix = "p",
						      .emit = check,
						      .socket_path = socket_path,
						      .user = &scene,
						      .source = "fuzz" };

	if (process_tree_new(-1, 64, 1 << 16, &scene.actors.tree) < 0 ||
	    conversations_new(&options, &scene.conversations) < 0 || record_new(&scene.again) < 0)
		abort();
	queue_fill_begin(&scene.queue);
	while (size > 2) {
		size_t length = data[1] < size - 2 ? data[1] : size - 2;

		if (strchr("cspe", data[0]) && data[0])
			push_good(&scene, (char)data[0], data + 2, length);
		else
			push_any(&scene, (enum wire_message)(data[0] % (WIRE_MESSAGES + 1)),
				 data + 2, length);
		scene.time += 1ull << (data[1] % 32);
		data += 2 + length;
		size -= 2 + length;
	}
	queue_merge(&scene.queue, 1, true, take, &scene);
	end(&scene);
	return 0;
}
