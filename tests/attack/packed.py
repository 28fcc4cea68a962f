# SPDX-License-Identifier: Apache-2.0
"""Attacks on payloads that are packed together: what holds them together is not signed."""
import struct

from together import *

FIRST, COUNT = 3, 4


def pack(trail, raw=None, first=FIRST, count=COUNT, said=None, stored=None):
    """The payloads of some frames in one zstd frame, unsigned fields to fit. `raw`: what is in it, by the payloads; `said`: its count."""
    members = trail.frames[first:first + count]
    payloads = [f.payload() for f in members]
    whole = b"".join(payloads) if raw is None else raw(payloads)
    members[0].store(stored(whole) if stored else compress(whole, 19), 2, said or count)
    for index, member in enumerate(members[1:], 1):
        member.store(b"", 3, index)
    return members


def packed(name, verdict, text, function):
    change("packed_" + name, verdict, text, lambda t: function(t) and None)


def after(name, verdict, text, function):
    """Packed as it may be, then something is done to its frames."""
    packed(name, verdict, text, lambda t: function(pack(t), t))


def move_apart(members, trail):
    payload = trail.frames[FIRST + COUNT].payload()
    trail.frames[FIRST + COUNT].store(compress(payload))
    trail.frames[FIRST + COUNT], trail.frames[FIRST + 2] = trail.frames[FIRST + 2], trail.frames[FIRST + COUNT]


packed("frames", V, "four payloads packed together: allowed", pack)
packed("all", V, "all payloads of the first segment packed together: allowed",
       lambda t: pack(t, first=0, count=sum(f.segment == t.frames[0].segment for f in t.frames)))
packed("twice", V, "two and two payloads packed together: allowed", lambda t: (pack(t, count=2), pack(t, first=FIRST + 2, count=2)))
packed("edited", T, "one of the packed payloads edited", lambda t: pack(t, lambda p: p[0] + p[1].replace(b"watch-hit", b"watch-hat", 1) + b"".join(p[2:])))
packed("exchanged", T, "two of the packed payloads exchanged", lambda t: pack(t, lambda p: p[0] + p[2] + p[1] + b"".join(p[3:])))
packed("behind", T, "forged lines behind the packed payloads", lambda t: pack(t, lambda p: b"".join(p) + event_line(t, 99999)))
packed("before", T, "forged lines before the packed payloads", lambda t: pack(t, lambda p: event_line(t, 99999) + b"".join(p)))
packed("between", T, "forged lines between two packed payloads", lambda t: pack(t, lambda p: p[0] + event_line(t, 99999) + b"".join(p[1:])))
packed("missing", T, "the last packed payload left out", lambda t: pack(t, lambda p: b"".join(p[:-1])))
packed("doubled", T, "the packed payloads twice", lambda t: pack(t, lambda p: b"".join(p) * 2))
packed("count_more", T, "stored_count says one more", lambda t: pack(t, said=COUNT + 1))
packed("count_less", T, "stored_count says one less", lambda t: pack(t, said=COUNT - 1))
packed("count_1", T, "stored_count says that one is packed", lambda t: pack(t, said=1))
packed("count_many", T, "stored_count says 2^31", lambda t: pack(t, said=1 << 31))
packed("no_checksum", T, "the packed payloads without zstd's checksum", lambda t: pack(t, stored=lambda raw: compress(raw, 3, 0)))
packed("two_frames", T, "the packed payloads and forged lines in a second zstd frame, stored fields cover both",
       lambda t: pack(t, stored=lambda raw: compress(raw) + compress(event_line(t, 99999))))
after("index", T, "two packed frames say each other's place", lambda m, t: (m[1].store(b"", 3, 2), m[2].store(b"", 3, 1)))
after("index_0", T, "a packed frame says place 0", lambda m, t: m[1].store(b"", 3, 0))
after("stored_byte", T, "a bit of the packed bytes is flipped", lambda m, t: setattr(m[0], "stored", m[0].stored[:-1] + bytes([m[0].stored[-1] ^ 1])))
after("dropped_one", T, "one packed frame says that its payload was dropped", lambda m, t: m[2].store(b"", 1))
after("dropped_first", T, "the first packed frame says that its payload was dropped", lambda m, t: m[0].store(b"", 1))
after("dropped_last", T, "the last packed frame says that its payload was dropped", lambda m, t: m[-1].store(b"", 1))
after("removed_one", T, "one packed frame removed", lambda m, t: t.frames.remove(m[2]))
after("removed_first", T, "the first packed frame removed", lambda m, t: t.frames.remove(m[0]))
after("apart", T, "a packed frame exchanged for the one behind them", move_apart)
after("between_frames", T, "forged lines in a zstd frame between two packed frames", lambda m, t: setattr(m[1], "behind", compress(event_line(t, 99999))))
after("before_seal", T, "forged lines in a zstd frame before a packed frame's SEAL", lambda m, t: setattr(m[1], "before", compress(event_line(t, 99999))))
after("version", R, "version 2 in the header of a packed frame", lambda m, t: m[1].put(8, "H", 2))
after("larger", T, "raw_length of a packed frame says 16 MiB", lambda m, t: m[1].put(120, "Q", 16 << 20))
change("within_alone", T, "a frame says that its payload is packed with others, and none is", lambda t: t.frames[3].store(b"", 3, 1))
change("within_left", T, "the same with the payload left", lambda t: struct.pack_into("<II", t.frames[3].seal, 104, 3, 1))
change("within_first", T, "the same in frame 1", lambda t: t.frames[0].store(b"", 3, 1))
