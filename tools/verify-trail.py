#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judge a trail of docktrail by docs/trail-format.md alone: a second opinion that shares nothing
with the first one. Needs Python's standard library, libcrypto and libzstd.

    verify-trail.py TRAIL [--root HEX|FILE] [--state DIR|none] [--anchor TRAIL:FRAME:HASH]...
                    [--excerpt] [--json]

The exit status is the verdict: 0 VALID, 1 VALID-WITH-GAPS, 2 UNPROVEN-END, 3 TAMPERED,
4 UNREADABLE. An anchor that ends in ":last" says that no frame came behind. With --batch it reads
"TRAIL<tab>STATE<tab>ROOT<tab>ANCHORS" line by line and answers each."""
import argparse, copy, ctypes, ctypes.util, errno, fcntl, hashlib, json, mmap, os, re, stat, struct
import sys, time

VERDICTS = ["VALID", "VALID-WITH-GAPS", "UNPROVEN-END", "TAMPERED", "UNREADABLE"]
VALID, GAPS, UNPROVEN, TAMPERED, UNREADABLE = range(5)
STATE_NONE = "none"
HEADER_MOST, LINE_MOST, RAW_MOST, STORED_MOST, COMMIT_MOST = 64 << 10, 4 << 20, 64 << 20, 65 << 20, 16
LOSS, RECOVERY, STOP, NEWCHAIN = 3, 5, 6, 10
LISTS = (2, 3, 4, 5, 10)
ALONE, PRUNED, PACKED, WITHIN, PACKED_MOST, PACKED_RAW_MOST = 0, 1, 2, 3, 512, 16 << 20
NEVER = 2**64 - 1
NO_TIME = b"\xff" * 8 + bytes(8)  # before everything begins, and behind it ends: the neutral range
WRONG_SUMMARY = "the summary is not one of this payload"
NOTES = {b"recorder-loss": "losses", b"recorder-recovery": "recoveries",
         b"recorder-degraded": "degraded", b"clock-step": "clock_steps",
         b"recorder-newchain": "new_chains"}


class Bad(Exception):
    """A frame that is not what belongs here."""


class Short(Bad):
    """The file ends within a frame."""


class Unreadable(Exception):
    """No verdict on the contents can be given."""


# ---- Ed25519 of libcrypto, zstd of libzstd

def library(name):
    found = ctypes.util.find_library(name)
    if not found:
        sys.exit(f"lib{name} is needed, and is not on this machine")
    return ctypes.CDLL(found)


crypto, zstd = library("crypto"), library("zstd")
ED25519 = 1087  # NID_ED25519
POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t
crypto.EVP_PKEY_new_raw_public_key.argtypes = [ctypes.c_int, POINTER, ctypes.c_char_p, SIZE]
crypto.EVP_PKEY_new_raw_public_key.restype = POINTER
crypto.EVP_PKEY_new_raw_private_key.argtypes = [ctypes.c_int, POINTER, ctypes.c_char_p, SIZE]
crypto.EVP_PKEY_new_raw_private_key.restype = POINTER
crypto.EVP_PKEY_get_raw_public_key.argtypes = [POINTER, ctypes.c_char_p, ctypes.POINTER(SIZE)]
crypto.EVP_PKEY_free.argtypes = [POINTER]
crypto.EVP_MD_CTX_new.restype = POINTER
crypto.EVP_MD_CTX_free.argtypes = [POINTER]
crypto.EVP_DigestVerifyInit.argtypes = [POINTER] * 5
crypto.EVP_DigestVerify.argtypes = [POINTER, ctypes.c_char_p, SIZE, ctypes.c_char_p, SIZE]
zstd.ZSTD_getFrameContentSize.argtypes = [ctypes.c_char_p, SIZE]
zstd.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
zstd.ZSTD_decompress.argtypes = [ctypes.c_char_p, SIZE, ctypes.c_char_p, SIZE]
zstd.ZSTD_decompress.restype = SIZE


def signed_by(public_key, message, signature):
    key = crypto.EVP_PKEY_new_raw_public_key(ED25519, None, public_key, 32)
    context = crypto.EVP_MD_CTX_new()
    good = (key and crypto.EVP_DigestVerifyInit(context, None, None, None, key) == 1 and
            crypto.EVP_DigestVerify(context, signature, 64, message, len(message)) == 1)
    crypto.EVP_MD_CTX_free(context)
    crypto.EVP_PKEY_free(key)
    return bool(good)


def public_half(seed):
    key = crypto.EVP_PKEY_new_raw_private_key(ED25519, None, seed, 32)
    public, length = ctypes.create_string_buffer(32), SIZE(32)
    crypto.EVP_PKEY_get_raw_public_key(key, public, ctypes.byref(length))
    crypto.EVP_PKEY_free(key)
    return public.raw


def decompress(stored, length):
    if zstd.ZSTD_getFrameContentSize(stored, len(stored)) != length:
        raise Bad("the payload cannot be decompressed")
    raw = ctypes.create_string_buffer(length or 1)
    if zstd.ZSTD_decompress(raw, length, stored, len(stored)) != length:
        raise Bad("the payload cannot be decompressed")
    return raw.raw[:length]


# ---- "A frame"

def take(data, at, length):
    if len(data) - at < length:
        raise Short("the file ends within a frame")
    return bytes(data[at:at + length])


def require(condition, reason):
    if not condition:
        raise Bad(reason)


def zstd_length(data, at):
    """Of the zstd frame at this offset, from its block headers (RFC 8878, 3.1.1)."""
    head = take(data, at, 5)
    flags = head[4]
    single = bool(flags & 0x20)
    # Checksum, content size, neither dictionary nor reserved bits: "The payload".
    require(head[:4] == b"\x28\xb5\x2f\xfd" and flags & 0x0f == 0x04 and (single or flags >> 6),
            "what stands here is not a frame")
    length = 5 + (not single) + (1 if flags >> 6 == 0 else 1 << (flags >> 6))
    last = 0
    while not last:
        block = int.from_bytes(take(data, at + length, 3), "little")
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        require(kind != 3 and size <= 128 << 10, "what stands here is not a frame")
        length += 3 + (1 if kind == 1 else size)
        require(length + 4 <= STORED_MOST, "what stands here is not a frame")
    return length + 4


def elements(summary):
    """Of "The summary": tag, whether it is incomplete, value."""
    at = 0
    while at < len(summary):
        require(len(summary) - at >= 8, WRONG_SUMMARY)
        tag, flags, length = struct.unpack_from("<HHI", summary, at)
        value, at = summary[at + 8:at + 8 + length], at + 8 + length
        require(len(value) == length, WRONG_SUMMARY)
        yield tag, flags & 1, value


def time_range(summary):
    told = [value for tag, _, value in elements(summary) if tag == 1] or [NO_TIME]
    require(len(told[0]) == 16, WRONG_SUMMARY)
    return struct.unpack("<QQ", told[0])


def items(value):
    """Of a list: (encoding, bytes), count."""
    at = 0
    while at < len(value):
        require(len(value) - at >= 6, WRONG_SUMMARY)
        count, size, encoding = struct.unpack_from("<IBB", value, at)
        text, at = value[at + 6:at + 6 + size], at + 6 + size
        require(len(text) == size and encoding < 2, WRONG_SUMMARY)
        yield (encoding, text), count


class Frame:
    HEADER = struct.Struct("<8sHBBIIIIHH16s16sQQQQQQQQ32s32s32s")
    SEAL = struct.Struct("<8s32s64sIIQ32s")

    def __init__(self, data, at):
        not_one = "what stands here is not a frame"
        magic, length = struct.unpack("<II", take(data, at, 8))
        require(magic == 0x184D2A5D and length <= HEADER_MOST, not_one)
        self.header = take(data, at + 8, length)
        require(length >= self.HEADER.size and self.header[:8] == b"DKTFRAME", not_one)
        (_, version, self.type, self.klass, _, header_length, summary_length, self.types, self.index,
         self.frames, self.trail, self.boot, self.frame, self.wall_ns, _, self.first, self.count,
         self.commit_first, self.commit_count, self.raw_length, self.raw_hash, self.previous,
         _) = self.HEADER.unpack_from(self.header)
        if version != 1:
            raise Unreadable("the frame is of another version of the format")
        require(header_length == length and summary_length == length - 224 and
                1 <= self.type <= 31 and self.types.bit_length() - 1 == self.type and self.klass < 2 and
                self.index < self.frames <= COMMIT_MOST and self.frame and self.first and
                self.commit_first and self.count <= self.raw_length <= RAW_MOST and
                self.commit_first <= self.first and
                self.first + self.count <= self.commit_first + self.commit_count < 1 << 64, not_one)
        at += 8 + length
        self.stored_at, self.stored_length = at, 0
        if take(data, at, 8)[:4] != struct.pack("<I", 0x184D2A5E):
            self.stored_length = zstd_length(data, at)
        at += self.stored_length
        require(take(data, at, 8) == struct.pack("<II", 0x184D2A5E, 152), not_one)
        (magic, self.next_key, self.signature, kind, stored_count, stored_length,
         self.stored_hash) = self.SEAL.unpack(take(data, at + 8, 152))
        counts = {ALONE: (1, 1), PRUNED: (1, 1), PACKED: (2, PACKED_MOST), WITHIN: (1, PACKED_MOST - 1)}
        least, most = counts.get(kind, (1, 0))
        stores = kind in (ALONE, PACKED)
        require(magic == b"DKTFSEAL" and least <= stored_count <= most and
                stored_length == self.stored_length and bool(stored_length) == stores and
                (stores or self.stored_hash == bytes(32)), not_one)
        self.kind, self.stored_count, self.pruned = kind, stored_count, kind == PRUNED
        self.end = at + 160
        self.signed = self.header + self.next_key
        self.hash = hashlib.sha256(self.signed).digest()

    def stored(self, data):
        """What is stored, decompressed: the payload, or those of several frames."""
        stored = take(data, self.stored_at, self.stored_length)
        require(hashlib.sha256(stored).digest() == self.stored_hash, "the stored bytes were changed")
        length = zstd.ZSTD_getFrameContentSize(stored, len(stored)) if self.kind == PACKED else self.raw_length
        require(length <= (PACKED_RAW_MOST if self.kind == PACKED else RAW_MOST), "the payload cannot be decompressed")
        return decompress(stored, length)

    def is_payload(self, raw):
        require(hashlib.sha256(raw).digest() == self.raw_hash, "the payload is not what was signed")
        return raw

    def kinds(self):
        """Counts by kind; raises when the summary does not parse, or they do not add up."""
        counts = {}
        for tag, _, value in elements(self.header[224:]):
            require(self.frame > 1 or tag != 9 or len(value) == 104, "the quote is not whole")
            for (encoding, text), count in items(value) if tag in LISTS else ():
                if tag == 2:
                    text = text if encoding == 0 else text.hex().encode()
                    counts[text] = counts.get(text, 0) + count
        require(sum(counts.values()) == self.count, WRONG_SUMMARY)
        return counts


class Totals:
    """What the frames of a segment come to, and what the next segment tells of it."""

    def __init__(self):
        self.place, self.range, self.incomplete = [0, 0, 0, 0], struct.unpack("<QQ", NO_TIME), set()
        self.lists = {tag: {} for tag in LISTS}

    def add(self, frame):
        if not self.place[1]:
            self.place = [frame.frame, 0, frame.first, 0]
        first_frame, frames, first, count = self.place
        self.place = [first_frame, frames + 1, min(first, frame.first), count + frame.count]
        first, last = time_range(frame.header[224:])
        self.range = min(first, self.range[0]), max(last, self.range[1])
        for tag, incomplete, value in elements(frame.header[224:]):
            if tag in LISTS:
                self.incomplete.update([tag] if incomplete else [])
                for name, count in items(value):
                    self.lists[tag][name] = self.lists[tag].get(name, 0) + count

    def check(self, frame):
        wrong = "what it tells of the segment before is not what that came to"
        told = [value for tag, _, value in elements(frame.header[224:]) if tag == 7]
        if not told:
            return
        require(len(told[0]) >= 32 and list(struct.unpack("<QQQQ", told[0][:32])) == self.place,
                wrong)
        require(time_range(told[0][32:]) == self.range, wrong)
        left = set(LISTS)
        for tag, incomplete, value in elements(told[0][32:]):
            if tag not in LISTS:
                continue
            require(tag in left, wrong)
            left.discard(tag)
            if incomplete:
                require(not value, wrong)
                continue
            named = list(items(value))
            require(tag not in self.incomplete and len(named) == len(dict(named)) and
                    dict(named) == self.lists[tag], wrong)
        require(not any(self.lists[tag] or tag in self.incomplete for tag in left), wrong)


# ---- "Verifying", steps 2 to 7

class Chain:
    def __init__(self, root):
        self.key, self.hash, self.frame, self.event = root, bytes(32), 1, 1
        self.trail, self.left, self.last_wall_ns, self.events = None, 0, 0, 0
        self.floors, self.gone, self.noted = (NEVER, NEVER), {}, {}
        self.totals, self.begins_segment = Totals(), False
        self.packed, self.within = b"", 0  # of how many frames, what is left of their payloads
        self.gaps = dict.fromkeys(NOTES.values(), 0)

    def check(self, data, frame):
        require(frame.frame == self.frame, "another frame number belongs here")
        require(self.trail in (None, frame.trail), "the frame is of another trail")
        require(frame.previous == self.hash, "the frame does not continue the one before")
        if self.left == 0:
            require(frame.index == 0 and frame.commit_first == self.event,
                    "event numbers are missing before this frame")
        else:
            first = self.commit[0]
            require(frame.frames == first.frames and frame.index == len(self.commit) and
                    frame.commit_first == first.commit_first and
                    frame.commit_count == first.commit_count,
                    "the frames of one commit contradict each other")
        require(signed_by(self.key, frame.signed, frame.signature),
                "the signature is not by the key that belongs here")
        if self.left == 0:
            self.commit, self.numbers, self.left = [], set(), frame.frames
        self.trail = frame.trail
        if not frame.pruned:
            self.lines(frame, self.payload(data, frame))
        self.note(frame)
        self.retain(frame)
        self.total(frame)
        self.commit.append(frame)
        self.left -= 1
        if self.left == 0:
            require(sum(one.count for one in self.commit) == frame.commit_count,
                    "the commit has not as many events as it says")
            self.event = frame.commit_first + frame.commit_count
        self.key, self.hash, self.frame = frame.next_key, frame.hash, self.frame + 1
        self.events, self.last_wall_ns = self.events + frame.count, frame.wall_ns

    def payload(self, data, frame):
        """"Packing": those of several frames one behind the other."""
        wrong = "what is packed is not what its frames have"
        if frame.kind == ALONE:
            return frame.is_payload(frame.stored(data))
        if frame.kind == PACKED:
            self.packed, self.within = frame.stored(data), frame.stored_count
            lengths, end = [frame.raw_length], frame.end
            try:
                for index in range(1, frame.stored_count):
                    member = Frame(data, end)
                    require((member.kind, member.stored_count) == (WITHIN, index), wrong)
                    lengths.append(member.raw_length)
                    end = member.end
            except Short as error:
                raise Bad(wrong) from error
            require(sum(lengths) == len(self.packed), wrong)
        require(self.within > 0, wrong)
        self.within -= 1
        raw, self.packed = self.packed[:frame.raw_length], self.packed[frame.raw_length:]
        return frame.is_payload(raw)

    def lines(self, frame, raw):
        wrong = "the numbers of the events are not those of the header"
        begin = re.compile(rb'\{"@timestamp":"[^"]{0,64}","event":\{"id":"' +
                           frame.trail[:8].hex().encode() +
                           rb'-(0|[1-9][0-9]*)","sequence":(0|[1-9][0-9]*)[,}]')
        require(not raw or raw.endswith(b"\n"), wrong)
        least, count = frame.first, 0
        for line in raw.split(b"\n")[:-1]:
            found = begin.match(line)
            require(len(line) <= LINE_MOST and found and found[1] == found[2], wrong)
            number = int(found[1])
            require(number >= least and (count or number == frame.first) and
                    number < frame.commit_first + frame.commit_count and
                    number not in self.numbers, wrong)
            if frame.frames > 1:
                self.numbers.add(number)
            least, count = number + 1, count + 1
        require(count == frame.count, wrong)

    def retain(self, frame):
        """How long payloads are kept, and which are gone: "Retention"."""
        wrong = "what it says of payloads that are gone is not whole"
        told = {}
        for tag, _, value in elements(frame.header[224:]):
            if tag in (8, 11) and tag not in told:
                require(len(value) == 16, wrong)
                told[tag] = struct.unpack("<QQ", value)
        self.floors = told.get(11, self.floors)
        if frame.pruned:
            _, due = self.gone.get(frame.klass, (0, 0))
            due = max(due, min(frame.wall_ns + self.floors[frame.klass], NEVER))
            self.gone = {**self.gone, frame.klass: (frame.frame, due)}
        for klass, before in enumerate(told.get(8, ())):
            if self.noted.get(klass, (0, 0))[0] <= before <= frame.frame:
                self.noted = {**self.noted, klass: (before, frame.wall_ns)}

    def dropped(self):
        """Why payloads are gone that should not be; None."""
        for klass, (last, due) in sorted(self.gone.items()):
            before, noted = self.noted.get(klass, (0, 0))
            if last >= before:
                return f"the payload of frame {last} is gone, and no signed note says why"
            if due > min(noted, time.time_ns()):
                return f"payloads up to frame {last} were dropped before their time"
        return None

    def total(self, frame):
        if self.begins_segment:
            self.totals.check(frame)
            self.totals, self.begins_segment = Totals(), False
        self.totals.add(frame)

    def note(self, frame):
        found = dict.fromkeys(NOTES.values(), 0)
        for kind, count in frame.kinds().items():
            if kind in NOTES:
                found[NOTES[kind]] += count
        found["losses"] = found["losses"] or frame.types >> LOSS & 1
        found["recoveries"] = found["recoveries"] or frame.types >> RECOVERY & 1
        found["new_chains"] = found["new_chains"] or frame.types >> NEWCHAIN & 1
        self.gaps = {note: self.gaps[note] + found[note] for note in found}

    def followed_by(self, key):
        return (key.frame, key.public, key.previous) == (self.frame, self.key, self.hash)


# ---- what lies beside the log

def open_file(*path):
    """Regular files alone: a link leads elsewhere, and a FIFO would be waited for."""
    fd = os.open(os.path.join(*path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "no regular file", path[-1])
    return os.fdopen(fd, "rb")


class Anchor:
    """A frame of which is known from elsewhere that it was there."""

    def __init__(self, text):
        trail, frame, hash_, *last = text.split(":")
        self.trail, self.frame, self.hash = bytes.fromhex(trail), int(frame), bytes.fromhex(hash_)
        self.last = last == ["last"]
        if not self.frame:
            raise ValueError("frames are numbered from 1")

    def of(self, chain):
        return not any(self.trail) or self.trail == chain.trail


class Key:
    """A good slot of "The key state"."""

    def __init__(self, slot):
        magic, version, self.trail, self.frame, seed, self.public, self.previous = struct.unpack(
            "<8sH6x16s16x16xQ32s32s32s", slot[:168])
        if (magic != b"DKTRKEY\0" or version != 1 or any(slot[256:]) or
                hashlib.sha256(slot[:224]).digest() != slot[224:256] or
                public_half(seed) != self.public):
            raise ValueError


def read_keys(folder, state):
    """The good slots, the older first; or why there is none."""
    if state == STATE_NONE:
        return "the key state was not looked at"
    try:
        with open_file(state or os.path.join(folder, "state"), "key") as file:
            bytes_ = file.read(8192).ljust(8192, b"\0")
    except PermissionError:
        return "the key state may not be read by this user"
    except OSError:
        return "there is no key state"
    keys = []
    for slot in (bytes_[:4096], bytes_[4096:]):
        try:
            keys.append(Key(slot))
        except ValueError:
            pass
    return sorted(keys, key=lambda key: key.frame) or "the key state holds no good key"


def read_committed(folder):
    try:
        with open_file(folder, "committed") as file:
            text = file.read(1024)
    except OSError:
        return None
    found = re.fullmatch(rb"(docktrail committed 1\ntrail ([0-9a-f]{32})\nframe ([0-9]{20})\n"
                         rb"event ([0-9]{20})\nsegment [0-9]{20}\noffset [0-9]{20}\n"
                         rb"wall_ns [0-9]{20}\nhash ([0-9a-f]{64})\n)check ([0-9a-f]{16})\n", text)
    if not found or hashlib.sha256(found[1]).hexdigest()[:16].encode() != found[6]:
        return None
    return bytes.fromhex(found[2].decode()), int(found[3]), int(found[4]), bytes.fromhex(
        found[5].decode())


def is_live(folder):
    """Whether a recorder holds the lock: asked, not taken."""
    try:
        with open_file(folder, "lock") as file:
            lock = fcntl.fcntl(file, 36, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
            return struct.unpack("hhqqi4x", lock)[0] != fcntl.F_UNLCK  # 36: F_OFD_GETLK
    except OSError:  # what cannot be asked is held by nobody
        return False


def read_root(folder, given):
    try:
        with open_file(folder, "root.pub") as file:
            own = file.read(66)
    except OSError as error:
        if given is None:
            raise Unreadable(f"root.pub: {error.strerror}") from None
        own = None
    if own is not None and not re.fullmatch(rb"[0-9a-f]{64}\n", own):
        if given is None:
            raise Bad("root.pub is not a key")
        own = None
    own = own and bytes.fromhex(own.decode())
    if given and own and given != own:
        raise Bad("the root key that was given is not the one in root.pub")
    if not given and not own:
        raise Unreadable("there is no root.pub")
    return given or own


def contents(*path):
    with open_file(*path) as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if os.fstat(
            file.fileno()).st_size else b""


# ---- the verdict

class Judge:
    def __init__(self, folder, state, given_root, anchors=(), excerpt=False):
        self.anchors, self.anchored_end = anchors, False
        self.folder, self.reason, self.broken, self.bad = folder, "", None, None
        self.live = is_live(folder)
        self.committed = read_committed(folder)
        keys = read_keys(folder, state)
        self.no_keys, self.keys = (keys, []) if isinstance(keys, str) else (None, keys)
        self.segments = sorted(name for name in os.listdir(folder)
                               if re.fullmatch(r"[0-9]{20}\.jsonl\.zst", name))
        self.misplaced = False
        self.whole, self.rest, self.last = None, 0, True
        self.given_root, self.dropped, self.excerpt = given_root, None, excerpt

    def in_progress(self, chain):
        if not self.live:
            return False
        if self.keys:
            return chain.frame >= self.keys[0].frame
        return self.committed is not None and chain.frame > self.committed[1]

    def walk(self):
        chain = Chain(read_root(self.folder, self.given_root))
        self.whole = copy.copy(chain)
        for number, name in enumerate(self.segments):
            self.last = number + 1 == len(self.segments)
            at = end = 0
            data = contents(self.folder, name)
            chain.begins_segment = True
            try:
                self.misplaced = int(name[:20]) != chain.frame
                require(not self.misplaced, "a segment is missing, or does not belong here")
                while at < len(data) and not self.in_progress(chain):
                    frame = Frame(data, at)
                    chain.check(data, frame)
                    for anchor in self.anchors:
                        if anchor.frame == frame.frame and anchor.of(chain):
                            require(anchor.hash == frame.hash,
                                    "the frame is not the one of an anchor")
                    at = frame.end
                    if chain.left == 0:
                        self.whole, end = copy.copy(chain), at
                if chain.left and not self.in_progress(chain):
                    raise Short("the log ends within a commit")
            except Bad as bad:
                self.broken, self.reason, self.bad = bad, str(bad), (chain.frame, name, at)
            self.rest = len(data) - end
            if self.broken or self.in_progress(chain):
                return

    def end(self):
        """Returns a verdict and its reason: the table under "Crash states"."""
        whole, keys = self.whole, self.keys
        if not keys:
            return self.end_without_key()
        older, newer = keys[0], keys[-1]
        if len(keys) == 2 and (older.trail != newer.trail or
                               not 0 < newer.frame - older.frame <= COMMIT_MOST):
            return TAMPERED, "the two key slots contradict each other"
        if self.live:
            if self.broken or whole.frame < older.frame:
                return TAMPERED, "frames before the recorder's key are gone"
            if not whole.followed_by(older):
                return TAMPERED, "the key is not the one that the last frame names"
            return VALID, ""
        if len(keys) == 2 and whole.followed_by(older) and self.last and not self.misplaced:
            return GAPS, "the recorder ended within a commit, which had not been acknowledged"
        if whole.frame < older.frame:
            return TAMPERED, "the log ends before the frame that the key follows on"
        if whole.frame < newer.frame:
            return TAMPERED, "the key state and the log contradict each other"
        if self.broken or not self.last:
            return TAMPERED, "there are segments behind the end"
        if whole.frame > newer.frame:
            return UNPROVEN, "the key state is older than the log"
        if not whole.followed_by(newer):
            return TAMPERED, "the key is not the one that the last frame names"
        if self.rest:
            return TAMPERED, "there are bytes behind the proven end of the log"
        if len(keys) == 2:
            return GAPS, "the recorder ended within a commit, which had not been acknowledged"
        return VALID, ""

    def end_without_key(self):
        if self.broken:
            torn = (self.whole.frame > self.committed[1] if self.committed
                    else isinstance(self.broken, Short))
            if self.misplaced or not (self.last and torn and
                                      not (self.live and self.committed)):
                return TAMPERED, ""
        if self.anchored_end:
            return (GAPS, "the recorder ended within a commit") if self.rest else (VALID, "")
        return UNPROVEN, f"{self.no_keys}: that nothing was cut off the end is not shown"

    def against_committed(self):
        whole = self.whole
        if not self.committed:
            return None
        trail, frame, event, hash_ = self.committed
        if frame > whole.frame - 1:
            return "frames that had been committed are gone"
        if self.live:
            return None
        if whole.frame > 1 and trail != whole.trail:
            return "`committed` is of another trail"
        if frame == whole.frame - 1 and (hash_, event) != (whole.hash, whole.event - 1):
            return "`committed` names another frame than the last one"
        return None

    def against_anchors(self):
        last = self.whole.frame - 1
        for anchor in self.anchors:
            if last > 0 and not anchor.of(self.whole):
                return "an anchor is of another trail"
            if anchor.frame > last:
                return "the frame that an anchor names is gone"
            if anchor.last and anchor.frame < last:
                return "there are frames behind the last one of an anchor"
            self.anchored_end |= anchor.last
        return None

    def gaps(self):
        whole = self.whole
        stopped = whole.frame > 1 and any(one.types >> STOP & 1 for one in whole.commit)
        if not self.live and whole.frame > 1 and not stopped:
            return "the recorder ended without a STOP"
        if any(whole.gaps.values()):
            return "signed notes: " + ", ".join(f"{count} {note}" for note, count
                                                in whole.gaps.items() if count)
        if not self.committed:
            return "`committed` is missing or damaged"
        left_out = "an excerpt: payloads were left out"
        dropped = "payloads were dropped by policy, as signed notes say"
        return (left_out if self.excerpt else dropped) if whole.gone else None

    def verdict(self):
        if any(not 0 < int(name[:20]) < 1 << 64 for name in self.segments):
            return TAMPERED, "a file is called like a segment, and can be none"
        if not self.segments:
            if self.keys and self.keys[0].frame > 1:
                return TAMPERED, "the key follows on frames that are gone"
            if self.anchors:
                return TAMPERED, "the frame that an anchor names is gone"
            return UNREADABLE, "there is no segment here"
        try:
            self.walk()
        except Bad as bad:  # of the root
            return TAMPERED, str(bad)
        if self.keys and self.whole.frame > 1 and self.keys[0].trail != self.whole.trail:
            self.keys, self.no_keys = [], "the key state is of another trail"
        self.dropped = None if self.excerpt else self.whole.dropped()
        if self.dropped:
            return TAMPERED, self.dropped
        reason = self.against_committed() or self.against_anchors()
        code, because = (TAMPERED, reason) if reason else self.end()
        if code == TAMPERED:
            return code, self.reason or because
        if code == VALID and self.gaps():
            return GAPS, self.gaps()
        return code, because


def judge(folder, state=None, root=None, anchors=(), excerpt=False):
    for _ in range(3):
        try:
            one = Judge(folder, state, root, anchors, excerpt)
            code, reason = one.verdict()
        except (Unreadable, OSError) as error:
            return {"verdict": VERDICTS[UNREADABLE], "code": UNREADABLE, "reason": str(error)}
        if not one.dropped if one.live else not is_live(folder):
            break  # else a recorder started meanwhile, or has dropped payloads and said so
    told = {"verdict": VERDICTS[code], "code": code, "reason": reason}
    if one.whole:
        told.update(frames=one.whole.frame - 1, events=one.whole.event - 1,
                    hash=one.whole.hash.hex(), **one.whole.gaps)
    if code == TAMPERED and one.bad:
        told.update(zip(("bad_frame", "bad_segment", "bad_offset"), one.bad))
    return told


def parse_root(text):
    if os.path.exists(text):
        with open(text, encoding="ascii") as file:
            text = file.read()
    return bytes.fromhex(re.fullmatch(r"\s*([0-9a-fA-F]{64})\s*", text)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trail", nargs="?")
    parser.add_argument("--root", type=parse_root, help="the key that was printed when it was begun")
    parser.add_argument("--state", help="folder of the key (TRAIL/state), or none")
    parser.add_argument("--anchor", type=Anchor, action="append", default=[])
    parser.add_argument("--excerpt", action="store_true", help="payloads may have been left out")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--batch", action="store_true")
    options = parser.parse_args()
    if options.batch:
        for line in sys.stdin:
            trail, state, root, anchors = line.rstrip("\n").split("\t")
            print(json.dumps(judge(trail, state or None, bytes.fromhex(root) or None,
                                   [Anchor(text) for text in anchors.split()])), flush=True)
        return 0
    if not options.trail:
        parser.error("which trail?")
    told = judge(options.trail, options.state, options.root, options.anchor, options.excerpt)
    if options.json:
        print(json.dumps(told))
    else:
        print(told["verdict"] + (": " + told["reason"] if told["reason"] else ""))
        for name in ("frames", "events", "hash", "bad_frame", "bad_segment", "bad_offset"):
            if name in told:
                print(f"  {name:12}{told[name]}")
    return told["code"]


if __name__ == "__main__":
    sys.exit(main())
