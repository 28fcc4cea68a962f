# SPDX-License-Identifier: Apache-2.0
"""Attacks on single frames and on their order; how an attack is written down: name, expected verdict without and with the true
root, what is done."""
import copy, os, struct

from forge import *

ATTACKS, V, G, U, T, R = {}, "VALID", "VALID-WITH-GAPS", "UNPROVEN-END", "TAMPERED", "UNREADABLE"


def add(name, without, with_root, text, function):
    ATTACKS[name] = (without, with_root, text, function)


def on_frame(name, verdict, text, function, which=3):
    """An attack on one older frame, key state and `committed` left as they are."""
    def run(trail):
        function(trail.frames[which if which >= 0 else len(trail.frames) + which], trail)
    add(name, verdict, verdict, text, run)


def continued(name, verdict, text, with_root=None, **options):
    """A frame signed by the current key, with key state and `committed` made to fit it."""
    def run(trail):
        following = os.urandom(32)
        append(trail, trail.seed, following, **{k: v(trail) if callable(v) and k != "shape" else v for k, v in options.items()})
        settle(trail, following)
    add("continued_" + name, verdict, with_root or verdict, "current key signs a further frame, key state fits: " + text, run)


def change(name, verdict, text, function, with_root=None):
    add(name, verdict, with_root or verdict, text, function)


def edited(frame):
    return frame.payload().replace(b"watch-hit", b"watch-hat", 1)


def fix_raw(frame, data):
    frame.put(128, "32s", sha(data))
    frame.put(120, "Q", len(data))
    frame.store(compress(data))


def edit_summary(frame):
    at = frame.header.index(b"watch-hit")
    frame.header[at:at + 9] = b"nothing--"


# --- one older frame -------------------------------------------------------------------------------------------------------
change("untouched", V, "nothing is changed (control)", lambda t: None)


def raw_blocks(data):
    """A zstd frame made by hand: single segment, content size, no checksum, blocks stored raw."""
    out = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
    for at in range(0, len(data), 100000):
        part = data[at:at + 100000]
        out += (len(part) << 3 | (at + 100000 >= len(data))).to_bytes(3, "little") + part
    return out


def payload_byte(frame, trail):
    stored = bytearray(raw_blocks(frame.payload()))         # raw blocks: a changed byte still decodes
    stored[stored.index(b'"path":"/') + 9] ^= 1
    frame.stored = bytes(stored)
    struct.pack_into("<Q", frame.seal, 112, len(stored))


def stored_flip(frame, trail):
    frame.stored = frame.stored[:-1] + bytes([frame.stored[-1] ^ 1])


def unused_bit(frame, trail, fix):
    stored = bytearray(frame.stored)
    stored[4] |= 0x10                                       # RFC 8878: "unused bit" of the frame header descriptor
    if fix:
        frame.store(bytes(stored))
    frame.stored = bytes(stored)


def malleable(frame, trail):
    s = int.from_bytes(frame.seal[72:104], "little") + ORDER  # S + L: the same signature for a careless verifier
    frame.seal[72:104] = s.to_bytes(32, "little")


def seal_field(offset, kind, value):
    return lambda frame, trail: struct.pack_into("<" + kind, frame.seal, offset, value)


on_frame("payload_byte", T, "a stored literal is changed, payload still decompresses, hashes left", payload_byte)
on_frame("stored_flip", T, "a bit of the stored zstd frame's checksum is flipped", stored_flip)
on_frame("unused_zstd_bit", T, "a bit that decoders ignore is flipped, stored_hash left", lambda f, t: unused_bit(f, t, False))
on_frame("unused_zstd_bit_fixed", V, "the same with stored_hash fixed: content is the same", lambda f, t: unused_bit(f, t, True))
on_frame("recompress_same", V, "the same payload at another level, unsigned fields fixed: allowed", lambda f, t: f.store(compress(f.payload(), 1)))
on_frame("recompress_no_checksum", T, "same payload, zstd frame without checksum", lambda f, t: f.store(compress(f.payload(), 3, 0)))
on_frame("recompress_no_size", T, "same payload, zstd frame without content size", lambda f, t: f.store(compress(f.payload(), 3, 1, 0)))
on_frame("recompress_edited", T, "edited payload, stored_hash and stored_length fixed", lambda f, t: f.store(compress(edited(f))))
on_frame("recompress_edited_last", T, "the same in the last frame", lambda f, t: f.store(compress(edited(f))), -1)
on_frame("drop_a_line", T, "a line less, stored fields fixed", lambda f, t: f.store(compress(f.payload().split(b"\n", 1)[1])))
on_frame("renumber_ids", T, "event ids within the payload exchanged, stored fields fixed",
         lambda f, t: f.store(compress(b"\n".join(f.payload().split(b"\n")[1::-1] + f.payload().split(b"\n")[2:]))))
