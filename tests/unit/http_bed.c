// SPDX-License-Identifier: Apache-2.0
#include "http_bed.h"

static void log_number(struct http_listener *listener, enum http_direction direction,
		       uint64_t number)
{
	buffer_append_char(&listener->log, direction == HTTP_REQUEST ? '>' : '<');
	if (number == HTTP_UNPAIRED)
		buffer_append_char(&listener->log, '?');
	else
		buffer_printf(&listener->log, "%llu", (unsigned long long)number);
}

static void log_text(struct http_listener *listener, const char *name, struct text text)
{
	if (text.length)
		buffer_printf(&listener->log, " %s%.*s", name, (int)text.length, text.data);
}

static bool on_head(void *user, const struct http_head *head)
{
	struct http_listener *listener = user;

	log_number(listener, head->direction, head->number);
	log_text(listener, "", head->method);
	log_text(listener, "", head->target);
	if (head->direction == HTTP_ANSWER)
		buffer_printf(&listener->log, " %u", head->status);
	if (head->version != 11)
		buffer_printf(&listener->log, " v%u", head->version);
	log_text(listener, "type=", head->content_type);
	log_text(listener, "upgrade=", head->upgrade);
	log_text(listener, "agent=", head->user_agent);
	if (head->has_content_length)
		buffer_printf(&listener->log, " length=%llu",
			      (unsigned long long)head->content_length);
	if (head->secrets.registry_auth)
		buffer_printf(&listener->log, " auth=%u", head->secrets.registry_auth);
	buffer_append_string(&listener->log, head->chunked ? " chunked" : "");
	buffer_append_string(&listener->log, head->wants_upgrade ? " wants-upgrade" : "");
	buffer_append_string(&listener->log, head->closes ? " closes" : "");
	buffer_append_string(&listener->log, head->expects_continue ? " expects" : "");
	buffer_append_string(&listener->log, head->takes_over ? " takes-over" : "");
	buffer_append_string(&listener->log, head->after_close ? " after-close" : "");
	buffer_append_string(&listener->log, head->truncated ? " truncated" : "");
	buffer_append_string(&listener->log, head->unsure ? " unsure" : "");
	if (head->doubt)
		buffer_printf(&listener->log, " doubt (%s)", http_problem_words(head->doubt));
	buffer_append_char(&listener->log, '\n');
	return listener->may_take_over;
}

static void on_body(void *user, enum http_direction direction, const char *data, uint64_t length)
{
	struct http_listener *listener = user;

	if (data)
		buffer_append(&listener->bodies[direction], data, length);
	else
		buffer_printf(&listener->bodies[direction], "<%llu>", (unsigned long long)length);
}

static void on_complete(void *user, const struct http_complete *complete)
{
	struct http_listener *listener = user;
	struct buffer *body = &listener->bodies[complete->direction];

	log_number(listener, complete->direction, complete->number);
	buffer_printf(&listener->log, " done %llu", (unsigned long long)complete->body_bytes);
	if (complete->missing_bytes)
		buffer_printf(&listener->log, "-%llu", (unsigned long long)complete->missing_bytes);
	if (body->length && body->length < 200)
		buffer_printf(&listener->log, " %s", buffer_string(body));
	buffer_clear(body);
	if (complete->truncated)
		buffer_append_string(&listener->log, " truncated");
	if (complete->problem)
		buffer_printf(&listener->log, " (%s)", http_problem_words(complete->problem));
	buffer_append_char(&listener->log, '\n');
}

static void on_ambiguous(void *user, const struct http_ambiguous *ambiguous)
{
	struct http_listener *listener = user;

	log_number(listener, ambiguous->direction, ambiguous->number);
	buffer_printf(&listener->log, " ambiguous (%s)", http_problem_words(ambiguous->problem));
	log_text(listener, "", ambiguous->method);
	log_text(listener, "", ambiguous->target);
	buffer_append_char(&listener->log, '\n');
	assert_true(ambiguous->start.length <= HTTP_START_BYTES);
}

const struct http_handler http_bed_handler = { on_head, on_body, on_complete, on_ambiguous };

void http_bed_feed(struct http_connection *connection, char kind, const char *bytes, size_t length)
{
	char *copy = malloc(length ? length : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	assert_int_equal(
		http_feed(connection, kind == '>' ? HTTP_REQUEST : HTTP_ANSWER, copy, length), 0);
	free(copy);
}

/* Step number `split` in two pieces at `at`, or all of them in pieces of `at` if split < 0. */
static void converse(struct http_listener *listener, const struct step *steps, int split, size_t at)
{
	struct http_connection connection;

	buffer_clear(&listener->log);
	http_init(&connection, &http_bed_handler, listener, !listener->midway);
	for (int i = 0; steps[i].kind; i++) {
		const struct step *step = &steps[i];
		enum http_direction direction =
			step->kind == 't' || step->kind == 'g' ? HTTP_REQUEST : HTTP_ANSWER;
		size_t length = step->length;

		switch (step->kind) {
		case '>':
		case '<':
			if (split == i) {
				http_bed_feed(&connection, step->kind, step->bytes, at);
				http_bed_feed(&connection, step->kind, step->bytes + at,
					      length - at);
			} else {
				for (size_t j = 0, part; j < length; j += part) {
					part = split < 0 && at < length - j ? at : length - j;
					http_bed_feed(&connection, step->kind, step->bytes + j,
						      part);
				}
			}
			break;
		case 't':
		case 'T':
			http_turn(&connection, direction);
			break;
		case 'g':
		case 'G':
			assert_int_equal(http_gap(&connection, direction, length), 0);
			break;
		default:
			assert_int_equal(http_release(&connection), 0);
		}
	}
	assert_int_equal(http_end(&connection), 0);
	buffer_printf(&listener->log, "streams %llu %llu\n",
		      (unsigned long long)connection.streams[HTTP_REQUEST].stream_bytes,
		      (unsigned long long)connection.streams[HTTP_ANSWER].stream_bytes);
	http_free(&connection);
}

void http_bed_check(struct http_listener *listener, const struct step *steps, const char *expected)
{
	_cleanup_buffer_ struct buffer all = {};

	buffer_append_string(&all, expected);
	if (!strstr(expected, "streams"))
		buffer_append_string(&all, "streams 0 0\n");
	converse(listener, steps, -1, SIZE_MAX);
	assert_string_equal(buffer_string(&listener->log), buffer_string(&all));
	for (size_t piece = 1; piece < 8; piece++) {
		converse(listener, steps, -1, piece);
		assert_string_equal(buffer_string(&listener->log), buffer_string(&all));
	}
	for (int i = 0; steps[i].kind; i++)
		for (size_t at = 0; steps[i].bytes && at <= steps[i].length; at++) {
			converse(listener, steps, i, at);
			assert_string_equal(buffer_string(&listener->log), buffer_string(&all));
		}
	buffer_free(&listener->log);
	buffer_free(&listener->bodies[0]);
	buffer_free(&listener->bodies[1]);
}
