# SPDX-License-Identifier: Apache-2.0
# What is wrong is said: what it means, what to do, what still works. Never a crash.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

# sound_trail: one with some commits, for those that damage a copy of it.
sound_trail() {
	local i
	recorder_start
	for i in 1 2 3; do
		curl -s --unix-socket "$ENGINE_SOCKET" http://x/_ping >/dev/null
		wait_for 10 pings $i
	done
	recorder_stop
}

# pings N: so many are committed.
pings() {
	count "$1" 'docktrail.api.operation == "SystemPing"'
}

setup() {
	engine_needed
	TRAIL=$BATS_TEST_TMPDIR/trail CONFIG=$BATS_TEST_TMPDIR/config
}

teardown() {
	[ -z "${RECORDER:-}" ] || kill -CONT "$RECORDER" 2>/dev/null || true
	recorder_kill
}

teardown_file() {
	engine_stop
}

# record [ARGS...]: for one that must end by itself, and does not begin.
record() {
	timeout $((60 * ${TIME_FACTOR:-1})) "$DOCKTRAIL" record --trail "$TRAIL" --socket "$ENGINE_SOCKET" "$@"
}

# private SCRIPT: in a mount namespace of its own, with TRAIL and ENGINE_SOCKET.
private() {
	export TRAIL ENGINE_SOCKET
	timeout $((60 * ${TIME_FACTOR:-1})) unshare -m sh -ec "$1"
}

# --- what the machine lacks ---------------------------------------------------------------------

@test "without root: each missing capability, why it is needed, and what to do" {
	exits 77 setpriv --reuid 65534 --regid 65534 --clear-groups "$DOCKTRAIL" record --trail "$TRAIL"
	says "CAP_BPF is missing" "CAP_PERFMON is missing" "CAP_SYS_ADMIN is missing" \
		"CAP_SYS_PTRACE is missing" "CAP_DAC_READ_SEARCH is missing" "to load the probes" "run it as root"
	exits 77 setpriv --bounding-set -perfmon,-sys_ptrace "$DOCKTRAIL" record --trail "$TRAIL"
	says "CAP_PERFMON is missing" "CAP_SYS_PTRACE is missing"
	[[ $output != *CAP_BPF* ]]
	[ ! -e "$TRAIL" ]
}

@test "folders that others can write are refused, with which and what to do" {
	mkdir -m 777 "$TRAIL"
	exits 71 record
	says "others could take away" "the folder $TRAIL belongs to uid 0" "permissions are 0777" "chmod go-w"
	ls -A "$TRAIL" | diff - /dev/null
	rmdir "$TRAIL"
	mkdir -m 775 "$BATS_TEST_TMPDIR/above"
	exits 71 record --trail "$BATS_TEST_TMPDIR/above/trail"
	says "the folder $BATS_TEST_TMPDIR/above belongs to"
	mkdir -m 770 "$BATS_TEST_TMPDIR/state"
	exits 71 record --state "$BATS_TEST_TMPDIR/state"
	says "the folder $BATS_TEST_TMPDIR/state belongs to"
	# A sticky one, and the home of somebody.
	chmod 1777 "$BATS_TEST_TMPDIR/above"
	mkdir "$BATS_TEST_TMPDIR/above/home"
	chown 1001 "$BATS_TEST_TMPDIR/above/home"
	TRAIL=$BATS_TEST_TMPDIR/above/home/trail
	recorder_start
	wait_for 10 grep -q "the folder $BATS_TEST_TMPDIR/above/home belongs to uid 1001" "$RECORDER_LOG"
	recorder_stop
	exits 0 "$DOCKTRAIL" verify --trail "$TRAIL"
}

@test "a kernel without BTF: what is needed, and what works all the same" {
	# libbpf would take a kernel's image for it.
	exits 71 private ': >/tmp/docktrail-empty-$$; mount --bind /tmp/docktrail-empty-$$ /sys/kernel/btf/vmlinux; rm -f /tmp/docktrail-empty-$$
		mount -t tmpfs none /boot; exec "$DOCKTRAIL" record --trail "$TRAIL" --socket "$ENGINE_SOCKET"'
	says "no BTF" "CONFIG_DEBUG_INFO_BTF" "nothing can be recorded" "can be replayed and verified"
	exits 71 private 'mount -t tmpfs none /sys/kernel/btf; mount -t tmpfs none /boot; exec "$DOCKTRAIL" record --trail "$TRAIL" --socket "$ENGINE_SOCKET"'
	says "no BTF"
	[ ! -e "$TRAIL" ]
}

