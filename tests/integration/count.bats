# SPDX-License-Identifier: Apache-2.0
# replay --count-by and --user: who did how much of what.
load helpers
load trail

setup_file() {
	engine_start
	[ -z "${ENGINE_MISSING:-}" ] || return 0
	export TRAIL=$BATS_FILE_TMPDIR/trail BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR
	chmod 755 "$ENGINE_DIR"
	chmod 666 "$ENGINE_SOCKET"
	recorder_start
	# A known number of each: 5 pings, 3 of them somebody else's; 2 versions; 4 of what there is not.
	for i in 1 2; do ask /_ping; done
	for i in 1 2 3; do by_daemon /_ping; done
	for i in 1 2; do ask /version; done
	for i in 1 2 3; do ask /containers/nothing/json; done
	ask /containers/nothing/json -A $'\xc2\x9b"\xff'
	# Effective uid 2, which no event has a name for; and a login uid, where the kernel lets us set one.
	/usr/bin/python3 -c 'import os, socket, sys; os.setresuid(0, 2, 0); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.send(b"GET /info HTTP/1.0\r\n\r\n"); s.recv(99)' "$ENGINE_SOCKET"
	LOGIN=$(sh -c 'echo 1 >/proc/self/loginuid 2>/dev/null && curl -s --unix-socket "$1" http://x/containers/json >/dev/null && echo yes' - "$ENGINE_SOCKET" || true)
	export LOGIN
	recorder_stop
}

setup() {
	engine_needed
}

teardown_file() {
	engine_stop
}

ask() {
	curl -s --unix-socket "$ENGINE_SOCKET" "http://x$1" "${@:2}" >/dev/null
}

# By uid 1, which is called daemon everywhere.
by_daemon() {
	setpriv --reuid 1 --regid 1 --clear-groups curl -s --unix-socket "$ENGINE_SOCKET" "http://x$1" >/dev/null
}

replay() {
	"$DOCKTRAIL" replay --trail "$TRAIL" "$@"
}

REQUESTS='event.action == "api-request"'

@test "--count-by: a table, the most frequent first, then by value" {
	replay --where "$REQUESTS" --count-by url.path | tee "$BATS_TEST_TMPDIR/table"
	[ "$(head -n 1 "$BATS_TEST_TMPDIR/table")" = "count  url.path" ]
	[ "$(sed -n 2p "$BATS_TEST_TMPDIR/table")" = "    5  /_ping" ]
	[ "$(sed -n 3p "$BATS_TEST_TMPDIR/table")" = "    4  /containers/nothing/json" ]
	[ "$(sed -n 4p "$BATS_TEST_TMPDIR/table")" = "    2  /version" ]
	# The same as an independent count.
	events "$REQUESTS" | jq -r .url.path | sort | uniq -c | awk '{ print $1, $2 }' | sort -k1,1nr -k2 >"$BATS_TEST_TMPDIR/expected"
	tail -n +2 "$BATS_TEST_TMPDIR/table" | awk '{ print $1, $2 }' | diff "$BATS_TEST_TMPDIR/expected" -
}

@test "--count-by: what an event does not have is a row of its own, and all rows are all events" {
	replay --count-by url.path >"$BATS_TEST_TMPDIR/table"
	[ "$(awk 'NR > 1 { all += $1 } END { print all }' "$BATS_TEST_TMPDIR/table")" = "$(events | wc -l)" ]
	[ "$(awk '$2 == "-" { print $1 }' "$BATS_TEST_TMPDIR/table")" = "$(events 'not exists url.path' | wc -l)" ]
}

@test "--count-by --json: lines for machines, numbers as numbers, absent as null" {
	replay --json --where "$REQUESTS" --count-by http.response.status_code >"$BATS_TEST_TMPDIR/lines"
	jq -e -s 'map(.value | type == "number") | all' "$BATS_TEST_TMPDIR/lines"
	jq -e -s 'map(.field == "http.response.status_code") | all' "$BATS_TEST_TMPDIR/lines"
	[ "$(jq -s 'map(select(.value == 404))[0].count' "$BATS_TEST_TMPDIR/lines")" = "$(events "$REQUESTS and http.response.status_code == 404" | wc -l)" ]
	jq -s 'map(.count)' "$BATS_TEST_TMPDIR/lines" | jq -e '. == (sort | reverse)'
	[ "$(replay --count-by url.path --json | jq -s 'map(select(.value == null))[0].count')" = "$(events 'not exists url.path' | wc -l)" ]
	[ "$(replay --count-by url.path --format json | sha256sum)" = "$(replay --count-by url.path --json | sha256sum)" ]
	# Without it, --json is the lines as they are stored.
	replay --json | cmp - <(events)
}

