# SPDX-License-Identifier: Apache-2.0
# A program that attacks a trail, written from the format's description alone: tests/attack. Needs neither an engine
# nor a recorder.
load helpers
load trail

# a_log RUN: 300 calls as auditd writes them, of a time of their own.
a_log() {
	/usr/bin/python3 - "$1" <<'P'
import sys
run = int(sys.argv[1])
for n in range(300):
    head = f"msg=audit({1763000000 + run * 100 + n // 10}.{n % 10}25:{run * 1000 + n}):"
    print(f'type=SYSCALL {head} arch=c000003e syscall=257 success=yes exit=3 a0=ffffff9c a1=7f a2=241 a3=1b6 items=1 ppid=1 '
          f'pid={5000 + n} auid=1000 uid=0 gid=0 euid=0 tty=pts0 ses=7 comm="sh" exe="/usr/bin/dash" key="docktrail-config"')
    print(f'type=CWD {head} cwd="/"')
    print(f'type=PATH {head} item=0 name="/etc/docker/daemon.json" inode={n} dev=fe:00 mode=0100644 nametype=NORMAL')
    print(f"type=PROCTITLE {head} proctitle=7368")
P
}

@test "every attack on a trail gets its verdict, from both verifiers" {
	TRAIL=$BATS_TEST_TMPDIR/trail
	for run in 1 2 3 4 5 6 7 8; do
		a_log $run >"$BATS_TEST_TMPDIR/log$run"
		"$DOCKTRAIL" import --trail "$TRAIL" "$BATS_TEST_TMPDIR/log$run" >/dev/null
	done
	verified
	[ "$VERIFIED" = 0 ]
	mkdir "$BATS_TEST_TMPDIR/copies"
	"$TOP/tests/attack/matrix.py" "$TRAIL" "$BATS_TEST_TMPDIR/copies" "$DOCKTRAIL" >"$BATS_TEST_TMPDIR/attacks"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/attacks")" -gt 400 ]
	[ -z "${ATTACKS:-}" ] || cp "$BATS_TEST_TMPDIR/attacks" "$ATTACKS"
}
