#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The rules for the kernel's audit: installed, tried, removed, beside those of others. Audit is left as it was found.

load helpers
load trail
load auditd

setup() {
	[ "$(id -u)" = 0 ] || skip "root is needed to change the rules of audit"
	command -v auditctl >/dev/null || skip "auditctl is not installed: what the kernel has is compared with what it lists"
	auditctl -s >/dev/null 2>&1 || skip "this kernel has no audit"
	ENABLED=$(auditctl -s | awk '$1 == "enabled" { print $2 }')
	[ "$ENABLED" != 2 ] || skip "audit is immutable until the next boot"
	FILE=/etc/audit/rules.d/docktrail.rules
	[ ! -e "$FILE" ] || skip "$FILE is there already"
	auditctl -l >"$BATS_TEST_TMPDIR/before"
}

# other RULE: of somebody else, for this test.
other() {
	OTHER=$1
	auditctl $OTHER >/dev/null
}

other_gone() {
	local delete=${OTHER:-}
	OTHER=
	delete=${delete/#-w /-W } delete=${delete/#-a /-d }
	[ -z "$delete" ] || auditctl $delete >/dev/null
}

teardown() {
	[ -n "${ENABLED:-}" ] || return 0
	"$DOCKTRAIL" rules remove >/dev/null
	other_gone
	[ -z "${AUDITD:-}" ] || auditd_stop
	auditctl -e "$ENABLED" >/dev/null
	auditctl -l | diff "$BATS_TEST_TMPDIR/before" -
}

own() {
	auditctl -l | grep -c -- '-k docktrail-\|key=docktrail-'
}

state_of() {
	"$DOCKTRAIL" rules status --json | jq -r ".rules[] | select(.rule | startswith(\"$1\")) | \"\(.loaded) \(.effect // \"-\")\""
}

@test "rules are printed as auditctl takes them, and what waits says for what" {
	"$DOCKTRAIL" rules print >"$BATS_TEST_TMPDIR/rules"
	grep -q '^# CIS 1.1.3: ' "$BATS_TEST_TMPDIR/rules"
	grep -q '^-w /usr/.*bin/dockerd -p wax -k docktrail-program$' "$BATS_TEST_TMPDIR/rules"
	"$DOCKTRAIL" rules print --no-exec >"$BATS_TEST_TMPDIR/quiet"
	! grep '^-w.* -p [rwa]*x' "$BATS_TEST_TMPDIR/quiet" || false
	# Every line is one that auditctl loads: and then it is the rule that we load.
	auditctl -R "$BATS_TEST_TMPDIR/rules" >/dev/null
	exits 0 "$DOCKTRAIL" rules install
	says "0 rules loaded"
}

@test "installed, tried and removed: nobody else's rules are touched" {
	other "-w /etc/hostname -p wa -k somebody"
	exits 0 "$DOCKTRAIL" rules install --enable --no-exec
	says "rules loaded, 0 were there"
	[ "$(own)" -gt 10 ]
	exits 0 "$DOCKTRAIL" rules install --no-exec
	says "0 rules loaded"
	exits 0 "$DOCKTRAIL" rules status
	says "RULES LOADED"
	[ "$(state_of '-w /etc/subuid')" = "true effective" ]
	[ "$(state_of '-a always,exit -F arch=b64 -S setns')" = "true effective" ]
	[ "$("$DOCKTRAIL" rules status --json | jq '[.rules[] | select(.effect == "silent")] | length')" = 0 ]
	exits 0 "$DOCKTRAIL" rules remove
	[ "$(own)" = 0 ]
	auditctl -l | grep -q -- '-w /etc/hostname -p wa -k somebody'
	exits 1 "$DOCKTRAIL" rules status
	says "NO RULES LOADED"
}

@test "beside auditd: the same, and its log has them, too" {
	auditd_needed
	auditd_start RAW
	other "-w /etc/hostname -p wa -k somebody"
	exits 0 "$DOCKTRAIL" rules install --no-exec
	exits 0 "$DOCKTRAIL" rules status
	says "RULES LOADED" "auditd is pid $AUDITD"
	[ "$(state_of '-w /etc/subuid')" = "true effective" ]
	# auditd runs on, and wrote down what was tried.
	in_log() { ausearch -if "$AUDITD_LOG" -k docktrail-config --raw 2>/dev/null | grep -q '"/etc/subuid"'; }
	wait_for 20 in_log
	exits 0 "$DOCKTRAIL" rules remove
	[ "$(own)" = 0 ]
	auditctl -l | grep -q -- '-w /etc/hostname -p wa -k somebody'
	[ "$(auditctl -s | awk '$1 == "pid" { print $2 }')" = "$AUDITD" ]
}

@test "what is run is tried without running it, and its danger is said" {
	exits 0 "$DOCKTRAIL" rules install --enable
	says "the whole command line, secrets in clear"
	[ "$("$DOCKTRAIL" rules status --json | jq -r .exec)" = effective ]
	[ -z "$(find /run -maxdepth 1 -name 'docktrail-canary-*')" ]
	auditctl -l | { ! grep canary; }
}

@test "a rule that says never: no rule has an effect, and it is named" {
	exits 0 "$DOCKTRAIL" rules install --enable --no-exec
	other "-a never,task"
	exits 1 "$DOCKTRAIL" rules status
	says '`-a never,task` makes every process that begins under it invisible' "NOT EFFECTIVE"
	[ "$(state_of '-w /etc/subuid')" = "true silent" ]
	other_gone
	[ "$(state_of '-w /etc/subuid')" = "true effective" ]
}

@test "who is in no record: by name and pid, and nobody else" {
	local hidden seen
	exits 0 "$DOCKTRAIL" rules install --enable --no-exec
	cp /bin/sleep "$BATS_TEST_TMPDIR/podman"
	auditctl -a never,task >/dev/null
	"$BATS_TEST_TMPDIR/podman" 600 3>&- &
	hidden=$!
	auditctl -d never,task >/dev/null
	"$BATS_TEST_TMPDIR/podman" 600 3>&- &
	seen=$!
	run "$DOCKTRAIL" rules status
	kill "$hidden" "$seen"
	says "podman[$hidden]" "are older than audit, or were begun under a rule that says never"
	[[ $output != *"podman[$seen]"* ]]
}

@test "another rule that comes first: recorded, under its key" {
	other "-w /etc/subuid -p wa -k somebody"
	exits 0 "$DOCKTRAIL" rules install --enable --no-exec
	"$DOCKTRAIL" rules status --json | jq -e '.rules[] | select(.rule | startswith("-w /etc/subuid")) | .effect == "effective" and .key == "somebody"'
}

@test "a watch on a socket, or on a link, is named" {
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$BATS_TEST_TMPDIR/s"
	other "-w $BATS_TEST_TMPDIR/s -p wa -k somebody"
	run "$DOCKTRAIL" rules status
	says "never tells who connects"
}

@test "audit that is off stays off, and what it would cost is said" {
	[ "$ENABLED" = 0 ] || skip "audit is on here"
	exits 0 "$DOCKTRAIL" rules install
	says "Audit is off: nothing is recorded by these rules" "every system call of every process"
	[ "$(auditctl -s | awk '$1 == "enabled" { print $2 }')" = 0 ]
	exits 1 "$DOCKTRAIL" rules status
	says "audit is off: no rule has an effect" "-k docktrail-audit  audit is off"
}

@test "installed while it is recorded: the recording's end leaves them, and takes what was its own" {
	ENGINE_SOCKET=$BATS_TEST_TMPDIR/none/docker.sock ENGINE_DATA=$BATS_TEST_TMPDIR/none TRAIL=$BATS_TEST_TMPDIR/trail
	mkdir "$BATS_TEST_TMPDIR/none"
	own() { auditctl -l | grep -c docktrail- || true; }
	RECORDER_AUDIT=on recorder_start
	[ "$(own)" -gt 0 ]
	exits 0 "$DOCKTRAIL" rules install --socket "$ENGINE_SOCKET"
	installed=$(auditctl -l | grep docktrail- | grep -v -- '-p wa -k docktrail-program' | sort)
	recorder_stop
	[ "$(auditctl -l | grep docktrail- | sort)" = "$installed" ]
	exits 0 "$DOCKTRAIL" rules remove
	[ "$(own)" = 0 ]
	[ ! -e /run/docktrail-rules ]
}

@test "for the next boot: a file that auditctl takes, and that is removed; somebody else's stays" {
	[ -d "${FILE%/*}" ] || skip "${FILE%/*} is not there: no auditd"
	exits 0 "$DOCKTRAIL" rules install --persist --no-exec
	[ "$(stat -c %a "$FILE")" = 640 ]
	grep -qx -- -c "$FILE"
	none "$FILE" '^-w /run/'
	auditctl -R "$FILE" >/dev/null 2>&1 || [ $? = 1 ]
	exits 0 "$DOCKTRAIL" rules remove
	[ ! -e "$FILE" ]
	echo '-w /x -p wa -k mine' >"$FILE"
	exits 1 "$DOCKTRAIL" rules remove
	says "is not as docktrail writes it, and stays"
	exits 1 "$DOCKTRAIL" rules install --persist --no-exec
	says "is not as docktrail writes it, and stays"
	grep -q mine "$FILE"
	rm "$FILE"
}

@test "wrong words: the action, the option, the capability" {
	exits 64 "$DOCKTRAIL" rules
	says "an action is missing"
	exits 64 "$DOCKTRAIL" rules load
	says 'there is no action "load"'
	exits 64 "$DOCKTRAIL" rules print status
	says "is one too many"
	exits 77 setpriv --bounding-set=-audit_control,-audit_read --inh-caps=-all "$DOCKTRAIL" rules install
	says "CAP_AUDIT_CONTROL"
}