@test "no engine at all: announced, and recorded what there is" {
	ENGINE_SOCKET=$BATS_TEST_TMPDIR/none.sock ENGINE_DATA=$BATS_TEST_TMPDIR/none recorder_start --socket "$BATS_TEST_TMPDIR" --socket "$CONFIG"
	grep -q "none.sock is not there yet: it is watched as soon as it appears" "$RECORDER_LOG"
	grep -q "$BATS_TEST_TMPDIR is no socket" "$RECORDER_LOG"
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e '.recording and .degraded and (.warnings | length) > 0'
	recorder_stop
	count 1 'event.action == "recorder-start" and docktrail.recorder.sockets ~ "*none.sock=absent"'
	"$DOCKTRAIL" verify --trail "$TRAIL"
}

# --- where the trail shall be -------------------------------------------------------------------

@test "a second recorder on the same trail says so, and the first goes on" {
	recorder_start
	exits 75 record
	says "another recorder is writing this trail" "--trail"
	docker info >/dev/null
	recorder_stop
	count 1 'docktrail.api.operation == "SystemInfo"'
	count 1 'event.action == "recorder-start"'
	"$DOCKTRAIL" verify --trail "$TRAIL"
}

@test "two recorders with a trail each see the same" {
	recorder_start
	first=$RECORDER
	TRAIL=$TRAIL.2 recorder_start
	docker info >/dev/null
	recorder_stop
	TRAIL=$TRAIL.2 count 1 'docktrail.api.operation == "SystemInfo"'
	RECORDER=$first
	recorder_stop
	count 1 'docktrail.api.operation == "SystemInfo"'
}

@test "a folder that cannot be: no parent, a file, read-only, not writable" {
	TRAIL=$BATS_TEST_TMPDIR/no/such/parent exits 71 record
	says "no/such/parent" "parent does not exist"
	: >"$TRAIL"
	exits 71 record
	says "$TRAIL" "this is a file"
	TRAIL=$TRAIL/below exits 71 record
	says "this is a file"
	rm "$TRAIL"
	mkdir "$TRAIL"
	exits 71 private 'mount -t tmpfs -o ro,mode=750 none "$TRAIL"; exec "$DOCKTRAIL" record --trail "$TRAIL/new" --socket "$ENGINE_SOCKET"'
	says "read-only"
	exits 71 private 'mount -t tmpfs -o ro,mode=750 none "$TRAIL"; exec "$DOCKTRAIL" record --trail "$TRAIL" --socket "$ENGINE_SOCKET"'
	says "read-only"
	chown 65534 "$TRAIL"
	exits 71 setpriv --bounding-set -dac_override "$DOCKTRAIL" record --trail "$TRAIL/new" --socket "$ENGINE_SOCKET"
	says "cannot be written"
	[ -z "$(ls -A "$TRAIL")" ]
	exits 64 record --trail ''
	says "--trail needs a path"
}

# --- the configuration --------------------------------------------------------------------------

# refuses LINES TEXT...: as a configuration they are refused, with the file and each TEXT.
refuses() {
	printf "$1" >"$CONFIG"
	exits 64 record --config "$CONFIG"
	says "$CONFIG" "${@:2}"
	none <(echo "$output") '[\x00-\x09\x0b-\x1f\x7f]'
}

@test "a broken line of the configuration: file, line, key, and what is expected" {
	refuses '# comment\n\ncolour = red\n' ":3:" "no key 'colour'" "known are: trail state socket"
	refuses 'heartbeat = soon\n' ":1: heartbeat = soon: expected seconds, 1 to 3600"
	refuses 'heartbeat = 0\n' ":1:" "1 to 3600"
	refuses 'heartbeat = 99999999999999999999\n' ":1:" "1 to 3600"
	refuses 'ring_api = 5000\n' ":1: ring_api" "power of two"
	refuses 'queue = -5\n' ":1: queue" "1M to 1024M"
	refuses 'trail = relative\n' ":1: trail = relative: expected an absolute path"
	refuses 'socket =\n' ":1: socket" "an absolute path"
	refuses 'rung = kprobe\n' ":1: rung = kprobe: expected fentry or tracepoint"
	refuses 'heartbeat = 5\n[record]\nheartbeat = 5\n' ":3:" "without sections"
	refuses 'heartbeat\n' ":1:" "key = value"
	refuses 'host_capabilities = on\n' ":1: host_capabilities = on: expected yes or no"
	refuses '\377\376\001\033[2J garbage\n' ":1:" "key = value"
	refuses 'ring_\033[2Japi = 4096\n' ":1:" "no key"
	refuses 'heartbeat = \033[2J\n' ":1: heartbeat = " "1 to 3600"
	[ ! -e "$TRAIL" ]
}

