#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each attack on a copy of a trail, judged by both verifiers, without and with the true root.

matrix.py SOURCE FOLDER DOCKTRAIL: a line for each on stdout, fields parted by tabs: name, expected verdict without and with the
root, that of `docktrail verify`, that of tools/verify-trail.py, what is done. FOLDER is for the copies. The exit status is 1 where
a verdict is neither the expected one nor the one of differences.tsv, or the verifiers disagree."""
import fcntl, json, os, shutil, struct, subprocess, sys

from packed import *

TOP = os.path.dirname(os.path.abspath(__file__))
NAMES = [V, G, U, T, R]


def differences():
    with open(TOP + "/differences.tsv") as file:
        return {name: (without, with_root) for name, without, with_root, _ in
                (line.rstrip("\n").split("\t") for line in file if not line.startswith("#"))}


class Locked:
    """The recorder's lock, where one can be had at all."""
    def __init__(self, trail):
        self.file = None
        try:
            self.file = os.fdopen(os.open(trail + "/lock", os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK), "r+b")
            fcntl.fcntl(self.file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        except OSError:
            pass

    def release(self):
        if self.file:
            self.file.close()


def main(source, folder, docktrail):
    with open(source + "/root.pub") as file:
        root = file.read().strip()
    second = subprocess.Popen([sys.executable, TOP + "/../../tools/verify-trail.py", "--batch"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    others, wrong = differences(), 0
    for name, (*expected, text, attack) in ATTACKS.items():
        target = f"{folder}/{name}"
        shutil.copytree(source, target)
        trail = Trail(target)
        if attack(trail) is not True:  # True: the attack wrote its files itself
            trail.write()
        lock = Locked(target) if name.startswith("lock_") else None
        verdicts = []
        for key in ("", root):
            first = subprocess.run([docktrail, "verify", "--trail", target] + (["--root", key] if key else []),
                                   capture_output=True).returncode
            second.stdin.write(f"{target}\t\t{key}\t\n")
            second.stdin.flush()
            verdicts.append((NAMES[first], json.loads(second.stdout.readline())["verdict"]))
        if lock:
            lock.release()
        good = tuple(others.get(name, expected))
        if good != tuple(one for one, _ in verdicts) or any(one != other for one, other in verdicts):
            wrong += 1
            print(f"not as expected: {name}: {verdicts}, and not {good}: {text}", file=sys.stderr)
        print(name, *expected, *verdicts[0], *verdicts[1], text, sep="\t")
        shutil.rmtree(target)
    print(f"{len(ATTACKS)} attacks, {wrong} not as expected", file=sys.stderr)
    return 1 if wrong else 0


if len(sys.argv) != 4:
    sys.exit(__doc__)
sys.exit(main(*sys.argv[1:]))
