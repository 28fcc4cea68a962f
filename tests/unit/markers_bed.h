/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Secrets never reach the disk" (docs/threat-model.md): a marker in every place where a secret
 * stands, through the whole path from the messages of the probes to the signed trail. Each place
 * whole; split over two messages at every byte; cut there by a bound on what is kept; ended there
 * by a client that goes away; and, where there is a body, with a Content-Length that lies, so that
 * the rest of the body stands where a request should.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commands/scribe.h"
#include "tests/unit/trail_bed.h"

#define M     "Zq7Wk9Xv3Lp5Ty8Rm2"
#define INODE 77

#define OK     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
#define HOST   " HTTP/1.1\r\nHost: d\r\n"
#define JSON   HOST "Content-Type: application/json\r\nContent-Length: ?\r\n\r\n"
#define CREATE "POST /v1.41/containers/create" JSON

/* What each side says, in turns that begin with the client's; "?" is the length of the body. */
struct place {
	const char *what; /* in the words of the document */
	const char *turns[4];
};

struct markers {
	struct bed bed;
	struct scribe *scribe;
	uint64_t now, connection, offset[2];
	uint32_t turn, pid;
};

/* What is done to a turn: see above. */
enum deed { WHOLE, SPLIT, CUT, GONE, LIE, DEEDS };

int markers_set_up(void **state);
int markers_tear_down(void **state);

/* `size`: without the message's tail. */
void markers_say(struct markers *markers, struct wire_header *header, enum wire_message message,
		 size_t size);

/* The place once, with a deed done to this turn at this byte. */
void markers_converse(struct markers *markers, const struct place *place, size_t turn,
		      enum deed deed, size_t at);

/* Every deed at every byte of every turn. */
void markers_try_everything(struct markers *markers, const struct place *place);

/* A part of the marker, as it is or in hexadecimal digits. */
bool markers_leaks(const char *line, size_t length);

/* Fails the test with the line that does. Returns how many lines there are. */
size_t markers_expect_no_leak(struct markers *markers);
