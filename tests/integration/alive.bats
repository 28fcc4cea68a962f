# SPDX-License-Identifier: Apache-2.0
# Whether the hooks are alive, and the recorder itself: tried, said when not.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
}

teardown() {
	recorder_kill
}

teardown_file() {
	engine_stop
}

# proven HOOKS: in the newest heartbeat each of these (lines) was proven and is not silent.
proven() {
	events 'event.action == "recorder-heartbeat"' | tail -n 1 |
		jq -e --arg hooks "$1" '.docktrail.recorder.proven // [] | map(select(endswith("Z")) | sub("=.*"; "")) as $proven
			| ($hooks | split("\n")) - $proven == []'
}

# shown_silent HOOK: by status, and no other one.
shown_silent() {
	[ "$(hooks_of '.state == "silent"')" = "$1" ]
}

hooks_of() {
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -r ".hooks[] | select($1).hook"
}

# bats test_tags=vm
@test "each hook that is attached is proven, by what nobody takes for an event" {
	recorder_start --heartbeat 1
	wait_for 10 has 'event.action == "recorder-heartbeat"'
	hooks=$(hooks_of '.state == "attached" and (.hook | startswith("iter/") | not)' | sort -u)
	echo "$hooks"
	[ "$(wc -l <<<"$hooks")" -gt 6 ]
	wait_for 20 proven "$hooks"
	[ -z "$(hooks_of '.state == "silent"')" ]
	recorder_stop
	[ -z "$(events 'process.args == "--do-what-hooks-see"')" ]
	count 0 'event.action == "recorder-degraded"'
}

@test "a hook that somebody detaches is told, and shown" {
	[ "$(uname -m)" = x86_64 ] || skip "closing a descriptor of the recorder is written for x86-64"
	recorder_start --heartbeat 1
	wait_for 10 proven tp_btf/inet_sock_set_state
	link=$(basename "$(grep -lE '^tp_name:\s+inet_sock_set_state$' /proc/"$RECORDER"/fdinfo/*)")
	[ -n "$link" ]
	"$TOP"/build/tests/actors/close_in "$RECORDER" "$link"
	wait_for 15 has 'event.action == "recorder-degraded" and docktrail.recorder.reason =~ "^the hook"'
	wait_for 15 shown_silent tp_btf/inet_sock_set_state
	run "$DOCKTRAIL" status --trail "$TRAIL"
	says silent
	recorder_stop
	events 'event.action == "recorder-degraded" and event.severity == 75' | jq -r .docktrail.recorder.reason | tee "$BATS_TEST_TMPDIR/reasons"
	grep -q '^the hook tp_btf/inet_sock_set_state (listener) was not run by what it has to see' "$BATS_TEST_TMPDIR/reasons"
	[ "$(grep -c '^the hook' "$BATS_TEST_TMPDIR/reasons")" = 1 ]
	grep -q 'tp_btf/inet_sock_set_state (listener) was not run' "$RECORDER_LOG"
	events 'event.action == "recorder-heartbeat"' | tail -n 1 | jq -e '.docktrail.recorder.proven | any(test("^tp_btf/inet_sock_set_state=.* silent$"))'
}

# In the kernel's own words: it has looked at the signal.
is_stopped() {
	grep -q '^State:.T' "/proc/$RECORDER/status"
}

longer_than() {
	[ "$((SECONDS - $1))" -ge "$2" ]
}

@test "a recorder that is stopped says for how long, and keeps what the rings could hold" {
	recorder_start
	kill -STOP "$RECORDER"
	wait_for 5 is_stopped
	since=$SECONDS
	docker ps
	wait_for 20 longer_than "$since" 7
	kill -CONT "$RECORDER"
	wait_for 15 has 'event.action == "recorder-degraded"'
	recorder_stop
	reason=$(events 'event.action == "recorder-degraded"' | jq -r .docktrail.recorder.reason)
	[[ $reason =~ ^the\ recorder\ stood\ still\ for\ ([0-9]+)\.[0-9]\ s$ ]]
	[ "${BASH_REMATCH[1]}" -ge 6 ]
	count 1 'docktrail.api.operation == "ContainerList" and http.response.status_code == 200'
}
