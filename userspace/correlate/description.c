// SPDX-License-Identifier: Apache-2.0
#include "correlate/description.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "correlate/containers.h"
#include "correlate/declare.h"
#include "correlate/http.h"
#include "correlate/operations.h"
#include "correlate/redact.h"
#include "event/record.h"

struct description {
	const struct redact *redact;
	struct operation_match
		match; /* its slices of the target are moved into the buffers below */
	struct buffer method, path, query, user_agent, raw;
	const char *reason;                   /* of what is ambiguous */
	struct declare *declare;              /* NULL where the operation declares nothing */
	struct declare_answer_reader *answer; /* NULL where its answer names nothing */
	int error;
};

static int keep_request(struct description *description, struct text method, struct text target)
{
	struct operation_match *match = &description->match;
	int r = operation_find(match, method, target);

	if (r < 0)
		return r;
	buffer_append(&description->method, method.data, method.length);
	buffer_append(&description->path, match->raw_path.data, match->raw_path.length);
	if (match->query.length > 0)
		redact_query(description->redact, match->operation, match->query,
			     &description->query);
	match->raw_path = match->query = (struct text){};
	return description->method.error ?: description->path.error ?: description->query.error;
}

static int read_bodies(struct description *description)
{
	const struct operation *operation = description->match.operation;
	enum declare_answer answer = declare_answer_of(operation);
	int r = 0;

	if (operation && operation->declares != OPERATION_DECLARES_none)
		r = declare_new(operation->declares, &description->declare);
	if (r == 0 && description->declare)
		r = declare_query(
			description->declare, operation, description->match.target,
			(struct text){ description->query.data, description->query.length });
	if (r == 0 && answer != DECLARE_ANSWER_NONE)
		r = declare_answer_new(answer, &description->answer);
	return r;
}

int description_new(const struct http_head *head, const struct redact *redact,
		    struct description **ret)
{
	struct description *description = calloc(1, sizeof(*description));
	int r;

	if (!description)
		return -ENOMEM;
	description->redact = redact;
	r = keep_request(description, head->method, head->target);
	if (r == 0)
		r = read_bodies(description);
	buffer_append(&description->user_agent, head->user_agent.data, head->user_agent.length);
	if (r < 0) {
		description_free(description);
		return r;
	}
	*ret = description;
	return 0;
}

int description_new_ambiguous(const struct http_ambiguous *ambiguous, const struct redact *redact,
			      struct description **ret)
{
	struct description *description = calloc(1, sizeof(*description));
	int r = 0;

	if (!description)
		return -ENOMEM;
	description->redact = redact;
	description->reason = http_problem_words(ambiguous->problem);
	if (ambiguous->method.length > 0)
		r = keep_request(description, ambiguous->method, ambiguous->target);
	description->match.operation = NULL; /* nothing that is refused is dispatched */
	if (r == 0 && ambiguous->start.length > 0)
		redact_raw(redact, ambiguous->start, &description->raw);
	if (r < 0) {
		description_free(description);
		return r;
	}
	*ret = description;
	return 0;
}

void description_free(struct description *description)
{
	if (!description)
		return;
	operation_match_free(&description->match);
	buffer_free(&description->method);
	buffer_free(&description->path);
	buffer_free(&description->query);
	buffer_free(&description->user_agent);
	buffer_free(&description->raw);
	declare_free(description->declare);
	declare_answer_free(description->answer);
	free(description);
}

static bool same_bytes(const struct buffer *one, const struct buffer *other)
{
	return one->length == other->length &&
	       (one->length == 0 || memcmp(one->data, other->data, one->length) == 0);
}

bool description_same(const struct description *one, const struct description *other)
{
	return one->method.length > 0 && same_bytes(&one->method, &other->method) &&
	       same_bytes(&one->path, &other->path);
}

void description_doubt(struct description *description, const char *reason, struct text start)
{
	if (description->reason)
		return;
	description->reason = reason;
	if (start.length > 0)
		redact_raw(description->redact, start, &description->raw);
}

void description_unread(struct description *description)
{
	description->match.operation = NULL;
	description->reason = "behind the last request that the engine reads";
	declare_free(description->declare);
	description->declare = NULL;
}

bool description_may_take_over(const struct description *description)
{
	return description->match.operation &&
	       operation_may_take_over(description->match.operation);
}

