// SPDX-License-Identifier: Apache-2.0
/* Whose change it is, by whether his process lived then. */
#include "actor_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/file_look.h"
#include "correlate/drift.h"

#define PATH "/etc/docker/daemon.json"

static void hit(struct actor_bed *bed, struct drifts *drifts, const struct wire_task *task,
		uint64_t when, uint64_t sequence)
{
	char entity[64];

	record_begin(bed->record, EVENT_watch_hit);
	snprintf(entity, sizeof(entity), "boot-%llu", (unsigned long long)task->start);
	record_set_number(bed->record, FIELD_timestamp, when);
	record_set_number(bed->record, FIELD_event_sequence, sequence);
	record_set_string(bed->record, FIELD_event_outcome, "success");
	record_set_string(bed->record, FIELD_audit_operation, "truncate");
	record_set_string(bed->record, FIELD_file_path, PATH);
	record_set_number(bed->record, FIELD_process_pid, task->pid);
	record_set_string(bed->record, FIELD_process_entity_id, entity);
	record_add_text(bed->record, FIELD_audit_paths_name, TEXT(PATH));
	record_add_text(bed->record, FIELD_audit_paths_inode, TEXT("7"));
	record_add_text(bed->record, FIELD_audit_paths_device, TEXT("8:1"));
	record_add_text(bed->record, FIELD_audit_paths_type, TEXT("NORMAL"));
	assert_int_equal(drifts_hit(drifts, bed->record), 1);
}

/* The number of the act that explains the change; 0: none does. */
static uint64_t explained(struct actor_bed *bed, struct drifts *drifts,
			  const struct file_look *before, const struct file_look *after,
			  uint64_t since)
{
	record_begin(bed->record, EVENT_watch_drift);
	assert_true(drifts_fill(drifts, PATH, before, after, since, true, NULL, bed->record));
	return record_number(bed->record, FIELD_drift_hit);
}

/* A shell that lives on writes to it, and again: both are its acts, until it has ended. */
static void test_living(void **state)
{
	struct actor_bed *bed = *state;
	struct file_look looks[4] = {};
	struct wire_task task = bed_run_client(bed);
	uint64_t now = (uint64_t)WALL;
	struct drifts *drifts;

	assert_int_equal(drifts_new(&bed->context, &drifts), 0);
	for (size_t i = 0; i < 4; i++) {
		looks[i] = (struct file_look){ .type = FILE_FILE,
					       .device = makedev(8, 1),
					       .inode = 7,
					       .mode = 0644,
					       .modified_ns = now + i * 5 * NS_PER_SECOND,
					       .changed_ns = now + i * 5 * NS_PER_SECOND };
		snprintf(looks[i].sha256, sizeof(looks[i].sha256), "%zu", i);
	}
	for (size_t i = 1; i < 3; i++) {
		hit(bed, drifts, &task, looks[i].changed_ns, i);
		assert_int_equal(explained(bed, drifts, &looks[i - 1], &looks[i],
					   looks[i - 1].changed_ns + 1),
				 i);
	}
	drifts_free(drifts);
}

int main(void)
{
	const struct CMUnitTest tests[] = { CACHED(living) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