@test "--count-by: types, lists and hostile values" {
	replay --count-by event.severity --json | jq -e -s 'map(.value | type == "number") | all'
	replay --count-by @timestamp --json | jq -e -s 'map(.value | fromdate? // test("^2.*Z$")) | all'
	replay --count-by process.args_cut --json | jq -e -s 'map(.value == null or (.value | type == "boolean")) | all'
	# Of a list each item, once an event.
	[ "$(replay --count-by process.args --json --where "$REQUESTS" | jq 'select(.value == "http://x/_ping") | .count')" = 5 ]
	replay --count-by user_agent.original >"$BATS_TEST_TMPDIR/agents"
	none "$BATS_TEST_TMPDIR/agents" '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xff'
	grep -qF '\u009b"\xff' "$BATS_TEST_TMPDIR/agents"
	replay --count-by user_agent.original --json | jq -e 'select(.value_hex == "c29b22ff") | .count == 1 and .value == "\u009b\"\ufffd"'
}

@test "--count-by: what headers tell is what the events tell" {
	for field in event.action user.id docktrail.api.operation container; do
		replay --count-by $field --json >"$BATS_TEST_TMPDIR/headers"
		# With an expression every event is looked at.
		replay --count-by $field --json --where 'event.sequence > 0' >"$BATS_TEST_TMPDIR/events"
		diff "$BATS_TEST_TMPDIR/events" "$BATS_TEST_TMPDIR/headers"
	done
	# No payload is read for it: without its checksum none decodes.
	cp -r "$TRAIL" "$BATS_TEST_TMPDIR/copy"
	/usr/bin/python3 - "$BATS_TEST_TMPDIR"/copy/*.zst <<-'P'
		import sys
		data = bytearray(open(sys.argv[1], "rb").read())
		at = -1
		while (at := data.find(b"\x5e\x2a\x4d\x18\x98\x00\x00\x00DKTFSEAL", at + 1)) > 0:
		    data[at - 1] ^= 1
		open(sys.argv[1], "wb").write(data)
	P
	TRAIL=$BATS_TEST_TMPDIR/copy
	replay --count-by container --json | diff "$BATS_TEST_TMPDIR/headers" -
	exits 65 replay --count-by container --json --where 'event.sequence > 0'
	says DAMAGED
}

@test "--count-by goes with every selection, and has no end with --follow" {
	[ "$(replay --count-by url.path --user daemon --json | jq -r 'select(.value == "/_ping") | .count')" = 3 ]
	[ "$(replay --count-by docktrail.api.operation --container nothing --json | jq -r 'select(.value == "ContainerInspect") | .count')" = 4 ]
	[ -z "$(replay --count-by url.path --until -1h)" ]
	[ "$(replay --count-by url.path --since -1h | sha256sum)" = "$(replay --count-by url.path | sha256sum)" ]
	[ "$("$DOCKTRAIL" replay --count-by url.path "$TRAIL"/*.jsonl.zst | sha256sum)" = "$(replay --count-by url.path | sha256sum)" ]
	exits 64 "$DOCKTRAIL" replay --trail "$TRAIL" --count-by url.path --follow
	says "--follow"
}

@test "--count-by: a name that no field has is an error that points at it" {
	exits 64 "$DOCKTRAIL" replay --trail "$TRAIL" --count-by url.pat
	says "--count-by: unknown field" "did you mean url.path" "  url.pat" "  ^"
	exits 64 "$DOCKTRAIL" replay --trail "$TRAIL" --count-by docktrail.api
	says "is a group of fields"
	exits 64 "$DOCKTRAIL" replay --trail "$TRAIL" --count-by $'url.path == "\e[2J"'
	says "not the name of a field"
	none <(echo "$output") '\x1b'
	exits 64 "$DOCKTRAIL" replay --trail "$TRAIL" --count-by ""
	says "not the name of a field"
}

@test "--user: by name and by uid, real, effective and of the login" {
	count_of() { replay --json --user "$1" --where "$REQUESTS" | wc -l; }
	[ "$(count_of daemon)" = "$((3 + ${LOGIN:+1}))" ]
	[ "$(count_of 1)" = "$((3 + ${LOGIN:+1}))" ]
	[ "$(count_of 01)" = "$(count_of 1)" ]
	[ "$(count_of 2)" = 1 ]
	replay --json --user 2 --where "$REQUESTS" | jq -e '.user.effective.id == "2" and .user.id == "0"'
	[ "$(count_of 0)" = "$(events "$REQUESTS and (user.id == 0 or user.effective.id == 0 or user.audit.id == 0)" | wc -l)" ]
	[ "$(count_of root)" = "$(count_of 0)" ]
	[ "$(count_of nobody-at-all)" = 0 ]
	[ "$(count_of 4294967296)" = 0 ]
	exits 64 "$DOCKTRAIL" replay --trail "$TRAIL" --user ""
	says "--user needs a name or a uid"
}

@test "DuckDB reads the trail's files as they lie there, and counts the same" {
	export NODE_PATH=$TOP/build/peers/node_modules
	node -e 'require("@duckdb/node-api")' 2>/dev/null || skip "DuckDB's package is not there: tools/deps test installs it where there is npm"
	for field in event.action user.id docktrail.api.operation; do
		node "$TOP/tests/integration/duckdb_count.js" "$field" "$TRAIL"/*.zst | sort >"$BATS_TEST_TMPDIR/theirs"
		replay --count-by "$field" --format json | jq -r '[.value // "-", .count] | @tsv' | sort >"$BATS_TEST_TMPDIR/ours"
		[ -s "$BATS_TEST_TMPDIR/ours" ]
		diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
	done
}
