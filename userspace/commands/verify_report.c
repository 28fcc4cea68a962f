// SPDX-License-Identifier: Apache-2.0
#include "commands/verify_report.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "output/paragraph.h"
#include "output/quantity.h"
#include "output/when.h"

static const enum style verdict_styles[] = { STYLE_good, STYLE_good, STYLE_notice, STYLE_attack,
					     STYLE_alarm };

static uint64_t most_frames(const struct trail_old_head *head)
{
	return head->key_frame > head->frame ? head->key_frame : head->frame;
}

static const char *hex(const uint8_t *bytes, size_t count, char *text)
{
	hex_put(text, bytes, count);
	return text;
}

/* Dropped by policy, or left out of an excerpt. */
static void say_gone(const struct trail_gone *gone, const char *row, const char *class,
		     struct paragraph *page)
{
	char when[WHEN_MOST];

	if (!gone->frames)
		return;
	paragraph_row(page, row, STYLE_notice,
		      "of %s the payloads of %" PRIu64 " frames with %" PRIu64 " events", class,
		      gone->frames, gone->events);
	paragraph_more(page, STYLE_plain, "the last of them made at %s",
		       when_stamp(gone->last_wall_ns, false, when));
}

static void say_what_was_checked(const struct trail_verdict *verdict, struct paragraph *page)
{
	char raw[QUANTITY_MOST], stored[QUANTITY_MOST], when[WHEN_MOST];
	const char *gone = verdict->excerpt ? "left out" : "dropped";

	paragraph_row(page, "checked", STYLE_plain, "%" PRIu64 " events in %" PRIu64 " frames",
		      verdict->events, verdict->frames);
	paragraph_more(page, STYLE_plain, "%" PRIu64 " segment%s", verdict->segments,
		       verdict->segments == 1 ? "" : "s");
	paragraph_more(page, STYLE_dim, "%s, stored as %s", quantity_bytes(verdict->raw_bytes, raw),
		       quantity_bytes(verdict->stored_bytes, stored));
	if (verdict->skipped_frames)
		paragraph_row(page, "skipped", STYLE_notice,
			      "the payloads of %" PRIu64
			      " frames, which were made before: of these only that "
			      "none is missing, and what their headers say",
			      verdict->skipped_frames);
	say_gone(&verdict->gone[TRAIL_ROUTINE], gone, "routine", page);
	say_gone(&verdict->gone[TRAIL_EVIDENCE], verdict->gone[TRAIL_ROUTINE].frames ? "" : gone,
		 "evidence", page);
	if (verdict->bad_frame) {
		paragraph_row(page, "first bad", STYLE_alarm, "frame %" PRIu64, verdict->bad_frame);
		paragraph_more(page, STYLE_alarm, "%s at offset %" PRIu64, verdict->bad_segment,
			       verdict->bad_offset);
		paragraph_more(page, STYLE_plain, "%s", verdict->reason);
	}
	if (!verdict->good_frame)
		return;
	paragraph_row(page, "last good", STYLE_plain, "frame %" PRIu64 ", up to event %" PRIu64,
		      verdict->good_frame, verdict->good_event);
	paragraph_more(page, STYLE_plain, "%s", when_stamp(verdict->good_wall_ns, false, when));
}

/* A root that was given proves something only where frame 1 was found good by it. */
static void say_begin(const struct verify_report *report, const struct trail_verdict *verdict,
		      struct paragraph *page)
{
	if (verdict->root_given && !verdict->good_frame) {
		paragraph_row(page, "begin", STYLE_alarm,
			      "not proven: it does not fit the root that was given");
		paragraph_more(page, STYLE_plain,
			       "a key that was mistyped, or is another trail's, shows as this too");
		return;
	}
	if (report->root_is_own) {
		paragraph_row(page, "begin", STYLE_notice,
			      "only as good as that root: the file that was given as --root lies "
			      "in the trail itself, and proves nothing about it");
		paragraph_more(page, STYLE_plain,
			       "give the key that was printed when the trail began");
		return;
	}
	paragraph_row(
		page, "begin", verdict->root_given ? STYLE_good : STYLE_notice, "%s",
		verdict->root_given
			? "proven by the root that was given"
			: "only as good as that root, which was taken from the trail's own "
			  "folder: give --root, the key that was printed when the trail began");
}

