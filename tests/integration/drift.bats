#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Watched files that are changed in all ways there are: what is different, and who did it, where anybody can know.
# Audit is left as it was found.

load helpers
load trail

FILE=/etc/docker/daemon.json

setup() {
	[ "$(id -u)" = 0 ] || skip "root is needed to record"
	command -v auditctl >/dev/null || skip "auditctl is not installed: audit is asked, and its rules are taken away"
	auditctl -s >/dev/null 2>&1 || skip "this kernel has no audit"
	ENABLED=$(auditctl -s | awk '$1 == "enabled" { print $2 }')
	[ "$ENABLED" != 2 ] || { ENABLED= && skip "audit is immutable until the next boot"; }
	[ ! -e "$FILE" ] || { ENABLED= && skip "$FILE is there already"; }
	# No engine is needed: only files are changed.
	ENGINE_SOCKET=$BATS_TEST_TMPDIR/no.sock ENGINE_DATA=$BATS_TEST_TMPDIR/none RECORDER_AUDIT=auto
	[ -d /etc/docker ] || MADE_FOLDER=yes
	mkdir -p /etc/docker "$BATS_TEST_TMPDIR/mnt"
	# Of a guest's file system audit and stat(2) have different inodes, and names are asked anew each time.
	LINK=/etc/docker-link.json WHERE=$FILE # by which it can be linked to
	if [ -n "${GUEST:-}" ]; then
		LINK=$BATS_TEST_TMPDIR/link.json WHERE=$BATS_TEST_TMPDIR/docker/daemon.json
		mkdir "$BATS_TEST_TMPDIR/docker"
		mount --bind "$BATS_TEST_TMPDIR/docker" /etc/docker
	fi
	printf '{\n  "debug": false\n}\n' >"$FILE"
	auditctl -e 1 >/dev/null
}

teardown() {
	[ -n "${ENABLED:-}" ] || return 0
	recorder_kill
	[ -z "${OLDER:-}" ] || kill "$OLDER"
	[ -z "${SERVER:-}" ] || kill "$SERVER" # nobody waits for it any more
	auditctl -d never,task >/dev/null 2>&1 || true
	"$DOCKTRAIL" rules remove >/dev/null
	auditctl -e "$ENABLED" >/dev/null
	umount "$BATS_TEST_TMPDIR/mnt" 2>/dev/null || true
	rm -f "$FILE"
	while umount /etc/docker 2>/dev/null; do :; done
	rm -f "$FILE" "$LINK"
	[ -z "${MADE_FOLDER:-}" ] || rmdir /etc/docker
}

# person COMMAND...: by somebody who logged in as 2001 and is root now.
person() {
	bash -c 'echo 2001 >/proc/self/loginuid && exec "$@"' - "$@"
}

drifts() {
	events "event.action == \"watch-drift\" and file.path == \"$FILE\""
}

# drifted N LINE [WHO]: the Nth drift has this line in its diff, and was done by a process of this name, or by nobody.
drifted() {
	there() { [ "$(drifts | wc -l)" -ge "$1" ]; }
	wait_for 30 there "$1"
	drifts | sed -n "$1p" | jq -e --arg line "$2" --arg who "${3:-}" '
		(.docktrail.drift.diff | index($line)) and
		(if $who == "" then .event.severity == 100 and (.docktrail.drift.hit | not) and (.process | not)
		 else .event.severity == 50 and .process.name == $who and .user.audit.id == "2001" end)' ||
		{ drifts | sed -n "$1p" >&2; return 1; }
}

