# SPDX-License-Identifier: Apache-2.0
# The recorder is killed, or told to end: what was committed stays, and recording goes on behind it.
load helpers
load trail

# KILLS: how often it is killed. `make test-all` asks for the hundred; in a guest without hardware help, where each
# takes a minute, for five.
if [ "${TIME_FACTOR:-1}" -gt 1 ]; then
	KILLS=${KILLS:-${TEST_ALL:+5}}
	KILLS=${KILLS:-2}
else
	KILLS=${KILLS:-${TEST_ALL:+100}}
	KILLS=${KILLS:-12}
fi
[ -z "${BATS_TEST_TIMEOUT:-}" ] || BATS_TEST_TIMEOUT=$((BATS_TEST_TIMEOUT + 15 * KILLS * ${TIME_FACTOR:-1}))

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	TRAIL=$BATS_TEST_TMPDIR/trail LOAD=
}

teardown() {
	recorder_kill
	load_end
}

teardown_file() {
	engine_stop
}

# Routine requests, and one that is severe and has its commit within a tenth of a second: it gives a
# container the host's processes, of an image that there is none of.
load_begin() {
	(
		while [ ! -e "$BATS_TEST_TMPDIR/enough" ]; do
			for ((i = 0; i < 20; i++)); do
				curl -s --unix-socket "$ENGINE_SOCKET" http://x/_ping >/dev/null || true
				sleep 0.02
			done
			docker ps >/dev/null || true
			curl -s --unix-socket "$ENGINE_SOCKET" -H 'Content-Type: application/json' \
				-d '{"Image": "none", "HostConfig": {"PidMode": "host"}}' \
				http://x/v1.41/containers/create >/dev/null || true
		done
	) 3>&- &
	LOAD=$!
}

load_end() {
	[ -n "${LOAD:-}" ] || return 0
	touch "$BATS_TEST_TMPDIR/enough"
	wait "$LOAD" || true
	LOAD=
}

# recorder_launch: as recorder_start, without waiting for anything.
recorder_launch() {
	RECORDER_LOG=$BATS_TEST_TMPDIR/recorder.stderr
	env --default-signal=INT "$DOCKTRAIL" record --trail "$TRAIL" --socket "$ENGINE_SOCKET" --engine-root "$ENGINE_DATA" --audit off "$@" \
		>"$BATS_TEST_TMPDIR/recorder.stdout" 2>"$RECORDER_LOG" </dev/null 3>&- &
	RECORDER=$!
}

# die_at MILLISECONDS [PATTERN]: sends SIGKILL when the time is over and then, with a PATTERN, a file of
# that name was written to once more: a commit writes the key of the next frame, the segment, `committed`.
die_at() {
	/usr/bin/python3 - "$RECORDER" "$@" <<'P'
import glob, os, signal, sys, time
pid, wait_ms = int(sys.argv[1]), int(sys.argv[2])
def look():
    return [(name, os.stat(name).st_size, os.stat(name).st_mtime_ns) for name in sorted(glob.glob(sys.argv[3]))]
time.sleep(wait_ms / 1000)
if len(sys.argv) > 3:
    before, end = look(), time.monotonic() + 20
    while look() == before and time.monotonic() < end:
        time.sleep(0.0003)
    time.sleep(wait_ms % 7 / 1000)
os.kill(pid, signal.SIGKILL)
P
	wait "$RECORDER" 2>/dev/null || true
	RECORDER=
}

# still_there: the trail reads without complaint; what it showed before is how it begins now.
still_there() {
	local seen=$BATS_TEST_TMPDIR/seen now=$BATS_TEST_TMPDIR/now
	"$DOCKTRAIL" replay --trail "$TRAIL" --format json >"$now"
	without_gaps "$now"
	cmp -n "$(stat -c %s "$seen")" "$seen" "$now"
	mv "$now" "$seen"
}

