// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "correlate/actor.h"
#include "correlate/conversation.h"
#include "correlate/listener_private.h"
#include "correlate/process.h"
#include "event/record.h"

#define AT_BEGINNING_NS 5000000000ull /* what a look finds by then was there before */

const char *listener_protocol_name(enum listener_protocol protocol)
{
	static const char *const names[] = { NULL, "http", "tls", "other" };

	return names[protocol];
}

/* Whether the command line has a word that contains this one. */
static bool says(struct listeners *listeners, const struct listener *listener, const char *word)
{
	const struct process *process = listener_process(listeners, listener);
	bool cut;
	struct text args = process ? process_args(process, &cut) : (struct text){};

	return args.length && memmem(args.data, args.length, word, strlen(word));
}

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
	bool lives = listener_still_lives(listeners, before);

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

void listener_tell_unix(struct listeners *listeners, const struct listener *listener,
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
void listener_tell_tcp(struct listeners *listeners, const struct listener *listener,
		       const struct listener *before, const struct wire_engine_listen *message)
{
	struct record *record;
	char port[16];
	bool known;

	if (before && !is_same(listener, before) && listener_still_lives(listeners, before)) {
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

void listener_tell_holder(struct listeners *listeners, const struct listener *listener,
			  const struct wire_task *opener, uint64_t time)
{
	struct record *record = begin(listeners, listener, time);
	bool by_init = opener->pid == 1;

	record_set_number(record, FIELD_listener_previous_pid, opener->pid);
	finish(listeners, record, by_init ? 25 : 50,
	       by_init ? "was handed the listener by the service manager"
		       : "holds the listener too: it was handed over, or inherited");
}

void listener_tell_protocol(struct listeners *listeners, const struct listener *listener,
			    enum listener_protocol protocol, uint64_t time)
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
	struct record *record = begin(listeners, listener, time);

	record_set_string(record, FIELD_socket_protocol, listener_protocol_name(protocol));
	finish(listeners, record, words[protocol].severity, words[protocol].reason);
}