@test "a mask that is no regular expression" {
	refuses 'mask = a\nmask = (b\n' ":2:8: mask = (b: " "expected a POSIX extended regular expression"
	refuses '  mask=(a)\\1\n' ":1:11:" "without back references"
	refuses 'mask_name = pin|[a-\n' ":1:17: mask_name = " "expected a POSIX extended regular expression"
	refuses "heartbeat = 5\nmask = $(printf 'a%.0s' {1..192})\n" ":2:199: a line has at most 198 bytes"
	refuses "mask = $(printf 'a%.0s' {1..190})(\n" ":1:198: mask = " "Unmatched"
	refuses 'mask =\n' ":1:" "empty"
	[ ! -e "$TRAIL" ]
}

@test "a configuration that cannot be read: missing, a folder, somebody else's" {
	exits 64 record --config "$CONFIG"
	says "$CONFIG" "No such file"
	mkdir "$CONFIG"
	exits 64 record --config "$CONFIG"
	says "$CONFIG" "directory"
	rmdir "$CONFIG"
	head -c 100000 /dev/urandom >"$CONFIG"
	exits 64 record --config "$CONFIG"
	says "$CONFIG"
	[ ! -e "$TRAIL" ]
}

@test "a mask of the configuration is used, and the command line goes before the file" {
	printf 'trail = /nowhere/at/all\nsocket = /nowhere.sock\nmask = --pin[= ]([0-9]+)\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	bash -c 'exec -a "teller" curl -s --unix-socket "$1" http://x/_ping' - "$ENGINE_SOCKET" >/dev/null
	/usr/bin/python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(b"GET /_ping HTTP/1.0\r\n\r\n"); s.recv(99)' "$ENGINE_SOCKET" --pin 74656
	recorder_stop
	count 1 'event.action == "api-request" and process.args == "--pin"'
	count 0 'process.args ~ "*74656*"'
	count 1 'event.action == "api-request" and process.args ~ "*redacted*"'
}

# --- the socket ---------------------------------------------------------------------------------

@test "full rings: the loss is told and counted, recording goes on, verify tells of gaps" {
	printf 'ring_state = 4096\nring_api = 4096\nring_noise = 4096\n' >"$CONFIG"
	recorder_start --config "$CONFIG"
	# A reader that is stopped is as slow as one can be.
	kill -STOP "$RECORDER"
	/usr/bin/python3 - "$ENGINE_SOCKET" >"$BATS_TEST_TMPDIR/client" <<'P'
import os, socket, sys
print(os.getpid())
for i in range(60):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(sys.argv[1])
    s.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\nX-Filler: " + b"f" * 300 + b"\r\nConnection: close\r\n\r\n")
    while s.recv(65536):
        pass
    s.close()
P
	kill -CONT "$RECORDER"
	wait_for 10 has 'event.action == "recorder-loss" and docktrail.loss.ring == "api" and docktrail.loss.bytes > 0'
	has 'event.action == "recorder-loss" and docktrail.loss.ring == "state" and docktrail.loss.records > 0'
	has "event.action == \"recorder-loss\" and docktrail.loss.ring == \"api\" and process.pid == $(<"$BATS_TEST_TMPDIR/client")"
	docker info >/dev/null
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e '.recording and (.losses | map(select(.reason == "ring_full" and .records > 0)) | length) > 0'
	exits 0 "$DOCKTRAIL" status --trail "$TRAIL"
	says "lost"
	recorder_stop
	count 1 'docktrail.api.operation == "SystemInfo"'
	# Sixty requests: each is there or counted as lost. Whose they are may have been lost too: the client is told by its headers.
	there=$(events 'docktrail.api.operation == "SystemPing" and not exists user_agent.original' | wc -l)
	lost=$(events 'event.action == "recorder-loss" and docktrail.loss.ring == "api"' | jq -s 'map(.docktrail.loss.turns) | add')
	echo "there: $there, lost: $lost"
	[ "$there" -lt 60 ]
	[ $((there + lost)) = 60 ]
	exits 1 "$DOCKTRAIL" verify --trail "$TRAIL"
	says "VALID-WITH-GAPS" "of lost events"
}

