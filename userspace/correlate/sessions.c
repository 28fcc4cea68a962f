// SPDX-License-Identifier: Apache-2.0
#include "correlate/sessions.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-login.h>

#include "base/cleanup.h"
#include "bpf/wire.h"

#define uthash_nonfatal_oom(session) ((session)->refused = true)
#define HASH_NONFATAL_OOM            1
#include <uthash.h>

struct session {
	uint32_t number;
	char address[ADDRESS_MOST]; /* empty: none is known */
	bool refused;               /* no memory for its place in the table */
	UT_hash_handle hh;
};

struct sessions {
	struct session *table; /* the oldest first */
	bool elsewhere;
};

int sessions_new(bool elsewhere, struct sessions **ret)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return -ENOMEM;
	sessions->elsewhere = elsewhere;
	*ret = sessions;
	return 0;
}

static void forget(struct sessions *sessions, struct session *session)
{
	HASH_DEL(sessions->table, session);
	free(session);
}

void sessions_forget(struct sessions *sessions)
{
	while (sessions->table)
		forget(sessions, sessions->table);
}

void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	sessions_forget(sessions);
	free(sessions);
}

/* At the end of the table. NULL: no memory. */
static struct session *put(struct sessions *sessions, struct session *session)
{
	session->refused = false;
	HASH_ADD(hh, sessions->table, number, sizeof(session->number), session);
	if (!session->refused)
		return session;
	free(session);
	return NULL;
}

static struct session *find(struct sessions *sessions, uint32_t number)
{
	struct session *session;

	HASH_FIND(hh, sessions->table, &number, sizeof(number), session);
	return session;
}

static struct session *find_or_add(struct sessions *sessions, uint32_t number)
{
	struct session *session = find(sessions, number);

	if (session)
		return session;
	if (HASH_COUNT(sessions->table) == SESSIONS_MOST)
		forget(sessions, sessions->table);
	session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->number = number;
	return put(sessions, session);
}

static bool is_address(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

int sessions_learn(struct sessions *sessions, uint32_t number, struct text address)
{
	struct session *session;
	char copy[ADDRESS_MOST];

	if (number == WIRE_UNSET || address.length == 0 || address.length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, address.data, address.length);
	copy[address.length] = '\0';
	if (!is_address(copy))
		return -EINVAL;
	session = find_or_add(sessions, number);
	if (!session)
		return -ENOMEM;
	memcpy(session->address, copy, sizeof(copy));
	return 0;
}

/* logind numbers its sessions as audit does, where audit does (logind-dbus.c, CreateSession). */
static void ask_logind(struct session *session)
{
	_cleanup_free_ char *host = NULL;
	char name[16];

	snprintf(name, sizeof(name), "%u", session->number);
	if (sd_session_get_remote_host(name, &host) >= 0 && host && is_address(host))
		snprintf(session->address, sizeof(session->address), "%s", host);
}

const char *sessions_address(struct sessions *sessions, uint32_t number)
{
	struct session *session = number == WIRE_UNSET ? NULL : find(sessions, number);

	if (!session && number != WIRE_UNSET && !sessions->elsewhere) {
		session = find_or_add(sessions, number);
		if (session)
			ask_logind(session);
	}
	return session && session->address[0] ? session->address : NULL;
}
