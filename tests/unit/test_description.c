// SPDX-License-Identifier: Apache-2.0
/* A request whose parameters are a form in its body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "correlate/description.h"
#include "correlate/http.h"
#include "event/record.h"

#define FORM   "application/x-www-form-urlencoded"
#define SECRET "hunter2"

/* What becomes of a request whose body comes in pieces of so many bytes. */
static struct record *describe(const char *method, const char *target, const char *type,
			       const char *body, size_t piece)
{
	struct http_head head = { .method = text_of(method),
				  .target = text_of(target),
				  .content_type = text_of(type) };
	struct description *description;
	struct record *record;

	assert_int_equal(record_new(&record), 0);
	assert_int_equal(description_new(&head, NULL, &description), 0);
	for (size_t at = 0; at < strlen(body); at += piece) {
		size_t left = strlen(body) - at;

		description_request_body(description, body + at, left < piece ? left : piece);
	}
	assert_int_equal(description_end_request(description), 0);
	assert_int_equal(description_end_request(description), 0);
	record_begin(record, EVENT_api_request);
	description_fill(description, NULL, record, false);
	assert_int_equal(record->error, 0);
	/* What was lent lies in the description. */
	for (int field = 0; field < FIELD_COUNT; field++)
		if (record_has(record, (enum field)field) && field_rows[field].type == TYPE_str)
			record_set_text(record, (enum field)field,
					record_text(record, (enum field)field));
	description_free(description);
	return record;
}

static void expect(struct record *record, enum field field, const char *expected)
{
	struct text text = record_text(record, field);

	if (!text_equal(text, text_of(expected)))
		fail_msg("%s: %.*s, not %s", field_rows[field].name, (int)text.length, text.data,
			 expected);
}

static void a_form_is_more_of_the_query(void **state)
{
	static const size_t pieces[] = { 1, 7, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct record *record =
			describe("POST", "/images/create?fromImage=good&x=" SECRET, FORM,
				 "fromImage=evil&tag=1&password=" SECRET, pieces[i]);

		expect(record, FIELD_api_operation, "ImageCreate");
		expect(record, FIELD_declared_image, "evil:1");
		expect(record, FIELD_api_form, "fromImage=evil&tag=1&[redacted len=16]");
		expect(record, FIELD_url_query, "fromImage=good&x=[redacted len=7]");
		assert_false(record_has(record, FIELD_declared_cut));
		record_free(record);
	}
}

/* A tool may give a form's type to anything, and its default is often that one. */
static void of_what_is_no_parameter_only_the_length_is_kept(void **state)
{
	static const struct {
		const char *target, *body, *kept;
	} bodies[] = {
		{ "/auth", "{\"username\":\"bob\",\"password\":\"" SECRET "\"}",
		  "[redacted len=39]" },
		{ "/secrets/create?name=x", SECRET, "[redacted len=7]" },
		{ "/secrets/create",
		  "{\"Name\":\"s\",\"Data\":\"" SECRET "==", "[redacted len=29]" },
		{ "/nowhere", "name=" SECRET "&x&fromImage=" SECRET,
		  "[redacted len=12]&[redacted len=1]&[redacted len=17]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct record *record = describe("POST", bodies[i].target, FORM, bodies[i].body, 8);

		expect(record, FIELD_api_form, bodies[i].kept);
		record_free(record);
	}
}

static void an_empty_form_hides_no_query(void **state)
{
	struct record *record =
		describe("POST", "/images/create?fromImage=good&tag=2", FORM, "", 1);

	expect(record, FIELD_declared_image, "good:2");
	record_free(record);
	record = describe("POST", "/images/create?fromImage=good&tag=2", FORM, "tag=3", 1);
	expect(record, FIELD_declared_image, "good:3");
	record_free(record);
}

static void a_form_hides_no_object(void **state)
{
	struct record *record =
		describe("POST", "/containers/create?name=a", FORM,
			 "{\"Image\":\"i\",\"HostConfig\":{\"Privileged\":true}}", 9);

	expect(record, FIELD_declared_image, "i");
	assert_true(record_has(record, FIELD_declared_privileged));
	assert_int_equal(record_number(record, FIELD_event_severity), 75);
	record_free(record);
}

/* Of such a type Go reads no form, and says so to nobody. */
static void a_doubtful_form_is_told_and_not_believed(void **state)
{
	static const char *const types[] = { FORM " x", FORM "; a=1; a=2", FORM ";" };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct record *record = describe("POST", "/images/create?fromImage=evil", types[i],
						 "fromImage=good", 5);

		expect(record, FIELD_declared_image, "evil");
		expect(record, FIELD_api_form, "fromImage=good");
		expect(record, FIELD_api_reason, "a body that not every engine reads as a form");
		record_free(record);
	}
}

static void what_is_no_form_is_none(void **state)
{
	static const struct {
		const char *method, *type;
	} others[] = { { "GET", FORM }, { "POST", "application/json" }, { "POST", "" } };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct record *record = describe(others[i].method, "/images/create?fromImage=good",
						 others[i].type, "fromImage=evil", 5);

		assert_false(record_has(record, FIELD_api_form));
		record_free(record);
	}
}

static void a_long_form_is_cut_and_says_so(void **state)
{
	static char body[10000];
	struct record *record;

	memset(body, 'a', sizeof(body) - 1);
	memcpy(body, "fromImage=evil&b=", 17);
	record = describe("POST", "/images/create", FORM "; charset=utf-8", body, 999);
	expect(record, FIELD_declared_image, "evil");
	expect(record, FIELD_api_form, "fromImage=evil&[redacted len=4081]");
	assert_true(record_has(record, FIELD_declared_cut));
	record_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_form_is_more_of_the_query),
		cmocka_unit_test(of_what_is_no_parameter_only_the_length_is_kept),
		cmocka_unit_test(an_empty_form_hides_no_query),
		cmocka_unit_test(a_form_hides_no_object),
		cmocka_unit_test(a_doubtful_form_is_told_and_not_believed),
		cmocka_unit_test(what_is_no_form_is_none),
		cmocka_unit_test(a_long_form_is_cut_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