@test "garbage on the socket is marked, never a crash, and the next request is recorded" {
	cat >"$BATS_TEST_TMPDIR/garbage.py" <<'P'
import random, socket, sys
chance = random.Random(2)
garbage = {
    "random": chance.randbytes(5000),
    "tls": bytes.fromhex("16030100c8010000c40303") + chance.randbytes(190),
    "version": b"GET / HTTP/9.9\r\n\r\n",
    "line": b"x" * (1 << 20),
    "cut": b"GET /v1.41/containers/json HTTP/1.1\r\nHost: x\r\nX-Reg",
    "body": b"POST /v1.41/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"Image\": [[[",
    "deep": b"POST /v1.41/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n" + b"[" * 60000,
    "chunk": b"POST /v1.41/auth HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
    "length": b"POST /v1.41/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nx",
    "two": b"POST /v1.41/auth HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "header": b"GET /_ping HTTP/1.1\r\nHost: x\0y\r\n\r\n",
    "h2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "nothing": b"",
}
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
s.settimeout(20)
s.connect(sys.argv[1])
try:
    s.sendall(garbage[sys.argv[2]])
    s.shutdown(socket.SHUT_WR)
    while s.recv(65536):
        pass
except OSError as error:
    print(sys.argv[2], error)
P
	recorder_start
	local marked="random tls version line cut chunk length two header" refused="body deep" kind kinds
	# A guest is slow, and parses no other way.
	[ "${TIME_FACTOR:-1}" = 1 ] || marked="random tls cut two" refused=deep
	kinds=$(wc -w <<<"$marked $refused h2 nothing")
	for kind in $marked $refused h2 nothing; do
		/usr/bin/python3 "$BATS_TEST_TMPDIR/garbage.py" "$ENGINE_SOCKET" "$kind"
		curl -s --unix-socket "$ENGINE_SOCKET" http://x/_ping >/dev/null
	done
	# A connection that nobody ended in words is known to be gone a little later.
	wait_for 15 count $((2 * kinds)) 'event.action == "socket-close"'
	recorder_stop
	events 'event.action == "api-request"' | jq -c '[.process.args[-1], .http.request.method, .url.path, .docktrail.api, .http.response.status_code]'
	for kind in $marked; do
		has "event.action == \"api-request\" and process.args == \"$kind\" and docktrail.api.state in (\"ambiguous\", \"truncated\")"
		count 0 "event.action == \"api-request\" and process.args == \"$kind\" and docktrail.api.state == \"complete\""
	done
	# A body that is no JSON declares nothing.
	for kind in $refused; do
		count 1 "event.action == \"api-request\" and process.args == \"$kind\" and docktrail.api.operation == \"ContainerCreate\" and http.response.status_code >= 400 and not exists docktrail.declared.image"
	done
	for kind in $marked $refused h2 nothing; do
		count 1 "event.action == \"socket-close\" and process.args == \"$kind\""
	done
	# That is no HTTP/1.1, but the engine answers it.
	count 1 'event.action == "api-request" and process.args == "h2" and http.request.method == "PRI"'
	count 0 'event.action == "api-request" and process.args == "nothing"'
	count $kinds 'docktrail.api.operation == "SystemPing" and process.name == "curl" and http.response.status_code == 200 and docktrail.api.state == "complete"'
	count 0 'event.action == "recorder-loss"'
	"$DOCKTRAIL" replay --trail "$TRAIL" >/dev/null
	"$DOCKTRAIL" verify --trail "$TRAIL"
}

# --- the command line ---------------------------------------------------------------------------

@test "a usage error of every command is 64, and says where help is" {
	for command in record replay verify status events; do
		exits 64 "$DOCKTRAIL" "$command" --nonsense
		says "nonsense" "--help"
		exits 64 "$DOCKTRAIL" "$command" --trail
		exits 0 "$DOCKTRAIL" "$command" --help
		says "Usage:"
	done
	exits 64 "$DOCKTRAIL"
	says "Usage:" "record" "replay" "verify" "status" "events"
	exits 64 "$DOCKTRAIL" recrod
	says "Did you mean \`docktrail record\`?"
	exits 64 record nonsense
	says "nonsense"
	exits 64 "$DOCKTRAIL" events nonsense
	says "there is no event"
	exits 64 record --rung kprobe
	says "there is no rung 'kprobe'" "fentry"
	exits 64 record --heartbeat never
	says "1 to 3600"
	exits 64 record --live=xml
	says "there is no format 'xml'" "story"
	exits 64 record --socket ''
	says "--socket needs a path"
	[ ! -e "$TRAIL" ]
	exits 64 "$DOCKTRAIL" replay --format xml
	says "story" "text" "json"
	exits 64 "$DOCKTRAIL" verify --root 12345
	says "64 hexadecimal digits"
}

