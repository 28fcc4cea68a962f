// SPDX-License-Identifier: Apache-2.0
#include "correlate/http_line.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "correlate/http_target.h"

int http_refuse(struct http_head_reader *head, enum http_problem problem)
{
	head->problem = problem;
	return -EBADMSG;
}

struct text http_trim(struct text text)
{
	while (text.length > 0 && http_is_space(text.data[0])) {
		text.data++;
		text.length--;
	}
	while (text.length > 0 && http_is_space(text.data[text.length - 1]))
		text.length--;
	return text;
}

/* Most differ in their length, which the compiler knows of a word that is written down. */
static inline bool is(struct text text, struct text word)
{
	return text.length == word.length && strncasecmp(text.data, word.data, word.length) == 0;
}

static struct http_span span_of(const struct http_head_reader *head, struct text text)
{
	return (struct http_span){ (uint32_t)(text.data - head->kept.data), (uint32_t)text.length };
}

/* "HTTP/1.1" (http.ParseHTTPVersion); 0 if it is none. */
static unsigned version_of(struct text text)
{
	if (text.length != 8 || memcmp(text.data, "HTTP/", 5) != 0 || text.data[6] != '.' ||
	    text.data[5] < '0' || text.data[5] > '9' || text.data[7] < '0' || text.data[7] > '9')
		return 0;
	return (unsigned)(text.data[5] - '0') * 10 + (unsigned)(text.data[7] - '0');
}

static int take_request_line(struct http_head_reader *head, struct text line)
{
	const char *first = memchr(line.data, ' ', line.length), *second, *end;
	struct http_target target;

	end = line.data + line.length;
	if (!first || first == line.data)
		return http_refuse(head, HTTP_PROBLEM_first_line);
	for (const char *p = line.data; p < first; p++)
		if (!http_is_token(*p))
			return http_refuse(head, HTTP_PROBLEM_first_line);
	second = memchr(first + 1, ' ', (size_t)(end - first - 1));
	head->method = span_of(head, (struct text){ line.data, (size_t)(first - line.data) });
	if (!second && head->line_cut) {
		head->target = span_of(head, (struct text){ first + 1, (size_t)(end - first - 1) });
		head->version = 11;
		return 0;
	}
	if (!second || second == first + 1)
		return http_refuse(head, HTTP_PROBLEM_first_line);
	head->target = span_of(head, (struct text){ first + 1, (size_t)(second - first - 1) });
	head->version = version_of((struct text){ second + 1, (size_t)(end - second - 1) });
	if (!head->version)
		return http_refuse(head, HTTP_PROBLEM_first_line);
	/* Go takes the preface of HTTP/2 (RFC 9113, section 3.4) for a request, with headers too.
	 */
	if (head->version / 10 != 1 &&
	    !(head->version == 20 && line.length == 14 && memcmp(line.data, "PRI * ", 6) == 0))
		return http_refuse(head, HTTP_PROBLEM_version);
	if (!http_target_split(http_head_text(head, head->method),
			       http_head_text(head, head->target), &target))
		return http_refuse(head, HTTP_PROBLEM_target);
	return 0;
}

static int take_status_line(struct http_head_reader *head, struct text line)
{
	struct text rest;

	if (line.length < 12 || line.data[8] != ' ')
		return http_refuse(head, HTTP_PROBLEM_first_line);
	head->version = version_of((struct text){ line.data, 8 });
	rest = http_trim((struct text){ line.data + 8, line.length - 8 });
	if (head->version / 10 != 1 || rest.length < 3 || (rest.length > 3 && rest.data[3] != ' '))
		return http_refuse(head, HTTP_PROBLEM_first_line);
	for (size_t i = 0; i < 3; i++) {
		if (rest.data[i] < '0' || rest.data[i] > '9')
			return http_refuse(head, HTTP_PROBLEM_first_line);
		head->status = head->status * 10 + (unsigned)(rest.data[i] - '0');
	}
	return head->status < 100 ? http_refuse(head, HTTP_PROBLEM_first_line) : 0;
}

int http_take_first_line(struct http_head_reader *head, struct text line)
{
	return head->direction == HTTP_REQUEST ? take_request_line(head, line)
					       : take_status_line(head, line);
}

/*
 * Digits alone, below 2^63, and the same text again is no harm (transfer.go, fixLength). What is
 * bad is so only where the body is not chunked: that is known at the end.
 */
static void take_content_length(struct http_head_reader *head, struct text text)
{
	uint64_t number = 0;

	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		head->bad_length |=
			c < '0' || c > '9' || number > (INT64_MAX - (uint64_t)(c - '0')) / 10;
		number = number * 10 + (uint64_t)(c - '0');
	}
	head->bad_length |=
		head->line_cut || (text.length == 0 ? head->has_content_length : head->no_length) ||
		(head->has_content_length &&
		 (head->content_length != number || head->content_length_digits != text.length));
	head->has_content_length |= text.length > 0;
	head->no_length |= text.length == 0;
	head->content_length = number;
	head->content_length_digits = text.length;
}

/* Calls for each word between commas. */
static void each_word(struct http_head_reader *head, struct text text,
		      void (*take)(struct http_head_reader *head, struct text word))
{
	while (text.length > 0) {
		const char *comma = memchr(text.data, ',', text.length);
		size_t length = comma ? (size_t)(comma - text.data) : text.length;

		take(head, http_trim((struct text){ text.data, length }));
		length += comma ? 1 : 0;
		text.data += length;
		text.length -= length;
	}
}

