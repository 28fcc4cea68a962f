#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Logs of auditd's, read into a trail. Needs neither an engine nor a recorder.

load helpers
load trail
load auditd

setup() {
	TRAIL=$BATS_TEST_TMPDIR/trail
	LOGS=$BATS_TEST_TMPDIR
}

teardown() {
	[ -z "${AUDITD:-}" ] || auditd_stop
	[ -z "${ENABLED:-}" ] || auditctl -e "$ENABLED" >/dev/null
}

hex() {
	printf "$1" | od -An -tx1 | tr -d ' \n' | tr a-f A-F
}

# log SERIAL SECOND TYPE BODY [NAMES]: a record as auditd writes it; NAMES: as the ENRICHED format has them.
log() {
	printf 'type=%s msg=audit(%d.125:%d): %s' "$3" "$((1763000000 + $2))" "$1" "$4"
	[ -z "${5:-}" ] || printf '\035%s' "$5"
	printf '\n'
}

# Two logs, as auditd rotates them: the younger one has the shorter name.
write_logs() {
	{
		log 100 0 USER_LOGIN "pid=811 uid=0 auid=1000 ses=42 msg='op=login id=1000 exe=\"/usr/sbin/sshd\" addr=203.0.113.7 terminal=/dev/pts/0 res=success'" 'UID="root" AUID="alice"'
		log 101 5 SYSCALL 'arch=c000003e syscall=42 success=yes exit=0 a0=3 a1=c0 a2=17 a3=0 items=1 ppid=902 pid=25924 auid=1000 uid=1000 gid=1000 euid=1000 tty=pts0 ses=42 comm="docker" exe="/usr/bin/docker" key="who"' 'SYSCALL=connect AUID="alice" UID="alice"'
		log 101 5 CWD 'cwd="/run"'
		log 101 5 PATH 'item=0 name="docker.sock" inode=900 dev=00:19 mode=0140660 nametype=NORMAL'
		log 101 5 PROCTITLE "proctitle=$(hex 'docker\0login\0-p\0hunter2hunter2')"
	} >"$LOGS/audit.log.1"
	{
		log 102 7 USER_CMD "pid=26000 uid=1000 auid=1000 ses=42 msg='cwd=\"/home/alice\" cmd=$(hex 'docker run -e PASSWORD=hunter2hunter2 -v /:/host alpine') exe=\"/usr/bin/sudo\" terminal=pts/0 res=success'" 'UID="alice" AUID="alice"'
		echo 'this is no record'
		log 104 9 SYSCALL 'arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=55 a2=441 a3=1b6 items=2 ppid=1 pid=26001 auid=1000 uid=0 gid=0 euid=0 tty=pts0 ses=42 comm="bash" exe="/usr/bin/bash" key="docker"'
		log 104 9 CWD 'cwd="/root"'
		log 104 9 PATH 'item=0 name="/etc/docker/" inode=1 dev=08:01 nametype=PARENT'
		log 104 9 PATH 'item=1 name="/etc/docker/daemon.json" inode=2 dev=08:01 nametype=NORMAL'
		log 104 9 PROCTITLE "proctitle=$(hex bash)"
		log 105 9 USER_TTY "pid=26001 uid=0 auid=1000 ses=42 data=$(hex hunter2hunter2)"
	} >"$LOGS/audit.log"
}

