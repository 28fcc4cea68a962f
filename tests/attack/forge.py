# SPDX-License-Identifier: Apache-2.0
"""Trails read, changed and signed again, from docs/trail-format.md alone: nothing of docktrail's."""
import ctypes, hashlib, os, struct

crypto, zstd = ctypes.CDLL("libcrypto.so.3"), ctypes.CDLL("libzstd.so.1")
for library, names in ((crypto, "EVP_PKEY_new_raw_private_key EVP_MD_CTX_new"), (zstd, "ZSTD_createCCtx")):
    for name in names.split():
        getattr(library, name).restype = ctypes.c_void_p
for name in "ZSTD_compress2 ZSTD_decompress ZSTD_findFrameCompressedSize ZSTD_compressBound".split():
    getattr(zstd, name).restype = ctypes.c_size_t
ZEROS, HEADER_MAGIC, SEAL_MAGIC = bytes(32), 0x184D2A5D, 0x184D2A5E
ORDER = 2**252 + 27742317777372353535851937790883648493


def private(seed):
    return ctypes.c_void_p(crypto.EVP_PKEY_new_raw_private_key(1087, None, seed, ctypes.c_size_t(32)))


def public(seed):
    out, size = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
    assert crypto.EVP_PKEY_get_raw_public_key(private(seed), out, ctypes.byref(size)) == 1
    return out.raw


def sign(seed, message):
    context, out, size = ctypes.c_void_p(crypto.EVP_MD_CTX_new()), ctypes.create_string_buffer(64), ctypes.c_size_t(64)
    assert crypto.EVP_DigestSignInit(context, None, None, None, private(seed)) == 1
    assert crypto.EVP_DigestSign(context, out, ctypes.byref(size), message, ctypes.c_size_t(len(message))) == 1
    return out.raw


def compress(data, level=3, checksum=1, content_size=1):
    context = ctypes.c_void_p(zstd.ZSTD_createCCtx())
    for parameter, value in ((100, level), (200, content_size), (201, checksum)):
        zstd.ZSTD_CCtx_setParameter(context, parameter, value)
    room = len(data) + len(data) // 128 + 1024
    out = ctypes.create_string_buffer(room)
    size = zstd.ZSTD_compress2(context, out, ctypes.c_size_t(room), data, ctypes.c_size_t(len(data)))
    result = out.raw[:size]
    assert zstd.ZSTD_findFrameCompressedSize(result, ctypes.c_size_t(size)) == size
    return result


def decompress(data, length):
    out = ctypes.create_string_buffer(length + 1)
    assert zstd.ZSTD_decompress(out, ctypes.c_size_t(length + 1), data, ctypes.c_size_t(len(data))) == length
    return out.raw[:length]


def sha(data):
    return hashlib.sha256(data).digest()


class Frame:
    def __init__(self, header, stored, seal, segment):
        self.header, self.stored, self.seal, self.segment = bytearray(header), stored, bytearray(seal), segment
        self.before = self.behind = b""                     # smuggled bytes: before the SEAL, behind the frame

    def get(self, offset, kind="Q"):
        return struct.unpack_from("<" + kind, self.header, offset)[0]

    def put(self, offset, kind, value):
        struct.pack_into("<" + kind, self.header, offset, value)

    def payload(self):
        return decompress(self.stored, self.get(120))

    def signed(self):
        return bytes(self.header) + bytes(self.seal[8:40])

    def hash(self):
        return sha(self.signed())

    def sign(self, seed):
        self.seal[40:104] = sign(seed, self.signed())

    def store(self, stored, kind=0, count=1):
        """What a recompression does, or (kind 1) whoever drops a payload: the unsigned fields of the SEAL to fit."""
        self.stored = stored
        self.seal[104:] = struct.pack("<IIQ", kind, count, len(stored)) + (sha(stored) if stored else ZEROS)

    def bytes(self):
        return (struct.pack("<II", HEADER_MAGIC, len(self.header)) + self.header + self.stored + self.before
                + struct.pack("<II", SEAL_MAGIC, len(self.seal)) + self.seal + self.behind)