static void take_connection(struct http_head_reader *head, struct text word)
{
	head->close |= is(word, TEXT("close"));
	head->keep_alive |= is(word, TEXT("keep-alive"));
	head->upgrades |= is(word, TEXT("upgrade"));
}

/* What no trailer may announce (transfer.go, fixTrailer). */
static void take_trailer(struct http_head_reader *head, struct text word)
{
	head->bad_trailer |= is(word, TEXT("Transfer-Encoding")) || is(word, TEXT("Trailer")) ||
			     is(word, TEXT("Content-Length"));
}

/* Only the first one counts, and its words may be apart by spaces too (header.go, hasToken). */
static void take_expect(struct http_head_reader *head, struct text text)
{
	static const char word[] = "100-continue";
	size_t length = sizeof(word) - 1;

	if (head->expectation)
		return;
	head->expectation = text.length > 0;
	for (size_t i = 0; i + length <= text.length; i++) {
		struct text part = { text.data + i, length };

		head->expects |=
			(i == 0 || strchr(" ,\t", text.data[i - 1])) &&
			(i + length == text.length || strchr(" ,\t", text.data[i + length])) &&
			is(part, (struct text){ word, length });
	}
}

/* golang.org/x/net/http/httpguts, ValidHostHeader. */
static void take_host(struct http_head_reader *head, struct text text)
{
	head->hosts++;
	head->bad_host |= head->spaced;
	for (size_t i = 0; i < text.length; i++) {
		char c = text.data[i];

		head->bad_host |=
			!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			  (c >= 'A' && c <= 'Z') || (c && strchr("!$%&'()*+,-.:;=[]_~", c)));
	}
}

static bool keep_first(struct http_head_reader *head, struct http_span *span, struct text text)
{
	if (span->length)
		return false;
	*span = span_of(head, text);
	head->truncated |= head->line_cut;
	return true;
}

/* Returns 1 if the line is to be kept, else 0 or -EBADMSG. */
static int take_header(struct http_head_reader *head, struct text name, struct text value)
{
	if (is(name, TEXT("Content-Length"))) {
		take_content_length(head, http_trim(value));
		return 0;
	}
	if (is(name, TEXT("Transfer-Encoding"))) {
		/* HTTP/1.0 ignores it (transfer.go, parseTransferEncoding). */
		if (head->version < 11)
			return 0;
		if (head->transfer_encoding || head->spaced || !is(value, TEXT("chunked")))
			return http_refuse(head, HTTP_PROBLEM_transfer_encoding);
		head->transfer_encoding = head->chunked = true;
		return 0;
	}
	if (is(name, TEXT("Connection")))
		each_word(head, value, take_connection);
	else if (is(name, TEXT("Trailer")))
		each_word(head, value, take_trailer);
	else if (is(name, TEXT("Expect")))
		take_expect(head, value);
	else if (is(name, TEXT("X-Registry-Auth")))
		head->secrets.registry_auth = (uint32_t)value.length;
	else if (is(name, TEXT("X-Registry-Config")))
		head->secrets.registry_config = (uint32_t)value.length;
	else if (is(name, TEXT("Authorization")))
		head->secrets.authorization = (uint32_t)value.length;
	else if (is(name, TEXT("Host"))) {
		take_host(head, value);
		return keep_first(head, &head->host, value);
	} else if (is(name, TEXT("Content-Type")))
		return keep_first(head, &head->content_type, value);
	else if (is(name, TEXT("Upgrade")))
		return keep_first(head, &head->upgrade, value);
	else if (is(name, TEXT("User-Agent")))
		return keep_first(head, &head->user_agent, value);
	return 0;
}

int http_take_header_line(struct http_head_reader *head, struct text line)
{
	const char *colon = memchr(line.data, ':', line.length);
	struct text name, value;

	if (!colon)
		return head->line_cut ? 0 : http_refuse(head, HTTP_PROBLEM_header_line);
	name = (struct text){ line.data, (size_t)(colon - line.data) };
	value = http_trim((struct text){ colon + 1, line.length - name.length - 1 });
	/* Of an empty continuation Go keeps the space. */
	head->spaced = head->fold && line.data + line.length <= head->kept.data + head->fold;
	if (head->direction == HTTP_REQUEST) {
		if (name.length == 0) {
			head->doubt = HTTP_PROBLEM_no_name;
			return 0;
		}
		for (size_t i = 0; i < name.length; i++)
			if (!http_is_token(name.data[i]))
				return http_refuse(head, HTTP_PROBLEM_header_line);
		for (size_t i = 0; i < value.length; i++)
			if (((uint8_t)value.data[i] < 0x20 && value.data[i] != '\t') ||
			    value.data[i] == 0x7f)
				return http_refuse(head, HTTP_PROBLEM_header_value);
	}
	return take_header(head, name, value);
}

int http_take_end(struct http_head_reader *head)
{
	bool preface = head->version == 20 && head->lines == 1;
	bool connect = text_equal(http_head_text(head, head->method), TEXT("CONNECT"));

	if (head->bad_length && !head->chunked)
		return http_refuse(head, HTTP_PROBLEM_content_length);
	if (head->direction == HTTP_ANSWER)
		return 1;
	if (head->no_length && !head->chunked)
		head->doubt = HTTP_PROBLEM_no_length;
	if (head->bad_trailer && head->chunked)
		return http_refuse(head, HTTP_PROBLEM_trailer);
	if (head->bad_host || head->hosts > 1 ||
	    (head->hosts == 0 && head->version >= 11 && !preface && !connect))
		return http_refuse(head, HTTP_PROBLEM_host);
	if (head->expectation && !head->expects)
		return http_refuse(head, HTTP_PROBLEM_expectation);
	return 1;
}