@test "killed at random moments under load: nothing that was committed is lost, and recording goes on" {
	local recording=0 starting=0 i root=
	RANDOM=${SEED:=$RANDOM}
	echo "# SEED=$SEED KILLS=$KILLS" >&3
	: >"$BATS_TEST_TMPDIR/seen"
	# Files so small that some end between two kills.
	echo 'segment_size = 16K' >"$BATS_TEST_TMPDIR/small.conf"
	small=(--config "$BATS_TEST_TMPDIR/small.conf")
	load_begin
	for ((i = 0; i < KILLS; i++)); do
		case $((i % 4)) in
		0 | 1 | 2)
			recorder_start "${small[@]}"
			recording=$((recording + 1))
			[ -n "$root" ] || root=$(grep -oE '^ *[0-9a-f]{64}$' "$RECORDER_LOG" | tr -d ' ')
			still_there
			;;&
		0) die_at $((RANDOM % 2000)) ;;
		1) die_at $((RANDOM % 1000)) "$TRAIL/state/key" ;;
		2) die_at $((RANDOM % 1000)) "$TRAIL/*.jsonl.zst" ;;
		3)
			starting=$((starting + 1))
			recorder_launch "${small[@]}"
			die_at $((RANDOM % 3000 * ${TIME_FACTOR:-1}))
			;;
		esac
		still_there
		verified --root "$root"
	done
	recorder_start "${small[@]}"
	docker info >/dev/null
	load_end
	recorder_stop
	still_there
	verified --root "$root"
	[ "$VERIFIED" = 1 ]
	events 'event.action == "recorder-recovery"' | jq -r .docktrail.recorder.reason >"$BATS_TEST_TMPDIR/reasons"
	cat "$BATS_TEST_TMPDIR/reasons"
	echo "# $(events | wc -l) events in $(ls "$TRAIL"/*.jsonl.zst | wc -l) files, $(wc -l <"$BATS_TEST_TMPDIR/reasons") recoveries:" \
		"$(grep -c 'was whole and is kept' "$BATS_TEST_TMPDIR/reasons") with a whole commit that was not acknowledged," \
		"$(grep -c 'was cut off' "$BATS_TEST_TMPDIR/reasons") with a torn one" >&3
	count 1 'docktrail.api.operation == "SystemInfo"'
	# Who was killed while recording is told of by the next one; who was killed early perhaps.
	recoveries=$(events 'event.action == "recorder-recovery"' | wc -l)
	[ "$recoveries" -ge "$recording" ]
	[ "$recoveries" -le $((recording + starting)) ]
	[ "$(events 'event.action == "recorder-stop"' | wc -l)" = 1 ]
}

# nothing_left: no process that has the trail among its arguments.
nothing_left() {
	[ -z "$(pgrep -f -- "--trail $TRAIL")" ]
}

# ends_cleanly SIGNAL [ARGS...]: exit status 0, the stop is the last event, verify has nothing to say.
ends_cleanly() {
	recorder_start "${@:2}"
	curl -s --unix-socket "$ENGINE_SOCKET" http://x/_ping >/dev/null
	recorder_stop "$1"
	nothing_left
	[ "$(events | tail -n 1 | jq -r .event.action)" = recorder-stop ]
	count 1 'docktrail.api.operation == "SystemPing" and http.response.status_code == 200'
	"$DOCKTRAIL" verify --trail "$TRAIL"
}

@test "SIGTERM ends it cleanly" {
	ends_cleanly TERM
}

@test "SIGINT ends it cleanly" {
	ends_cleanly INT
}

two_are_there() {
	[ "$(pgrep -fc -- "--trail $TRAIL")" = 2 ]
}

@test "with --live the one that prints ends with it, told or killed" {
	ends_cleanly INT --live=text
	recorder_start --live=text
	curl -s --unix-socket "$ENGINE_SOCKET" http://x/_ping >/dev/null
	# It begins after the recorder says so: a run of a moment may be over before anything is printed.
	wait_for 10 grep -q 'SystemPing' "$RECORDER_OUTPUT"
	recorder_stop
	nothing_left
	recorder_start --live
	wait_for 5 two_are_there
	recorder_kill
	wait_for 5 nothing_left
}

@test "told to end while it still begins, it ends cleanly" {
	recorder_launch
	wait_for 20 test -e "$TRAIL"
	recorder_stop TERM
	nothing_left
	[ "$(events | tail -n 1 | jq -r .event.action)" = recorder-stop ]
	"$DOCKTRAIL" verify --trail "$TRAIL"
}

stop_has_begun() {
	docker logs slow 2>&1 | grep -q told
}

@test "a request that is being answered when recording ends is written as pending" {
	docker run -d --net none --name slow busybox:test sh -c 'trap "echo told" TERM; while :; do sleep 0.2; done'
	recorder_start
	docker stop -t 8 slow 3>&- &
	client=$!
	wait_for 10 stop_has_begun
	recorder_stop
	wait "$client"
	docker rm slow
	count 1 'docktrail.api.operation == "ContainerStop" and docktrail.api.state == "pending" and not exists http.response.status_code'
	[ "$(events | tail -n 1 | jq -r .event.action)" = recorder-stop ]
}

@test "two starts after one kill tell of it once" {
	recorder_start
	recorder_kill
	for i in 1 2; do
		recorder_start
		recorder_stop
	done
	count 1 'event.action == "recorder-recovery"'
	count 3 'event.action == "recorder-start"'
	verified
	[ "$VERIFIED" = 1 ]
}
