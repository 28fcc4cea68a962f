// SPDX-License-Identifier: Apache-2.0
#include "correlate/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/actor.h"
#include "correlate/conversation.h"
#include "correlate/message.h"
#include "correlate/process.h"
#include "event/record.h"

#define HOLDERS_MOST    8
#define PATH_MOST       256
#define PROGRAM_KEPT    256
#define AT_BEGINNING_NS 5000000000ull /* what a look finds by then was there before */

/* Who listens, as far as it takes to tell him from somebody else. */
struct holder {
	uint32_t pid, uid;
	uint64_t start;
};

struct listener {
	uint64_t cookie;
	bool tcp;
	char place[PATH_MOST]; /* path, or address and network namespace: what somebody may take
				  over */
	char address[LISTENER_ADDRESS_MOST];
	uint64_t inode;
	uint32_t device;
	struct wire_task task; /* who was told last */
	char program[PROGRAM_KEPT];
	struct holder holders[HOLDERS_MOST];
	unsigned int holder_count;
	unsigned int spoken; /* bits of enum listener_protocol that were told */
	uint64_t number;     /* counted up: which was heard of last */
};

struct listeners {
	const struct conversation_options *options;
	struct record *record;
	uint64_t first; /* boot clock: of the first message */
	struct listener *all;
	size_t count, room;
	uint64_t made;
};

const char *listener_protocol_name(enum listener_protocol protocol)
{
	static const char *const names[] = { NULL, "http", "tls", "other" };

	return names[protocol];
}

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

static bool still_lives(const struct listeners *listeners, const struct listener *listener)
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
		bool lives = still_lives(listeners, at);

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

/* NULL where there is no tree. */
static const struct process *process_of(struct listeners *listeners,
					const struct listener *listener)
{
	struct process_tree *tree = listeners->options->actors->tree;

	return tree ? process_tree_find_or_read(tree, &listener->task) : NULL;
}

