# SPDX-License-Identifier: Apache-2.0
"""Attacks that join several: forged key states with cuts, lines at the bounds, the lock held meanwhile."""
import os, struct

from ends import *

# --- second round: derived after the first results, expectations committed before these were run ------------------------------


def tail_with(trail, keep, slots, edit=False, committed=True, half=False):
    """Cut behind frame `keep` (or edit the frame behind it), with the slots named: f = forged to fit there, a number = forged, r = the real one."""
    if edit:
        trail.frames[keep].store(compress(edited(trail.frames[keep])))
    elif half:
        trail.tail = trail.frames[keep].bytes()[:900]
    trail.slots = [trail.current if s == "r" else b"t" * 4096 if s == "t" else trail.fitting(os.urandom(32), keep) if s == "f"
                   else trail.slot(s, os.urandom(32), trail.frames[min(s, 9) - 2].hash()) for s in slots]
    trail.committed = trail.note(keep) if committed else None
    if not edit:
        del trail.frames[keep:]


for name, slots in (("f_9", ["f", 9]), ("f_10", ["f", 10]), ("9_f", [9, "f"]), ("f_real", ["f", "r"]), ("f_torn", ["f", "t"]), ("real_10", ["r", 10]), ("torn_9", ["t", 9])):
    for how, text in (("cut", "cut behind frame 7"), ("half", "cut within frame 8"), ("edit", "frame 8 edited")):
        for committed in (True, False):
            for lock in ("", "lock_"):
                change(f"{lock}tail_{how}_{name}_{'fixed' if committed else 'deleted'}", T,
                       f"{'lock held, ' if lock else ''}{text}, slots {name}, committed {'fixed' if committed else 'deleted'}",
                       lambda t, h=how, s=slots, c=committed: tail_with(t, 7, s, h == "edit", c, h == "half"))
change("torn_but_committed", T, "slots 9 and 10, garbage behind, committed says frame 9", lambda t: (
    setattr(t, "tail", b"garbage"), setattr(t, "committed", t.note(frame=9)), setattr(t, "slots", [t.current, t.slot(10, os.urandom(32), ZEROS)])))
change("lock_committed_ahead", T, "lock held, committed says frame 20", lambda t: setattr(t, "committed", t.note(frame=20)))
change("lock_committed_hash", T, "lock held, committed has another hash", lambda t: setattr(t, "committed", t.note(hash="0" * 64)))
change("lock_edit_last", T, "lock held, last frame edited, key left", lambda t: t.frames[-1].store(compress(edited(t.frames[-1]))))
change("keyless_edit_middle", T, "key state and committed deleted, frame 4 edited", lambda t: (
    t.frames[3].store(compress(edited(t.frames[3]))), setattr(t, "slots", None), setattr(t, "committed", None)))
change("keyless_edit_last", T, "key state and committed deleted, last frame edited: the file does not end within it", lambda t: (
    t.frames[-1].store(compress(edited(t.frames[-1]))), setattr(t, "slots", None), setattr(t, "committed", None)))
change("keyless_first_of_two_cut", T, "two segments, the first cut behind frame 2, no key state, committed fixed to 2", lambda t: (
    split(t, False), setattr(t, "slots", None), setattr(t, "committed", t.note(2)), t.frames.__delitem__(slice(2, 4))))
change("keyless_first_of_two_edited", T, "two segments, frame 3 edited, no key state, committed 2: not in the last segment", lambda t: (
    split(t, False), setattr(t, "slots", None), setattr(t, "committed", t.note(2)), t.frames[2].store(compress(edited(t.frames[2])))))


def empty_second(trail, key):
    split(trail, False)
    trail.slots = {"pair": [trail.fitting(os.urandom(32), 4), trail.current], "none": None, "left": trail.slots}[key]
    trail.committed = trail.note(4)
    del trail.frames[4:]
    trail.extra["%020d.jsonl.zst" % 5] = b""


for key, verdict in (("pair", T), ("none", U), ("left", T)):
    change("second_segment_emptied_key_" + key, verdict, "two segments, the second emptied, committed 4, key state " + key, lambda t, k=key: empty_second(t, k))
change("next_segment_garbage", T, "segment 9 of garbage", lambda t: t.extra.update({"%020d.jsonl.zst" % 9: b"garbage"}))
change("next_segment_copy", T, "segment 9 is a copy of frame 8", lambda t: t.extra.update({"%020d.jsonl.zst" % 9: t.frames[-1].bytes()}))
change("torn_folder", V, "a file in torn/", lambda t: t.extra.update({"torn/%020d-5-5" % 1: b"garbage"}))
change("key_reserved", V, "key state: reserved bytes set, check right", lambda t: setattr(t, "slots", [
    (t.current[:176] + b"r" * 48 + sha(t.current[:176] + b"r" * 48)).ljust(4096, b"\0"), bytes(4096)]))
change("key_padding", U, "key state: a byte in the zeros behind the check", lambda t: setattr(t, "slots", [t.current[:4000] + b"x" + t.current[4001:], bytes(4096)]))


def lines(form):
    return lambda t: b"".join((form % {"h": t.id.hex()[:16], "n": n}).encode("latin-1") + b"\n" for n in range(t.next_event(), t.next_event() + 3))


