/* SPDX-License-Identifier: Apache-2.0 */
/* What every reader of the probes' messages needs. */
#pragma once

#include "base/text.h"
#include "bpf/wire.h"

/* A string of a message, within its tail; empty where it points out of it. Valid as long as the
 * message. */
static inline struct text message_text(const struct wire_header *message, struct wire_str string)
{
	size_t room = message->length - message->tail;

	if (string.offset > room || string.length > room - string.offset)
		return (struct text){};
	return (struct text){ (const char *)message + message->tail + string.offset,
			      string.length };
}
