# SPDX-License-Identifier: Apache-2.0
# A disk that fills up while it is recorded, and has room again later.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	DISK=$BATS_TEST_TMPDIR/disk TRAIL=$BATS_TEST_TMPDIR/trail CONFIG=$BATS_TEST_TMPDIR/config
}

teardown() {
	recorder_kill
	! mountpoint -q "$DISK" || umount -l "$DISK"
}

teardown_file() {
	engine_stop
}

# private SCRIPT: in a mount namespace of its own, with TRAIL and ENGINE_SOCKET.
private() {
	export TRAIL ENGINE_SOCKET
	timeout $((60 * ${TIME_FACTOR:-1})) unshare -m sh -ec "$1"
}

status_is_not() {
	[ "$(stat -c '%i %y' "$TRAIL/status.json")" != "$1" ]
}

# ask_until COMMAND...: requests with long names, ten for each time that the recorder tells how it is, until the
# command succeeds. With EVIDENCE such as would change something.
ask_until() {
	local n status asked="images/&/json"
	[ -z "${EVIDENCE:-}" ] || asked="containers/&/kill"
	for ((n = 0; n < 100; n++)); do
		status=$(stat -c '%i %y' "$TRAIL/status.json")
		wait_for 20 status_is_not "$status"
		! "$@" >/dev/null 2>&1 || return 0
		head -c 15000 /dev/urandom | od -An -v -tx1 -w1500 | tr -d " " |
			sed "s|.*|url = http://x/$asked\noutput = /dev/null|" |
			curl -s ${EVIDENCE:+-X POST} --unix-socket "$ENGINE_SOCKET" -K -
	done
	echo "not after $n times ten requests: $*" >&2
	return 1
}

# lost: events had no room, and `docktrail status` says so.
lost() {
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e 'any(.losses[]; .reason == "too much waited for the disk")'
}

degraded() {
	has "event.action == \"recorder-degraded\" and docktrail.recorder.reason ~ \"$1\""
}

@test "on_full = degrade: events wait in memory, then only evidence, then only counts; and back again" {
	mkdir "$DISK"
	mount -t tmpfs -o size=1m none "$DISK"
	TRAIL=$DISK/trail
	printf 'queue = 1M\nsegment_size = 64K\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	docker ps >/dev/null
	wait_for 20 has 'event.action == "api-request"'
	wait_for 20 [ -e "$TRAIL/next" ]
	before=$(segments)
	cat /dev/zero >"$DISK/fill" 2>/dev/null || true
	# What was reserved is used first.
	ask_until warns "the disk is full: events wait in memory"
	[ "$(segments)" -gt "$before" ]
	ask_until warns "only evidence is kept"
	ask_until lost
	EVIDENCE=yes ask_until warns "events are only counted"
	is_gone "$RECORDER" && return 1
	# A reader sees a whole trail, as far as it goes.
	exits 1 "$DOCKTRAIL" verify --trail "$TRAIL"
	says "a recorder is writing"
	rm "$DISK/fill"
	wait_for 20 does_not_warn "the disk is full"
	wait_for 20 degraded "there is room on the disk*"
	docker ps >/dev/null
	recorder_stop
	degraded "the disk is full: events wait in memory"
	degraded "*only evidence is kept*"
	has 'docktrail.api.operation == "ContainerKill"'
	# What had no room was counted.
	events 'docktrail.loss.reason ~ "*too much waited for the disk"' | jq -s -e 'map(.docktrail.loss.records) | add > 0'
	events '' >"$BATS_TEST_TMPDIR/lines"
	without_gaps "$BATS_TEST_TMPDIR/lines"
	verified
	[ "$VERIFIED" = 1 ]
	[ ! -e "$TRAIL/next" ]
}

@test "a recorder that starts on a full disk records" {
	mkdir "$DISK"
	mount -t tmpfs -o size=256k none "$DISK"
	TRAIL=$DISK/trail
	printf 'segment_size = 16K\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	recorder_stop
	cat /dev/zero >"$DISK/fill" 2>/dev/null || true
	recorder_start --config "$CONFIG"
	docker ps >/dev/null
	ask_until warns "the disk is full"
	rm "$DISK/fill"
	wait_for 20 has 'event.action == "api-request"'
	recorder_stop
	verified
	# The same after one that ended while it waited.
	recorder_start --config "$CONFIG"
	cat /dev/zero >"$DISK/fill" 2>/dev/null || true
	ask_until warns "the disk is full: events wait"
	status=0
	recorder_stop || status=$?
	[ "$status" = 71 ]
	grep -q "the last events could not be written: .* events are lost" "$RECORDER_LOG"
	recorder_start --config "$CONFIG"
	ask_until warns "the disk is full: events wait"
	rm "$DISK/fill"
	wait_for 20 degraded "there is room on the disk*"
	recorder_stop
	verified
	[ "$VERIFIED" = 1 ]
}

@test "on_full = halt: it ends, says why, and what was committed stays" {
	mkdir "$TRAIL"
	echo "on_full = halt" >"$CONFIG"
	export CONFIG
	# A trail of 192 KiB is full after some hundred requests with long names. The first ten are committed before the others come.
	exits 71 private 'mount -t tmpfs -o size=192k,mode=750 none "$TRAIL"
		env --default-signal=INT "$DOCKTRAIL" record --config "$CONFIG" --trail "$TRAIL/t" --socket "$ENGINE_SOCKET" &
		recorder=$!
		ask_ten() {
			head -c 15000 /dev/urandom | od -An -v -tx1 -w1500 | tr -d " " |
				sed "s|.*|url = http://x/images/&/json\noutput = /dev/null|" |
				curl -s --unix-socket "$ENGINE_SOCKET" -K - || echo "curl ended with $?"
		}
		committed() { "$DOCKTRAIL" replay --trail "$TRAIL/t" --where "event.action == \"api-request\"" 2>/dev/null | wc -l; }
		until [ "$(committed)" -gt 5 ] || [ $((m += 1)) -gt 20 ]; do
			ask_ten
			for i in $(seq 20); do [ "$(committed)" -gt 5 ] && break; sleep 0.1; done
		done
		while kill -0 $recorder 2>/dev/null && [ $((n += 1)) -lt 100 ]; do ask_ten; done
		"$DOCKTRAIL" replay --trail "$TRAIL/t" --format json >"$TRAIL.lines"
		"$DOCKTRAIL" verify --trail "$TRAIL/t" >"$TRAIL.verdict" || echo $? >"$TRAIL.verified"
		wait $recorder'
	says "cannot be written: No space left on device" "Recording ends"
	cat "$TRAIL.verdict"
	[ "$(cat "$TRAIL.verified")" = 1 ]
	[ "$(wc -l <"$TRAIL.lines")" -gt 5 ]
	without_gaps "$TRAIL.lines"
}
