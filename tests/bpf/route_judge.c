// SPDX-License-Identifier: Apache-2.0
/* What came of a route: the probes' records through the recorder's own correlation. */
#include "tests/bpf/route.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "correlate/actor.h"
#include "correlate/conversation.h"
#include "event/record.h"

#define TOLD_MOST 32

struct told {
	enum event event;
	uint64_t pid, connector, status, inode;
	char name[20], path[40], state[16], user[12], error[16], socket[128], outcome[12];
};

struct telling {
	struct told told[TOLD_MOST];
	size_t count;
	const struct trip *trip;
};

#define KEEP(told, record, field, name)                                                            \
	snprintf((told)->name, sizeof((told)->name), "%.*s",                                       \
		 (int)record_text(record, field).length, record_text(record, field).data ?: "")

/* Only what is about this trip's socket, or a refusal of the one who goes. */
static void remember(void *user, struct record *record)
{
	struct telling *telling = user;
	struct told *told = &telling->told[telling->count];
	const struct trip *trip = telling->trip;

	*told = (struct told){ .event = record->event,
			       .pid = record_number(record, FIELD_process_pid),
			       .connector = record_number(record, FIELD_connector_process_pid),
			       .status = record_number(record, FIELD_http_response_status_code),
			       .inode = record_number(record, FIELD_socket_inode) };
	if (told->inode != trip->listener.inode && told->pid != (uint64_t)trip->refused)
		return;
	assert_true(telling->count < TOLD_MOST - 1);
	KEEP(told, record, FIELD_process_name, name);
	KEEP(told, record, FIELD_url_path, path);
	KEEP(told, record, FIELD_api_state, state);
	KEEP(told, record, FIELD_user_id, user);
	KEEP(told, record, FIELD_error_code, error);
	KEEP(told, record, FIELD_socket_path, socket);
	KEEP(told, record, FIELD_event_outcome, outcome);
	telling->count++;
}

static const char *path_of(void *user, uint64_t inode, uint32_t device)
{
	struct telling *telling = user;

	return bpf_source_socket_path(telling->trip->scene->source, inode, device);
}

static void tell(struct telling *telling)
{
	const struct scene *scene = telling->trip->scene;
	struct actor_context actors = { .boot_id = "12345678-aaaa-bbbb-cccc-1234567890ab" };
	const struct conversation_options options = { .actors = &actors,
						      .prefix = "p",
						      .emit = remember,
						      .socket_path = path_of,
						      .user = telling,
						      .socket_user = telling,
						      .source = scene->rung };
	struct conversations *conversations = NULL;

	assert_int_equal(conversations_new(&options, &conversations), 0);
	for (size_t at = 0; at < scene->records.length;) {
		const struct wire_header *record = (const void *)(scene->records.data + at);

		assert_int_equal(conversations_message(conversations, record), 0);
		at += (record->length + 7u) & ~7u;
	}
	conversations_end(conversations, clock_boot_ns());
	conversations_free(conversations);
}

/* The only event of a kind that nothing else may come between; NULL is said. */
static const struct told *only(const struct telling *telling, enum event event,
			       struct buffer *wrong)
{
	const struct told *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < telling->count; i++)
		if (telling->told[i].event == event) {
			found = &telling->told[i];
			count++;
		}
	if (count != 1)
		buffer_printf(wrong, "; %zu events of kind %d instead of one", count, event);
	return count == 1 ? found : NULL;
}

static void judge_request(const struct expected_request *expected, const struct told *told,
			  struct buffer *wrong)
{
	uint64_t connector =
		expected->connector == expected->pid ? 0 : (uint64_t)expected->connector;