# points TEXT COLUMN EXPRESSION: the error of --where says TEXT, with a caret below the column.
points() {
	exits 64 "$DOCKTRAIL" replay --where "$3"
	says "$1"
	[ "${lines[-2]}" = "  $3" ]
	[ "${lines[-1]}" = "  $(printf '%*s' "$2" '^')" ]
}

@test "--where points at what is wrong" {
	points 'unknown field "process.nmae": did you mean process.name?' 1 'process.nmae == "x"'
	points 'event.severity takes a number' 19 'event.severity >= "high"'
	points 'unknown field' 20 'user.id == 0 and ( nothing == 1 )'
	points '' 17 'user.id == 0 and'
	points '' 9 'user.id = 0'
	points '' 1 ') user.id == 0'
	exits 64 "$DOCKTRAIL" replay --where ''
	exits 64 "$DOCKTRAIL" replay --where "user.name =~ \"$(printf 'a%.0s' {1..300})\""
	says "256"
	exits 64 "$DOCKTRAIL" replay --since tomorow
	says "not a time" "yesterday"
}

# --- trails that are none, or damaged -----------------------------------------------------------

@test "a trail that is missing, empty, or no trail" {
	exits 66 "$DOCKTRAIL" replay --trail "$TRAIL"
	says "there is no trail at $TRAIL" "--trail"
	exits 4 "$DOCKTRAIL" verify --trail "$TRAIL"
	says "there is no trail at $TRAIL" "--trail"
	mkdir "$TRAIL"
	exits 66 "$DOCKTRAIL" replay --trail "$TRAIL"
	says "no trail"
	exits 4 "$DOCKTRAIL" verify --trail "$TRAIL"
	says "UNREADABLE"
	exits 4 "$DOCKTRAIL" verify --trail "$TRAIL" --json
	jq -e '.verdict == "UNREADABLE" and .exit_status == 4 and .reason != ""' <<<"$output"
	head -c 100000 /dev/urandom >"$CONFIG"
	exits 66 "$DOCKTRAIL" replay "$CONFIG"
	says "$CONFIG" "no trail or segment"
	exits 66 "$DOCKTRAIL" replay "$CONFIG" "$TRAIL/none.jsonl.zst"
	: >"$CONFIG"
	exits 66 "$DOCKTRAIL" replay "$CONFIG"
	says "no trail or segment"
}

