# SPDX-License-Identifier: Apache-2.0
"""
pages.py after PATH PID: sends one request by pages that it shares with the kernel (splice), and changes them before the
engine, the process PID, reads. pages.py while PATH COUNT: COUNT requests, of which another process changes the pages
without end. Each asks for the container "first-name", which becomes "other-name". Prints, of each, which one the engine
says that it does not have: what was really read.
"""
import json, mmap, os, signal, socket, sys, tempfile, time

FIRST, OTHER = b"first-name", b"other-name"
REQUEST = b"GET /v1.41/containers/" + FIRST + b"/json HTTP/1.1\r\nHost: d\r\n\r\n"
PLACE = REQUEST.index(FIRST)

how, path, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
file = tempfile.TemporaryFile(dir="/dev/shm")
file.write(REQUEST)
file.flush()
pages = mmap.mmap(file.fileno(), len(REQUEST))
engine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
engine.connect(path)


def send():
    into, out = os.pipe()
    assert os.splice(file.fileno(), out, len(REQUEST), offset_src=0) == len(REQUEST)
    assert os.splice(into, engine.fileno(), len(REQUEST)) == len(REQUEST)
    os.close(into)
    os.close(out)


def answer():
    text = b""
    while b"\r\n\r\n" not in text:
        text += engine.recv(4096)
    head, body = text.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += engine.recv(4096)
    print(json.loads(body)["message"].split()[-1])


def stop(pid):
    """Threads of another processor run on for a while: until the kernel calls each of them stopped."""
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + 30
    while any(open(f"/proc/{pid}/task/{task}/stat").read().rsplit(")", 1)[1].split()[0] != "T"
              for task in os.listdir(f"/proc/{pid}/task")):
        assert time.monotonic() < end, "the engine does not stop"
        time.sleep(0.01)


if how == "after":
    try:
        stop(number)
        send()
        pages[PLACE : PLACE + len(OTHER)] = OTHER
    finally:
        os.kill(number, signal.SIGCONT)
    answer()
else:
    changer = os.fork()
    if changer == 0:
        parent = os.getppid()
        while os.getppid() == parent:
            for _ in range(1000):
                pages[PLACE : PLACE + len(OTHER)] = OTHER
                pages[PLACE : PLACE + len(FIRST)] = FIRST
        os._exit(0)
    try:
        for _ in range(number):
            send()
            answer()
    finally:
        os.kill(changer, signal.SIGKILL)
        os.waitpid(changer, 0)
