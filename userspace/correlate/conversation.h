/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the probes say of the engine's sockets to events: connections with both their
 * directions, requests paired with their answers, and each request with the process that sent its
 * first byte.
 *
 * An api-request is written once: when the status line has come (for create, exec, commit and build
 * also the id in the answer's body), at the latest CONVERSATION_PATIENCE_NS after the request was
 * complete, or began if its end does not come (an archive's body: CONVERSATION_UPLOAD_NS), when the
 * connection ends, or at stop. What is answered later is an api-answer.
 */
#pragma once

/* api.reason of a request that is told before all of it has come. */
#define REQUEST_UNFINISHED "its body has not ended"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "bpf/wire.h"

struct actor_context;
struct conversations;
struct record;
struct redact;
struct servers;

#define CONVERSATION_PATIENCE_NS 2000000000ull
#define CONVERSATION_UPLOAD_NS   30000000000ull
#define CONVERSATIONS_MOST       16384 /* connections; beyond, the one that was silent longest goes */
#define CONVERSATION_REQUESTS    1024 /* of one connection; beyond, the oldest is written as it is */

struct conversation_options {
	struct actor_context *actors; /* who is who: processes, users, containers */
	const struct redact *redact;
	struct servers *servers; /* where senders listen themselves; NULL: not known of any */
	const char *prefix;      /* makes connection ids unique between runs of the recorder */
	/* A finished event; the record is the caller's again when it returns. */
	void (*emit)(void *user, struct record *record);
	/* The configured path of a listener's file, or NULL. */
	const char *(*socket_path)(void *socket_user, uint64_t inode, uint32_t device);
	/*
	 * The engine has handed this connection over: nothing more of it needs to be read. Only who
	 * reads the whole conversation can know; may be NULL.
	 */
	void (*handed_over)(void *socket_user, uint64_t connection);
	void *user, *socket_user;
	const char *source; /* docktrail.source: the rung in force */
};

struct conversation_stats {
	size_t connections, requests_waiting;
	uint64_t evicted;       /* connections forgotten for want of room */
	uint64_t requests_lost; /* turns whose pieces never came */
	uint64_t bytes_missing; /* bytes of conversations that never came, within what is kept */
};

/* The options are copied, what they point to must live on. Returns 0 or -ENOMEM. */
int conversations_new(const struct conversation_options *options, struct conversations **ret);
/* Forgets everything without a word: conversations_end() first. Takes NULL. */
void conversations_free(struct conversations *conversations);

/*
 * A message of the probes about a socket; others are ignored. In order of time. Returns 0; -EBADMSG
 * for one that makes no sense, or -ENOMEM: then that message is lost, and the caller counts it.
 */
int conversations_message(struct conversations *conversations, const struct wire_header *message);

/* Whether a request is under way, and not written yet, that starts this container (its whole id).
 */
bool conversations_starting(const struct conversations *conversations, struct text container);

/* Time passes: write what has waited long enough. `now` on the boot clock. */
void conversations_tick(struct conversations *conversations, uint64_t now);

/*
 * A look at what is alive (bpf_source_alive): begin, each end of each connection, end. A connection
 * that was heard of before `begin` and is not there any more has ended. bpf_source_sweep() and a
 * drain come first: a connect that has no number even then has ended too.
 */
void conversations_alive_begin(struct conversations *conversations);
void conversations_alive(struct conversations *conversations, uint64_t connection,
			 uint8_t direction, uint64_t sent);
void conversations_alive_end(struct conversations *conversations, uint64_t now);

/* Recording ends: what is open is written as it stands. */
void conversations_end(struct conversations *conversations, uint64_t now);

void conversations_get_stats(const struct conversations *conversations,
			     struct conversation_stats *ret);
