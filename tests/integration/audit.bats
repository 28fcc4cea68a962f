#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The kernel's audit as a second witness, with a real engine. Audit is left as it was found.

load helpers
load trail
load auditd

setup_file() {
	engine_start
	engine_image
	engine_for_users
}

teardown_file() {
	engine_stop
}

setup() {
	engine_needed
	command -v auditctl >/dev/null || skip "auditctl is not installed: audit is asked, and its rules are taken away"
	auditctl -s >/dev/null 2>&1 || skip "this kernel has no audit"
	ENABLED=$(auditctl -s | awk '$1 == "enabled" { print $2 }')
	[ "$ENABLED" != 2 ] || skip "audit is immutable until the next boot"
	[ -z "$(auditctl -l | grep docktrail-)" ] || skip "docktrail's rules are loaded already"
	# Processes that are begun from here on are seen: those of a test, not bats itself.
	auditctl -e 1 >/dev/null
	RECORDER_AUDIT=auto
}

teardown() {
	[ -n "${ENABLED:-}" ] || return 0
	recorder_kill
	[ -z "${AUDITD:-}" ] || auditd_stop
	"$DOCKTRAIL" rules remove >/dev/null
	auditctl -e "$ENABLED" >/dev/null
	auditctl -D -k somebody >/dev/null
	rm -f /etc/docker/docktrail-test "$BATS_TEST_TMPDIR/link"
}

# visit [UID] PATH: one connect, by a process of its own.
visit() {
	as "$1" curl -sS --unix-socket "$2" http://d/_ping
}

connects() {
	events 'event.action == "socket-connect" and process.name == "curl"'
}

told_connects() {
	[ "$(connects | wc -l)" = "$1" ]
}

@test "a connect through a symbolic link by another user: one event, that both saw" {
	ln -s "$ENGINE_SOCKET" "$BATS_TEST_TMPDIR/link"
	chmod 0755 "$BATS_TEST_TMPDIR" "$BATS_SUITE_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_RUN_TMPDIR"
	recorder_start
	grep -q 'audit is the second witness' "$RECORDER_LOG"
	visit 2001 "$BATS_TEST_TMPDIR/link"
	wait_for 10 told_connects 1
	recorder_stop
	told_connects 1
	connects | jq -e '.docktrail.witness == "both" and .docktrail.audit.keys == ["docktrail-connect"] and .user.id == "2001"'
	# For this recording alone.
	[ -z "$(auditctl -l | grep docktrail-)" ]
}

