# SPDX-License-Identifier: Apache-2.0
# The table of odd requests, asked of a real engine: it answers what the table says, and what is recorded is what
# the table says too.
load helpers
load trail

setup_file() {
	engine_start
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

@test "odd requests: the engine answers, and is recorded, as the table says" {
	local versions='~'
	# What is marked is what versions of Go differ in.
	[[ $(docker version -f '{{.Server.GoVersion}}') != go1.19* ]] || versions=
	recorder_start
	/usr/bin/python3 "$TOP/tests/integration/requests.py" ask "$ENGINE_SOCKET" "$TOP/tests/data/requests/table" "$versions" \
		>"$BATS_TEST_TMPDIR/asked"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" -gt 250 ]
	# A connection that nobody ended in words is known to be gone a little later.
	over() { [ "$(events 'event.action == "socket-close"' | wc -l)" -ge "$(wc -l <"$BATS_TEST_TMPDIR/asked")" ]; }
	wait_for 30 over
	recorder_stop
	events 'event.action == "api-request"' >"$BATS_TEST_TMPDIR/told"
	/usr/bin/python3 "$TOP/tests/integration/requests.py" compare "$BATS_TEST_TMPDIR/asked" "$BATS_TEST_TMPDIR/told"
}
