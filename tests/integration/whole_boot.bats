#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What lasts until the next boot: in a guest alone, and, by this file's name, behind all others.

load helpers
load trail

setup_file() {
	engine_start
	engine_image
	engine_for_users
}

teardown_file() {
	engine_stop
}

setup() {
	[ -n "${GUEST:-}" ] || skip "audit would be immutable until this machine's next boot: only in a guest"
	engine_needed
	command -v auditctl >/dev/null || skip "auditctl is not installed"
	[ "$(auditctl -s | awk '$1 == "enabled" { print $2 }')" != 2 ] || skip "audit is immutable already"
}

teardown() {
	recorder_kill
}

# bats test_tags=vm
@test "immutable rules: what cannot be done is said, and recording takes what they tell" {
	auditctl -e 1 >/dev/null
	auditctl -w /etc/hostname -p wa -k somebody >/dev/null
	exits 0 "$DOCKTRAIL" rules install --no-exec --socket "$ENGINE_SOCKET"
	auditctl -e 2 >/dev/null
	auditctl -l >"$BATS_TEST_TMPDIR/before"
	exits 1 "$DOCKTRAIL" rules install --no-exec
	says "immutable" "boot"
	exits 1 "$DOCKTRAIL" rules remove
	says "immutable" "boot"
	run "$DOCKTRAIL" rules status --socket "$ENGINE_SOCKET"
	says "on, immutable"
	RECORDER_AUDIT=auto recorder_start
	grep -q 'audit is immutable' "$RECORDER_LOG"
	as 2001 curl -sS --unix-socket "$ENGINE_SOCKET" http://d/_ping
	wait_for 10 has 'event.action == "socket-connect" and process.name == "curl"'
	recorder_stop
	events 'event.action == "socket-connect" and process.name == "curl"' | jq -e '.docktrail.witness == "both" and .user.id == "2001"'
	auditctl -l | diff "$BATS_TEST_TMPDIR/before" -
}
