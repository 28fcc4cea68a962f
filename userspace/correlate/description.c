// SPDX-License-Identifier: Apache-2.0
#include "correlate/description.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "correlate/containers.h"
#include "correlate/declare.h"
#include "correlate/http.h"
#include "correlate/operations.h"
#include "correlate/redact.h"
#include "event/record.h"

#define FORM_MOST 4096 /* bytes of a form that are read */

struct span {
	size_t start, length;
};

struct description {
	const struct redact *redact;
	struct operation_match match; /* its slices of the target are moved into `kept` */
	struct buffer kept;           /* what follows, one behind the other */
	struct span method, path, query, form, user_agent, raw;
	const char *reason;      /* of what is ambiguous */
	struct declare *declare; /* NULL where the operation declares nothing, or no body came */
	struct declare_answer_reader *answer; /* NULL where its answer names nothing */
	struct buffer form_body;              /* not masked yet */
	int form_kind;                        /* enum form */
	bool form_cut;
	bool starts; /* a container, as it was asked: also where it turns out that nobody read it */
	int error;
};

static struct text text_at(const struct description *description, struct span span)
{
	/* Of nothing that is kept there is no place to count from. */
	return span.length ? (struct text){ description->kept.data + span.start, span.length }
			   : (struct text){};
}

static struct span keep(struct description *description, struct text text)
{
	struct span span = { description->kept.length, text.length };

	buffer_append(&description->kept, text.data, text.length);
	return span;
}

/* What was appended since `start`. */
static struct span kept_since(const struct description *description, size_t start)
{
	return (struct span){ start, description->kept.length - start };
}

static int keep_request(struct description *description, struct text method, struct text target)
{
	struct operation_match *match = &description->match;
	int r = operation_find(match, method, target);
	size_t start;

	if (r < 0)
		return r;
	description->method = keep(description, method);
	description->path = keep(description, match->raw_path);
	start = description->kept.length;
	if (match->query.length > 0)
		redact_query(description->redact, match->operation, match->query,
			     &description->kept);
	description->query = kept_since(description, start);
	match->raw_path = match->query = (struct text){};
	return description->kept.error;
}

static int begin_declare(struct description *description, struct text parameters)
{
	const struct operation_match *match = &description->match;
	int r = declare_new(match->operation->declares, &description->declare);

	if (r < 0)
		return r;
	return declare_query(description->declare, match->operation, match->target, parameters);
}

/* What is declared by a body is begun when one comes. */
static int read_query(struct description *description)
{
	const struct operation *operation = description->match.operation;

	if (!operation || operation->declares == OPERATION_DECLARES_none)
		return 0;
	if (operation->declares != OPERATION_DECLARES_query && description->query.length == 0)
		return 0;
	return begin_declare(description, text_at(description, description->query));
}

enum form { FORM_NONE, FORM_DOUBTFUL, FORM_SURE };

/*
 * Go's Request.ParseForm(): a body of these methods with this media type is more of the query. Not
 * where mime.ParseMediaType() refuses what stands behind: only the plainest of it is sure.
 */
static enum form form_of(const struct http_head *head)
{
	static const char form[] = "application/x-www-form-urlencoded", charset[] = "charset=utf-8";
	struct text rest = head->content_type;

	if ((!text_equal(head->method, TEXT("POST")) && !text_equal(head->method, TEXT("PUT")) &&
	     !text_equal(head->method, TEXT("PATCH"))) ||
	    rest.length < sizeof(form) - 1 || strncasecmp(rest.data, form, sizeof(form) - 1) != 0)
		return FORM_NONE;
	rest = (struct text){ rest.data + sizeof(form) - 1, rest.length - (sizeof(form) - 1) };
	if (rest.length == 0)
		return FORM_SURE;
	if (rest.data[0] == ';') {
		do
			rest = (struct text){ rest.data + 1, rest.length - 1 };
		while (rest.length > 0 && rest.data[0] == ' ');
		if (rest.length == sizeof(charset) - 1 &&
		    strncasecmp(rest.data, charset, rest.length) == 0)
			return FORM_SURE;
	}
	return FORM_DOUBTFUL;
}

