# SPDX-License-Identifier: Apache-2.0
"""Attacks on the end of the log, on what lies beside it, on files."""
import copy, os, shutil, struct

from frames import *

# --- the end is cut: how much x key state x committed -------------------------------------------------------------------------


def truncate(trail, how, key, committed):
    if how == "in":                                         # half of the last frame stays
        data = trail.frames[-1].bytes()
        trail.tail = data[:len(data) // 2]
    old_committed, del_count = trail.committed, {"one": 1, "in": 1, "three": 3}[how]
    del trail.frames[-del_count:]
    forged = trail.fitting(trail.seed if key == "currentseed" else os.urandom(32))
    trail.slots = {"left": trail.slots, "deleted": None, "emptied": [bytes(8192)], "currentseed": [forged, bytes(4096)], "freshseed": [forged, bytes(4096)],
                   "torn": [trail.current[:300] + b"x" + trail.current[301:], bytes(4096)], "pair": [forged, trail.current],
                   "claim": [trail.fitting(os.urandom(32), claim=bytes(trail.frames[-1].seal[8:40])), bytes(4096)],
                   "bothforged": [trail.fitting(os.urandom(32), -1), forged], "olderforged": [trail.fitting(os.urandom(32), 3), bytes(4096)],
                   "othertrail": [trail.fitting(os.urandom(32), trail=b"y" * 16), bytes(4096)]}[key]
    trail.committed = {"left": old_committed, "fixed": trail.note(), "deleted": None, "zero": trail.note(0)}[committed]


HOW = {"one": "the last commit is cut off", "in": "cut within the last frame", "three": "three commits are cut off"}
KEY = {"left": "left", "deleted": "deleted", "emptied": "zeroed", "currentseed": "forged to fit with the current seed", "freshseed": "forged to fit with a fresh seed",
       "pair": "forged slot to fit beside the real one (as in a crash)", "torn": "damaged", "claim": "forged with the right public key but another seed",
       "bothforged": "two forged slots as before the wiping", "olderforged": "forged for an older frame, as from a backup", "othertrail": "of another trail"}
for how in HOW:
    for key in KEY:
        for committed in ("left", "fixed", "deleted"):
            none = key in ("deleted", "emptied", "torn", "claim", "othertrail")
            verdict = U if (none or key == "olderforged") and committed != "left" else T
            change(f"cut_{how}_key_{key}_committed_{committed}", verdict, f"{HOW[how]}, key state {KEY[key]}, committed {committed}",
                   lambda t, h=how, k=key, c=committed: truncate(t, h, k, c))


def hide_edit(trail, key, edit=True):
    """Behind a rolled back `committed`, everything shall look like a torn end: an edited frame in the middle of the log."""
    if edit:
        trail.frames[3].store(compress(edited(trail.frames[3])))
    forged = trail.fitting(os.urandom(32), 3)
    trail.slots = {"none": None, "pair": [forged, trail.current], "single": [forged, bytes(4096)], "left": trail.slots,
                   "other": [trail.fitting(os.urandom(32), 3, trail=b"y" * 16), bytes(4096)]}[key]
    trail.committed = trail.note(3)


change("edit_as_torn_key_none", U, "frame 4 edited, committed rolled back to 3, key state deleted: looks torn", lambda t: hide_edit(t, "none"))
change("edit_as_torn_key_pair", T, "frame 4 edited, committed rolled back, slots 4 (forged) and 9: looks like a commit in flight", lambda t: hide_edit(t, "pair"))
change("edit_as_torn_key_single", T, "frame 4 edited, committed rolled back, one forged slot 4", lambda t: hide_edit(t, "single"))
change("edit_as_torn_key_left", T, "frame 4 edited, committed rolled back, key state left", lambda t: hide_edit(t, "left"))


def cut_as_torn(trail):
    hide_edit(trail, "pair", False)
    del trail.frames[3:]


change("cut_as_torn_key_pair", T, "cut behind frame 3, slots 4 (forged) and 9, committed 3: a crash before the write", cut_as_torn)
change("emptied_segment", T, "the segment is emptied, all else left", lambda t: t.frames.clear())
change("emptied_all_forged", T, "segment emptied, key of frame 1 forged, committed 0, root.pub left", lambda t: (t.frames.clear(), settle(t, os.urandom(32))))


def empty_own_root(trail):
    seed = os.urandom(32)
    trail.frames.clear()
    settle(trail, seed)
    trail.root = public(seed).hex().encode() + b"\n"


change("emptied_own_root", V, "a newly made empty trail with a root of its own", empty_own_root, T)
change("emptied_key_deleted", U, "segment emptied, committed 0, key state deleted", lambda t: (t.frames.clear(), setattr(t, "committed", t.note()), setattr(t, "slots", None)))

# --- appended ---------------------------------------------------------------------------------------------------------------
change("garbage", T, "garbage behind the last frame", lambda t: setattr(t, "tail", b"garbage"))
change("zeros", T, "4096 zeros behind the last frame", lambda t: setattr(t, "tail", bytes(4096)))
change("garbage_as_torn", G, "garbage behind the last frame and a forged slot 10: a crash in step 3", lambda t: (
    setattr(t, "tail", b"garbage"), setattr(t, "slots", [t.current, t.slot(10, os.urandom(32), ZEROS)])))
change("garbage_key_deleted", U, "garbage behind the last frame, key state deleted", lambda t: (setattr(t, "tail", b"garbage"), setattr(t, "slots", None)))


def appended(trail, key):
    following = os.urandom(32)
    append(trail, trail.seed, following)
    trail.slots = {"left": trail.slots, "deleted": None, "both": [trail.current, trail.fitting(following)], "fitted": [trail.fitting(following), bytes(4096)]}[key]


change("append_key_left", U, "a frame signed by the current key, key state left", lambda t: appended(t, "left"))
change("append_key_deleted", U, "a frame signed by the current key, key state deleted", lambda t: appended(t, "deleted"))
change("append_key_both", G, "a frame signed by the current key, slots 9 and 10: a crash before step 4", lambda t: appended(t, "both"))
change("append_committed_left", V, "a proper continuation, committed left old", lambda t: appended(t, "fitted"))
change("append_by_other_key", T, "a frame signed by another key, key state and committed fitted", lambda t: (
    append(t, os.urandom(32), b"n" * 32), settle(t, b"n" * 32)))


def append_then_cut(trail):
    append(trail, trail.seed, b"n" * 32)
    settle(trail, b"n" * 32)
    del trail.frames[-1]


change("append_then_cut", T, "a continuation with fitted key state, then cut off again", append_then_cut)
future = 4 * 10**18
continued("plain", V, "a proper continuation")
continued("no_stop", G, "its types name no STOP", types=2)
continued("future", V, "wall_ns decades ahead", change=[(72, "Q", future)])
continued("past", V, "wall_ns and boot_ns 1", change=[(72, "Q", 1), (80, "Q", 1)])
continued("reserved", V, "reserved bytes and reserved flags set", change=[(12, "I", 0xFFFFFFFE), (192, "32s", b"r" * 32)])
continued("boot_id", V, "another boot_id", change=[(48, "16s", b"b" * 16)])
continued("type_31", V, "the unknown type 31, with STOP", types=0x80000042)
continued("prune_type", V, "type 7 PRUNE with STOP, no payload missing", types=0xC2)
continued("wrong_type", T, "type is not the highest of types", change=[(10, "B", 1)])
continued("no_types", T, "types and type 0", change=[(24, "I", 0), (10, "B", 0)])
continued("class_2", T, "class 2", change=[(11, "B", 2)])
continued("commit_count", T, "commit_event_count one too large", commit_count=4)
continued("commit_short", T, "commit_frames 2, but one frame", commit=2)
continued("commit_frames_0", T, "commit_frames 0", commit=0)
continued("commit_index_1", T, "begins with commit_index 1", change=[(28, "H", 1), (30, "H", 2)])
continued("event_gap", T, "a hundred event numbers are left out", numbers=lambda t: range(t.next_event() + 100, t.next_event() + 103), commit_first=lambda t: t.next_event() + 100)
continued("event_count", T, "event_count and commit_event_count 2 for 3 lines", count=2, commit_count=2, kinds=item(b"watch-hit", 2))
continued("event_overflow", T, "commit_event_count 2^64 - 1", commit_count=2**64 - 1)
continued("raw_hash", T, "a wrong raw_hash, signed", change=[(128, "32s", ZEROS)])
continued("raw_length_huge", T, "raw_length 2^63", change=[(120, "Q", 2**63)])
continued("previous_hash", T, "another previous_hash, signed", change=[(160, "32s", ZEROS)])
continued("frame_number", T, "a frame number is left out", change=[(64, "Q", 10)])
continued("foreign_trail_id", T, "another trail_id, signed", change=[(32, "16s", b"z" * 16)])
continued("version_2", R, "version 2, signed", change=[(8, "H", 2)])
continued("header_length", T, "header_length that disagrees", change=[(16, "I", 225)])
continued("summary_no_kinds", T, "a summary without kinds", summary=element(1, bytes(16)))
continued("summary_wrong_sum", T, "kinds that do not add up", kinds=item(b"watch-hit", 2))
continued("summary_overrun", T, "an element that is longer than the summary", summary=struct.pack("<HHI", 2, 0, 4000) + item(b"watch-hit", 3))
continued("summary_rest", T, "three bytes behind the last element", summary=element(2, item(b"watch-hit", 3)) + b"abc")
continued("summary_unknown", V, "an element of unknown tag", summary=element(1, bytes(16)) + element(2, item(b"watch-hit", 3)) + element(99, b"abc"))
continued("summary_lies", V, "kinds that add up but name another kind than the payload", kinds=item(b"other", 3))
continued("loss_hidden", V, "lines of recorder-loss that neither types nor kinds name", raw=lambda t: b"".join(event_line(t, t.next_event() + i, action="recorder-loss") for i in range(3)))
continued("loss_noted", G, "kinds name recorder-loss", kinds=item(b"recorder-loss", 3))
continued("id_differs", T, "event.id's number differs from sequence", raw=lambda t: b"".join(event_line(t, t.next_event() + i, name="7") for i in range(3)))
continued("id_zero", T, "event.id with leading zero", raw=lambda t: b"".join(event_line(t, t.next_event() + i, name="0%d" % (t.next_event() + i)) for i in range(3)))
continued("no_newline", T, "the last line has no newline", raw=lambda t: b"".join(event_line(t, t.next_event() + i) for i in range(3))[:-1])
continued("not_json", V, "a line that begins right and is no JSON", raw=lambda t: b"".join(event_line(t, t.next_event() + i, end="}}}\n") for i in range(3)))
continued("pruned", T, "its own payload pruned", shape=lambda f: f.store(b"", 1))


def prune_with_note(trail):
    trail.frames[3].store(b"", 1)
    append(trail, trail.seed, b"n" * 32, types=0xC2, summary=element(2, item(b"watch-hit", 3)) + element(8, struct.pack("<QQ", 4, 4)))
    settle(trail, b"n" * 32)


change("prune_with_note", T, "frame 4 pruned, and a signed frame of type PRUNE that says so", prune_with_note)


def prune_with_policy(trail):
    """Frame 4, which was recorded before anything was said of how long it is kept."""
    trail.frames[3].store(b"", 1)
    append(trail, trail.seed, b"n" * 32, types=0xD2,
           summary=element(2, item(b"watch-hit", 3)) + element(11, bytes(16)) + element(8, struct.pack("<QQ", 5, 5)))
    settle(trail, b"n" * 32)


def prune_own(trail, floor=0, reach=1, later=0):
    """Three frames by the current key: how long payloads are kept; one without its payload; the note."""
    wall, kinds = trail.frames[-1].get(72), element(2, item(b"watch-hit", 3))
    append(trail, trail.seed, b"1" * 32, types=0x12, summary=kinds + element(11, struct.pack("<QQ", floor, floor)))
    gone = append(trail, b"1" * 32, b"2" * 32, change=[(72, "Q", wall)])
    gone.store(b"", 1)
    append(trail, b"2" * 32, b"3" * 32, types=0xC2, change=[(72, "Q", wall + later)],
           summary=kinds + element(8, struct.pack("<QQ", 0, gone.get(64) + reach)))
    settle(trail, b"3" * 32)


change("prune_with_policy", T, "frame 4 pruned; a signed frame says that nothing is kept, and that it is gone", prune_with_policy)
change("prune_own", G, "a frame pruned as one before it says that it may be, with a note behind it: legal", prune_own)
change("prune_own_short", T, "the same, but the note does not reach over it", lambda t: prune_own(t, reach=0))
change("prune_own_early", T, "the same, but it was to be kept for a day", lambda t: prune_own(t, floor=86400 * 10**9))
change("prune_own_clock", T, "and the note claims to be two days later than it is", lambda t: prune_own(t, floor=86400 * 10**9, later=2 * 86400 * 10**9))


def commit_of(trail, count, split=False, overlap=False):
    seed, first = trail.seed, trail.next_event()
    for index in range(count):
        numbers = [first + index] if not overlap else [[first, first + 1], [first + 1, first + 3]][index]
        append(trail, seed, bytes([index + 1]) * 32, numbers=numbers, index=index, commit=count, commit_count=count if not overlap else 4)
        seed = bytes([index + 1]) * 32
        if split and index:
            trail.frames[-1].segment = len(trail.frames)
    settle(trail, seed)


change("commit_of_2", V, "a proper commit of two frames by the current key", lambda t: commit_of(t, 2))
change("commit_of_16", V, "a commit of 16 frames", lambda t: commit_of(t, 16))
change("commit_of_17", T, "a commit of 17 frames", lambda t: commit_of(t, 17))
change("commit_overlap", T, "a number in both frames of a commit and one in none, counts right", lambda t: commit_of(t, 2, overlap=True))
change("commit_split", T, "a commit whose frames lie in two segments", lambda t: commit_of(t, 2, split=True))

# --- rolled back, replaced ---------------------------------------------------------------------------------------------------


def rolled_back(trail, what):
    older, state = list(trail.frames), (trail.slots, trail.committed)
    append(trail, trail.seed, b"n" * 32)                    # what the recorder wrote after the snapshot
    append(trail, b"n" * 32, b"m" * 32)
    settle(trail, b"m" * 32)
    newer = (trail.slots, trail.committed)
    if what == "key":
        trail.slots = state[0]
        return
    trail.frames = older
    trail.slots, trail.committed = {"all": state, "not_key": (newer[0], state[1]), "not_committed": (state[0], newer[1])}[what]


change("rollback_all", V, "all rolled back to an earlier snapshot (Limits: only an outside anchor shows it)", lambda t: rolled_back(t, "all"))
change("rollback_not_key", T, "rolled back, but the key state is today's", lambda t: rolled_back(t, "not_key"))
change("rollback_not_committed", T, "rolled back, but committed is today's", lambda t: rolled_back(t, "not_committed"))
change("rollback_key_only", U, "only the key state is rolled back", lambda t: rolled_back(t, "key"))


def own_trail(trail, root):
    seed = os.urandom(32)
    new_root = public(seed).hex().encode() + b"\n"
    for index, frame in enumerate(trail.frames):            # the whole chain anew, with frame 4 edited
        if index == 3:
            fix_raw(frame, edited(frame))
        if index:
            frame.put(160, "32s", trail.frames[index - 1].hash())
        following = os.urandom(32)
        frame.seal[8:40] = public(following)
        frame.sign(seed)
        seed = following
    settle(trail, seed)
    trail.root = new_root if root else trail.root


change("replaced", V, "the whole trail made anew with a root of its own, same trail_id", lambda t: own_trail(t, True), T)
change("replaced_root_left", T, "the whole trail made anew, root.pub left", lambda t: own_trail(t, False))
change("root_replaced", T, "only root.pub is replaced", lambda t: setattr(t, "root", public(b"r" * 32).hex().encode() + b"\n"), V)
change("root_deleted", R, "root.pub is deleted", lambda t: setattr(t, "root", None), V)
change("root_garbage", R, "root.pub holds no key", lambda t: setattr(t, "root", b"garbage\n"), V)

# --- key state and committed alone -------------------------------------------------------------------------------------------
for name, verdict, text, make in (
        ("hash", T, "another previous_hash", lambda t: [t.slot(9, t.seed, ZEROS, t.next_event())]),
        ("ahead", T, "the current seed for frame 10", lambda t: [t.slot(10, t.seed, t.frames[-1].hash(), t.next_event())]),
        ("behind", T, "the current seed for frame 8", lambda t: [t.slot(8, t.seed, t.frames[-1].hash(), t.next_event())]),
        ("fresh", T, "a fresh seed for frame 9", lambda t: [t.fitting(os.urandom(32))]),
        ("first_event", V, "another first_event", lambda t: [t.slot(9, t.seed, t.frames[-1].hash(), 5)]),
        ("version", R, "version 2", lambda t: [t.fitting(t.seed, version=2)]),
        ("trail", U, "another trail_id", lambda t: [t.fitting(t.seed, trail=b"y" * 16)]),
        ("slot_1", V, "the same in the other slot", lambda t: [bytes(4096), t.current]),
        ("other_torn", V, "garbage in the other slot", lambda t: [t.current, b"g" * 4096]),
        ("same_frame", T, "two good slots of the same frame", lambda t: [t.current, t.fitting(os.urandom(32))]),
        ("ahead_pair", G, "a forged slot 10: a crash between steps 2 and 3", lambda t: [t.current, t.slot(10, os.urandom(32), ZEROS)]),
        ("ahead_16", G, "a forged slot 25, 16 frames apart", lambda t: [t.current, t.slot(25, os.urandom(32), ZEROS)]),
        ("ahead_17", T, "a forged slot 26, 17 frames apart", lambda t: [t.current, t.slot(26, os.urandom(32), ZEROS)]),
        ("older_forged", G, "a forged slot 8 with the right hash: a crash between steps 3 and 4", lambda t: [t.fitting(os.urandom(32), -1), t.current]),
        ("older_wrong_hash", T, "a forged slot 8 with a wrong hash", lambda t: [t.slot(8, os.urandom(32), ZEROS), t.current]),
        ("older_other_trail", U, "slot 8 of another trail beside the real one", lambda t: [t.fitting(os.urandom(32), -1, trail=b"y" * 16), t.current]),
        ("newer_other_trail", T, "slot 10 of another trail beside the real one", lambda t: [t.current, t.slot(10, os.urandom(32), ZEROS, trail=b"y" * 16)]),
        ("short", U, "the file is cut to 2,000 bytes", lambda t: [t.current[:2000]]),
        ("deleted", U, "the file is deleted", lambda t: None)):
    change("key_" + name, verdict, "key state: " + text, lambda t, m=make: setattr(t, "slots", (m(t) or []) + ([bytes(4096)] if m(t) and len(m(t)[0]) == 4096 and len(m(t)) == 1 else []) or None))
for name, verdict, text, make in (
        ("deleted", G, "deleted", lambda t: None), ("torn", G, "its check is wrong", lambda t: t.committed[:-3] + b"zz\n"),
        ("older", V, "an older one, right", lambda t: t.note(5)), ("zero", V, "frame 0", lambda t: t.note(0)),
        ("ahead", T, "frame 20", lambda t: t.note(frame=20)), ("hash", T, "another hash", lambda t: t.note(hash="0" * 64)),
        ("older_hash", T, "an older one with another hash", lambda t: t.note(5, hash="0" * 64)), ("event", T, "a later event", lambda t: t.note(event=99999)),
        ("offset", T, "a later offset", lambda t: t.note(offset=99999)), ("trail", T, "another trail", lambda t: t.note(trail="0" * 32)),
        ("version", G, "version 2", lambda t: t.note(version=2)), ("segment", T, "a later segment", lambda t: t.note(segment=5))):
    change("committed_" + name, verdict, "committed: " + text, lambda t, m=make: setattr(t, "committed", m(t)))

# --- files --------------------------------------------------------------------------------------------------------------------


def split(trail, committed, name=5, drop=False):
    for frame in trail.frames[4:]:
        frame.segment = name
    if committed:
        trail.committed = trail.note()
    if drop:
        del trail.frames[:4]


FORGED = compress(b'{"@timestamp":"2025-11-13T03:00:00Z","event":{"id":"forged"}}\n')
change("split_fixed", V, "split into two segments between two commits, committed fixed: legal", lambda t: split(t, True))
change("split_left", T, "the same, committed left: segment 1 is shorter than its offset", lambda t: split(t, False))
change("split_wrong_name", T, "split, but the second is named after frame 6", lambda t: split(t, True, 6))
change("split_first_deleted", T, "split, and the first segment is deleted", lambda t: split(t, True, drop=True))
own_segment = lambda frame: setattr(frame, "segment", frame.get(64))
continued("totals_missing", V, "in a segment of its own, which tells nothing of the one before: legal", shape=own_segment)
continued("totals_wrong", T, "in a segment of its own, which tells wrongly of the one before", shape=own_segment,
          summary=lambda t: element(1, struct.pack("<QQ", 1, 2)) + element(2, item(b"watch-hit", 3)) + element(7, struct.pack("<QQQQ", 1, len(t.frames), 1, 99999)))
change("segment_2", T, "the only segment is named after frame 2", lambda t: [setattr(f, "segment", 2) for f in t.frames])
for name, verdict, text, file, data in (
        ("next_empty", V, "an empty last segment of the right name", "%020d" % 9, b""), ("far_empty", T, "an empty segment with a far number", "%020d" % 99999, b""),
        ("far_garbage", T, "a segment with a far number and garbage", "%020d" % 99999, b"garbage"), ("zero", T, "segment 0 with forged lines", "0" * 20, FORGED),
        ("overflow", T, "a segment whose number is beyond 64 bits", "9" * 20, FORGED), ("middle_empty", T, "an empty segment 5 beside the whole segment 1", "%020d" % 5, b""),
        ("other_name", V, "a file notes.jsonl.zst: no segment, though the shell's *.jsonl.zst takes it", "notes", FORGED),
        ("21_digits", V, "a name of 21 digits: no segment", "0" * 20 + "9", FORGED)):
    change("extra_" + name, verdict, text, lambda t, f=file, d=data: t.extra.update({f + ".jsonl.zst": d}))


def special(path, kind):
    def run(trail):
        trail.write()
        target = f"{trail.folder}/{path}"
        if kind == "link":
            os.rename(target, trail.folder + "/elsewhere")
            os.symlink(os.path.abspath(trail.folder + "/elsewhere"), target)
        else:
            if os.path.exists(target):
                os.unlink(target)
            {"fifo": os.mkfifo, "folder": os.mkdir, "gone": lambda t: None}[kind](target)
        return True
    return run


SEGMENT = "%020d.jsonl.zst" % 1
for path, short, without, with_root in ((SEGMENT, "segment", R, R), ("%020d.jsonl.zst" % 9, "next_segment", R, R), ("state/key", "key", U, U), ("committed", "committed", G, G), ("root.pub", "root", R, V), ("lock", "lock", R, R)):
    for kind in ("link", "fifo", "folder"):
        if (short, kind) != ("next_segment", "link"):
            add(f"{short}_{kind}", without, with_root, f"{path} is a {kind}", special(path, kind))
add("segment_gone", T, T, "the only segment is deleted, the key left", special(SEGMENT, "gone"))
add("segment_key_gone", R, R, "segment, key state and committed are deleted, root.pub left", lambda t: (
    setattr(t, "slots", None), setattr(t, "committed", None), special(SEGMENT, "gone")(t))[-1])
add("lock_gone", V, V, "lock is deleted", special("lock", "gone"))

# --- with the lock held by the attacker while it is verified: who holds it seems to be recording -----------------------------
change("lock_untouched", V, "lock held, nothing changed", lambda t: None)
change("lock_garbage", V, "lock held, garbage behind the last frame: seems in progress", lambda t: setattr(t, "tail", b"garbage"))
for key, committed, verdict in (("left", "fixed", T), ("deleted", "left", T), ("deleted", "fixed", U), ("deleted", "deleted", U), ("freshseed", "fixed", T), ("pair", "fixed", T), ("olderforged", "fixed", T),
                                ("olderforged", "zero", T), ("othertrail", "fixed", U), ("claim", "fixed", U)):
    change(f"lock_cut_three_key_{key}_committed_{committed}", verdict, f"lock held, {HOW['three']}, key state {KEY[key]}, committed {committed}",
           lambda t, k=key, c=committed: truncate(t, "three", k, c))
for key, verdict in (("none", U), ("pair", T), ("single", T), ("left", T), ("other", U)):
    change(f"lock_edit_key_{key}", verdict, f"lock held, frame 4 edited, committed rolled back to 3, key state {key}: seems in progress", lambda t, k=key: hide_edit(t, k))
change("lock_continued_broken", T, "lock held, a signed frame with wrong counts, key state fitted", lambda t: (append(t, t.seed, b"n" * 32, commit_count=9), settle(t, b"n" * 32)))
