"""A worker that misbehaves on demand. Speaks docs/worker-protocol.md with `struct` alone, one thread, no greenlets.

A service does what its name says; a package fails as its module name says. See the tables SERVICES and MODULES below.
"""

import argparse
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

HEAD = struct.Struct("<IBBHI")
CALL = struct.Struct("<IIBBBBHHHHHHII")
REPLY = struct.Struct("<HHII")
ERROR = struct.Struct("<HHHHIII")

handles = {}  # handle -> (set, service name)
held = []  # (core, call id, body) without an answer yet
stubborn = False
exit_at_ping = False
stuck_calls = 0  # said with every PONG


def frame(kind, call_id, payload=b""):
    return HEAD.pack(len(payload), kind, 0, 0, call_id) + payload


def reply(core, call_id, body=b"", headers=b"", status=200, content_type=b"text/plain"):
    payload = REPLY.pack(status, len(content_type), len(headers), len(body)) + content_type + headers + body
    core.sendall(frame(2, call_id, payload))


def raised(core, call_id, body, kind, traceback):
    content_type = b"application/json"
    payload = ERROR.pack(500, len(kind), len(content_type), 0, len(traceback), 0, len(body))
    core.sendall(frame(3, call_id, payload + kind + content_type + traceback + body))


def answer_held():
    """The youngest first: answers need not come in the order of the calls."""
    while held:
        core, call_id, body = held.pop()
        reply(core, call_id, body)


def release(core, call_id, body):
    answer_held()
    reply(core, call_id, body)


def grandchild(core, call_id, body):
    """A child that inherits every socket, as a careless fork does."""
    fds = [int(fd) for fd in arguments.core_fds.split(",")] + [arguments.control_fd]
    child = subprocess.Popen(["sleep", "1000"], pass_fds=fds)
    reply(core, call_id, str(child.pid).encode())


def garbage(core, call_id, body):
    core.sendall(b"\xff" * 64)


def bad_lengths(core, call_id, body):
    core.sendall(frame(2, call_id, REPLY.pack(200, 10, 10, 10)))


def twice(core, call_id, body):
    reply(core, call_id, b"first")
    reply(core, call_id, b"second")


def log(core, call_id, body):
    sys.stderr.write(body.decode() + "\n")
    sys.stderr.flush()
    print("on stdout")
    reply(core, call_id)


def stuck(core, call_id, body):
    global stuck_calls
    stuck_calls = 1
    reply(core, call_id)


SERVICES = {
    "stuck": stuck,
    "echo": lambda core, call_id, body: reply(core, call_id, body, b"X-Worker: %d\r\n" % os.getpid()),
    "headers": lambda core, call_id, block: reply(core, call_id, block),
    "hold": lambda core, call_id, body: held.append((core, call_id, body)),
    "late": lambda core, call_id, body: None,  # answered when it is cancelled
    "release": release,
    "die": lambda core, call_id, body: os._exit(3),
    "spin": lambda core, call_id, body: time.sleep(1000),
    "raise": lambda core, call_id, body: raised(core, call_id, b"{}", b"ValueError", b"Traceback\nValueError"),
    "garbage": garbage,
    "bad-lengths": bad_lengths,
    "twice": twice,
    "other-id": lambda core, call_id, body: reply(core, call_id + 1),
    "close": lambda core, call_id, body: core.shutdown(socket.SHUT_RDWR),
    "large": lambda core, call_id, body: reply(core, call_id, b"x" * int(body)),
    "environment": lambda core, call_id, body: reply(core, call_id, json.dumps(dict(os.environ)).encode()),
    "grandchild": grandchild,
    "log": log,
}


def on_core(core, kind, call_id, payload):
    if kind == 4:
        call = next((call for call in held if call[:2] == (core, call_id)), None)
        if call:
            held.remove(call)
        elif call_id in late:
            reply(core, call_id, b"too late")
        return
    fields = CALL.unpack_from(payload)
    body = payload[len(payload) - fields[13] :]
    name = handles[fields[0]][1]
    if name == "late":
        late.add(call_id)
    if name == "headers":  # as the call showed them
        body = payload[len(payload) - fields[12] - fields[13] : len(payload) - fields[13]]
    SERVICES[name](core, call_id, body)


late = set()


def control(kind, message):
    arguments.control.sendall(frame(kind, 0, json.dumps(message).encode()))


def import_package(package):
    """What the module's name says: none, or the error."""
    global exit_at_ping
    if package["module"] == "import_hang":
        time.sleep(1000)
    if package["module"] == "import_garbage":
        arguments.control.sendall(b"\xff" * 64)
    if package["module"] == "import_close":
        for fd in arguments.core_fds.split(","):
            os.close(int(fd))
    if package["module"] == "import_scribble":
        os.write(int(arguments.core_fds.split(",")[0]), b"\xff" * 64)
    if package["module"] == "import_exit_later":
        exit_at_ping = True
    if package["module"] == "import_exit":
        os._exit(7)
    if package["module"] == "import_error":
        return {"file": package["file"], "line": 12, "message": "NameError: nope", "traceback": "Traceback…"}
    return None


def on_control(kind, message):
    global stubborn
    if kind == 17:
        error = import_package(message["package"])
        declared = {"name": "echo", "class_name": "Echo", "line": 3, "documentation": None, "input": [], "output": []}
        control(18, {"request": message["request"], **({"error": error} if error else {"services": [declared]})})
    elif kind == 19:
        for package in message["packages"]:
            stubborn = stubborn or package["module"] == "stubborn"
            if error := import_package(package):
                return control(20, {"request": message["request"], "error": error, "package": package["id"]})
        for handle, name, _ in message["services"]:
            handles[handle] = (message["set"], name)
        control(20, {"request": message["request"]})
    elif kind == 21:
        for handle in [handle for handle, (number, _) in handles.items() if number == message["set"]]:
            del handles[handle]
    elif kind == 22:
        if exit_at_ping:
            os._exit(8)
        control(23, {"n": message["n"], "stuck": stuck_calls})
    elif kind == 24:
        if stubborn:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            return
        answer_held()
        sys.exit(0)


def frames(buffers, sock):
    data = sock.recv(1 << 20)
    if not data:
        return None
    buffers[sock] += data
    whole = []
    while len(buffers[sock]) >= HEAD.size:
        length, kind, _, _, call_id = HEAD.unpack_from(buffers[sock])
        if len(buffers[sock]) < HEAD.size + length:
            break
        whole.append((kind, call_id, buffers[sock][HEAD.size : HEAD.size + length]))
        buffers[sock] = buffers[sock][HEAD.size + length :]
    return whole


def main():
    cores = [socket.socket(fileno=int(fd)) for fd in arguments.core_fds.split(",")]
    buffers = {sock: b"" for sock in [arguments.control, *cores]}
    control(16, {"protocol": 1, "pid": os.getpid(), "python": "scripted", "calls": "none", "json": "json"})
    while True:
        for sock in select.select(list(buffers), [], [])[0]:
            whole = frames(buffers, sock)
            if whole is None:
                if sock is arguments.control:
                    sys.exit(0)
                del buffers[sock]
                continue
            for kind, call_id, payload in whole:
                if sock is arguments.control:
                    on_control(kind, json.loads(payload))
                else:
                    on_core(sock, kind, call_id, payload)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--control-fd", type=int)
    parser.add_argument("--core-fds")
    arguments = parser.parse_args()
    arguments.control = socket.socket(fileno=arguments.control_fd)
    main()
