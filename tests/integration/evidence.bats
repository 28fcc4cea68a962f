#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is handed over: one file, checked elsewhere with stock tools.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	TRAIL=$BATS_TEST_TMPDIR/trail PACKAGE=$BATS_TEST_TMPDIR/case.tar.zst
}

teardown() {
	recorder_kill
}

teardown_file() {
	engine_stop
}

# network NAME: made, removed, and recorded.
network() {
	docker network create "$1" >/dev/null
	docker network rm "$1" >/dev/null
	wait_for 20 is_recorded "$1"
}

is_recorded() {
	events 'docktrail.api.operation == "NetworkDelete"' | grep -q "$1"
}

# a_while: into another second, and into another commit.
a_while() {
	local now
	now=$(date +%s)
	until [ "$(date +%s)" -gt $((now + 1)) ]; do sleep 0.1; done
}

# unpack: the package into $OUT.
unpack() {
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	tar -C "$BATS_TEST_TMPDIR/elsewhere" --zstd -xf "$PACKAGE"
	OUT=$(echo "$BATS_TEST_TMPDIR/elsewhere"/evidence-*)
	[ -d "$OUT" ]
}

@test "evidence: a window of time, whole, provable elsewhere, and nothing else" {
	echo 'segment_size = 16K' >"$BATS_TEST_TMPDIR/config"
	recorder_start --config "$BATS_TEST_TMPDIR/config"
	# Frames in which the recorder tells of itself are kept, with whatever else is in them.
	a_while
	network before-it
	a_while
	since=$(date -u +%FT%T.%NZ)
	network within-it
	a_while
	until=$(date -u +%FT%T.%NZ)
	a_while
	network behind-it
	# Of a trail that is being written, too.
	"$DOCKTRAIL" evidence "$TRAIL" --since "$since" --until "$until" -o "$BATS_TEST_TMPDIR/live.tar.zst" --json |
		jq -e '.verdict == "VALID" or .verdict == "VALID-WITH-GAPS"'
	a_while
	recorder_stop
	exits 0 "$DOCKTRAIL" evidence "$TRAIL" --since "$since" --until "$until" -o "$PACKAGE" --json
	[ "$(jq -r .sha256 <<<"$output")" = "$(sha256sum "$PACKAGE" | cut -d' ' -f1)" ]
	[ "$(stat -c %a "$PACKAGE")" = 600 ]
	[ "$(ls "$BATS_TEST_TMPDIR" | grep -c 'case.tar.zst')" = 1 ]
	root=$(cat "$TRAIL/root.pub")
	events '' >"$BATS_TEST_TMPDIR/all"
	# Elsewhere: the trail and its key are not there.
	mv "$TRAIL" "$BATS_TEST_TMPDIR/not-here"
	unpack
	cd "$OUT"
	sha256sum --quiet -c SHA256SUMS
	find . -type f | grep -v SHA256SUMS | sort | diff - <(cut -c67- SHA256SUMS | sed 's|^|./|' | sort)
	exits 2 "$DOCKTRAIL" verify trail --excerpt --root "$root" --anchor anchors.txt
	says "proven by the root that was given" "it is as an anchor says" "left out"
	exits 2 python3 verify-trail.py trail --excerpt --root "$root" --anchor "$(cat anchors.txt)"
	# Whoever does not know that it is an excerpt is told that payloads are missing.
	exits 3 "$DOCKTRAIL" verify trail --root "$root"
	exits 3 python3 verify-trail.py trail --root "$root"
	zstd -dcq trail/*.jsonl.zst >lines
	grep -q within-it lines
	none lines 'before-it|behind-it'
	# Each line is one of the trail, and none of the window is missing.
	grep -vxFf "$BATS_TEST_TMPDIR/all" lines && return 1
	jq -r --arg since "$since" --arg until "$until" 'select(."@timestamp" >= $since and ."@timestamp" < $until) | .event.sequence' "$BATS_TEST_TMPDIR/all" >wanted
	[ -s wanted ]
	jq .event.sequence lines | sort >kept
	sort wanted | comm -23 - kept | diff - /dev/null
	# What the recorder could see is part of it.
	jq -r .event.action coverage.jsonl | grep -qx recorder-start
	jq -r .event.action coverage.jsonl | grep -qx recorder-stop
	jq -e '.verdict == "VALID" or .verdict == "VALID-WITH-GAPS"' verdict.json
	grep -q "root key, as found there *$root" CUSTODY.txt
	grep -q "window from *${since:0:19}" CUSTODY.txt
	# The private key stayed where it was.
	find . -name 'key*' | diff - /dev/null
	exits 0 "$DOCKTRAIL" replay trail --format json --where 'docktrail.api.operation == "NetworkCreate"'
	says within-it "events are not shown"
	# A bit less, and everybody sees it.
	segment=$(ls trail/*.zst | tail -n 1)
	printf '\377' | dd of="$segment" bs=1 seek=100 conv=notrunc status=none
	exits 1 sha256sum --quiet -c SHA256SUMS
	exits 3 "$DOCKTRAIL" verify trail --excerpt --root "$root"
	exits 3 python3 verify-trail.py trail --excerpt --root "$root"
}

@test "evidence: of a trail that was tampered with it says so, and has it as it lies there" {
	recorder_start
	network something
	recorder_stop
	segment=$(ls "$TRAIL"/*.zst | head -n 1)
	# Before its last seal: in the middle of what is stored compressed.
	printf '\377' | dd of="$segment" bs=1 seek=$(($(stat -c %s "$segment") - 200)) conv=notrunc status=none
	exits 0 "$DOCKTRAIL" evidence "$TRAIL" --since -1h -o "$PACKAGE"
	says TAMPERED "damaged segments: 1"
	unpack
	cmp "$segment" "$OUT/trail/${segment##*/}"
	jq -e '.verdict == "TAMPERED"' "$OUT/verdict.json"
}

@test "evidence: what cannot be is said, and nothing is left behind" {
	recorder_start
	network something
	recorder_stop
	exits 64 "$DOCKTRAIL" evidence "$TRAIL" -o "$PACKAGE"
	says "which window? --since TIME"
	exits 64 "$DOCKTRAIL" evidence "$TRAIL" --since -1h
	says "where to? --output"
	exits 64 "$DOCKTRAIL" evidence "$TRAIL" --since -1h --until -2h -o "$PACKAGE"
	says "the window is empty"
	exits 66 "$DOCKTRAIL" evidence "$BATS_TEST_TMPDIR/nowhere" --since -1h -o "$PACKAGE"
	says "nowhere: there is no trail here"
	exits 73 "$DOCKTRAIL" evidence "$TRAIL" --since -1h -o "$BATS_TEST_TMPDIR/none/such.tar.zst"
	says "none/such.tar.zst: No such file"
	echo mine >"$PACKAGE"
	exits 73 "$DOCKTRAIL" evidence "$TRAIL" --since -1h -o "$PACKAGE"
	says "is there already"
	grep -qx mine "$PACKAGE"
	ls "$BATS_TEST_TMPDIR" | grep case | diff - <(echo case.tar.zst)
}