static void note_program(struct listeners *listeners, struct listener *listener)
{
	const struct process *process = process_of(listeners, listener);
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

/* Whether the command line has a word that contains this one. */
static bool says(struct listeners *listeners, const struct listener *listener, const char *word)
{
	const struct process *process = process_of(listeners, listener);
	bool cut;
	struct text args = process ? process_args(process, &cut) : (struct text){};

	return args.length && memmem(args.data, args.length, word, strlen(word));
}

/* ---- telling */

static struct record *begin(struct listeners *listeners, const struct listener *listener,
			    uint64_t time)
{
	const struct conversation_options *options = listeners->options;
	struct record *record = listeners->record;
	char device[32];

	record_begin(record, EVENT_engine_listen);
	record_set_number(record, FIELD_event_severity, 0);
	record_set_number(record, FIELD_timestamp, actor_wall_ns(options->actors, time));
	actor_fill(options->actors, &listener->task, record);
	if (listener->tcp) {
		record_set_string(record, FIELD_socket_address, listener->address);
	} else {
		record_set_string(record, FIELD_socket_path, listener->place);
		record_set_number(record, FIELD_socket_inode, listener->inode);
		snprintf(device, sizeof(device), "%u:%u", listener->device >> 20,
			 listener->device & ((1u << 20) - 1));
		record_set_string(record, FIELD_socket_device, device);
	}
	record_set_string(record, FIELD_event_outcome, "success");
	record_set_string(record, FIELD_source, options->source);
	record_set_string(record, FIELD_witness, "bpf");
	return record;
}

static void finish(struct listeners *listeners, struct record *record, unsigned int severity,
		   const char *reason)
{
	record_raise_severity(record, severity);
	record_set_string(record, FIELD_listener_reason, reason);
	listeners->options->emit(listeners->options->user, record);
}

/* Somebody listens where somebody else did. */
static void tell_taken_over(struct listeners *listeners, const struct listener *listener,
			    const struct listener *before, uint64_t time)
{
	struct record *record = begin(listeners, listener, time);
	bool lives = still_lives(listeners, before);

	record_set_number(record, FIELD_listener_previous_pid, before->task.pid);
	if (before->program[0])
		record_set_string(record, FIELD_listener_previous_executable, before->program);
	if (before->task.uid != WIRE_UNSET)
		record_set_number(record, FIELD_listener_previous_user_id, before->task.uid);
	finish(listeners, record, lives ? 100 : 75,
	       lives ? "another program or user listens here than before, while the one before still "
		       "runs: it may read and change what clients ask"
		     : "another program or user listens here than before");
}

static bool is_same(const struct listener *one, const struct listener *other)
{
	return one->task.uid == other->task.uid && strcmp(one->program, other->program) == 0;
}

static void tell_unix(struct listeners *listeners, const struct listener *listener,
		      const struct listener *before, const struct wire_engine_listen *message)
{
	uint64_t time = message->header.time;
	bool was_there = message->found && time < listeners->first + AT_BEGINNING_NS;
	char reason[160];

	if (before && !is_same(listener, before)) {
		tell_taken_over(listeners, listener, before, time);
	} else if (before) {
		finish(listeners, begin(listeners, listener, time), 25,
		       "the same program and user as before listens anew");
	} else {
		snprintf(reason, sizeof(reason), "%s%s",
			 was_there ? "was listening when recording began" : "a new listener",
			 message->opener == message->task.pid ? "" : ", opened by another process");
		finish(listeners, begin(listeners, listener, time), was_there ? 0 : 50, reason);
	}
}

/* Until the engine has spoken it is taken for plain: who declares TLS says so by an option. */
static void tell_tcp(struct listeners *listeners, const struct listener *listener,
		     const struct listener *before, const struct wire_engine_listen *message)
{
	struct record *record;
	char port[16];
	bool known;

	if (before && !is_same(listener, before) && still_lives(listeners, before)) {
		tell_taken_over(listeners, listener, before, message->header.time);
		return;
	}
	snprintf(port, sizeof(port), ":%u", message->port);
	known = message->why == WIRE_LISTEN_PORT || says(listeners, listener, port);
	record = begin(listeners, listener, message->header.time);
	if (says(listeners, listener, "--tls"))
		finish(listeners, record, 50,
		       "listens on TCP and declares TLS: its first answer will show it");
	else if (known)
		finish(listeners, record, 75,
		       "listens on TCP and declares no TLS: its first answer will show it");
	else
		finish(listeners, record, 50,
		       "listens on TCP: its first answer will show whether that is its API");
}

static void tell_holder(struct listeners *listeners, const struct listener *listener,
			const struct wire_task *opener, uint64_t time)
{
	struct record *record = begin(listeners, listener, time);
	bool by_init = opener->pid == 1;

	record_set_number(record, FIELD_listener_previous_pid, opener->pid);
	finish(listeners, record, by_init ? 25 : 50,
	       by_init ? "was handed the listener by the service manager"
		       : "holds the listener too: it was handed over, or inherited");
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

static int on_known(struct listeners *listeners, struct listener *listener,
		    const struct wire_engine_listen *message)
{
	struct wire_task before = listener->task;

	if (is_held_by(listener, &message->task))
		return 0;
	hold(listener, &message->task);
	note_program(listeners, listener);
	tell_holder(listeners, listener, &before, message->header.time);
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
		tell_tcp(listeners, &new, before, message);
	else
		tell_unix(listeners, &new, before, message);
	listener = make(listeners);
	if (!listener)
		return -ENOMEM;
	*listener = new;
	return 0;
}

void listeners_speak(struct listeners *listeners, uint64_t cookie, enum listener_protocol protocol,
		     uint64_t time)
{
	static const struct {
		unsigned int severity;
		const char *reason;
	} words[] = {
		[LISTENER_HTTP] = { 75, "speaks HTTP without TLS: whoever reaches it commands the "
					"engine, and others on the way can read and change it" },
		[LISTENER_TLS] = { 25, "speaks TLS" },
		[LISTENER_OTHER] = { 25,
				     "speaks neither HTTP nor TLS: it is not the engine's API" },
	};
	struct listener *listener = cookie ? find(listeners, cookie) : NULL;
	struct record *record;

	if (!listener || protocol == LISTENER_UNKNOWN || listener->spoken & 1u << protocol)
		return;
	listener->spoken |= 1u << protocol;
	record = begin(listeners, listener, time);
	record_set_string(record, FIELD_socket_protocol, listener_protocol_name(protocol));
	finish(listeners, record, words[protocol].severity, words[protocol].reason);
}