static void say_what_is_proven(const struct verify_report *report, struct paragraph *page)
{
	char digits[2 * TRAIL_KEY_BYTES + 1], bytes[QUANTITY_MOST];
	const struct trail_verdict *verdict = &report->verdict;
	const struct trail_gaps *gaps = &verdict->gaps;

	paragraph_row(page, "root", STYLE_id, "%s",
		      hex(verdict->root, sizeof(verdict->root), digits));
	say_begin(report, verdict, page);
	paragraph_row(page, "end", verdict->end_proven ? STYLE_good : STYLE_notice, "%s",
		      verdict->end_proven ? "proven by the key state" : "not proven");
	if (verdict->anchored_frame)
		paragraph_more(page, STYLE_good, "up to frame %" PRIu64 " it is as an anchor says",
			       verdict->anchored_frame);
	if (verdict->live)
		paragraph_more(page, STYLE_plain,
			       "a recorder is writing: what it is committing was not looked at");
	if (verdict->torn_bytes)
		paragraph_more(page, STYLE_notice,
			       "%s behind the last whole commit were never acknowledged",
			       quantity_bytes(verdict->torn_bytes, bytes));
	paragraph_row(page, "notes", STYLE_plain, "%s", "");
	if (gaps->losses)
		paragraph_more(page, STYLE_notice, "%" PRIu64 " of lost events", gaps->losses);
	if (gaps->recoveries)
		paragraph_more(page, STYLE_notice, "%" PRIu64 " of recovery after a crash",
			       gaps->recoveries);
	if (gaps->degraded)
		paragraph_more(page, STYLE_notice, "%" PRIu64 " of degraded hooks", gaps->degraded);
	if (gaps->clock_steps)
		paragraph_more(page, STYLE_notice, "%" PRIu64 " of a clock step",
			       gaps->clock_steps);
	if (gaps->new_chains)
		paragraph_more(page, STYLE_notice, "a trail before this one was set aside");
	if (verdict->ended_without_stop)
		paragraph_more(page, STYLE_notice, "the recorder ended without saying so");
	if (verdict->committed_missing)
		paragraph_more(page, STYLE_notice, "`committed` is missing or damaged");
	if (!gaps->losses && !gaps->recoveries && !gaps->degraded && !gaps->clock_steps &&
	    !gaps->new_chains && !verdict->ended_without_stop && !verdict->committed_missing)
		paragraph_more(page, STYLE_plain, "none");
}

/* What became of the trails before, each by what the one behind it quotes. */
static void say_old(const struct verify_old *old, struct paragraph *page)
{
	char digits[2 * TRAIL_ID_BYTES + 1];
	const struct trail_verdict *verdict = &old->verdict;

	paragraph_row(page, "before", STYLE_id, "%s",
		      hex(old->quoted.trail_id, TRAIL_ID_BYTES, digits));
	paragraph_more(page, STYLE_notice, "set aside: %s", trail_damage_text(old->quoted.reason));
	if (!old->folder[0]) {
		paragraph_row(page, "", STYLE_alarm,
			      "it is not here any more, and had %" PRIu64 " frames or more",
			      most_frames(&old->quoted));
		return;
	}
	paragraph_row(page, "", verdict_styles[verdict->code], "%s",
		      trail_verdict_name(verdict->code));
	paragraph_more(page, STYLE_plain, "%s", old->folder);
	paragraph_more(page, STYLE_plain, "%" PRIu64 " events in %" PRIu64 " frames",
		       verdict->events, verdict->frames);
	if (verdict->anchored_frame)
		paragraph_more(page, STYLE_plain,
			       "up to frame %" PRIu64 " it is as was known of it",
			       verdict->anchored_frame);
	if (verdict->reason[0])
		paragraph_more(page, STYLE_plain, "%s", verdict->reason);
}

static int print_for_people(const struct verify_report *report, FILE *out)
{
	static const char *const meanings[] = {
		"intact from the root to the end, nothing lost",
		"intact from the root to the end; not everything was recorded",
		"what is shown is genuine; that nothing was cut off the end is not shown",
		"this is not what was recorded",
		"it could not be read",
	};
	const struct trail_verdict *verdict = &report->verdict;
	_cleanup_(paragraph_free)
	struct paragraph page = {
		.colour = terminal_colour(fileno(out), report->colour),
		.width = terminal_width(fileno(out)),
	};

	paragraph_headline(&page, verdict_styles[verdict->code], trail_verdict_name(verdict->code),
			   verdict->skipped_frames && verdict->code <= TRAIL_VALID_WITH_GAPS
				   ? "intact, as far as --since asked for it to be looked at"
				   : meanings[verdict->code]);
	if (verdict->reason[0] && !verdict->bad_frame)
		paragraph_row(&page, "because", STYLE_plain, "%s", verdict->reason);
	if (verdict->code != TRAIL_UNREADABLE || verdict->frames) {
		say_what_was_checked(verdict, &page);
		say_what_is_proven(report, &page);
	}
	verify_coverage_say(&report->coverage, &page);
	for (size_t i = 0; i < report->olds.count; i++)
		say_old(&report->olds.items[i], &page);
	return paragraph_print(&page, out);
}

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	json_object_object_add(object, key, value);
}

static void add_number(struct json_object *object, const char *key, uint64_t number)
{
	add(object, key, json_object_new_uint64(number));
}

static void add_hex(struct json_object *object, const char *key, const uint8_t *bytes, size_t count)
{
	char text[2 * TRAIL_KEY_BYTES + 1];

	add(object, key, json_object_new_string(hex(bytes, count, text)));
}

