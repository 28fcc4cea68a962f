#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A trail of many files reads, follows and verifies as one.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	TRAIL=$BATS_TEST_TMPDIR/trail
	echo 'segment_size = 4K' >"$BATS_TEST_TMPDIR/small.conf"
}

teardown() {
	chattr -i "$TRAIL" 2>/dev/null || true
	[ -z "${FOLLOWER:-}" ] || kill -KILL "$FOLLOWER" 2>/dev/null || true
	recorder_kill
}

teardown_file() {
	engine_stop
}

more_than() {
	[ "$(segments)" -gt "$1" ] || { requests 40; return 1; }
}

@test "many files: followed over each of them, read by zstd, verified by both, restarted in between" {
	recorder_start --config "$BATS_TEST_TMPDIR/small.conf"
	env --default-signal=INT "$DOCKTRAIL" replay --trail "$TRAIL" --format json --follow >"$BATS_TEST_TMPDIR/followed" 2>&1 3>&- &
	FOLLOWER=$!
	wait_for 60 more_than 4
	recorder_kill
	recorder_start --config "$BATS_TEST_TMPDIR/small.conf"
	wait_for 60 more_than 6
	"$DOCKTRAIL" verify --trail "$TRAIL" >"$BATS_TEST_TMPDIR/live" || [ $? = 1 ]
	recorder_stop
	events >"$BATS_TEST_TMPDIR/whole"
	wait_for 20 cmp "$BATS_TEST_TMPDIR/followed" "$BATS_TEST_TMPDIR/whole"
	kill -INT "$FOLLOWER"
	wait "$FOLLOWER"
	FOLLOWER=
	jq .event.sequence "$BATS_TEST_TMPDIR/whole" | diff - <(seq "$(wc -l <"$BATS_TEST_TMPDIR/whole")")
	zstd -dcq "$TRAIL"/*.zst | jq .event.sequence | sort -n | diff - <(jq .event.sequence "$BATS_TEST_TMPDIR/whole")
	exits 1 "$DOCKTRAIL" verify --trail "$TRAIL" --json
	[ "$(jq .segments <<<"$output")" = "$(segments)" ]
	exits 1 "$TOP/tools/verify-trail.py" "$TRAIL"
	says "VALID-WITH-GAPS"
	# One in the middle is gone.
	rm "$(find "$TRAIL" -maxdepth 1 -name '*.jsonl.zst' | sort | sed -n 3p)"
	exits 3 "$DOCKTRAIL" verify --trail "$TRAIL"
	exits 3 "$TOP/tools/verify-trail.py" "$TRAIL"
}

@test "the next file cannot be made: it is said, recording goes on in the old one" {
	recorder_start --config "$BATS_TEST_TMPDIR/small.conf"
	chattr +i "$TRAIL" 2>/dev/null || skip "this file system has no attribute that keeps files from being made"
	requests 40
	wait_for 20 degraded
	before=$(segments)
	chattr -i "$TRAIL"
	wait_for 30 more_than "$before"
	wait_for 10 has 'event.action == "recorder-degraded" and docktrail.recorder.reason ~ "*has begun its next segment*"'
	recorder_stop
	exits 1 "$DOCKTRAIL" verify --trail "$TRAIL"
}

degraded() {
	requests 10
	grep -q 'goes on in a segment that is full' "$RECORDER_LOG"
}