@test "six ways to edit daemon.json: six events, with what is different and who did it" {
	# A process that is in no record, as those that are older than audit.
	auditctl -a never,task >/dev/null
	mkfifo "$BATS_TEST_TMPDIR/orders"
	bash -c 'while read -r order <"$1"; do eval "$order"; done' - "$BATS_TEST_TMPDIR/orders" 3>&- &
	OLDER=$!
	auditctl -d never,task >/dev/null
	recorder_start
	# An editor that renames.
	person sed -i 's/false/true/' "$FILE"
	drifted 1 '+  "debug": true' sed
	drifts | sed -n 1p | jq -e '(.docktrail.drift.changed | contains(["contents", "file"])) and (.docktrail.drift.diff | index("-  \"debug\": false"))'
	person bash -c "echo '// added' >>'$FILE'"
	drifted 2 '+// added' bash
	# Through a bind mount.
	mount --bind /etc/docker "$BATS_TEST_TMPDIR/mnt"
	person bash -c "echo '// bound' >>'$BATS_TEST_TMPDIR/mnt/daemon.json'"
	drifted 3 '+// bound' bash
	umount "$BATS_TEST_TMPDIR/mnt"
	# Through a hard link.
	ln "$WHERE" "$LINK"
	person bash -c "echo '// linked' >>'$LINK'"
	drifted 4 '+// linked' bash
	# By a process older than audit: nobody is seen, but it is.
	echo "echo '// older' >>'$FILE'" >"$BATS_TEST_TMPDIR/orders"
	drifted 5 '+// older'
	# Behind a file system that is mounted over the folder.
	person mount -t tmpfs docktrail-test /etc/docker
	person bash -c "echo '{ \"hidden\": 1 }' >'$FILE'"
	behind() { drifts | jq -e -s 'any((.docktrail.drift.changed | index("mount")) and (.process.name == "mount" or .process.name == "bash") and .user.audit.id == "2001")'; }
	wait_for 30 behind
	drifts | jq -e -s 'any(.docktrail.drift.diff // [] | index("+{ \"hidden\": 1 }"))'
	recorder_stop
	# For people: who, what, and what is different.
	"$DOCKTRAIL" replay --trail "$TRAIL" >"$BATS_TEST_TMPDIR/story"
	grep -q "changed contents, file.* $FILE.*\"debug\": false.*\"debug\": true" "$BATS_TEST_TMPDIR/story"
	grep -q "$FILE.*// older.*nobody was seen at it" "$BATS_TEST_TMPDIR/story"
	verified
}

@test "no secret of what is changed, and nothing of keys" {
	recorder_start
	person bash -c "printf '{ \"proxies\": { \"http-proxy\": \"http://bob:hunter2hunter2@proxy\" }, \"password\": \"hunter2hunter2\" }\n' >'$FILE'"
	echo '{"d":"hunter2hunter2"}' >/etc/docker/docktrail-key.json
	seen() { has 'event.action == "watch-drift" and file.path == "/etc/docker/docktrail-key.json"' && has "event.action == \"watch-drift\" and file.path == \"$FILE\""; }
	wait_for 30 seen
	rm -f /etc/docker/docktrail-key.json
	recorder_stop
	zstd -dcq "$TRAIL"/*.zst >"$BATS_TEST_TMPDIR/lines"
	none "$BATS_TEST_TMPDIR/lines" hunter2
	drifts | jq -e '.docktrail.drift.diff | any(contains("@proxy"))'
}

@test "audit = off: what is different is seen all the same; sweep = 0: it is not looked for" {
	RECORDER_AUDIT=off recorder_start
	person sed -i 's/false/true/' "$FILE"
	recorder_stop
	drifts | jq -e -s 'length == 1 and .[0].event.severity == 75 and (.[0].docktrail.drift.diff | index("+  \"debug\": true"))'
	TRAIL=$BATS_TEST_TMPDIR/none
	echo 'sweep = 0' >"$BATS_TEST_TMPDIR/conf"
	RECORDER_AUDIT=off recorder_start --config "$BATS_TEST_TMPDIR/conf"
	person sed -i 's/true/false/' "$FILE"
	recorder_stop
	[ -z "$(drifts)" ]
}

@test "a file system that does not answer: it is said, and recording goes on" {
	[ -c /dev/fuse ] || modprobe fuse 2>/dev/null || true
	[ -c /dev/fuse ] || skip "there is no /dev/fuse: nothing can be mounted that does not answer"
	recorder_start
	# A file system whose server takes no question: not even the first one.
	python3 -c '
import ctypes, os, signal
fd = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
options = "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd
if libc.mount(b"docktrail-test", b"/etc/docker", b"fuse", 0, options.encode()) < 0:
    raise SystemExit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
signal.pause()' >"$BATS_TEST_TMPDIR/server" 3>&- &
	SERVER=$!
	mounted() { grep -q mounted "$BATS_TEST_TMPDIR/server"; }
	wait_for 10 mounted
	wait_for 90 has 'event.action == "recorder-degraded" and docktrail.recorder.reason ~ "watched files cannot be looked at*"'
	# It still beats, and ends when it is told to.
	"$DOCKTRAIL" status --trail "$TRAIL" --json | jq -e '.recording and .age_ns < 5000000000'
	recorder_stop
	has 'event.action == "recorder-stop"'
}
