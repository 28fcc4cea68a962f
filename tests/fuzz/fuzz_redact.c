// SPDX-License-Identifier: Apache-2.0
/*
 * A marker in each place where a secret stands, behind and before anything else, and cut anywhere:
 * it never comes out. Byte 0 chooses the place, byte 1 how, bytes 2 and 3 where it is cut.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "correlate/operations.h"
#include "correlate/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MARKER       "Q7z9Xw4kM2"
#define MARKER_BEGIN "Q7z9" /* of a marker that is cut, this much may not come out */

/* Arguments apart by '|'. */
static const char *const places[] = {
	"docker|run|-e|A=" MARKER,
	"docker|run|-ite|A=" MARKER "|img",
	"docker|run|-eA=" MARKER,
	"docker|run|--env=A=" MARKER "|img|sh",
	"podman|exec|--env|A=" MARKER,
	"docker|login|-u|me|-p|" MARKER,
	"docker|login|-p" MARKER,
	"docker|login|--password=" MARKER,
	"docker|login|--password|" MARKER,
	"docker|build|--build-arg|T=" MARKER "|.",
	"docker|build|--secret|id=" MARKER "|.",
	"docker|swarm|join|--token|" MARKER,
	"nerdctl|run|-e=A=" MARKER,
	"ctr|run|-env|A=" MARKER,
	"docker-compose|run|-e|A=" MARKER,
	"mysql|-p" MARKER,
	"sshpass|-p|" MARKER "|ssh",
	"curl|-u|me:" MARKER "|h",
	"curl|-H|Authorization: Basic " MARKER,
	"curl|https://me:" MARKER "@h/",
	"git|clone|https://" MARKER "@h/",
	"env|PASSWORD=" MARKER,
	"x|{\"password\": \"" MARKER "\"}",
	"x|--db-password=" MARKER,
	"x|--api-key|" MARKER,
	"docker|service|update|--env-add|A=" MARKER,
	"buildctl|build|--opt|build-arg:A=" MARKER,
	"docker|pull|me:" MARKER "@h/a",
	"docker|run|--label|a=" MARKER "|img",
	"docker|run|--log-opt=a=" MARKER,
	"docker|volume|create|-o|a=" MARKER,
	"docker|run|--mount|type=volume,volume-opt=a=" MARKER "|img",
	"docker|plugin|set|p|a=" MARKER,
	"curl|-H|X-Auth-Key:" MARKER,
	"vault|kv|put|p|k=" MARKER,
};

/* Query strings of a build, where they are kept by name. */
static const char *const queries[] = {
	"buildargs=" MARKER,
	"x=" MARKER,
	"remote=https://u:" MARKER "@h/r",
	"remote=https://" MARKER "@h/r",
	"remote=https%3A%2F%2Fu%3A" MARKER "%40h",
	"labels=" MARKER,
	"t=a&outputs=" MARKER "&q=1",
};

static const char *const raws[] = {
	"POST /build?buildargs=" MARKER " HTTP/1.1\r\n",
	"POST /a HTTP/1.1\r\nX-Registry-Auth: " MARKER "\r\n",
	"POST /a HTTP/1.1\r\nX-Registry-Auth " MARKER "\r\n",
	"GET http://me:" MARKER "@h/a HTTP/1.1\r\n",
	"PASS " MARKER "\r\n",
	"Q7 " MARKER "\r\n\r\n" MARKER,
	("POST /a HTTP/1.1\r\nHost: x\r\n\r\n" MARKER),
};

static void check(const char *out, size_t length)
{
	if (memmem(out, length, MARKER_BEGIN, sizeof(MARKER_BEGIN) - 1))
		abort();
}

static bool append(struct text_list *list, const char *data, size_t length)
{
	return text_list_append(list, (struct text){ data, length }) == 0;
}

static void check_arguments(const char *place, bool in_shell, const uint8_t *before, size_t length,
			    size_t cut)
{
	_cleanup_text_list_ struct text_list list = {}, masked = {};
	_cleanup_buffer_ struct buffer line = {};
	size_t place_length = strlen(place);

	if (cut < place_length)
		place_length = cut;
	if (in_shell) {
		buffer_append(&line, before, length);
		buffer_append_string(&line, "\nx x ");
		/* Within quotes of their own a space would be part of a word. */
		for (size_t i = 0; i < place_length; i++)
			buffer_append_char(&line, place[i] == '|' ? ' ' : place[i]);
		append(&list, "sh", 2);
		append(&list, "-c", 2);
		append(&list, line.data, line.length);
	} else {
		const char *p = place, *end = place + place_length;

		text_list_append_terminated(&list, (const char *)before, length);
		/* Whatever waits for a value has it. */
		append(&list, "x", 1);
		append(&list, "x", 1);
		while (p <= end) {
			const char *bar = memchr(p, '|', (size_t)(end - p));
			const char *stop = bar ? bar : end;

			append(&list, p, (size_t)(stop - p));
			p = stop + 1;
		}
	}
	list.cut |= place_length < strlen(place);
	if (redact_arguments(NULL, &list, &masked) < 0)
		return;
	check(masked.bytes.data ? masked.bytes.data : "", masked.bytes.length);
}

static void check_query(const char *place, const uint8_t *before, size_t length, size_t cut)
{
	_cleanup_buffer_ struct buffer query = {}, masked = {};
	struct operation_match match = {};

	if (operation_find(&match, TEXT("POST"), TEXT("/v1.41/build")) < 0)
		return;
	buffer_append(&query, before, length);
	buffer_append_char(&query, '&');
	buffer_append(&query, place, cut < strlen(place) ? cut : strlen(place));
	/* Cut within user information nothing says that it is some: not on a whole query. */
	if (cut >= strlen(place) || !strstr(place, "remote")) {
		redact_query(NULL, match.operation, (struct text){ query.data, query.length },
			     &masked);
		check(masked.data, masked.length);
	}
	operation_match_free(&match);
}

static void check_raw(const char *place, const uint8_t *before, size_t length, size_t cut)
{
	_cleanup_buffer_ struct buffer masked = {}, raw = {};

	/* What comes first is a line of its own, or the place would be no request. */
	buffer_append(&raw, place, cut < strlen(place) ? cut : strlen(place));
	buffer_append(&raw, before, length);
	redact_raw(NULL, (struct text){ raw.data, raw.length }, &masked);
	check(masked.data ? masked.data : "", masked.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut;

	if (size < 4)
		return 0;
	cut = (data[1] & 0x80) ? data[2] : SIZE_MAX;
	if (memmem(data + 4, size - 4, MARKER_BEGIN, sizeof(MARKER_BEGIN) - 1))
		return 0;
	switch (data[1] % 4) {
	case 0:
	case 1:
		check_arguments(places[data[0] % ARRAY_SIZE(places)], data[1] % 4 == 1, data + 4,
				size - 4, cut);
		break;
	case 2:
		check_query(queries[data[0] % ARRAY_SIZE(queries)], data + 4, size - 4, cut);
		break;
	default:
		check_raw(raws[data[0] % ARRAY_SIZE(raws)], data + 4, size - 4, cut);
	}
	return 0;
}
