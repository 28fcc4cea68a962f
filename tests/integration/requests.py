#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""usage: requests.py ask SOCKET TABLE [LEAVE-OUT]    each row in a process of its own; prints pid, name, expected, answered
       requests.py compare ASKED TOLD                 ASKED as printed; TOLD: api-request events, a line of JSON each
"""
import json
import os
import re
import socket
import sys

AT_ONCE = 16
TIME_FACTOR = int(os.environ.get("TIME_FACTOR", "1"))
QUIET_SECONDS = 0.7 * TIME_FACTOR  # so long nothing came: it is all
PATIENCE_SECONDS = 2  # so long the recorder waits for an answer, or for the rest of a request


def unescape(text):
    def one(match):
        char, repeated, count, digits = match.groups()
        if count:
            return repeated * int(count)
        return chr(int(digits, 16)) if digits else {"r": "\r", "n": "\n", "t": "\t"}.get(char, char)
    return re.sub(r"\\(\{(.)\*(\d+)\}|x([0-9a-f]{2})|.)", one, text, flags=re.S).encode("latin-1")


def answers(path, request):
    """The statuses, and `close` where the engine ended the connection."""
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(QUIET_SECONDS)
    client.connect(path)
    taken, closed = b"", False
    try:
        client.sendall(request)
    except OSError:
        pass
    try:
        while not closed:
            part = client.recv(65536)
            closed = not part
            taken += part
    except ConnectionResetError:
        closed = True
    except TimeoutError:
        pass
    statuses = [s.decode() for s in re.findall(rb"HTTP/1\.[01] (\d\d\d) ", taken) if s != b"100"]
    return " ".join(statuses + ["close"] * closed) or "-"


def ask(path, table, leave_out=""):
    rows = [line.rstrip("\n").split("\t") for line in open(table, encoding="ascii") if line[0] != "#"]
    running = 0
    for name, request, engine, told in rows:
        if leave_out and name.startswith(leave_out):
            continue
        if running == AT_ONCE:
            os.wait()
            running -= 1
        sys.stdout.flush()
        if os.fork() == 0:
            answered = answers(path, unescape(request))
            # Of a request that is not whole, by who waits longer than that, it is told that nothing came so far.
            if QUIET_SECONDS > PATIENCE_SECONDS and answered == "-" and "\\r\\n\\r\\n" in request:
                told = told.replace(" truncated -", " pending -")
            line = "\t".join((str(os.getpid()), name, engine, answered, told))
            os.write(1, line.encode() + b"\n")
            os._exit(0)
        running += 1
    while running:
        os.wait()
        running -= 1


def tell(event):
    api = event["docktrail"]["api"]
    http = event.get("http", {})
    path = re.sub("[^ -~]", "?", event.get("url", {}).get("path", "-"))
    return " ".join((api.get("operation", "-"), http.get("request", {}).get("method", "-"), path, api["state"],
                     str(http.get("response", {}).get("status_code", "-"))))


def compare(asked, told):
    events, wrong = {}, 0
    for line in open(told, encoding="utf-8"):
        event = json.loads(line)
        events.setdefault(event["process"]["pid"], []).append(event)
    for line in open(asked, encoding="utf-8"):
        pid, name, engine, answered, expected = line.rstrip("\n").split("\t")
        mine = sorted(events.get(int(pid), []), key=lambda event: event["event"]["sequence"])
        recorded = " | ".join(tell(event) for event in mine) or "nothing"
        for what, is_so, should in (("answered", answered, engine), ("recorded", recorded, expected)):
            if is_so != should and not (what == "recorded" and "+" in name[:2]):
                wrong += 1
                print(f"{name}: {what}\n  {is_so}\n  expected {should}")
    return wrong


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(ask(*sys.argv[2:]) if sys.argv[1] == "ask" else compare(*sys.argv[2:4]) > 0)