static void add_frames(struct json_object *object, const struct trail_verdict *verdict)
{
	struct json_object *good = json_object_new_object(), *bad = json_object_new_object();
	_cleanup_buffer_ struct buffer time = {};

	if (verdict->good_frame) {
		clock_append_rfc3339(&time, verdict->good_wall_ns);
		add_number(good, "frame", verdict->good_frame);
		add_number(good, "event", verdict->good_event);
		add(good, "time", json_object_new_string(buffer_string(&time) ?: ""));
		add_hex(good, "hash", verdict->good_hash, sizeof(verdict->good_hash));
		add(object, "last_good", json_object_get(good));
	}
	if (verdict->bad_frame) {
		add_number(bad, "frame", verdict->bad_frame);
		add(bad, "segment", json_object_new_string(verdict->bad_segment));
		add_number(bad, "offset", verdict->bad_offset);
		add(object, "first_bad", json_object_get(bad));
	}
	json_object_put(good);
	json_object_put(bad);
}

static void add_gone(struct json_object *dropped, const char *class, const struct trail_gone *gone)
{
	struct json_object *object = json_object_new_object();
	_cleanup_buffer_ struct buffer time = {};

	add_number(object, "frames", gone->frames);
	add_number(object, "events", gone->events);
	if (gone->frames) {
		clock_append_rfc3339(&time, gone->last_wall_ns);
		add(object, "last", json_object_new_string(buffer_string(&time) ?: ""));
	}
	add(dropped, class, object);
}

static void add_old(struct json_object *all, const struct verify_old *old)
{
	struct json_object *object = json_object_new_object();
	const struct trail_old_head *quoted = &old->quoted;

	add_hex(object, "trail_id", quoted->trail_id, sizeof(quoted->trail_id));
	add(object, "set_aside", json_object_new_string(trail_damage_word(quoted->reason)));
	add_number(object, "quoted_frame", quoted->frame);
	add_number(object, "quoted_key_frame", quoted->key_frame);
	add(object, "folder", old->folder[0] ? json_object_new_string(old->folder) : NULL);
	if (old->folder[0]) {
		const struct trail_verdict *verdict = &old->verdict;

		add(object, "verdict", json_object_new_string(trail_verdict_name(verdict->code)));
		add(object, "reason", json_object_new_string(verdict->reason));
		add(object, "end_proven", json_object_new_boolean(verdict->end_proven));
		add_number(object, "anchored_frame", verdict->anchored_frame);
		add_number(object, "torn_bytes", verdict->torn_bytes);
		add_number(object, "frames", verdict->frames);
		add_number(object, "events", verdict->events);
	}
	json_object_array_add(all, object);
}

static int print_json(const struct verify_report *report, FILE *out)
{
	const struct trail_verdict *verdict = &report->verdict;
	struct json_object *old = json_object_new_array(), *dropped = json_object_new_object();
	struct json_object *object = json_object_new_object(), *gaps = json_object_new_object();
	int r;

	add(object, "verdict", json_object_new_string(trail_verdict_name(verdict->code)));
	add(object, "exit_status", json_object_new_int((int)verdict->code));
	add(object, "reason", json_object_new_string(verdict->reason));
	add_hex(object, "trail_id", verdict->trail_id, sizeof(verdict->trail_id));
	add_hex(object, "root", verdict->root, sizeof(verdict->root));
	add(object, "root_given", json_object_new_boolean(verdict->root_given));
	add(object, "end_proven", json_object_new_boolean(verdict->end_proven));
	add(object, "live", json_object_new_boolean(verdict->live));
	add_number(object, "segments", verdict->segments);
	add_number(object, "frames", verdict->frames);
	add_number(object, "events", verdict->events);
	add_number(object, "raw_bytes", verdict->raw_bytes);
	add_number(object, "stored_bytes", verdict->stored_bytes);
	add_frames(object, verdict);
	add_number(gaps, "losses", verdict->gaps.losses);
	add_number(gaps, "recoveries", verdict->gaps.recoveries);
	add_number(gaps, "degraded", verdict->gaps.degraded);
	add_number(gaps, "clock_steps", verdict->gaps.clock_steps);
	add_number(gaps, "new_chains", verdict->gaps.new_chains);
	add(gaps, "ended_without_stop", json_object_new_boolean(verdict->ended_without_stop));
	add(gaps, "in_flight", json_object_new_boolean(verdict->in_flight));
	add(gaps, "committed_missing", json_object_new_boolean(verdict->committed_missing));
	add_number(gaps, "torn_bytes", verdict->torn_bytes);
	add(object, "gaps", gaps);
	add_gone(dropped, "routine", &verdict->gone[TRAIL_ROUTINE]);
	add_gone(dropped, "evidence", &verdict->gone[TRAIL_EVIDENCE]);
	add(object, verdict->excerpt ? "left_out" : "dropped", dropped);
	add_number(object, "anchored_frame", verdict->anchored_frame);
	add_number(object, "skipped_frames", verdict->skipped_frames);
	for (size_t i = 0; i < report->olds.count; i++)
		add_old(old, &report->olds.items[i]);
	add(object, "before", old);
	add(object, "coverage", json_object_get(report->coverage.runs));
	add_number(object, "coverage_left_out", report->coverage.left_out);
	r = fprintf(out, "%s\n",
		    json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
								   JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return r < 0 ? -EIO : 0;
}

int verify_report_print(const struct verify_report *report, FILE *out)
{
	return report->json ? print_json(report, out) : print_for_people(report, out);
}