class Trail:
    def __init__(self, folder):
        self.folder, self.frames, self.tail = folder, [], b""
        self.extra = {}                                     # further files: name -> bytes
        for name in sorted(n for n in os.listdir(folder) if n.endswith(".jsonl.zst")):
            data, at = open(f"{folder}/{name}", "rb").read(), 0
            while at < len(data):
                start = at + 8 + struct.unpack_from("<I", data, at + 4)[0]
                size = zstd.ZSTD_findFrameCompressedSize(data[start:], ctypes.c_size_t(len(data) - start))
                self.frames.append(Frame(data[at + 8:start], data[start:start + size],
                                         data[start + size + 8:start + size + 160], int(name[:20])))
                at = start + size + 160
        self.id = bytes(self.frames[0].header[32:48])
        key = open(f"{folder}/state/key", "rb").read()
        self.slots = [key[:4096], key[4096:]]
        self.current = max(self.slots, key=lambda slot: slot[64:72])
        self.seed = self.current[72:104]
        self.key_frame = struct.unpack_from("<Q", self.current, 64)[0]
        self.committed = open(f"{folder}/committed", "rb").read()
        self.root = open(f"{folder}/root.pub", "rb").read()

    def next_event(self, count=None):
        frames = self.frames[:count]
        return (frames[-1].get(104) + frames[-1].get(112)) % 2**64 if frames else 1

    def slot(self, frame, seed, previous, event=1, trail=None, claim=None, version=1):
        data = (b"DKTRKEY\0" + struct.pack("<H6x", version) + (trail or self.id) + self.current[32:64] + struct.pack("<Q", frame)
                + seed + (claim or public(seed)) + previous + struct.pack("<Q", event) + bytes(48))
        return (data + sha(data)).ljust(4096, b"\0")

    def fitting(self, seed, count=None, **more):
        """A slot for the frame behind the first `count` frames."""
        frames = self.frames[:count]
        return self.slot(len(frames) + 1, seed, frames[-1].hash() if frames else ZEROS, self.next_event(count), **more)

    def note(self, count=None, **change):
        """The text of `committed` for the first `count` frames, with a right check."""
        frames = self.frames[:count]
        last = frames[-1] if frames else None
        segment = last.segment if last else 1
        value = dict(version=1, trail=self.id.hex(), frame=len(frames), event=(self.next_event(count) - 1) % 2**64, segment=segment,
                     offset=sum(len(f.bytes()) for f in frames if f.segment == segment),
                     wall=last.get(72) if last else 0,
                     hash=(last.hash() if last else ZEROS).hex())
        value.update(change)
        text = ("docktrail committed {version}\ntrail {trail}\nframe {frame:020d}\nevent {event:020d}\nsegment {segment:020d}\n"
                "offset {offset:020d}\nwall_ns {wall:020d}\nhash {hash}\n").format(**value)
        return (text + "check " + hashlib.sha256(text.encode()).hexdigest()[:16] + "\n").encode()

    def write(self):
        for name in os.listdir(self.folder):
            if name.endswith(".jsonl.zst"):
                os.unlink(f"{self.folder}/{name}")
        segments = {}
        for frame in self.frames:
            segments[frame.segment] = segments.get(frame.segment, b"") + frame.bytes()
        segments = segments or {1: b""}
        segments[max(segments)] += self.tail
        files = {"%020d.jsonl.zst" % number: data for number, data in segments.items()}
        files.update(self.extra)
        files.update({"committed": self.committed, "root.pub": self.root, "state/key": self.slots and b"".join(self.slots)})
        for name, data in files.items():
            path = f"{self.folder}/{name}"
            if data is None:
                if os.path.exists(path):
                    os.unlink(path)
                continue
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)


def item(text, count):
    return struct.pack("<IBB", count, len(text), 0) + text


def element(tag, value, flags=0):
    return struct.pack("<HHI", tag, flags, len(value)) + value


def event_line(trail, number, name=None, action="watch-hit", end="\n"):
    return ('{"@timestamp":"2025-11-13T03:00:00Z","event":{"id":"%s-%s","sequence":%d,"kind":"event","action":"%s"},"file":{"path":"/x"}}%s'
            % (trail.id.hex()[:16], number if name is None else name, number, action, end)).encode()


def append(trail, seed, following, numbers=None, raw=None, types=0x42, summary=None, kinds=None, change=(), first=None, count=None,
           index=0, commit=1, commit_first=None, commit_count=None, shape=None):
    """Append a frame signed by `seed`; by default all is as the document wants it."""
    last, start = trail.frames[-1], trail.next_event()
    if index:
        start = last.get(104)
    numbers = numbers or range(start, start + 3)
    raw = raw or b"".join(event_line(trail, number) for number in numbers)
    if summary is None:
        summary = element(1, struct.pack("<QQ", last.get(72), last.get(72) + 10**9)) + element(2, kinds or item(b"watch-hit", len(numbers)))
    frame = Frame(bytes(last.header[:224]) + summary, b"", bytes(last.seal), last.segment)
    step = 0 if index else 10**9                            # the frames of one commit have one time
    for offset, kind, value in [
            (10, "B", types.bit_length() - 1), (11, "B", 1), (12, "I", 0), (16, "I", 224 + len(summary)), (20, "I", len(summary)),
            (24, "I", types), (28, "H", index), (30, "H", commit), (64, "Q", last.get(64) + 1), (72, "Q", last.get(72) + step),
            (80, "Q", last.get(80) + step), (88, "Q", first or numbers[0]), (96, "Q", count or len(numbers)),
            (104, "Q", commit_first or start), (112, "Q", commit_count or len(numbers)), (120, "Q", len(raw)),
            (128, "32s", sha(raw)), (160, "32s", last.hash()), (192, "32s", ZEROS)] + list(change):
        frame.put(offset, kind, value)
    frame.seal[8:40] = public(following)
    frame.sign(seed)
    frame.store(compress(raw))
    if shape:
        shape(frame)
    trail.frames.append(frame)
    return frame


def settle(trail, seed, count=None):
    trail.slots = [trail.fitting(seed, count), bytes(4096)]
    trail.committed = trail.note(count)
