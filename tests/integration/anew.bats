# SPDX-License-Identifier: Apache-2.0
# A trail that cannot be continued is set aside and quoted by the one that is begun in its place; anchors that were
# kept elsewhere.
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
	recorder_kill
	[ -z "${JOURNAL:-}" ] || { kill "$JOURNAL" 2>/dev/null || true; rm -f /run/systemd/journal/socket; }
	[ -z "${FOLLOWER:-}" ] || kill "$FOLLOWER" 2>/dev/null || true
}

teardown_file() {
	engine_stop
}

# Records a request, and ends.
record_once() {
	recorder_start "$@"
	docker ps >/dev/null
	wait_for 20 has 'event.action == "api-request"'
	recorder_stop
}

segment() {
	ls "$TRAIL"/*.zst
}

# newchain PROGRAM: jq's answer about the only event that tells of a new trail.
newchain() {
	events 'event.action == "recorder-newchain"' >"$BATS_TEST_TMPDIR/newchain"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/newchain")" = 1 ]
	jq -r "$1" "$BATS_TEST_TMPDIR/newchain"
}

@test "a trail whose end was cut off: set aside as it is, recording goes on, and verify judges both" {
	record_once
	root=$(cat "$TRAIL/root.pub")
	frames=$("$DOCKTRAIL" verify --trail "$TRAIL" --json | jq .frames)
	truncate -s -1 "$(segment)"
	hash=$(sha256sum <"$(segment)")
	record_once
	grep -q "THE TRAIL COULD NOT BE CONTINUED: the log ends before" "$RECORDER_LOG"
	grep -q "a new trail; keep its root key somewhere else" "$RECORDER_LOG"
	old=$(newchain .docktrail.recorder.old.folder)
	[ "$hash" = "$(sha256sum <"$(echo "$TRAIL/$old"/*.zst)")" ]
	[ "$root" = "$(cat "$TRAIL/$old/root.pub")" ]
	[ "$root" != "$(cat "$TRAIL/root.pub")" ]
	newchain '.docktrail.recorder.old | "\(.reason) \(.frame) \(.key_frame)"' | grep -qx "CUT $((frames - 1)) $frames"
	newchain .event.severity | grep -qx 75
	# It is in the first frame, before anything else.
	[ "$(events '' | head -n 1 | jq -r .event.action)" = recorder-newchain ]
	exits 1 "$TOP/tools/verify-trail.py" "$TRAIL" --root "$(cat "$TRAIL/root.pub")"
	# By itself it is whole; what it quotes is not.
	exits 3 "$DOCKTRAIL" verify --trail "$TRAIL" --root "$(cat "$TRAIL/root.pub")"
	says "set aside: the log ends before" "a trail before this one is not what was recorded: $old"
	exits 3 "$DOCKTRAIL" verify --trail "$TRAIL" --json
	jq -e '.before[0] | .verdict == "TAMPERED" and .set_aside == "CUT" and .quoted_key_frame == '"$frames" <<<"$output"
	# Who kept its root, as he was told to, is told which that is.
	exits 3 "$DOCKTRAIL" verify --trail "$TRAIL" --root "$root"
	says "the root key that was given is that of $old, which was set aside"
	# It is said wherever one looks.
	run "$DOCKTRAIL" status --trail "$TRAIL"
	says "1 trail could not be continued"
	exits 0 "$DOCKTRAIL" replay --trail "$TRAIL" --where 'event.action == "oom-kill"'
	says "older trails" "$TRAIL/$old"
	echo "type=USER_CMD msg=audit(1763000900.001:9000): pid=1 uid=0 auid=1000 ses=1 msg='op=x res=success'" >"$BATS_TEST_TMPDIR/audit.log"
	exits 73 "$DOCKTRAIL" import --trail "$TRAIL" "$BATS_TEST_TMPDIR/audit.log"
	says "it was recorded"
	# The old one can be read, as far as it goes.
	"$DOCKTRAIL" replay --trail "$TRAIL/$old" --format json | grep -q api-request
	# It is the trail now, and is gone on with.
	record_once
	grep -q "continues a trail of" "$RECORDER_LOG"
	newchain .docktrail.recorder.old.reason
	# And the next one quotes this one.
	rm -r "$TRAIL/state"
	record_once
	newchain '.docktrail.recorder.old.folder' | grep -q '^old/0002-'
	exits 3 "$DOCKTRAIL" verify --trail "$TRAIL" --json
	jq -e '[.before[].set_aside] == ["NO_KEY", "CUT"]' <<<"$output"
	# Who takes one away is told of.
	rm -r "$TRAIL/$old"
	exits 1 "$DOCKTRAIL" verify --trail "$TRAIL"
	says "it is not here any more"
}

@test "the disk of another machine: its trail is whole, and a new one is begun" {
	record_once
	echo 0123456789abcdef0123456789abcdef >"$BATS_TEST_TMPDIR/machine-id"
	[ -e /etc/machine-id ] || skip "no /etc/machine-id to mount another one over"
	real=$DOCKTRAIL
	cat >"$BATS_TEST_TMPDIR/elsewhere" <<-E
		#!/bin/sh
		exec unshare --mount sh -c 'mount --bind "$BATS_TEST_TMPDIR/machine-id" /etc/machine-id && exec "\$0" "\$@"' "$real" "\$@"
	E
	chmod +x "$BATS_TEST_TMPDIR/elsewhere"
	DOCKTRAIL=$BATS_TEST_TMPDIR/elsewhere record_once
	DOCKTRAIL=$real
	newchain .docktrail.recorder.old.reason | grep -qx MACHINE
	exits 1 "$DOCKTRAIL" verify --trail "$TRAIL" --json
	jq -e '.before[0] | .verdict == "VALID" and .end_proven' <<<"$output"
	# There it goes on; back here the same is seen again.
	DOCKTRAIL=$BATS_TEST_TMPDIR/elsewhere record_once
	DOCKTRAIL=$real
	grep -q "continues a trail of" "$RECORDER_LOG"
	record_once
	newchain .docktrail.recorder.old.folder | grep -q '^old/0002-'
}

@test "anchors kept elsewhere: what was cut, replaced or rolled back shows without a key" {
	record_once
	exits 0 "$DOCKTRAIL" status --trail "$TRAIL" --checkpoint
	anchor=$output
	[[ $anchor =~ ^[0-9a-f]{32}:[0-9]+:[0-9a-f]{64}$ ]]
	"$DOCKTRAIL" status --trail "$TRAIL" --checkpoint --json | jq -e --arg a "$anchor" '.anchor == $a and .frame > 0'
	cp -r "$TRAIL" "$BATS_TEST_TMPDIR/rolled-back"
	record_once
	{ echo "some log: docktrail checkpoint $anchor"; "$DOCKTRAIL" status --trail "$TRAIL" --checkpoint; } >"$BATS_TEST_TMPDIR/anchors"
	verified
	exits 0 "$DOCKTRAIL" verify --trail "$TRAIL" --anchor "$BATS_TEST_TMPDIR/anchors" --json
	jq -e '.anchored_frame == .frames' <<<"$output"
	# An anchor alone does not prove that nothing came behind it.
	exits 2 "$DOCKTRAIL" verify --trail "$TRAIL" --anchor "$BATS_TEST_TMPDIR/anchors" --state none
	# Disk and key rolled back together verify, but for the anchor.
	exits 0 "$DOCKTRAIL" verify --trail "$BATS_TEST_TMPDIR/rolled-back"
	exits 3 "$DOCKTRAIL" verify --trail "$BATS_TEST_TMPDIR/rolled-back" --anchor "$BATS_TEST_TMPDIR/anchors"
	says "the frame that an anchor names is gone"
	exits 3 "$TOP/tools/verify-trail.py" "$BATS_TEST_TMPDIR/rolled-back" --anchor "$(tail -n 1 "$BATS_TEST_TMPDIR/anchors")"
	# A whole trail that was replaced is another one.
	TRAIL=$BATS_TEST_TMPDIR/other record_once
	exits 3 "$DOCKTRAIL" verify --trail "$BATS_TEST_TMPDIR/other" --anchor "$anchor"
	says "an anchor is of a trail that is neither this one nor quoted by it"
	exits 64 "$DOCKTRAIL" verify --trail "$TRAIL" --anchor /dev/null
	exits 64 "$DOCKTRAIL" verify --trail "$TRAIL" --anchor nonsense
	# One of a trail that was set aside is about that.
	rm -r "$TRAIL/state"
	record_once
	exits 1 "$DOCKTRAIL" verify --trail "$TRAIL" --anchor "$anchor" --json
	jq -e '.before[0].verdict == "UNPROVEN-END"' <<<"$output"
	exits 66 "$DOCKTRAIL" status --trail "$BATS_TEST_TMPDIR" --checkpoint
}

@test "the journal gets an anchor" {
	[ ! -e /run/systemd/journal/socket ] || skip "a journal runs here"
	mkdir -p /run/systemd/journal
	# Its socket, with somebody who reads what is sent there.
	/usr/bin/python3 - "$BATS_TEST_TMPDIR/journal" <<-'P' 3>&- &
		import os, socket, sys
		path = "/run/systemd/journal/socket"
		listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		listening.bind(path)
		try:
		    listening.settimeout(300)
		    with open(sys.argv[1], "wb") as out:
		        out.write(listening.recv(65536))
		finally:
		    os.unlink(path)
	P
	JOURNAL=$!
	wait_for 20 test -S /run/systemd/journal/socket
	echo "checkpoint = 1" >"$BATS_TEST_TMPDIR/conf"
	recorder_start --config "$BATS_TEST_TMPDIR/conf"
	wait_for 20 is_gone "$JOURNAL"
	JOURNAL=
	recorder_stop
	grep -qax 'PRIORITY=6' "$BATS_TEST_TMPDIR/journal"
	grep -qaE '^MESSAGE=docktrail checkpoint [0-9a-f]{32}:[0-9]+:[0-9a-f]{64}$' "$BATS_TEST_TMPDIR/journal"
	exits 0 "$DOCKTRAIL" verify --trail "$TRAIL" --anchor "$BATS_TEST_TMPDIR/journal" --json
	jq -e '.anchored_frame > 0' <<<"$output"
}

@test "replay --follow goes over to the new trail" {
	record_once
	"$DOCKTRAIL" replay --trail "$TRAIL" --follow --format json >"$BATS_TEST_TMPDIR/followed" 2>"$BATS_TEST_TMPDIR/said" 3>&- &
	FOLLOWER=$!
	wait_for 20 grep -q recorder-stop "$BATS_TEST_TMPDIR/followed"
	printf 'something else' >>"$(segment)"
	record_once
	wait_for 20 grep -q recorder-newchain "$BATS_TEST_TMPDIR/followed"
	wait_for 20 sh -c '[ "$(grep -c recorder-stop "$1")" = 2 ]' _ "$BATS_TEST_TMPDIR/followed"
	grep -q "THE TRAIL WAS BEGUN ANEW" "$BATS_TEST_TMPDIR/said"
	kill "$FOLLOWER"
	wait "$FOLLOWER" || true
	FOLLOWER=
}