	if (told->pid != (uint64_t)expected->pid)
		buffer_printf(wrong, "; %s: sent by %d, told of %llu", expected->path,
			      expected->pid, (unsigned long long)told->pid);
	if (told->connector != connector)
		buffer_printf(wrong, "; %s: connected by %llu, told of %llu", expected->path,
			      (unsigned long long)connector, (unsigned long long)told->connector);
	if (strncmp(told->name, expected->name, WIRE_COMM - 1) != 0)
		buffer_printf(wrong, "; %s: the sender's name is \"%s\"", expected->path,
			      told->name);
	if (strcmp(told->path, expected->path) != 0)
		buffer_printf(wrong, "; \"%s\" is told as \"%s\"", expected->path, told->path);
	if (strcmp(told->state, expected->unanswered ? "pending" : "complete") != 0 ||
	    told->status != (expected->unanswered ? 0 : 200))
		buffer_printf(wrong, "; %s: %s with status %llu", expected->path, told->state,
			      (unsigned long long)told->status);
}

static void judge_requests(const struct telling *telling, struct buffer *wrong)
{
	const struct trip *trip = telling->trip;
	size_t count = 0;

	for (size_t i = 0; i < telling->count; i++) {
		if (telling->told[i].event != EVENT_api_request)
			continue;
		if (count < trip->count)
			judge_request(&trip->expected[count], &telling->told[i], wrong);
		count++;
	}
	if (count != trip->count)
		buffer_printf(wrong, "; %zu requests told of %zu", count, trip->count);
}

static void judge_bytes(const struct trip *trip, struct buffer *wrong)
{
	_cleanup_buffer_ struct buffer heard = {};

	SCENE_EACH (trip->scene, socket_piece, piece)
		if (piece->inode == trip->listener.inode && piece->direction == WIRE_CLIENT)
			buffer_append(&heard, record_bytes(&piece->header, piece->data),
				      piece->data.length);
	assert_int_equal(heard.error, 0);
	if (heard.length != trip->ground->length ||
	    memcmp(heard.data, trip->ground->bytes, heard.length) != 0)
		buffer_printf(wrong, "; %zu bytes heard, the engine read %zu, or other ones",
			      heard.length, trip->ground->length);
}

static void judge_refusal(const struct telling *telling, struct buffer *wrong)
{
	const struct trip *trip = telling->trip;
	const struct told *told = only(telling, EVENT_socket_connect, wrong);
	char user[12];

	if (!told)
		return;
	snprintf(user, sizeof(user), "%u", trip->refused_user);
	if (told->pid != (uint64_t)trip->refused || strcmp(told->user, user) != 0)
		buffer_printf(wrong, "; refused was %d of user %s, told of %llu of user %s",
			      trip->refused, user, (unsigned long long)told->pid, told->user);
	if (strcmp(told->error, trip->refused_code) != 0 || strcmp(told->outcome, "failure") != 0)
		buffer_printf(wrong, "; the reason %s is told as \"%s\", %s", trip->refused_code,
			      told->error, told->outcome);
	if (strcmp(told->name, trip->refused_name) != 0)
		buffer_printf(wrong, "; its name is told as \"%s\"", told->name);
	if (strcmp(told->socket, trip->refused_path) != 0 || told->inode != trip->refused_inode)
		buffer_printf(wrong, "; the socket %s is told as \"%s\"", trip->refused_path,
			      told->socket);
}

void trip_judge(struct trip *trip, struct buffer *wrong)
{
	struct telling telling = { .trip = trip };
	const struct told *begun;

	tell(&telling);
	if (trip->refused) {
		judge_refusal(&telling, wrong);
		return;
	}
	/* The engine itself must have understood it, or there would be nothing to compare with. */
	assert_int_equal(trip->ground->requests, trip->count);
	begun = only(&telling, trip->present ? EVENT_socket_present : EVENT_socket_connect, wrong);
	if (begun && begun->pid != (uint64_t)trip->expected[0].connector)
		buffer_printf(wrong, "; connected by %d, told of %llu", trip->expected[0].connector,
			      (unsigned long long)begun->pid);
	judge_requests(&telling, wrong);
	judge_bytes(trip, wrong);
}
