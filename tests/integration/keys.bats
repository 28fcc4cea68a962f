# SPDX-License-Identifier: Apache-2.0
# The keys that sign, in the recorder's memory.
load helpers
load trail

setup_file() {
	engine_start
	engine_image
}

setup() {
	engine_needed
}

teardown() {
	recorder_kill
}

teardown_file() {
	engine_stop
}

# seeds FORMER...: where they are, and the current ones; in SEEDS, a line each.
seeds() {
	SEEDS=$("$TOP/tests/integration/keys_in_memory.py" "$RECORDER" "$TRAIL/state/key" "$@")
}

# current: the seed of the next frame, where no commit is under way.
current() {
	seeds
	[ "$(wc -l <<<"$SEEDS")" = 1 ] && [[ $SEEDS == current* ]]
}

@test "the key that signs next is in locked memory alone, and those before it are nowhere" {
	recorder_start
	grep -q '^Max core file size  *0  *0 ' "/proc/$RECORDER/limits"
	former=()
	for number in 1 2 3; do
		curl -s --unix-socket "$ENGINE_SOCKET" "http://x/images/number-$number/json" >/dev/null
		wait_for 20 has "url.path == \"/images/number-$number/json\""
		wait_for 20 current
		former+=("$(awk '{ print $2 }' <<<"$SEEDS")")
	done
	seeds "${former[@]}"
	echo "$SEEDS"
	[ "$(grep -c '^current .* locked [1-9][0-9]* unlocked 0$' <<<"$SEEDS")" -ge 1 ]
	[ "$(grep -c '^former .* locked 0 unlocked 0$' <<<"$SEEDS")" -ge 2 ]
	! grep -v '^current .* locked [1-9][0-9]* unlocked 0$\|^former .* locked 0 unlocked 0$' <<<"$SEEDS" || false
	# None of it is for anybody's debugger but root's.
	[ "$(stat -c %u "/proc/$RECORDER/mem")" = 0 ]
	recorder_stop
	! grep -q 'memory cannot be locked' "$RECORDER_LOG" || false
}

@test "memory that cannot be locked: it is said, and recorded all the same" {
	printf '#!/bin/sh\nexec setpriv --bounding-set -ipc_lock prlimit --memlock=0:0 %q "$@"\n' "$DOCKTRAIL" >"$BATS_TEST_TMPDIR/unlocked"
	chmod +x "$BATS_TEST_TMPDIR/unlocked"
	DOCKTRAIL=$BATS_TEST_TMPDIR/unlocked recorder_start
	grep -q 'memory cannot be locked (ulimit -l, or CAP_IPC_LOCK): the key that signs may be swapped out' "$RECORDER_LOG"
	docker ps >/dev/null
	wait_for 20 has 'docktrail.api.operation == "ContainerList"'
	recorder_stop
	verified
}
