# SPDX-License-Identifier: Apache-2.0
# Whether it is recording now: while it does, after its end however that came, and where there is no trail.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	TRAIL=$BATS_TEST_TMPDIR/trail
}

teardown() {
	[ -z "${RECORDER:-}" ] || kill -CONT "$RECORDER" 2>/dev/null || true
	recorder_kill
}

teardown_file() {
	engine_stop
}

# tells JQ-EXPRESSION: it is true of status --json; to be waited for.
tells() {
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e "$1"
}

@test "while it records: the rung, the sockets, the last commit, nothing lost" {
	recorder_start
	docker version >/dev/null
	wait_for 10 tells '.commit.frame >= 2 and .events.committed == .events.written and .events.committed >= 3'
	exits 0 "$DOCKTRAIL" status --trail "$TRAIL"
	[[ ${lines[0]} == RECORDING* ]]
	rung=$(sed -n 's/^recording .* by rung \([a-z]*\):.*/\1/p' "$RECORDER_LOG")
	says "pid $RECORDER" "$ENGINE_SOCKET" "watched" "inode $(stat -c %i "$ENGINE_SOCKET")" "$rung" "commit"
	[[ $output =~ lost\ +nothing ]]
	# Every hook that the recorder named is attached.
	sed -n 's/^recording [^:]*: //p' "$RECORDER_LOG" | sed 's/, /\n/g' >"$BATS_TEST_TMPDIR/hooks"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/hooks")" -ge 4 ]
	while read -r hook; do
		grep -qE "[ /]$hook +attached" <<<"$output" || { echo "not said: $hook"; false; }
	done <"$BATS_TEST_TMPDIR/hooks"
	"$DOCKTRAIL" status --trail "$TRAIL" --json >"$BATS_TEST_TMPDIR/json"
	jq -e --argjson pid "$RECORDER" --arg socket "$ENGINE_SOCKET" --arg rung "$rung" --argjson inode "$(stat -c %i "$ENGINE_SOCKET")" --arg kernel "$(uname -r)" '
		.recording == true and .degraded == false and .pid == $pid and .rung == $rung and .kernel == $kernel
		and (.sockets | length) == 1 and .sockets[0] == {path: $socket, state: "watched", inode: $inode, device: .sockets[0].device}
		and (.hooks | map(select(.state == "attached")) | length) >= 4
		and .losses == [] and .warnings == [] and .memory_bytes > 1000000
		and .commit.frame >= 2 and .commit.duration_ns > 0 and .events.per_second >= 0
		and (.root | test("^[0-9a-f]{64}$")) and (.trail_id | test("^[0-9a-f]{32}$"))' "$BATS_TEST_TMPDIR/json"
}

@test "the engine goes and comes: status says so" {
	recorder_start
	engine_down
	wait_for 10 tells '.sockets[0].state == "absent" and .degraded == true and (.warnings | length) == 1'
	exits 0 "$DOCKTRAIL" status --trail "$TRAIL"
	[[ ${lines[0]} == "RECORDING, DEGRADED"* ]]
	says "absent" "no socket is there"
	engine_up
	wait_for 10 tells '.sockets[0].state == "watched" and .degraded == false'
}

@test "a recorder that hangs is not said to record" {
	recorder_start
	wait_for 5 tells '.recording'
	kill -STOP "$RECORDER"
	wait_for 30 tells '.recording == false and (.why | contains("hangs"))'
	exits 1 "$DOCKTRAIL" status --trail "$TRAIL"
	says "NOT RECORDING" "no sign of life"
	kill -CONT "$RECORDER"
	wait_for 10 tells '.recording'
}

@test "after a stop and after kill -9: not recording, with its last sign of life" {
	recorder_start
	ended=$RECORDER
	recorder_stop
	exits 1 "$DOCKTRAIL" status --trail "$TRAIL"
	[[ ${lines[0]} == "NOT RECORDING"* ]]
	says "recorder $ended has ended" "last sign of life"
	exits 1 "$DOCKTRAIL" status --trail "$TRAIL" --json
	jq -e --argjson pid "$ended" '.recording == false and .pid == $pid and .age_ns > 0' <<<"$output"
	recorder_start
	ended=$RECORDER
	recorder_kill
	exits 1 "$DOCKTRAIL" status --trail "$TRAIL"
	[[ ${lines[0]} == "NOT RECORDING"* ]]
	says "recorder $ended has ended"
}

@test "verify says when it was recorded, by what, how each time ended, and what was not seen" {
	recorder_start
	wait_for 5 tells '.recording'
	exits 0 "$DOCKTRAIL" verify --trail "$TRAIL" --json
	jq -e '.coverage | length == 1 and .[0].end == "goes on"' <<<"$output"
	recorder_stop
	for i in 1 2 3; do
		recorder_start
		wait_for 5 tells '.recording'
		recorder_kill
	done
	recorder_start
	recorder_stop
	run "$DOCKTRAIL" verify --trail "$TRAIL" --json
	jq -e '.coverage | length == 5 and map(.end) == ["stopped", "cut short", "cut short", "cut short", "stopped"] and
		all(.since <= .until and (.hooks | length) > 10 and .version != "" and .degraded == 0)' <<<"$output"
	jq -r '.coverage[4].blind[]' <<<"$output" | sort >"$BATS_TEST_TMPDIR/blind"
	events 'event.action == "recorder-start"' | tail -n 1 | jq -r '.docktrail.recorder.blind[]' | sort | diff - "$BATS_TEST_TMPDIR/blind"
	run "$DOCKTRAIL" verify --trail "$TRAIL"
	says "cut short" "stopped" "and 2 times before: --json" "blind to $(head -n 1 "$BATS_TEST_TMPDIR/blind")"
	[ "$(grep -c 'blind to' <<<"$output")" = "$(wc -l <"$BATS_TEST_TMPDIR/blind")" ]
}

@test "a trail that never was, a folder that is none, a status that somebody else wrote" {
	exits 66 "$DOCKTRAIL" status --trail "$TRAIL"
	says "there is no trail at $TRAIL" "--trail"
	mkdir "$TRAIL"
	exits 66 "$DOCKTRAIL" status --trail "$TRAIL"
	rmdir "$TRAIL"
	recorder_start
	recorder_stop
	for content in 'garbage' '{"pid": "x", "hooks": 7, "sockets": [1, null, {}], "why": []}' '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[' '' '{"version": "\u001b[2J"}'; do
		printf '%s' "$content" >"$TRAIL/status.json"
		exits 1 "$DOCKTRAIL" status --trail "$TRAIL"
		says "NOT RECORDING"
		none <(echo "$output") '\x1b'
		exits 1 "$DOCKTRAIL" status --trail "$TRAIL" --json
		jq -e '.recording == false' <<<"$output"
	done
	rm "$TRAIL/status.json"
	exits 1 "$DOCKTRAIL" status --trail "$TRAIL"
	says "no recorder is at work here"
}

@test "a reader that may not look is told so" {
	recorder_start
	recorder_stop
	chmod 0711 "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	exits 66 setpriv --reuid 65534 --regid 65534 --clear-groups "$DOCKTRAIL" status --trail "$TRAIL"
	says "may not be read"
}
