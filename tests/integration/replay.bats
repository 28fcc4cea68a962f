# SPDX-License-Identifier: Apache-2.0
# What a reader of a trail asks for: a part of it, while it grows, on a terminal, and nothing that harms one.
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
	[ -z "${FOLLOWER:-}" ] || kill -KILL "$FOLLOWER" 2>/dev/null || true
	recorder_kill
}

teardown_file() {
	engine_stop
}

ping() {
	curl -s --unix-socket "$ENGINE_SOCKET" "http://x/_ping" >/dev/null
}

replay() {
	"$DOCKTRAIL" replay --trail "$TRAIL" "$@"
}

# committed N: so many pings can be read.
committed() {
	[ "$(events 'url.path == "/_ping"' | wc -l)" = "$1" ]
}

@test "--since and --until: what lies between, to the nanosecond" {
	recorder_start
	for i in 1 2 3 4; do ping; done
	recorder_stop
	events 'url.path == "/_ping"' | jq -r '."@timestamp"' >"$BATS_TEST_TMPDIR/times"
	mapfile -t times <"$BATS_TEST_TMPDIR/times"
	[ ${#times[@]} = 4 ]
	# From the second on, the second too; up to the fourth, without it.
	replay --format json --since "${times[1]}" --until "${times[3]}" --where 'url.path == "/_ping"' | jq -r '."@timestamp"' >"$BATS_TEST_TMPDIR/between"
	diff <(sed -n 2,3p "$BATS_TEST_TMPDIR/times") "$BATS_TEST_TMPDIR/between"
	[ "$(replay --format json --since -1h | wc -l)" = "$(events | wc -l)" ]
	[ "$(replay --format json --until -1h | wc -l)" = 0 ]
	[ "$(replay --format json --since today --until now | wc -l)" = "$(replay --format json --since today | wc -l)" ]
	# A zone: the same moment, told by another clock.
	[ "$(replay --format json --since "$(TZ=Asia/Tokyo date -d "${times[2]}" +%Y-%m-%dT%H:%M:%S.%N%:z)" | wc -l)" = "$(replay --format json --since "${times[2]}" | wc -l)" ]
	exits 64 "$DOCKTRAIL" replay --trail "$TRAIL" --since now --until -1h
	says "--since is not before --until"
}

@test "--container: by name, by id and by its first digits, what was asked of it and nothing else" {
	recorder_start
	docker create --net none --name wanted busybox:test sleep 1000
	docker create --net none --name other busybox:test sleep 1000
	id=$(docker inspect -f '{{.Id}}' wanted)
	docker start wanted
	docker rm -f "$id" other
	recorder_stop
	for asked in wanted "$id" "${id:0:12}" "${id:0:4}"; do
		replay --format json --container "$asked" >"$BATS_TEST_TMPDIR/asked"
		# The create knew only the name, the inspect answered the id, the delete asked by the id.
		for operation in ContainerCreate ContainerStart ContainerDelete; do
			jq -e --arg o "$operation" --arg id "$id" -s 'map(select(.docktrail.api.operation == $o)) | length == 1 and .[0].docktrail.target.id == $id' "$BATS_TEST_TMPDIR/asked"
		done
		none "$BATS_TEST_TMPDIR/asked" '"name":"other"'
	done
	[ "$(replay --format json --container nobody | wc -l)" = 0 ]
}

@test "--where selects by every operator of the language" {
	recorder_start
	ping
	docker version >/dev/null
	curl -s --unix-socket "$ENGINE_SOCKET" -X DELETE http://x/v1.41/containers/nothing >/dev/null
	recorder_stop
	count 1 'docktrail.api.operation == "SystemPing"'
	count 1 'http.response.status_code >= 400 and http.response.status_code < 500'
	count 1 'docktrail.api.operation in ("ContainerDelete", "ContainerStart")'
	count 1 'url.path ~ "*/containers/*"'
	count 1 'url.path =~ "containers/[a-z]+$"'
	count 0 'docktrail.api.operation != "SystemPing" and docktrail.api.operation == "SystemPing"'
	[ "$(events 'exists docktrail.api.operation' | wc -l)" = "$(events 'event.action == "api-request" or event.action == "api-answer"' | wc -l)" ]
	# An absent field compares with nothing, and `not` turns that round.
	[ "$(($(events 'user.id != 4711' | wc -l) + $(events 'not (user.id != 4711)' | wc -l)))" = "$(events | wc -l)" ]
	[ "$(events 'not exists user.id' | wc -l)" -gt 0 ]
}

@test "what nothing matches is said on stderr, with how much was looked at" {
	recorder_start
	ping
	recorder_stop
	all=$(events | wc -l)
	for format in story text json; do
		replay --format $format --container nobody >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
		[ ! -s "$BATS_TEST_TMPDIR/out" ]
		[ "$(cat "$BATS_TEST_TMPDIR/err")" = "docktrail replay: no event matches: $all looked at" ]
		replay --format $format --until 2001-01-01 2>"$BATS_TEST_TMPDIR/err"
		[ "$(cat "$BATS_TEST_TMPDIR/err")" = "docktrail replay: no event matches: 0 looked at, $all more in frames that hold none" ]
		replay --format $format --where 'url.path == "/_ping"' 2>"$BATS_TEST_TMPDIR/err"
		[ ! -s "$BATS_TEST_TMPDIR/err" ]
	done
}

followed() {
	[ "$(grep -c '"/_ping"' "$BATS_TEST_TMPDIR/followed")" = "$1" ]
}

@test "--follow prints what is committed, as it is committed, through a restart, and ends on SIGINT" {
	recorder_start
	ping
	wait_for 10 committed 1
	env --default-signal=INT "$DOCKTRAIL" replay --trail "$TRAIL" --format json --follow --where 'event.action == "api-request" or event.action == "recorder-start"' \
		>"$BATS_TEST_TMPDIR/followed" 2>"$BATS_TEST_TMPDIR/followed.err" 3>&- &
	FOLLOWER=$!
	wait_for 10 followed 1
	ping
	wait_for 10 followed 2
	recorder_kill
	recorder_start
	ping
	wait_for 10 followed 3
	recorder_stop
	is_gone "$FOLLOWER" && false
	kill -INT "$FOLLOWER"
	wait_for 5 is_gone "$FOLLOWER"
	wait "$FOLLOWER"
	[ ! -s "$BATS_TEST_TMPDIR/followed.err" ]
	[ "$(jq -r 'select(.event.action == "recorder-start") | .event.sequence' "$BATS_TEST_TMPDIR/followed" | wc -l)" = 2 ]
	jq .event.sequence "$BATS_TEST_TMPDIR/followed" | sort -nc
}

@test "segments as arguments read as their folder does, also copied away and through a pipe" {
	recorder_start
	ping
	recorder_stop
	events >"$BATS_TEST_TMPDIR/whole"
	"$DOCKTRAIL" replay --format json "$TRAIL"/*.jsonl.zst | cmp - "$BATS_TEST_TMPDIR/whole"
	cp "$TRAIL"/*.jsonl.zst "$BATS_TEST_TMPDIR/"
	(cd "$BATS_TEST_TMPDIR" && "$DOCKTRAIL" replay --format json 0*.jsonl.zst | cmp - whole)
	zstd -dcq "$TRAIL"/*.zst | jq -c .event.sequence | sort -n | diff - <(jq -c .event.sequence "$BATS_TEST_TMPDIR/whole")
	exits 64 "$DOCKTRAIL" replay --trail "$TRAIL" "$TRAIL"/*.jsonl.zst
	says "not both"
	exits 64 "$DOCKTRAIL" replay --follow "$TRAIL"/*.jsonl.zst
	says "--follow needs a trail's folder"
	# A folder is one, whether --trail stands before it or not.
	"$DOCKTRAIL" replay --format json "$TRAIL" | cmp - "$BATS_TEST_TMPDIR/whole"
	env --default-signal=INT "$DOCKTRAIL" replay --format json --follow "$TRAIL" >"$BATS_TEST_TMPDIR/followed" 2>&1 3>&- &
	FOLLOWER=$!
	wait_for 10 cmp "$BATS_TEST_TMPDIR/followed" "$BATS_TEST_TMPDIR/whole"
	kill -INT "$FOLLOWER"
	wait "$FOLLOWER"
}

@test "a reader that goes away early is no error" {
	recorder_start
	for i in 1 2 3; do ping; done
	recorder_stop
	run bash -c 'set -o pipefail; "$1" replay --trail "$2" --format text | head -n 1' - "$DOCKTRAIL" "$TRAIL"
	[ "$status" = 0 ]
	[ ${#lines[@]} = 1 ]
}

@test "colour on a terminal only, unless it is asked for" {
	recorder_start
	ping
	recorder_stop
	for format in story text; do
		replay --format $format >"$BATS_TEST_TMPDIR/plain"
		none "$BATS_TEST_TMPDIR/plain" '\x1b'
		replay --format $format --color=always | grep -q $'\e\['
		TERM=xterm script -qec "'$DOCKTRAIL' replay --trail '$TRAIL' --format $format" /dev/null </dev/null >"$BATS_TEST_TMPDIR/terminal"
		grep -q $'\e\[' "$BATS_TEST_TMPDIR/terminal"
		TERM=xterm script -qec "'$DOCKTRAIL' replay --trail '$TRAIL' --format $format --color=never" /dev/null </dev/null >"$BATS_TEST_TMPDIR/never"
		none "$BATS_TEST_TMPDIR/never" '\x1b'
		TERM=xterm NO_COLOR=1 script -qec "'$DOCKTRAIL' replay --trail '$TRAIL' --format $format" /dev/null </dev/null >"$BATS_TEST_TMPDIR/never"
		none "$BATS_TEST_TMPDIR/never" '\x1b'
	done
	# A line of JSON is evidence: on a terminal it is the same.
	TERM=xterm script -qec "'$DOCKTRAIL' replay --trail '$TRAIL' --format json" /dev/null </dev/null | tr -d '\r' | cmp - <(events)
}

@test "control characters of a hostile process are escaped in story, text and json" {
	recorder_start
	/usr/bin/python3 - "$ENGINE_SOCKET" $'arg\e[31m\a\r\n' $'\xc2\x9b31m\xe2\x80\xae' $'\xff\xfe' <<'P'
import ctypes, socket, sys
ctypes.CDLL(None).prctl(15, b"\x1b[2J\x07\n\xc2\x9bx", 0, 0, 0)
for request in (b"GET /_ping HTTP/1.1\r\nHost: x\r\nUser-Agent: \xc2\x9b\xe2\x80\xae\xff\x1b[1m\r\n\r\n",
                b"GET /images/\x1b[2Jname/json?\x1b[1m HTTP/1.1\r\nHost: x\r\n\r\n",
                b"GET /images/%1b[2Jname/json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                b"\x1b[2J\x9b\x07"):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(20)
    s.connect(sys.argv[1])
    s.sendall(request)
    s.shutdown(socket.SHUT_WR)
    while s.recv(65536):
        pass
    s.close()
P
	recorder_stop
	# Its name is the kernel's comm, with all that the process put there.
	[ "$(events 'event.action == "api-request" and process.executable ~ "*/python3*"' | wc -l)" -ge 4 ]
	events 'event.action == "api-request"' | jq -e -s 'all(.process.name | startswith("\u001b[2J\u0007\n"))'
	for format in story text json; do
		replay --format $format >"$BATS_TEST_TMPDIR/$format"
		# C0 but for the newline, DEL, C1 in UTF-8, and what turns the direction of writing.
		none "$BATS_TEST_TMPDIR/$format" '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]'
		iconv -f UTF-8 -t UTF-8 "$BATS_TEST_TMPDIR/$format" >/dev/null
	done
	"$DOCKTRAIL" verify --trail "$TRAIL"
	# What a filter names is told back in its error, and is hostile too.
	run "$DOCKTRAIL" replay --trail "$TRAIL" --where $'\e[2J == 1'
	[ "$status" = 64 ]
	none <(echo "$output") '\x1b'
}
