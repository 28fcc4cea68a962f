#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Disks that fail, and machines that lose their power, by the kernel's device mapper: dm-flakey and dm-log-writes.
load helpers
load trail

setup_file() {
	[ -n "${GUEST:-}" ] || return 0
	modprobe -a loop dm-flakey dm-log-writes || return 0
	engine_start
}

setup() {
	[ -n "${GUEST:-}" ] || skip "it takes a kernel with dm-flakey and dm-log-writes: Debian's, in a guest"
	dmsetup targets | grep -q flakey || skip "this kernel has no dm-flakey"
	dmsetup targets | grep -q log-writes || skip "this kernel has no dm-log-writes"
	engine_needed
	DISK=$BATS_TEST_TMPDIR/disk IMAGE=$BATS_TEST_TMPDIR/image LOG=$BATS_TEST_TMPDIR/log CONFIG=$BATS_TEST_TMPDIR/config
	mkdir "$DISK"
	TRAIL=$DISK/trail
}

teardown() {
	recorder_kill
	! mountpoint -q "$DISK" || umount -l "$DISK"
	dmsetup info docktrail-test >/dev/null 2>&1 && dmsetup remove --force --noudevsync docktrail-test
	losetup -j "$IMAGE" | cut -d: -f1 | xargs -r losetup -d
	losetup -j "$LOG" | cut -d: -f1 | xargs -r losetup -d
}

teardown_file() {
	[ -z "${GUEST:-}" ] || engine_stop
}

# loop FILE MEBIBYTES: a new file, as a block device.
loop() {
	truncate -s "$2M" "$1"
	losetup --show -f "$1"
}

# device TABLE: of the device mapper, as $DEVICE. There is no udev here that would name it.
device() {
	dmsetup create --noudevsync docktrail-test --table "$1"
	DEVICE=/dev/dm-$(dmsetup info -c --noheadings -o minor docktrail-test)
}

# table TABLE: another one, with whatever is on its way.
table() {
	dmsetup suspend --noudevsync --nolockfs --noflush docktrail-test
	dmsetup load docktrail-test --table "$1"
	dmsetup resume --noudevsync docktrail-test
}

# ask N: a request that is known again.
ask() {
	curl -s --unix-socket "$ENGINE_SOCKET" "http://x/images/asked-$1/json" >/dev/null
}

has_asked() {
	has "url.path == \"/images/asked-$1/json\""
}

@test "a disk whose writes fail for a while: events wait, it is told, and nothing is missing afterwards" {
	lower=$(loop "$IMAGE" 64)
	sectors=$(blockdev --getsz "$lower")
	device "0 $sectors linear $lower 0"
	mke2fs -q -t ext2 "$DEVICE"
	mount "$DEVICE" "$DISK"
	recorder_start
	ask 1
	wait_for 20 has_asked 1
	for round in 2 3; do
		# Down for ever: each write is an error.
		table "0 $sectors flakey $lower 0 0 3600 1 error_writes"
		ask "$round"
		wait_for 30 warns "does not take the trail"
		is_gone "$RECORDER" && return 1
		table "0 $sectors linear $lower 0"
		wait_for 30 does_not_warn "does not take the trail"
		wait_for 30 has_asked "$round"
	done
	ask 4
	wait_for 20 has_asked 4
	recorder_stop
	verified
	[ "$VERIFIED" = 1 ]
	for number in 1 2 3 4; do has_asked "$number"; done
	has 'event.action == "recorder-degraded" and docktrail.recorder.reason ~ "*a write to the trail failed*"'
	# Each number once, none missing.
	events '' | jq .event.sequence | diff - <(seq "$(events '' | wc -l)")
}

@test "the power is cut at sampled flushes, and between them: what was acknowledged is there" {
	lower=$(loop "$IMAGE" 16)
	log=$(loop "$LOG" 256)
	device "0 $(blockdev --getsz "$lower") log-writes $lower $log"
	mke2fs -q -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 "$DEVICE"
	mount "$DEVICE" "$DISK"
	echo 'segment_size = 16K' >"$CONFIG"
	recorder_start --config "$CONFIG"
	for number in $(seq $((${TEST_ALL:+78} + 12))); do # three flushes each
		ask "$number"
		wait_for 20 has_asked "$number"
		dmsetup message docktrail-test 0 mark "asked-$number"
	done
	recorder_stop
	umount "$DISK"
	dmsetup remove --noudevsync docktrail-test
	export DOCKTRAIL
	exits 0 /usr/bin/python3 "$TOP/tests/integration/power_cut.py" "$log" "$BATS_TEST_TMPDIR/cut" "$DISK" "${FLUSHES:-${TEST_ALL:+200}}"
	says "requests acknowledged"
	echo "# $output" >&3
}
