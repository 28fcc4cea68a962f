#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A trail that grows too large loses old payloads, says so, and still verifies; and a search passes
# over files that hold nothing of what is asked for.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	TRAIL=$BATS_TEST_TMPDIR/trail CONFIG=$BATS_TEST_TMPDIR/config
}

teardown() {
	recorder_kill
}

teardown_file() {
	engine_stop
}

# ask_until COMMAND...: it succeeds within a minute, while there is something to record.
ask_until() {
	local bound=$((60 * ${TIME_FACTOR:-1})) start=$SECONDS
	until "$@" >/dev/null 2>&1; do
		((SECONDS - start < bound)) || { echo "not within $bound s: $*" >&2; return 1; }
		requests 20
	done
}

# has_files N: the trail has so many, or more.
has_files() {
	[ "$(segments)" -ge "$1" ]
}

# dropped N: payloads of N segments or more were dropped.
dropped() {
	[ "$(events 'event.action == "recorder-pruned"' 2>/dev/null | wc -l)" -ge "$1" ]
}

@test "retention: what is routine and old goes, evidence stays, both verifiers agree, and zstd reads the rest" {
	printf 'segment_size = 4K\nretention_size = 16K\nretention_routine = 1\nretention_evidence = 86400\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	docker network create kept >/dev/null
	docker network rm kept >/dev/null
	ask_until dropped 4
	# While it goes on, too.
	"$DOCKTRAIL" verify --trail "$TRAIL" || [ $? = 1 ]
	recorder_stop
	verified
	[ "$VERIFIED" = 1 ]
	"$DOCKTRAIL" verify --trail "$TRAIL" --json >"$BATS_TEST_TMPDIR/verdict" || [ $? = 1 ]
	jq -e '.dropped.routine.events > 20 and .dropped.evidence.events == 0' "$BATS_TEST_TMPDIR/verdict"
	exits 0 "$DOCKTRAIL" replay --trail "$TRAIL" --format json --where 'event.severity < 25'
	says "events are not shown: their payloads were dropped by policy"
	# Nothing that was done is missing, and every number is counted.
	has 'docktrail.api.operation == "NetworkCreate"'
	has 'docktrail.api.operation == "NetworkDelete"'
	events '' 2>/dev/null >"$BATS_TEST_TMPDIR/left"
	gone=$(jq .dropped.routine.events "$BATS_TEST_TMPDIR/verdict")
	[ $(($(wc -l <"$BATS_TEST_TMPDIR/left") + gone)) = "$(jq .events "$BATS_TEST_TMPDIR/verdict")" ]
	"$DOCKTRAIL" replay --trail "$TRAIL" --count-by event.action --format json | jq -s 'map(.count) | add' |
		grep -qx "$(jq .events "$BATS_TEST_TMPDIR/verdict")"
	zstd -dcq "$TRAIL"/*.zst | jq .event.sequence | sort -n | diff - <(jq .event.sequence "$BATS_TEST_TMPDIR/left")
	# What a note says is what it was: the class, how many, up to when.
	events 'event.action == "recorder-pruned"' 2>/dev/null | head -n 1 |
		jq -e '.docktrail.recorder.pruned | .class == "routine" and .frames > 0 and .events >= .frames and .first <= .last'
}

@test "retention: nothing is dropped before its time, and that the trail grows is said" {
	printf 'segment_size = 4K\nretention_size = 16K\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	ask_until has 'event.action == "recorder-degraded" and docktrail.recorder.reason ~ "*larger than retention_size*"'
	recorder_stop
	dropped 1 && return 1
	# Whoever drops it all the same, and is the recorder that may sign that, is found: what was recorded was to be kept.
	printf 'segment_size = 4K\nretention_size = 16K\nretention_routine = 0\nretention_evidence = 0\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	ask_until dropped 1
	recorder_stop
	verified
	first=$(events 'event.action == "recorder-start"' 2>/dev/null | jq .event.sequence | sed -n 2p)
	events '' 2>/dev/null | jq .event.sequence | head -n $((first - 1)) | diff - <(seq $((first - 1)))
}

@test "retention: values that cannot be, with file and line" {
	for line in 'retention_size = 10Q' 'retention_size = -1' 'retention_routine = soon' 'retention_evidence = 9999999999'; do
		printf '# one\n%s\n' "$line" >"$CONFIG"
		exits 64 "$DOCKTRAIL" record --config "$CONFIG" --trail "$TRAIL" --socket "$ENGINE_SOCKET"
		says "$CONFIG:2: ${line%% *} = "
	done
}

@test "a search passes over files that hold nothing of what is asked for" {
	printf 'segment_size = 4K\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	ask_until has_files 7
	docker network create late >/dev/null
	docker network rm late >/dev/null
	recorder_stop
	# A file that cannot be read any more shows who reads it.
	third=$(ls "$TRAIL"/*.zst | sed -n 3p)
	printf '\0\0\0\0' | dd of="$third" bs=1 seek=$(($(stat -c %s "$third") - 200)) conv=notrunc status=none
	run "$DOCKTRAIL" replay --trail "$TRAIL" --format json
	[ "$status" = 65 ]
	says DAMAGED
	exits 0 "$DOCKTRAIL" replay --trail "$TRAIL" --format json --where 'docktrail.api.operation == "NetworkCreate"'
	says '"late"'
	exits 0 "$DOCKTRAIL" replay --trail "$TRAIL" --count-by docktrail.api.operation
	says NetworkCreate
}