on_frame("edit_raw_hash", T, "edited payload, raw_hash and raw_length fixed in the header too", lambda f, t: fix_raw(f, edited(f)))
on_frame("edit_raw_hash_resigned", T, "and re-signed by the current key", lambda f, t: (fix_raw(f, edited(f)), f.sign(t.seed)))
on_frame("edit_summary", T, "a kind in the summary renamed", lambda f, t: edit_summary(f))
on_frame("edit_summary_resigned", T, "and re-signed by the current key", lambda f, t: (edit_summary(f), f.sign(t.seed)))
on_frame("edit_summary_last_resigned", T, "the last frame's summary, re-signed by the current key", lambda f, t: (edit_summary(f), f.sign(t.seed)), -1)
on_frame("reserved_last_resigned", T, "reserved bytes and flags of the last frame set, re-signed by the current key",
         lambda f, t: (f.put(12, "I", 0xFE), f.put(200, "B", 1), f.sign(t.seed)), -1)
on_frame("counts_last_resigned", T, "wrong commit counts in the last frame, re-signed by the current key", lambda f, t: (f.put(112, "Q", 300), f.sign(t.seed)), -1)
on_frame("payload_of_another", T, "the payload of another frame", lambda f, t: f.store(t.frames[4].stored))
on_frame("pruned_claim", T, "stored_kind 1 with the payload left", seal_field(104, "I", 1))
on_frame("pruned", T, "stored_kind 1, payload removed, fields fixed", lambda f, t: f.store(b"", 1))
on_frame("pruned_last", T, "the same in the last frame", lambda f, t: f.store(b"", 1), -1)
on_frame("packed_claim", T, "stored_kind 2", seal_field(104, "I", 2))
on_frame("stored_count_2", T, "stored_count 2", seal_field(108, "I", 2))
on_frame("stored_kind_9", T, "stored_kind 9, unknown", seal_field(104, "I", 9))
on_frame("zstd_twice", T, "a second zstd frame with forged lines before the SEAL, stored fields cover both",
         lambda f, t: f.store(f.stored + compress(event_line(t, 99999))))
on_frame("zstd_before_seal", T, "a second zstd frame before the SEAL, stored fields left", lambda f, t: setattr(f, "before", compress(event_line(t, 99999))))
on_frame("zstd_between", T, "a zstd frame with forged lines between two frames", lambda f, t: setattr(f, "behind", compress(event_line(t, 99999))))
on_frame("skippable_between", T, "a foreign skippable frame between two frames", lambda f, t: setattr(f, "behind", struct.pack("<II", 0x184D2A50, 4) + b"note"))
on_frame("seal_longer", T, "a SEAL of 160 bytes", lambda f, t: f.seal.extend(bytes(8)))
on_frame("next_key", T, "next_public_key exchanged for one of the attacker's", lambda f, t: f.seal.__setitem__(slice(8, 40), public(t.seed)))
on_frame("malleable_signature", T, "S + L in place of S in a signature (it is in no hash)", malleable)
on_frame("zero_signature", T, "a signature of zeros", lambda f, t: f.seal.__setitem__(slice(40, 104), bytes(64)))
on_frame("trail_id", T, "another trail_id in one header", lambda f, t: f.put(32, "Q", 1))
on_frame("wall_time", T, "another wall_ns in one header", lambda f, t: f.put(72, "Q", 1))
on_frame("version", R, "version 2 in a header in the middle", lambda f, t: f.put(8, "H", 2))
on_frame("version_first", R, "version 2 in frame 1", lambda f, t: f.put(8, "H", 2), 0)
on_frame("version_last", R, "version 2 in the last frame", lambda f, t: f.put(8, "H", 2), -1)
change("trail_id_all", T, "another trail_id in all headers, key state and committed", lambda t: (
    [f.put(32, "16s", b"x" * 16) for f in t.frames], setattr(t, "id", b"x" * 16), settle(t, t.seed)))

# --- order of the frames ---------------------------------------------------------------------------------------------------
change("middle_deleted", T, "a middle frame is deleted", lambda t: t.frames.pop(3))
change("swapped", T, "two frames are swapped", lambda t: t.frames.insert(4, t.frames.pop(3)))
change("duplicated", T, "a middle frame stands twice", lambda t: t.frames.insert(4, copy.deepcopy(t.frames[3])))
change("last_duplicated", T, "the last frame stands twice", lambda t: t.frames.append(copy.deepcopy(t.frames[-1])))
change("front_dropped", T, "the first three frames are dropped", lambda t: t.frames.__delitem__(slice(0, 3)))


def rename_front(trail):
    del trail.frames[:3]
    for frame in trail.frames:
        frame.segment = 4


change("front_dropped_renamed", T, "the same, and the segment is named after frame 4", rename_front)


def fork(trail, mine, fit):
    seed, following = (trail.seed if mine else os.urandom(32)), os.urandom(32)
    del trail.frames[-1]
    append(trail, seed, following)
    if fit:
        settle(trail, following)


for mine in (True, False):
    for fit in (True, False):
        change("fork_%s_%s" % ("current" if mine else "other", "fitted" if fit else "left"), T, "the last frame is made anew with %s key, key state %s"
               % ("the current" if mine else "another", "made to fit" if fit else "left"), lambda t, m=mine, f=fit: fork(t, m, f))