START = '{"@timestamp":"%s","event":{"id":"%%(h)s-%%(n)d","sequence":%%(n)d'
continued("shortest_line", V, "empty timestamp, nothing behind sequence", raw=lines(START % "" + "}}"))
continued("timestamp_64", V, "a timestamp of 64 bytes", raw=lines(START % ("9" * 64) + "}}"))
continued("timestamp_65", T, "a timestamp of 65 bytes", raw=lines(START % ("9" * 65) + "}}"))
continued("second_sequence", V, "a second event object with other numbers in each line", raw=lines(START % "" + '},"event":{"sequence":1}}'))
continued("bytes_not_text", V, "NUL, CR and invalid UTF-8 in a line", raw=lines(START % "" + ',"x":"\0\r\xff"}}'))
continued("sequence_tail", T, "sequence 2409.5", raw=lines(START % "" + ".5}}"))
continued("other_trail_in_id", T, "event.id with half of another trail id", raw=lines((START % "" + "}}").replace("%(h)s", "0" * 16)))
continued("line_long", T, "a line longer than 4 MiB", raw=lines(START % "" + ',"x":"' + "x" * (4 << 20) + '"}}'))
continued("header_65536", V, "a HEADER of 65,536 bytes", summary=element(2, item(b"watch-hit", 3)) + element(99, bytes(65536 - 224 - 23 - 8)))
continued("header_65537", T, "a HEADER of 65,537 bytes", summary=element(2, item(b"watch-hit", 3)) + element(99, bytes(65537 - 224 - 23 - 8)))
continued("kinds_wrap", T, "counts that add up to 2^32 + 3", kinds=item(b"a", 2**32 - 1) + item(b"b", 4))
continued("kinds_twice", T, "two elements of kinds, 3 each", summary=element(2, item(b"watch-hit", 3)) * 2)
continued("kinds_encoding_7", T, "an item of encoding 7", kinds=struct.pack("<IBB", 3, 1, 7) + b"a")
continued("loss_bit", G, "the LOSS bit in types", types=0x4A)
continued("no_events", T, "a frame of no events", summary=element(2, b""), change=[(96, "Q", 0), (112, "Q", 0), (120, "Q", 0), (128, "32s", sha(b""))], shape=lambda f: f.store(compress(b"")))


# --- third round: what holding the lock and leaving out a part of the limits gives ---------------------------------------------


def lock_rolled(trail, edit):
    """Frames 9 and 10 were recorded; the key state is rolled back to 9, and frame 9 is edited or all is left."""
    rolled_back(trail, "key")
    if edit:
        trail.frames[8].store(compress(edited(trail.frames[8])))


change("lock_rollback_key_only", V, "lock held, key state rolled back by two commits: they seem in progress", lambda t: lock_rolled(t, False))
change("lock_rollback_key_edited", V, "lock held, key state rolled back by two commits, the first of them edited", lambda t: lock_rolled(t, True))
change("rollback_key_edited", T, "the same without the lock", lambda t: lock_rolled(t, True))
change("lock_rollback_not_committed", T, "lock held, all rolled back but committed", lambda t: rolled_back(t, "not_committed"))
change("lock_garbage_as_torn", V, "lock held, garbage and slots 9 and 10", lambda t: (
    setattr(t, "tail", b"garbage"), setattr(t, "slots", [t.current, t.slot(10, os.urandom(32), ZEROS)])))
change("lock_zeros_megabyte", V, "lock held, a mebibyte of zeros behind the end", lambda t: setattr(t, "tail", bytes(1 << 20)))
change("lock_no_stop", V, "lock held, the last commit has no STOP", lambda t: (append(t, t.seed, b"n" * 32, types=2), settle(t, b"n" * 32)))
change("lock_key_ahead", T, "lock held, the current seed for frame 10", lambda t: setattr(t, "slots", [t.slot(10, t.seed, t.frames[-1].hash()), bytes(4096)]))
change("lock_key_other_trail_edit_behind", U, "lock held, key of another trail, committed 3, frame 4 edited", lambda t: hide_edit(t, "other"))
change("keyless_middle_deleted", U, "key deleted, committed rolled back to 3, frame 4 deleted", lambda t: (
    setattr(t, "slots", None), setattr(t, "committed", t.note(3)), t.frames.pop(3)))
change("keyless_middle_deleted_no_note", T, "key and committed deleted, frame 4 deleted", lambda t: (
    setattr(t, "slots", None), setattr(t, "committed", None), t.frames.pop(3)))
change("keyless_first_of_two_gap", T, "two segments, frames 3 and 4 gone from the first, no key state, no committed", lambda t: (
    split(t, False), setattr(t, "slots", None), setattr(t, "committed", None), t.frames.__delitem__(slice(2, 4))))
change("keyless_first_of_two_half", T, "two segments, the first cut within frame 3, no key state, committed 2", lambda t: (
    split(t, False), setattr(t, "slots", None), setattr(t, "committed", t.note(2)), setattr(t.frames[2], "behind", b""),
    t.extra.update({"%020d.jsonl.zst" % 1: b"".join(f.bytes() for f in t.frames[:3])[:-100]})))
continued("line_8_mib", T, "lines of 8 MiB", raw=lines(START % "" + ',"x":"' + "x" * (8 << 20) + '"}}'))
continued("raw_64_mib_and_more", T, "a payload of a byte more than 64 MiB", raw=lambda t: (lines(START % "" + "}}")(t)[:-3] + b" " * (64 << 20))[:(64 << 20) - 2] + b"}}\n")
change("stray_links", V, "a FIFO notes.jsonl.zst beside the segments", special("notes.jsonl.zst", "fifo"))
change("state_link", V, "state/ is a link to a folder", special("state", "link"))