@test "rotated logs in any order: who, from where, what, and nothing that is secret" {
	write_logs
	exits 0 "$DOCKTRAIL" import --trail "$TRAIL" "$LOGS"/audit.log*
	says "5 events in $TRAIL" "1 line is no record" "1 event, by its serial"
	[ "$(events 'docktrail.source == "audit"' | jq -r .event.action | paste -sd ' ')" = \
		"user-login socket-connect audit-message watch-hit audit-message" ]
	events 'event.action == "socket-connect"' | jq -e '.user.name == "alice" and .docktrail.session.source_ip == "203.0.113.7" and
		.docktrail.socket.path == "/run/docker.sock" and .docktrail.witness == "audit" and (.docktrail.audit.command | join(" ") | startswith("docker login -p [redacted"))'
	events 'event.action == "watch-hit"' | jq -e '.file.path == "/etc/docker/daemon.json" and .docktrail.audit.operation == "write" and .user.id == "0" and .user.audit.id == "1000" and .docktrail.audit.command == ["bash"]'
	events 'docktrail.audit.types == USER_CMD' | jq -e '.docktrail.audit.untrusted and (.docktrail.audit.command[0] | startswith("docker run -e PASSWORD=[redacted"))'
	zstd -dcq "$TRAIL"/*.zst >"$LOGS/all"
	none "$LOGS/all" "hunter2|$(hex hunter2)"
	"$DOCKTRAIL" replay --trail "$TRAIL" >"$LOGS/story"
	grep -q 'alice (audit uid 1000, session 42 from 203.0.113.7)   docker login' "$LOGS/story"
	# What is missing in the logs is a gap of the trail.
	verified
	[ "$VERIFIED" = 1 ]
}

@test "which file it was: its SHA-256; and as JSON" {
	write_logs
	"$DOCKTRAIL" import --trail "$TRAIL" --json "$LOGS/audit.log" "$LOGS/audit.log.1" >"$LOGS/json"
	for file in audit.log audit.log.1; do
		sum=$(sha256sum "$LOGS/$file" | cut -d' ' -f1)
		events "event.action == \"log-import\" and file.path == \"$LOGS/$file\"" | jq -e --arg sum "$sum" '.file.hash.sha256 == $sum'
		jq -e --arg sum "$sum" --arg file "$LOGS/$file" 'any(.logs[]; .file == $file and .sha256 == $sum)' "$LOGS/json"
	done
	jq -e '.events == 5 and .missing == 1 and ([.logs[].events] | add) == 5 and ([.logs[].bad] | add) == 1' "$LOGS/json"
}

@test "from a pipe; names and host as they are given" {
	write_logs
	printf 'carol:x:1000:1000::/:/bin/sh\n' >"$LOGS/passwd"
	gzip -c "$LOGS/audit.log" >"$LOGS/audit.log.gz"
	exits 65 "$DOCKTRAIL" import --trail "$TRAIL" "$LOGS/audit.log.gz"
	says "$LOGS/audit.log.gz: it is compressed"
	[ ! -e "$TRAIL" ]
	zcat "$LOGS/audit.log.gz" | "$DOCKTRAIL" import --trail "$TRAIL" --host web1 --passwd "$LOGS/passwd" -
	# Names that auditd knew are better than those of a file.
	events 'event.action == "watch-hit"' | jq -e '.host.name == "web1" and .user.audit.name == "carol"'
	events 'docktrail.audit.types == USER_CMD' | jq -e '.host.name == "web1" and .user.name == "alice"'
}

@test "one log of two hosts: each has its own sessions, serials and events" {
	{
		echo "node=web1 $(log 100 0 USER_LOGIN "pid=811 uid=0 auid=1000 ses=7 msg='op=login addr=203.0.113.7 res=success'")"
		echo "node=web2 $(log 9000 0 USER_LOGIN "pid=811 uid=0 auid=1001 ses=7 msg='op=login addr=203.0.113.8 res=success'")"
		# One millisecond, one serial, two hosts.
		echo "node=web1 $(log 101 1 SYSCALL 'arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=0 a2=441 a3=0 items=1 pid=20 uid=0 auid=1000 ses=7 comm="a" exe="/a" key="k"')"
		echo "node=web2 $(log 101 1 SYSCALL 'arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=0 a2=441 a3=0 items=1 pid=30 uid=0 auid=1001 ses=7 comm="b" exe="/b" key="k"')"
		echo "node=web1 $(log 101 1 PATH 'item=0 name="/one" inode=2 dev=08:01 nametype=NORMAL')"
		echo "node=web2 $(log 101 1 PATH 'item=0 name="/two" inode=2 dev=08:01 nametype=NORMAL')"
		echo "node=web1 $(log 101 1 PROCTITLE "proctitle=$(hex a)")"
		echo "node=web2 $(log 101 1 PROCTITLE "proctitle=$(hex b)")"
	} >"$LOGS/central.log"
	exits 0 "$DOCKTRAIL" import --trail "$TRAIL" "$LOGS/central.log"
	events 'event.action == "watch-hit"' | jq -e -s 'map([.host.name, .file.path, .docktrail.session.source_ip, .user.audit.id]) | sort ==
		[["web1", "/one", "203.0.113.7", "1000"], ["web2", "/two", "203.0.113.8", "1001"]]'
	# The serial of the second is older than the one before: that host was not booted in one second.
	count 0 'event.action == "recorder-loss"'
}

@test "what is no log is named, and nothing else is lost by it" {
	write_logs
	echo hello >"$LOGS/hello"
	exits 65 "$DOCKTRAIL" import --trail "$TRAIL" "$LOGS" "$LOGS/hello" "$LOGS/audit.log"
	says "$LOGS/hello: it does not begin as a log of auditd's" "$LOGS: Is a directory" "IMPORTED"
	has 'event.action == "watch-hit"'
	exits 66 "$DOCKTRAIL" import --trail "$TRAIL" "$LOGS/nothing"
	says "$LOGS/nothing: No such file or directory"
	exits 64 "$DOCKTRAIL" import --trail "$TRAIL"
	says "name the logs to read"
	exits 64 "$DOCKTRAIL" import --trail /var/log/docktrail "$LOGS/audit.log"
	says "is the trail that is recorded to"
	exits 73 "$DOCKTRAIL" import --trail "$LOGS/hello" "$LOGS/audit.log"
	says "$LOGS/hello: this is a file"
}

@test "a key that stands nowhere: no frame is opened for it" {
	write_logs
	"$DOCKTRAIL" import --trail "$TRAIL" "$LOGS"/audit.log* >/dev/null
	exits 0 "$DOCKTRAIL" replay --trail "$TRAIL" --where 'docktrail.audit.keys == nowhere'
	says "no event matches: 0 looked at"
	count 1 'docktrail.audit.keys == docker'
	count 1 'docktrail.audit.keys in (nowhere, docker) and not user.id == 5'
	# What stands in no list is looked for.
	count 1 'docktrail.audit.keys ~ "dock*"'
}

@test "what a real auditd wrote, beside ausearch" {
	[ "$(id -u)" = 0 ] || skip "root is needed to run auditd"
	auditctl -s >/dev/null 2>&1 || skip "this kernel has no audit"
	auditd_needed
	ENABLED=$(auditctl -s | awk '$1 == "enabled" { print $2 }')
	[ "$ENABLED" != 2 ] || { ENABLED= && skip "audit is immutable until the next boot"; }
	local file=$BATS_TEST_TMPDIR/watched
	auditd_start ENRICHED
	auditctl -w "$file" -p wa -k docktrail-import >/dev/null
	for i in 1 2 3 4 5; do as 200$i sh -c "echo $i >>'$file'" 2>/dev/null || sh -c "echo $i >>'$file'"; done
	chmod 600 "$file"
	mv "$file" "$file.old"
	written() { ausearch -if "$AUDITD_LOG" -k docktrail-import --raw 2>/dev/null | grep -q 'nametype=DELETE'; }
	wait_for 20 written
	auditctl -D -k docktrail-import >/dev/null
	auditd_stop
	"$DOCKTRAIL" import --trail "$TRAIL" "$AUDITD_LOG"
	ausearch -if "$AUDITD_LOG" -k docktrail-import --raw | grep -ao 'msg=audit([0-9.:]*)' | sort -u | grep -o ':[0-9]*' | tr -d : >"$LOGS/expected"
	events 'docktrail.audit.keys == "docktrail-import"' | jq .docktrail.audit.serial | sort -u >"$LOGS/told"
	sort -u "$LOGS/expected" | diff - "$LOGS/told"
	events 'docktrail.audit.keys == "docktrail-import" and event.action == "watch-hit"' | jq -r .docktrail.audit.operation | sort -u | paste -sd ' ' | grep -q 'create.*mode.*rename.*write'
	# And what auparse makes of each: who, by which program, with what result, of which file.
	ausearch -if "$AUDITD_LOG" -k docktrail-import --format csv | python3 -c '
import csv, re, sys
for row in csv.DictReader(sys.stdin):
    if row["EVENT"] == "SYSCALL":
        who = re.sub(r"^unknown\((\d+)\)$", r"\1", row["SUBJ_SEC"])
        print(row["SERIAL_NUM"], who, row["HOW"], row["RESULT"], row["OBJ_PRIME"])' | sort >"$LOGS/auparse"
	[ -s "$LOGS/auparse" ]
	events 'event.action == "watch-hit"' | jq -r '"\(.docktrail.audit.serial) \(.user.name // .user.id) \(.process.executable) \(.event.outcome | if . == "failure" then "failed" else . end) \(.docktrail.audit.paths | map(select(.type != "PARENT"))[0].name)"' | sort | diff "$LOGS/auparse" -
	events 'docktrail.audit.operation == "rename"' | jq -e '.process.name == "mv" and .user.name == "root" and .host.name == $host' --arg host "$(hostname)"
	verified
}