/* A reader that has failed keeps what it has and takes no more: the event says that it was cut. */
void description_request_body(struct description *description, const char *data, uint64_t length)
{
	int r = 0;

	if (!description->declare || description->error)
		return;
	if (data)
		r = declare_feed(description->declare, data, length);
	else
		declare_gap(description->declare);
	description->error = r;
}

void description_answer_body(struct description *description, const char *data, uint64_t length)
{
	if (!description->answer)
		return;
	if (data)
		declare_answer_feed(description->answer, data, length);
	else
		declare_answer_gap(description->answer);
}

bool description_awaits_id(const struct description *description, unsigned int status)
{
	return description->answer && status >= 200 && status < 300 &&
	       declare_answer_found(description->answer).length == 0;
}

/* ---- into the record */

static struct text text_of_buffer(const struct buffer *buffer)
{
	return (struct text){ buffer->data, buffer->length };
}

static void set_if_any(struct record *record, enum field field, struct text text)
{
	if (text.length > 0)
		record_set_text(record, field, text);
}

static void fill_request(const struct description *description, struct record *record)
{
	const struct operation_match *match = &description->match;

	set_if_any(record, FIELD_http_request_method, text_of_buffer(&description->method));
	set_if_any(record, FIELD_url_path, text_of_buffer(&description->path));
	set_if_any(record, FIELD_url_query, text_of_buffer(&description->query));
	set_if_any(record, FIELD_user_agent, text_of_buffer(&description->user_agent));
	set_if_any(record, FIELD_api_version, match->version);
	set_if_any(record, FIELD_api_raw, text_of_buffer(&description->raw));
	if (match->operation)
		record_set_string(record, FIELD_api_operation, match->operation->id);
	if (description->reason)
		record_set_string(record, FIELD_api_reason, description->reason);
	else if (match->redirected)
		record_set_string(record, FIELD_api_reason,
				  "a path that is not clean: the engine redirects it");
}

static void fill_container_target(struct containers *containers, struct text reference,
				  struct record *record)
{
	struct container_names names = {};
	char id[CONTAINER_ID];
	struct text whole = { id, sizeof(id) };

	if (!containers || containers_resolve(containers, reference, id) < 0) {
		/* What the request calls it is all that is known; an id only where it looks like a
		 * whole one. */
		record_set_text(record,
				container_id_valid(reference) ? FIELD_target_id : FIELD_target_name,
				reference);
		return;
	}
	record_set_text(record, FIELD_target_id, whole);
	if (containers_find(containers, whole, &names) == 0)
		set_if_any(record, FIELD_target_name, names.name);
}

/* What is made: its id from the answer, its name from the query or the body. */
static void fill_made(const struct description *description, struct containers *containers,
		      const struct declared *declared, struct record *record)
{
	const char *type = description->match.operation->target;
	struct container_names names = {};
	struct text found = {}, given = {};

	if (description->answer)
		found = declare_answer_found(description->answer);
	if (declared)
		given = declared->name;
	if (declared && !given.data && (strcmp(type, "image") == 0 || strcmp(type, "plugin") == 0))
		given = declared->image;
	set_if_any(record, FIELD_target_id, found);
	if (strcmp(type, "container") == 0 && found.length > 0 && containers) {
		containers_learn(containers, found, given,
				 declared ? declared->image : (struct text){});
		if (containers_find(containers, found, &names) == 0 && names.name.length > 0)
			given = names.name;
	}
	set_if_any(record, FIELD_target_name, given);
}

static void fill_target(const struct description *description, struct containers *containers,
			const struct declared *declared, struct record *record)
{
	const struct operation_match *match = &description->match;

	if (!match->operation)
		return;
	record_set_string(record, FIELD_target_type, match->operation->target);
	if (match->target.length > 0 && strcmp(match->operation->target, "container") == 0)
		fill_container_target(containers, match->target, record);
	else if (match->target.length > 0)
		record_set_text(record, FIELD_target_name, match->target);
	if ((description->answer || declared) && match->target.length == 0)
		fill_made(description, containers, declared, record);
}

void description_fill(const struct description *description, struct containers *containers,
		      struct record *record, bool answer)
{
	const struct declared *declared = NULL;

	if (description->declare && declare_finish(description->declare, &declared) < 0)
		record->error = -ENOMEM;
	fill_target(description, containers, declared, record);
	if (answer)
		return;
	fill_request(description, record);
	if (declared)
		declare_fill(declared, description->redact, record);
	if (description->error)
		record_set_boolean(record, FIELD_declared_cut, true);
	record_raise_severity(record, operation_severity(&description->match,
							 text_of_buffer(&description->method)));
}
