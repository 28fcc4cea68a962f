# SPDX-License-Identifier: Apache-2.0
# Closed segments compressed again: whoever reads the trail finds what was there before.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
	# A segment has several commits, of a second each.
	echo 'segment_size = 64K' >"$BATS_TEST_TMPDIR/config"
}

teardown() {
	recorder_kill
}

teardown_file() {
	engine_stop
}

more_than() {
	[ "$(segments)" -gt "$1" ] || { requests 40; return 1; }
}

# packed N: in N segments or more several payloads are in one zstd frame: each frame of the trail has two skippable ones.
packed() {
	local file found=0
	for file in "$TRAIL"/*.zst; do
		zstd -l "$file" 2>/dev/null | awk 'NR == 2 { exit !($1 - $2 < $2 / 2) }' && found=$((found + 1))
	done
	[ "$found" -ge "$1" ]
}

bytes() {
	cat "$TRAIL"/*.zst | wc -c
}

@test "packed at rest: smaller, the same lines and the same verdict, for every reader" {
	recorder_start --config "$BATS_TEST_TMPDIR/config"
	wait_for 90 more_than 3
	exits 75 "$DOCKTRAIL" pack --trail "$TRAIL"
	says "a recorder is at work on $TRAIL: with \`pack = yes\` in its configuration it packs by itself"
	recorder_stop
	verified
	[ "$VERIFIED" = 0 ]
	before=$(bytes) lines=$(zstd -dcq "$TRAIL"/*.zst | sha256sum)
	"$DOCKTRAIL" replay --trail "$TRAIL" --count-by event.action >"$BATS_TEST_TMPDIR/counts"
	events 'docktrail.api.operation == "ImageInspect"' >"$BATS_TEST_TMPDIR/found"
	[ -s "$BATS_TEST_TMPDIR/found" ]
	packed 1 && return 1
	"$DOCKTRAIL" pack "$TRAIL" --json | tee "$BATS_TEST_TMPDIR/said"
	jq -e ".segments == $(($(segments) - 1)) and .damaged == 0 and .bytes_after < .bytes_before" "$BATS_TEST_TMPDIR/said"
	packed $(($(segments) - 1))
	[ "$(bytes)" -lt $((before * 9 / 10)) ]
	[ "$(zstd -dcq "$TRAIL"/*.zst | sha256sum)" = "$lines" ]
	"$DOCKTRAIL" replay --trail "$TRAIL" --count-by event.action | diff "$BATS_TEST_TMPDIR/counts" -
	events 'docktrail.api.operation == "ImageInspect"' | diff "$BATS_TEST_TMPDIR/found" -
	verified
	[ "$VERIFIED" = 0 ]
	exits 0 "$DOCKTRAIL" pack --trail "$TRAIL"
	says "packed      nothing"
	# A part of it, handed over.
	exits 0 "$DOCKTRAIL" evidence "$TRAIL" --since "$(sed -n '20{s/{"@timestamp":"//; s/".*//; p}' "$BATS_TEST_TMPDIR/found")" -o "$BATS_TEST_TMPDIR/case.tar.zst"
	tar --zstd -xf "$BATS_TEST_TMPDIR/case.tar.zst" -C "$BATS_TEST_TMPDIR"
	exits 2 "$TOP/tools/verify-trail.py" "$BATS_TEST_TMPDIR"/evidence-*/trail --excerpt
	# And it is gone on with.
	recorder_start --config "$BATS_TEST_TMPDIR/config"
	docker ps >/dev/null
	recorder_stop
	verified
	[ "$VERIFIED" = 0 ]
}

@test "a recorder that packs what it has closed, while it records" {
	echo 'pack = yes' >>"$BATS_TEST_TMPDIR/config"
	recorder_start --config "$BATS_TEST_TMPDIR/config"
	wait_for 90 more_than 3
	wait_for 60 packed 3
	requests 20
	recorder_stop
	verified
	events '' >"$BATS_TEST_TMPDIR/lines"
	without_gaps "$BATS_TEST_TMPDIR/lines"
	! grep -q 'cannot be packed' "$RECORDER_LOG" || false
	# With its recorder it ends, too.
	recorder_start --config "$BATS_TEST_TMPDIR/config"
	wait_for 60 more_than "$(($(segments) + 1))"
	recorder_kill
	recorder_start --config "$BATS_TEST_TMPDIR/config"
	recorder_stop
	verified
	[ -z "$(find "$TRAIL" -name '*.new')" ]
}

@test "killed at random moments while it packs: each file is the old one or the new one" {
	recorder_start --config "$BATS_TEST_TMPDIR/config"
	wait_for 90 more_than 4
	recorder_stop
	lines=$(zstd -dcq "$TRAIL"/*.zst | sha256sum)
	for turn in 1 2 3 4 5 6 7 8; do
		"$DOCKTRAIL" pack --trail "$TRAIL" >/dev/null &
		pid=$!
		sleep "0.0$((RANDOM % 100))"
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
		[ "$(zstd -dcq "$TRAIL"/*.zst | sha256sum)" = "$lines" ]
		verified
		[ "$VERIFIED" = 0 ]
	done
	"$DOCKTRAIL" pack --trail "$TRAIL"
	[ -z "$(find "$TRAIL" -name '*.new')" ]
	packed $(($(segments) - 1))
	[ "$(zstd -dcq "$TRAIL"/*.zst | sha256sum)" = "$lines" ]
	verified
	[ "$VERIFIED" = 0 ]
}