static void keep_form(struct description *description, const char *data, uint64_t length)
{
	size_t room = FORM_MOST - description->form_body.length;

	/* Behind a hole nothing is read: it would be taken for what belongs there. */
	if (!description->form_cut && data)
		buffer_append(&description->form_body, data, length < room ? length : room);
	description->form_cut |= !data || length > room;
}

/* What is in the body goes before what is in the target. */
static int declare_form(struct description *description)
{
	const struct operation_match *match = &description->match;
	_cleanup_buffer_ struct buffer both = {};
	struct text form = text_at(description, description->form),
		    query = text_at(description, description->query), parameters;

	buffer_append(&both, form.data, form.length);
	buffer_append_char(&both, '&');
	buffer_append(&both, query.data, query.length);
	if (both.error)
		return both.error;
	parameters = (struct text){ both.data, both.length };
	if (!description->declare)
		return begin_declare(description, parameters);
	return declare_query(description->declare, match->operation, match->target, parameters);
}

int description_end_request(struct description *description)
{
	const struct operation *operation = description->match.operation;
	size_t start = description->kept.length;
	int r = description->form_body.error;

	if (description->form_body.length == 0 || description->form.length > 0 || r < 0)
		return r;
	redact_form(description->redact, operation,
		    (struct text){ description->form_body.data, description->form_body.length },
		    &description->kept);
	description->form = kept_since(description, start);
	if (description->form_kind == FORM_DOUBTFUL && !description->reason)
		description->reason = "a body that not every engine reads as a form";
	if (description->kept.error || description->form_kind == FORM_DOUBTFUL || !operation ||
	    operation->declares == OPERATION_DECLARES_none)
		return description->kept.error;
	return declare_form(description);
}

/* Or makes one: who hangs up before the answer may have it started before that is written. */
static bool starts_a_container(const struct operation *operation)
{
	return operation && (strcmp(operation->id, "ContainerStart") == 0 ||
			     strcmp(operation->id, "ContainerRestart") == 0 ||
			     strcmp(operation->id, "ContainerCreate") == 0);
}

static int read_answer(struct description *description)
{
	enum declare_answer answer = declare_answer_of(description->match.operation);

	if (answer == DECLARE_ANSWER_NONE)
		return 0;
	return declare_answer_new(answer, &description->answer);
}

int description_new(const struct http_head *head, const struct redact *redact,
		    struct description **ret)
{
	struct description *description = malloc(sizeof(*description));
	int r;

	if (!description)
		return -ENOMEM;
	*description = (struct description){ .redact = redact, .form_kind = form_of(head) };
	buffer_reserve(&description->kept,
		       head->method.length + head->target.length + head->user_agent.length);
	r = keep_request(description, head->method, head->target);
	description->starts = r == 0 && starts_a_container(description->match.operation);
	if (r == 0)
		r = read_query(description);
	if (r == 0)
		r = read_answer(description);
	description->user_agent = keep(description, head->user_agent);
	r = r ?: description->kept.error;
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
	struct description *description = malloc(sizeof(*description));
	size_t start;
	int r = 0;

	if (!description)
		return -ENOMEM;
	*description = (struct description){ .redact = redact };
	description->reason = http_problem_words(ambiguous->problem);
	if (ambiguous->method.length > 0)
		r = keep_request(description, ambiguous->method, ambiguous->target);
	description->match.operation = NULL; /* nothing that is refused is dispatched */
	start = description->kept.length;
	if (r == 0 && ambiguous->start.length > 0)
		redact_raw(redact, ambiguous->start, &description->kept);
	description->raw = kept_since(description, start);
	r = r ?: description->kept.error;
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
	buffer_free(&description->kept);
	declare_free(description->declare);
	declare_answer_free(description->answer);
	buffer_free(&description->form_body);
	free(description);
}

bool description_same(const struct description *one, const struct description *other)
{
	return one->method.length > 0 &&
	       text_equal(text_at(one, one->method), text_at(other, other->method)) &&
	       text_equal(text_at(one, one->path), text_at(other, other->path));
}