# copy: a new copy of the sound trail, in TRAIL; its segment in SEGMENT.
copy() {
	[ -d "$BATS_FILE_TMPDIR/trail" ] || TRAIL=$BATS_FILE_TMPDIR/trail sound_trail
	rm -rf "$TRAIL"
	cp -a "$BATS_FILE_TMPDIR/trail" "$TRAIL"
	SEGMENT=$(echo "$TRAIL"/*.jsonl.zst)
}

# verdict STATUS NAME [ARGS...]: for people and as JSON.
verdict() {
	exits "$1" "$DOCKTRAIL" verify --trail "$TRAIL" "${@:3}"
	[[ ${lines[0]} == "$2 "* ]]
	exits "$1" "$DOCKTRAIL" verify --trail "$TRAIL" --json "${@:3}"
	jq -e --arg verdict "$2" --argjson status "$1" '.verdict == $verdict and .exit_status == $status' <<<"$output"
}

# flip OFFSET: the lowest bit of one byte of the segment.
flip() {
	/usr/bin/python3 - "$SEGMENT" "$1" <<'P'
import sys
with open(sys.argv[1], "r+b") as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ 1]))
P
}

@test "verify of a sound trail, with its root, with a wrong one, without its key" {
	copy
	root=$(cat "$TRAIL/root.pub")
	verdict 0 VALID
	verdict 0 VALID --root "$root"
	cp "$TRAIL/root.pub" "$BATS_TEST_TMPDIR/kept"
	verdict 0 VALID --root "$BATS_TEST_TMPDIR/kept"
	verdict 0 VALID --since -1h
	exits 2 "$DOCKTRAIL" verify --trail "$TRAIL" --since now
	says "no payload was looked at" "skipped"
	exits 64 "$DOCKTRAIL" verify --trail "$TRAIL" --since -1h --salvage
	exits 64 "$DOCKTRAIL" verify --trail "$TRAIL" --since nonsense
	verdict 0 VALID --root "$BATS_TEST_TMPDIR/kept"
	jq -e '.root_given and .end_proven and .events > 3 and .gaps.losses == 0' <<<"$output"
	verdict 3 TAMPERED --root "$(tr 0-9a-f 1-9a-f0 <<<"$root")"
	# What lies in the trail proves nothing about it, by whatever path it is named.
	ln -s "$TRAIL/root.pub" "$BATS_TEST_TMPDIR/own"
	for own in "$TRAIL/root.pub" "$BATS_TEST_TMPDIR/own"; do
		verdict 0 VALID --root "$own"
		jq -e '.root_given == false' <<<"$output"
		exits 0 "$DOCKTRAIL" verify --trail "$TRAIL" --root "$own"
		says "lies in the trail itself"
	done
	verdict 2 UNPROVEN-END --state none
	jq -e '.end_proven == false' <<<"$output"
	rm -rf "$TRAIL/state"
	verdict 2 UNPROVEN-END
}

@test "verify of a damaged copy: a flipped bit anywhere, a cut end, a missing segment, garbage" {
	copy
	size=$(stat -c %s "$SEGMENT")
	for part in 0 1 3 5 8 9; do
		copy
		flip $((size * part / 10 + 5))
		exits 3 "$DOCKTRAIL" verify --trail "$TRAIL"
		[[ ${lines[0]} == "TAMPERED "* ]]
	done
	verdict 3 TAMPERED
	jq -e '.first_bad.frame > 0 and .first_bad.segment != "" and .last_good.frame < .first_bad.frame' <<<"$output"
	# What does not decode is left out, with a warning that says where, and the rest is shown. A bit within what is
	# compressed may only change a letter, which replay cannot know: here it is zstd's magic number.
	copy
	flip "$(LC_ALL=C grep -obUaP -m 1 '\x28\xb5\x2f\xfd' "$SEGMENT" | head -n 1 | cut -d: -f1)"
	run "$DOCKTRAIL" replay --trail "$TRAIL" --format json
	says "DAMAGED" "docktrail verify"
	[ "$status" = 65 ]
	copy
	truncate -s $((size - 1)) "$SEGMENT"
	verdict 3 TAMPERED
	copy
	truncate -s $((size / 2)) "$SEGMENT"
	verdict 3 TAMPERED
	copy
	printf 'appended' >>"$SEGMENT"
	exits 3 "$DOCKTRAIL" verify --trail "$TRAIL"
	copy
	head -c 10000 /dev/urandom >"$SEGMENT"
	exits 3 "$DOCKTRAIL" verify --trail "$TRAIL"
	copy
	rm "$SEGMENT"
	run "$DOCKTRAIL" verify --trail "$TRAIL"
	echo "$output"
	[ "$status" -ge 3 ]
}

@test "verify --salvage: the events that still verify, the rest named" {
	copy
	"$DOCKTRAIL" replay --trail "$TRAIL" --format json >"$BATS_TEST_TMPDIR/all"
	# A letter of the second frame's payload: no chain is broken by it.
	second=$(LC_ALL=C grep -obUaP '\x28\xb5\x2f\xfd' "$SEGMENT" | sed -n 2p | cut -d: -f1)
	flip $((second + 30))
	status=0
	"$DOCKTRAIL" verify --trail "$TRAIL" --salvage >"$BATS_TEST_TMPDIR/saved" 2>"$BATS_TEST_TMPDIR/said" || status=$?
	[ "$status" = 3 ]
	grep -q '^TAMPERED' "$BATS_TEST_TMPDIR/said"
	grep -q 'proven from the root: .* of 1 frames with .* the payload is lost' "$BATS_TEST_TMPDIR/said"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/saved")" -gt 2 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/saved")" -lt "$(wc -l <"$BATS_TEST_TMPDIR/all")" ]
	# Not a line that was not recorded.
	[ -z "$(sort "$BATS_TEST_TMPDIR/all" | comm -13 - <(sort "$BATS_TEST_TMPDIR/saved"))" ]
	jq -s -e 'length > 2' "$BATS_TEST_TMPDIR/saved"
}
