#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""power_cut.py LOG IMAGE MOUNT [FLUSHES]: what a disk has after a power cut, from the log of its writes.

LOG is a device that dm-log-writes has written to (its format: drivers/md/dm-log-writes.c of the kernel). The writes are made again,
in IMAGE; at some of the flushes (20, or FLUSHES of them), and once more at a random place before the next one, with some of the writes
up to there, which a disk may have made in any order (but for those that were not done before they had reached it: FUA), a copy is
mounted at MOUNT. The trail there must verify, and hold every request that a mark says was
acknowledged before. Says `ok: ...`, or what is wrong with exit status 1."""
import json, os, random, re, shutil, struct, subprocess, sys

MAGIC, VERSION = 0x6A736677736872, 1
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
# Before it is whole there is no trail, or none with a root.
FIRST_MARK = "asked-1"


def entries(log):
    """(flags, byte offset, length, where the data lies in the log, mark)."""
    magic, version, count, sector = struct.unpack("<QQQI", log.read(28))
    if (magic, version) != (MAGIC, VERSION):
        sys.exit("this is no log of dm-log-writes, or of another version")
    at = sector
    for _ in range(count):
        log.seek(at)
        where, sectors, flags, length = struct.unpack("<QQQQ", log.read(32))
        mark = log.read(length).rstrip(b"\0").decode() if flags & MARK else None
        at += sector
        yield flags, where * sector, sectors * sector, at, mark
        if not flags & (DISCARD | MARK):
            at += sectors * sector


def write(log, image, entry):
    flags, where, length, at, _ = entry
    if flags & MARK or not length:
        return
    log.seek(at)
    image.seek(where)
    image.write(bytes(length) if flags & DISCARD else log.read(length))


def asked(part, before):
    """The last request that these entries say was acknowledged."""
    return max([before] + [int(entry[4][6:]) for entry in part if entry[4] and entry[4].startswith("asked-")])


def run(*command, allowed=(0,)):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in allowed:
        sys.exit(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def judge(copy, folder, acknowledged, when):
    docktrail, trail = os.environ["DOCKTRAIL"], folder + "/trail"
    run("mount", "-o", "loop", copy, folder)
    try:
        told = run(docktrail, "verify", "--trail", trail, "--json", allowed=(0, 1, 2, 3, 4, 66))
        verdict = json.loads(told or '{"verdict": "UNREADABLE", "reason": "there is no trail"}')
        if verdict["verdict"] not in ("VALID", "VALID-WITH-GAPS"):
            sys.exit(f"{when}: {verdict['verdict']}: {verdict['reason']}")
        lines = run(docktrail, "replay", "--trail", trail, "--format", "json", "--where", "url.path ~ '/images/asked-*'")
        there = {int(number) for number in re.findall(r'"path":"/images/asked-(\d+)/json"', lines)}
        missing = set(range(1, acknowledged + 1)) - there
        if missing:
            sys.exit(f"{when}: acknowledged and gone: {sorted(missing)}")
    finally:
        run("umount", folder)


def main(log_path, path, folder, flushes):
    random.seed(1)
    with open(log_path, "rb") as log:
        every = list(entries(log))
        marks = [i for i, entry in enumerate(every) if entry[4] == FIRST_MARK]
        places = [i for i, entry in enumerate(every) if entry[0] & FLUSH and i > marks[0]]
        chosen = sorted(random.sample(places, min(flushes, len(places))))
        size = max(where + length for flags, where, length, *_ in every if not flags & MARK)
        cuts = acknowledged = done = 0
        with open(path, "w+b") as image:
            image.truncate(-(-size >> 20 << 20))
            for place in chosen:
                for entry in every[done:place + 1]:
                    write(log, image, entry)
                acknowledged = asked(every[done:place + 1], acknowledged)
                done = place + 1
                behind = []
                for entry in every[done:]:
                    if entry[0] & FLUSH:
                        break
                    behind.append(entry)
                reached = behind[:random.randint(0, len(behind))]
                part = [entry for entry in reached if entry[0] & FUA or random.random() < 0.5]
                for part, last in [([], acknowledged), (part, asked(reached, acknowledged))][:2 if behind else 1]:
                    image.flush()
                    shutil.copyfile(path, path + ".copy")
                    with open(path + ".copy", "r+b") as copy:
                        for entry in part:
                            write(log, copy, entry)
                    judge(path + ".copy", folder, last, f"after entry {place} and {len(part)} of {len(behind)} behind it")
                    cuts += 1
    print(f"ok: {cuts} power cuts at {len(chosen)} of {len(places)} flushes, {len(every)} writes, {acknowledged} requests acknowledged at the last")


main(*sys.argv[1:4], int(sys.argv[4]) if len(sys.argv) > 4 and sys.argv[4] else 20)
