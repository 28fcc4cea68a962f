// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/actor.h"
#include "correlate/conversation.h"
#include "correlate/listener_private.h"
#include "correlate/message.h"
#include "correlate/process.h"
#include "event/record.h"

static bool is_mapped(const uint8_t address[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

void listener_ip(const uint8_t address[16], char ret[LISTENER_ADDRESS_MOST])
{
	if (is_mapped(address))
		inet_ntop(AF_INET, address + 12, ret, LISTENER_ADDRESS_MOST);
	else
		inet_ntop(AF_INET6, address, ret, LISTENER_ADDRESS_MOST);
}

void listener_address(const uint8_t address[16], uint16_t port, char ret[LISTENER_ADDRESS_MOST])
{
	char ip[LISTENER_ADDRESS_MOST];

	listener_ip(address, ip);
	snprintf(ret, LISTENER_ADDRESS_MOST,
		 is_mapped(address) ? "tcp://%.46s:%u" : "tcp://[%.46s]:%u", ip, port);
}

int listeners_new(const struct conversation_options *options, struct listeners **ret)
{
	struct listeners *listeners = calloc(1, sizeof(*listeners));
	int r;

	if (!listeners)
		return -ENOMEM;
	listeners->options = options;
	r = record_new(&listeners->record);
	if (r < 0) {
		free(listeners);
		return r;
	}
	*ret = listeners;
	return 0;
}

void listeners_free(struct listeners *listeners)
{
	if (!listeners)
		return;
	record_free(listeners->record);
	free(listeners->all);
	free(listeners);
}

static struct listener *find(struct listeners *listeners, uint64_t cookie)
{
	for (size_t i = 0; i < listeners->count; i++)
		if (listeners->all[i].cookie == cookie)
			return &listeners->all[i];
	return NULL;
}

/* Who listened there last. */
static const struct listener *find_before(const struct listeners *listeners, const char *place)
{
	const struct listener *last = NULL;

	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener *at = &listeners->all[i];

		if (strcmp(at->place, place) == 0 && (!last || at->number > last->number))
			last = at;
	}
	return last;
}

bool listener_still_lives(const struct listeners *listeners, const struct listener *listener)
{
	const struct process_tree *tree = listeners->options->actors->tree;
	const struct process *process =
		tree ? process_tree_find(tree, listener->task.pid, listener->task.start) : NULL;

	return process && !process->ended;
}

/* Whoever opens many listeners must not make a living engine be forgotten by closing them again. */
static struct listener *least_missed(struct listeners *listeners)
{
	struct listener *least = NULL;
	bool least_lives = true;

	for (size_t i = 0; i < listeners->count; i++) {
		struct listener *at = &listeners->all[i];
		bool lives = listener_still_lives(listeners, at);

		if (!least || (least_lives && !lives) ||
		    (least_lives == lives && at->number < least->number)) {
			least = at;
			least_lives = lives;
		}
	}
	return least;
}

/* NULL on -ENOMEM. Where there are too many, one makes room. */
static struct listener *make(struct listeners *listeners)
{
	if (listeners->count == LISTENERS_MOST)
		return least_missed(listeners);
	if (listeners->count == listeners->room) {
		size_t room = listeners->room ? listeners->room * 2 : 16;
		struct listener *more = reallocarray(listeners->all, room, sizeof(*more));

		if (!more)
			return NULL;
		listeners->all = more;
		listeners->room = room;
	}
	return &listeners->all[listeners->count++];
}

/* ---- who */

const struct process *listener_process(struct listeners *listeners, const struct listener *listener)
{
	struct process_tree *tree = listeners->options->actors->tree;

	return tree ? process_tree_find_or_read(tree, &listener->task) : NULL;
}

static void note_program(struct listeners *listeners, struct listener *listener)
{
	const struct process *process = listener_process(listeners, listener);
	struct text program = process ? process_executable(process) : (struct text){};

	snprintf(listener->program, sizeof(listener->program), "%.*s", (int)program.length,
		 program.data ?: "");
}

static bool is_held_by(struct listener *listener, const struct wire_task *task)
{
	for (unsigned int i = 0; i < listener->holder_count; i++)
		if (listener->holders[i].pid == task->pid &&
		    listener->holders[i].start == task->start)
			return true;
	return false;
}

static void hold(struct listener *listener, const struct wire_task *task)
{
	struct holder *holder;

	if (listener->holder_count == HOLDERS_MOST)
		memmove(listener->holders, listener->holders + 1,
			--listener->holder_count * sizeof(*listener->holders));
	holder = &listener->holders[listener->holder_count++];
	*holder = (struct holder){ .pid = task->pid, .uid = task->uid, .start = task->start };
	listener->task = *task;
}

/* ---- messages */

static void place_tcp(struct listener *listener, const struct wire_engine_listen *message)
{
	struct text address = message_text(&message->header, message->address);

	listener->tcp = true;
	if (address.length == 16)
		listener_address((const uint8_t *)address.data, message->port, listener->address);
	snprintf(listener->place, sizeof(listener->place), "%s %u", listener->address,
		 message->network);
}

static void place_unix(struct listeners *listeners, struct listener *listener,
		       const struct wire_engine_listen *message)
{
	const struct conversation_options *options = listeners->options;
	struct text name = message_text(&message->header, message->name);
	const char *path =
		options->socket_path(options->socket_user, message->socket_inode, message->device);

	listener->inode = message->socket_inode;
	listener->device = message->device;
	if (path)
		snprintf(listener->place, sizeof(listener->place), "%s", path);
	else
		snprintf(listener->place, sizeof(listener->place), "%.*s", (int)name.length,
			 name.data ?: "");
}

/* An engine answers names inside each container's network namespace (libnetwork's resolver). */
static bool is_resolver(const struct wire_engine_listen *message)
{
	static const uint8_t resolver[16] = { [10] = 0xff, [11] = 0xff, 127, 0, 0, 11 };
	struct text address = message_text(&message->header, message->address);

	return message->network != message->own_network && address.length == 16 &&
	       memcmp(address.data, resolver, sizeof(resolver)) == 0;
}

/* A child between fork and exec, or one that serves beside its parent. */
static bool is_child_of_holder(const struct listener *listener, const struct listener *heir)
{
	for (unsigned int i = 0; i < listener->holder_count; i++)
		if (listener->holders[i].pid == heir->task.parent_pid &&
		    listener->holders[i].start == heir->task.parent_start)
			return strcmp(listener->program, heir->program) == 0;
	return false;
}

static int on_known(struct listeners *listeners, struct listener *listener,
		    const struct wire_engine_listen *message)
{
	struct listener heir = { .task = message->task };
	struct wire_task before = listener->task;

	if (is_held_by(listener, &message->task))
		return 0;
	note_program(listeners, &heir);
	/* Not noted: should it run another program, it is told then. */
	if (is_child_of_holder(listener, &heir))
		return 0;
	hold(listener, &message->task);
	note_program(listeners, listener);
	listener_tell_holder(listeners, listener, &before, message->header.time);
	return 0;
}

int listeners_message(struct listeners *listeners, const struct wire_engine_listen *message)
{
	const struct listener *before;
	struct listener *listener = find(listeners, message->cookie), new = {};

	if (!listeners->first)
		listeners->first = message->header.time;
	if (listener)
		return on_known(listeners, listener, message);
	if (message->port && is_resolver(message))
		return 0;
	new.cookie = message->cookie;
	new.number = ++listeners->made;
	if (message->port)
		place_tcp(&new, message);
	else
		place_unix(listeners, &new, message);
	hold(&new, &message->task);
	note_program(listeners, &new);
	before = find_before(listeners, new.place);
	if (new.tcp)
		listener_tell_tcp(listeners, &new, before, message);
	else
		listener_tell_unix(listeners, &new, before, message);
	listener = make(listeners);
	if (!listener)
		return -ENOMEM;
	*listener = new;
	return 0;
}

void listeners_speak(struct listeners *listeners, uint64_t cookie, enum listener_protocol protocol,
		     uint64_t time)
{
	struct listener *listener = cookie ? find(listeners, cookie) : NULL;

	if (!listener || protocol == LISTENER_UNKNOWN || listener->spoken & 1u << protocol)
		return;
	listener->spoken |= 1u << protocol;
	listener_tell_protocol(listeners, listener, protocol, time);
}