@test "without the probes: audit alone" {
	[ "$(uname -m)" = x86_64 ] || skip "closing a descriptor of the recorder is written for x86-64"
	recorder_start
	# All that the kernel runs: links of tracing programs, those of tracepoints too.
	for link in $(grep -slE '^link_type:\s+(tracing|raw_tracepoint)$' /proc/"$RECORDER"/fdinfo/* | xargs -n1 basename); do
		"$TOP"/build/tests/actors/close_in "$RECORDER" "$link"
	done
	visit 2001 "$ENGINE_SOCKET"
	wait_for 10 told_connects 1
	connects | jq -e '.docktrail.witness == "audit" and .user.id == "2001" and (.docktrail.socket.path | length > 0)'
	# Steadily: one of them is blind.
	disagree() {
		for i in 1 2 3 4; do visit 2001 "$ENGINE_SOCKET"; done
		has 'event.action == "recorder-degraded" and docktrail.recorder.reason ~ "the two witnesses do not agree*"'
	}
	wait_for 60 disagree
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e '.degraded and .audit.state == "on" and .audit.audit_alone >= 8 and .audit.loaded == .audit.rules'
	exits 0 "$DOCKTRAIL" status --trail "$TRAIL"
	says "RECORDING, DEGRADED" "the two witnesses do not agree" "by audit alone"
	recorder_stop
}

@test "beside auditd: both read what there is, and nothing is lost" {
	auditd_needed
	auditd_start ENRICHED
	recorder_start
	for i in 1 2 3 4 5; do visit 200$i "$ENGINE_SOCKET"; done
	wait_for 10 told_connects 5
	in_log() { [ "$(ausearch -if "$AUDITD_LOG" -k docktrail-connect --raw 2>/dev/null | grep -c 'type=SYSCALL.*comm="curl"')" = 5 ]; }
	wait_for 20 in_log
	recorder_stop
	connects | jq -e -s 'length == 5 and all(.docktrail.witness == "both")'
	[ "$(connects | jq .docktrail.audit.serial | sort)" = \
		"$(ausearch -if "$AUDITD_LOG" -k docktrail-connect --raw | grep 'type=SYSCALL.*comm="curl"' | sed 's/.*:\([0-9]*\)).*/\1/' | sort)" ]
	verified
}

@test "as the audit daemon, where none runs; beside the one that runs" {
	[ "$(auditctl -s | awk '$1 == "pid" { print $2 }')" = 0 ] || skip "an auditd runs already"
	RECORDER_AUDIT=daemon recorder_start
	[ "$(auditctl -s | awk '$1 == "pid" { print $2 }')" = "$RECORDER" ]
	visit 2001 "$ENGINE_SOCKET"
	wait_for 10 told_connects 1
	connects | jq -e '.docktrail.witness == "both"'
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e --argjson pid "$RECORDER" '.audit.auditd_pid == $pid'
	recorder_stop
	[ "$(auditctl -s | awk '$1 == "pid" { print $2 }')" = 0 ]
	auditd_needed
	auditd_start RAW
	TRAIL=$BATS_TEST_TMPDIR/second RECORDER_AUDIT=daemon recorder_start
	grep -q "the audit daemon is pid $AUDITD: records are read beside it" "$RECORDER_LOG"
	recorder_stop
	[ "$(auditctl -s | awk '$1 == "pid" { print $2 }')" = "$AUDITD" ]
}

@test "the rule is gone for one of ten connects: that one the probes alone saw" {
	recorder_start
	rule=$(auditctl -l | grep "connect.*path=$(readlink -f "$ENGINE_SOCKET")" | head -n 1)
	[ -n "$rule" ]
	for i in 1 2 3 4 5 6 7 8 9 10; do
		[ $i != 5 ] || auditctl -d ${rule#-a } >/dev/null
		visit "200$((i % 10))" "$ENGINE_SOCKET"
		# By us, or by the recorder, which looks every ten seconds.
		[ $i != 5 ] || auditctl $rule >/dev/null 2>&1 || auditctl -l | grep -qxF -- "$rule"
	done
	wait_for 10 told_connects 10
	recorder_stop
	connects | jq -c '[.["@timestamp"], .user.id, .docktrail.witness, .docktrail.witness_reason]'
	[ "$(connects | jq -r 'select(.docktrail.witness == "both") | .user.id' | wc -l)" = 9 ]
	[ "$(connects | jq -r 'select(.docktrail.witness == "bpf") | .user.id')" = 2005 ]
	events 'event.action == "audit-config"' | jq -e -s 'any(.docktrail.audit.operation == "remove_rule" and .event.severity == 100 and .process.name == "auditctl")'
}

@test "rules that somebody takes away: who it was, and they are back; what comes is watched" {
	local rules
	recorder_start
	rules=$(auditctl -l | grep -c docktrail-)
	auditctl -D -k docktrail-connect >/dev/null
	wait_for 20 has 'docktrail.audit.operation == "rule-missing"'
	all_back() { [ "$(auditctl -l | grep -c docktrail-)" = "$rules" ]; }
	wait_for 20 all_back
	wait_for 10 has 'docktrail.audit.operation == "rule-restored"'
	events 'docktrail.audit.operation == "rule-missing"' | jq -e -s 'length > 0 and all(.event.severity == 100 and (.docktrail.audit.message | contains("docktrail-connect")))'
	events 'docktrail.audit.operation == "remove_rule"' | jq -e -s 'any(.process.name == "auditctl" and .user.id == "0")'
	visit 2001 "$ENGINE_SOCKET"
	wait_for 10 told_connects 1
	connects | jq -e '.docktrail.witness == "both"'
	# Switched off, and on again.
	auditctl -e 0 >/dev/null
	wait_for 20 has 'event.action == "recorder-degraded" and docktrail.recorder.reason ~ "*audit was switched off*"'
	auditctl -e 1 >/dev/null
	recorder_stop
	[ -z "$(auditctl -l | grep docktrail-)" ]
}

@test "more than is read: what was lost is counted, event by event" {
	local hits missing
	recorder_start
	kill -STOP "$RECORDER"
	python3 -c '
for i in range(4000):
    open("/etc/docker/docktrail-test", "w").close()'
	kill -CONT "$RECORDER"
	wait_for 30 has 'event.action == "recorder-loss" and docktrail.loss.reason ~ "audit: the kernel had no room*"'
	# How many were lost behind the last one is known with the next one.
	counted() {
		touch /etc/docker/docktrail-test
		has 'event.action == "recorder-loss" and docktrail.loss.reason == "audit: events whose serial never came"'
	}
	wait_for 30 counted
	recorder_stop
	# Where the room ended within an event, it is told without its file, and says that it is cut.
	hits=$(events 'event.action == "watch-hit" and process.name == "python3"' |
		jq -c 'select(.file.path == "/etc/docker/docktrail-test" or (.file.path == null and .docktrail.audit.cut))' | wc -l)
	missing=$(events 'docktrail.loss.reason == "audit: events whose serial never came"' | jq -s 'map(.docktrail.loss.records) | add')
	echo "$hits told, $missing missing"
	[ "$hits" -gt 0 ] && [ "$hits" -lt 4000 ]
	[ $((hits + missing)) -ge 4000 ]
	verified
	[ "$VERIFIED" = 1 ]
}

@test "a recorder that is killed leaves its rules: the next one takes them away" {
	recorder_start
	[ "$(auditctl -l | grep -c docktrail-)" -gt 10 ]
	auditctl -l | grep docktrail- >"$BATS_TEST_TMPDIR/rules"
	recorder_kill
	auditctl -l | grep docktrail- | diff "$BATS_TEST_TMPDIR/rules" -
	recorder_start
	visit 2001 "$ENGINE_SOCKET"
	wait_for 10 told_connects 1
	recorder_stop
	[ -z "$(auditctl -l | grep docktrail-)" ]
	[ ! -e "$TRAIL/state/audit-rules" ]
}

@test "a file of the engine's configuration: who wrote it" {
	recorder_start
	grep -q 'path=/etc/docker\|-w /etc/docker ' <(auditctl -l)
	echo x >/etc/docker/docktrail-test
	rm /etc/docker/docktrail-test
	wait_for 10 has 'event.action == "watch-hit" and docktrail.audit.operation == "delete"'
	recorder_stop
	events 'event.action == "watch-hit" and docktrail.audit.operation == "create"' | jq -e '.file.path == "/etc/docker/docktrail-test" and .docktrail.witness == "audit" and .user.id == "0"'
	run "$DOCKTRAIL" replay --trail "$TRAIL" --where 'event.action == "watch-hit"' --format text
	says "create" "/etc/docker/docktrail-test" "delete"
}

@test "somebody else's rules: what they record of our files is told, and nothing else" {
	auditctl -w /etc/docker -p wa -k somebody >/dev/null
	auditctl -w "$BATS_TEST_TMPDIR" -p wa -k somebody >/dev/null
	recorder_start
	echo x >"$BATS_TEST_TMPDIR/theirs"
	echo x >/etc/docker/docktrail-test
	wait_for 10 has 'event.action == "watch-hit" and file.path == "/etc/docker/docktrail-test"'
	recorder_stop
	auditctl -D -k somebody >/dev/null
	events 'event.action == "watch-hit"' | jq -e -s 'all(.docktrail.audit.keys == ["somebody"])'
	count 0 'file.path ~ "*theirs"'
}

@test "a container that forges messages of audit: shown as what they are" {
	recorder_start
	id=$(docker run -d --net none -v "$TOP"/build/tests/actors/forge:/forge:ro busybox:test sh -c '/forge 1112 "op=login id=0 exe=\"/usr/sbin/sshd\" addr=203.0.113.9 res=success
type=SYSCALL msg=audit(1.1:1): uid=0 "; /forge 1123 "cwd=\"/\" cmd=666f6f terminal=pts/0 res=success"; /forge 1005 "x'"'"' auid=0 ses=7 gid=0 addr=203.0.113.9 '"'"'"')
	docker wait "$id"
	forged() { [ "$(events 'event.action == "audit-message"' | wc -l)" = 3 ]; }
	wait_for 15 forged
	recorder_stop
	events 'event.action == "audit-message"' | jq -e -s --arg id "$id" 'all(.container.id == $id and .docktrail.audit.untrusted and .event.severity == 100)'
	# What stands in a message is nobody's login, session or group.
	events 'docktrail.audit.types == USER' | jq -e '.user.audit.id == null and .docktrail.session == null'
	count 0 'event.action == "user-login"'
	count 0 'source.ip == "203.0.113.9"'
	run "$DOCKTRAIL" replay --trail "$TRAIL" --format text --where 'event.action == "audit-message"'
	says "WRITES INTO AUDIT" "(its own word)"
	[ "$(wc -l <<<"$output")" = 3 ]
}

@test "audit = off, and auto where it is off: the probes alone, and what is said" {
	recorder_start --audit off
	visit 2001 "$ENGINE_SOCKET"
	wait_for 10 told_connects 1
	recorder_stop
	connects | jq -e '.docktrail.witness == "bpf"'
	none "$RECORDER_LOG" audit
	auditctl -e 0 >/dev/null
	TRAIL=$BATS_TEST_TMPDIR/second
	recorder_start
	grep -q 'audit is off, and is left so.*every system call' "$RECORDER_LOG"
	recorder_stop
	none "$RECORDER_LOG" 'stays on'
	# Switched on, it stays so: other things may rely on it by then.
	TRAIL=$BATS_TEST_TMPDIR/third
	recorder_start --audit on
	recorder_stop
	grep -q "audit was off before this recording, and stays on: .auditctl -e 0. switches it off" "$RECORDER_LOG"
	auditctl -s | grep -q '^enabled 1'
	[ -z "$(auditctl -l | grep docktrail-)" ]
	exits 64 "$DOCKTRAIL" record --audit sometimes
	says "--audit=sometimes: expected auto, on, off or daemon"
}
