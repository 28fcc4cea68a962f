# SPDX-License-Identifier: Apache-2.0
# Trails that were recorded once, by earlier versions: tests/data/README.md. Needs neither an engine nor a recorder.
load helpers
load trail

# golden NAME: a copy, for a folder of this repository must not be written to.
golden() {
	TRAIL=$BATS_TEST_TMPDIR/$1
	cp -r "$TOP/tests/data/$1" "$TRAIL"
}

# payloads SHA256: what stands in it, by zstd alone.
payloads() {
	[ "$(zstd -qdc "$TRAIL"/*.zst | sha256sum | cut -d' ' -f1)" = "$1" ]
}

@test "a trail of version 1" {
	golden trail-1
	payloads 68d33c93282b1b8c4c6d489aca27869d91efaa16eabeafa61dbfdd6ff5f4aaea
	verified
	[ "$VERIFIED" = 0 ]
	exits 0 "$DOCKTRAIL" verify --trail "$TRAIL" --root "$(cat "$TOP/tests/data/trail-1/root.pub")" --json
	jq -e '.end_proven and .events == 324 and .frames == 4 and .segments == 2' <<<"$output"
	# Byte for byte what was written, and read as events.
	"$DOCKTRAIL" replay --trail "$TRAIL" --format json | cmp - <(zstd -qdc "$TRAIL"/*.zst)
	"$DOCKTRAIL" replay --trail "$TRAIL" --count-by event.action | grep -qx ' *320  watch-hit'
	count 44 'user.id == 3'
	# It is gone on with.
	printf 'type=USER_CMD msg=audit(1763000900.001:9000): pid=1 uid=0 auid=1000 ses=1 msg=%s\n' "'op=x res=success'" >"$BATS_TEST_TMPDIR/log"
	"$DOCKTRAIL" import --trail "$TRAIL" "$BATS_TEST_TMPDIR/log"
	verified
}

@test "a trail of version 1 that was set aside, and its successor" {
	golden trail-1-anew
	payloads 39beb8689ec0923516f26fbac731ff3605b255202cbd1cef85c9b099de407641
	exits 3 "$DOCKTRAIL" verify --trail "$TRAIL" --json
	jq -e '.gaps.new_chains == 1 and .end_proven and .before[0].set_aside == "CUT" and .before[0].quoted_key_frame == 3 and .before[0].frames == 2' <<<"$output"
	exits 1 "$TOP/tools/verify-trail.py" "$TRAIL"
	exits 3 "$TOP/tools/verify-trail.py" "$TRAIL"/old/0001-*
}
