#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the signing keys of a recorder lie in its memory.

usage: keys_in_memory.py PID STATE-FILE [SEED...]

Prints the seeds that are in the key file (docs/trail-format.md, the key state), and for each of these and each SEED given how often it
is in the memory of the process PID, in pages that are locked and in others. Needs root.
"""
import re
import sys

SLOT_BYTES = 4096
SEED_AT = 72


def seeds_of(path):
    data = open(path, "rb").read()
    for at in range(0, len(data), SLOT_BYTES):
        if data[at:at + 8] == b"DKTRKEY\0":
            yield data[at + SEED_AT:at + SEED_AT + 32]


def mappings(pid):
    """Begin, end, and whether the memory is locked, of all that can be written to."""
    begin = end = None
    for line in open(f"/proc/{pid}/smaps"):
        head = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            begin, end = (int(head[1], 16), int(head[2], 16)) if head else (None, None)
        elif line.startswith("VmFlags:") and begin is not None:
            yield begin, end, " lo" in line


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    pid, state, given = sys.argv[1], sys.argv[2], [bytes.fromhex(seed) for seed in sys.argv[3:]]
    current = list(seeds_of(state))
    found = {seed: [0, 0] for seed in current + given}
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for begin, end, locked in mappings(pid):
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:
                continue  # mapped of a device: what the probes' rings are
            for seed in found:
                found[seed][0 if locked else 1] += data.count(seed)
    for seed, (locked, unlocked) in found.items():
        print("current" if seed in current else "former", seed.hex(), "locked", locked, "unlocked", unlocked)


main()