void description_doubt(struct description *description, const char *reason, struct text start)
{
	size_t raw;

	if (description->reason)
		return;
	description->reason = reason;
	raw = description->kept.length;
	if (start.length > 0)
		redact_raw(description->redact, start, &description->kept);
	description->raw = kept_since(description, raw);
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
	const struct operation *operation = description->match.operation;
	int r = 0;

	if (description->form_kind != FORM_NONE)
		keep_form(description, data, length);
	if (!operation || operation->declares == OPERATION_DECLARES_none || description->error)
		return;
	if (!description->declare)
		r = begin_declare(description, text_at(description, description->query));
	if (r < 0)
		;
	else if (data)
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

bool description_takes_upload(const struct description *description)
{
	static const char *const operations[] = { "PutContainerArchive", "ImageBuild",
						  "ImageCreate", "ImageLoad", "PluginCreate" };
	const struct operation *operation = description->match.operation;

	for (size_t i = 0; operation && i < ARRAY_SIZE(operations); i++)
		if (strcmp(operation->id, operations[i]) == 0)
			return true;
	return !operation;
}

bool description_may_start(const struct description *description)
{
	return description->starts;
}

bool description_starts(const struct description *description, struct text container,
			struct text name)
{
	struct text reference = description->match.target;

	if (!description->starts)
		return false;
	if (reference.length == 0 && description->declare)
		reference = declare_object_name(description->declare);
	if (reference.length > 0 && reference.data[0] == '/')
		reference = (struct text){ reference.data + 1, reference.length - 1 };
	if (reference.length == 0)
		return false;
	/* Or the beginning of its id, be it another one's name. */
	return text_equal(reference, name) ||
	       (reference.length <= container.length &&
		memcmp(reference.data, container.data, reference.length) == 0);
}

/* ---- into the record */

/* What lies in the description stays there until the event has been written. */
static void lend_if_any(struct record *record, enum field field, struct text text)
{
	if (text.length > 0)
		record_lend_text(record, field, text);
}

static void set_if_any(struct record *record, enum field field, struct text text)
{
	if (text.length > 0)
		record_set_text(record, field, text);
}

static void fill_request(const struct description *description, struct record *record)
{
	const struct operation_match *match = &description->match;

	lend_if_any(record, FIELD_http_request_method, text_at(description, description->method));
	lend_if_any(record, FIELD_url_path, text_at(description, description->path));
	lend_if_any(record, FIELD_url_query, text_at(description, description->query));
	lend_if_any(record, FIELD_api_form, text_at(description, description->form));
	lend_if_any(record, FIELD_user_agent, text_at(description, description->user_agent));
	lend_if_any(record, FIELD_api_version, match->version);
	lend_if_any(record, FIELD_api_raw, text_at(description, description->raw));
	if (match->operation)
		record_lend_text(record, FIELD_api_operation, text_of(match->operation->id));
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

/* Of an exec that is made the object is the container, and the answer gives its own id. */
static void fill_exec(const struct description *description, struct record *record)
{
	if (description->answer && description->match.target.length > 0)
		set_if_any(record, FIELD_exec_id, declare_answer_found(description->answer));
}

static void fill_target(const struct description *description, struct containers *containers,
			const struct declared *declared, struct record *record)
{
	const struct operation_match *match = &description->match;

	if (!match->operation)
		return;
	record_lend_text(record, FIELD_target_type, text_of(match->operation->target));
	if (match->target.length > 0 && strcmp(match->operation->target, "container") == 0)
		fill_container_target(containers, match->target, record);
	else if (match->target.length > 0)
		record_set_text(record, FIELD_target_name, match->target);
	if (strcmp(match->operation->id, "ContainerExec") == 0)
		fill_exec(description, record);
	if ((description->answer || declared) && match->target.length == 0)
		fill_made(description, containers, declared, record);
}

void description_fill(const struct description *description, struct containers *containers,
		      struct record *record, bool answer)
{
	const struct declared *declared = NULL;

	if (containers)
		containers_as_of(containers, record_number(record, FIELD_timestamp));
	if (description->declare && declare_finish(description->declare, &declared) < 0)
		record->error = -ENOMEM;
	fill_target(description, containers, declared, record);
	if (answer)
		return;
	fill_request(description, record);
	if (declared)
		declare_fill(declared, description->redact, record);
	if (declared && strcmp(description->match.operation->id, "ContainerRename") == 0)
		set_if_any(record, FIELD_declared_name, declared->name);
	if (description->error || description->form_cut)
		record_set_boolean(record, FIELD_declared_cut, true);
	record_raise_severity(
		record,
		operation_severity(&description->match, text_at(description, description->method)));
}
