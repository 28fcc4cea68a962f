// SPDX-License-Identifier: Apache-2.0
/* Which programs and ports are an engine's, when to look who listens, when to look at packets. */
#include <bpf/libbpf.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/bpf_private.h"

#define PROGRAM_MOST 32
#define LOOK_EVERY   (30 * NS_PER_SECOND)
#define LOOK_AFTER   (10 * NS_PER_SECOND) /* an engine that begins opens its listeners by then */

static const char *const usual_programs[] = { "dockerd", "podman", NULL };
static const uint16_t usual_ports[] = { 2375, 2376, 0 };

void bpf_engines_name(struct bpf_source *source, const struct bpf_options *options)
{
	const char *const *program = source->programs = options->programs ?: usual_programs;
	const uint16_t *port = options->ports ?: usual_ports;
	__u8 one = 1;

	for (; *program; program++) {
		char name[PROGRAM_MOST] = {};

		memcpy(name, *program, strnlen(*program, sizeof(name) - 1));
		bpf_map__update_elem(source->probes->maps.engine_programs, name, sizeof(name), &one,
				     sizeof(one), BPF_ANY);
	}
	for (; *port; port++)
		bpf_map__update_elem(source->probes->maps.engine_ports, port, sizeof(*port), &one,
				     sizeof(one), BPF_ANY);
}

static void tend_tcp(struct bpf_source *source)
{
	const volatile __u64 *listening = &source->probes->bss->tcp_listening;
	bool wanted = *listening > 0;

	if (wanted == source->tcp_attached || source->stopped)
		return;
	/* What does not attach now is tried again: the hooks in force say that it is not there. */
	if (bpf_ladder_tcp(source, wanted) == 0)
		source->tcp_attached = wanted;
}

void bpf_engines_tend(struct bpf_source *source)
{
	tend_tcp(source);
}

static bool is_engine_program(const struct bpf_source *source,
			      const struct wire_process_exec *message)
{
	size_t room = message->header.length - message->header.tail;
	const char *path =
		(const char *)message + message->header.tail + message->executable.offset;
	size_t length = message->executable.length;
	const char *slash;

	if (message->executable.offset > room || length > room - message->executable.offset)
		return false;
	slash = length ? memrchr(path, '/', length) : NULL;
	if (slash) {
		length -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	for (const char *const *known = source->programs; *known; known++)
		if (strlen(*known) == length && memcmp(*known, path, length) == 0)
			return true;
	return false;
}

static void look_soon(struct bpf_source *source, uint64_t for_ns)
{
	uint64_t until = clock_boot_ns() + for_ns;

	if (source->look_at < until)
		source->look_at = until;
}

bool bpf_engines_heard(struct bpf_source *source, const struct wire_header *message)
{
	const struct wire_engine_listen *listener;
	const struct wire_socket_connect *connect;

	switch (message->message) {
	case WIRE_process_exec:
		if (is_engine_program(source, (const struct wire_process_exec *)message))
			look_soon(source, LOOK_AFTER);
		return true;
	case WIRE_socket_connect:
		connect = (const struct wire_socket_connect *)message;
		/* Known by its name alone: an engine in a container, on the rung without listen(2).
		 */
		if (!connect->error &&
		    !bpf_source_socket_path(source, connect->socket_inode, connect->device))
			look_soon(source, NS_PER_SECOND);
		return true;
	case WIRE_engine_listen:
		listener = (const struct wire_engine_listen *)message;
		tend_tcp(source);
		return listener->port || bpf_patterns_heard(source, listener);
	default:
		return true;
	}
}

int bpf_source_refresh_sockets(struct bpf_source *source)
{
	uint64_t now = clock_boot_ns();
	int changed = bpf_sockets_refresh(source);

	if (changed > 0 || now < source->look_at || now >= source->look_due) {
		bpf_patterns_expire(source);
		source->look++;
		source->look_due = now + LOOK_EVERY;
		bpf_source_look(source);
	}
	changed += source->changed;
	source->changed = 0;
	return changed;
}
