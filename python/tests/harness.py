"""A real worker over socketpairs, and the node's side of the protocol.

Owns: starting, calling and ending workers in tests. Invariant: every wait is for a frame or for the
end of the process, with one generous limit; nothing sleeps.
"""

import importlib.util
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PACKAGE))
EXAMPLES = PACKAGE.parent / "examples"
LIMIT = 30.0
MODES = ["threads"] + (["gevent"] if importlib.util.find_spec("gevent") else [])
METHODS = {"GET": 1, "POST": 2, "PUT": 3, "PATCH": 4, "DELETE": 5, "HEAD": 6, "OPTIONS": 7}
CALL, REPLY, ERROR, CANCEL = 1, 2, 3, 4
HELLO, TRIAL, TRIED, BIND, BOUND, RELEASE, PING, PONG, STOP = range(16, 25)


class Frames:
    """One end of a socket that speaks frames."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def send(self, kind, payload=b"", call_id=0):
        self.sock.sendall(struct.pack("<IBBHI", len(payload), kind, 0, 0, call_id) + payload)

    def receive(self, limit=LIMIT):
        """(kind, call id, payload); None at end of file."""
        self.sock.settimeout(limit)
        while True:
            if len(self.buffer) >= 12:
                length, kind, flags, reserved, call_id = struct.unpack_from("<IBBHI", self.buffer)
                assert (flags, reserved) == (0, 0)
                if len(self.buffer) >= 12 + length:
                    payload = self.buffer[12 : 12 + length]
                    self.buffer = self.buffer[12 + length :]
                    return kind, call_id, payload
            try:
                data = self.sock.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buffer += data

    def nothing_waits(self):
        """Whether no byte has arrived."""
        return not self.buffer and not select.select([self.sock], [], [], 0)[0]


class Answer:
    """A REPLY or ERROR, taken apart."""

    def __init__(self, kind, call_id, payload):
        self.frame_kind, self.id = kind, call_id
        self.raised = self.traceback = None
        if kind == REPLY:
            self.status, *sizes = struct.unpack_from("<HHII", payload)
            at = 12
            names = ("content_type", "headers", "body")
        else:
            self.status, k, c, reserved, t, h, b = struct.unpack_from("<HHHHIII", payload)
            assert reserved == 0
            sizes, at = [k, c, t, h, b], 20
            names = ("raised", "content_type", "traceback", "headers", "body")
        for name, size in zip(names, sizes):
            value = payload[at : at + size]
            setattr(self, name, value if name == "body" else value.decode())
            at += size
        assert at == len(payload)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    @property
    def header(self):
        return dict(line.split(": ", 1) for line in self.headers.split("\r\n") if line)


class Worker:
    """A worker process with two cores."""

    def __init__(self, calls="threads", env=(), stderr=None, cores=2):
        self.folder = tempfile.TemporaryDirectory(prefix="bascule-test-")
        ours, theirs = socket.socketpair()
        pairs = [socket.socketpair() for _ in range(cores)]
        self.log = open(os.path.join(self.folder.name, "stderr"), "w+b")
        environ = {**os.environ, "PYTHONPATH": str(PACKAGE), "BASCULE_WORKER_CALLS": calls,
                   **dict(env)}
        fds = [pair[1].fileno() for pair in pairs]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bascule._worker", "--control-fd", str(theirs.fileno()),
             "--core-fds", ",".join(map(str, fds))],
            pass_fds=[theirs.fileno(), *fds], env=environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=stderr or self.log)
        theirs.close()
        for pair in pairs:
            pair[1].close()
        self.control = Frames(ours)
        self.cores = [Frames(pair[0]) for pair in pairs]
        self.handles, self.next_id, self.next_set, self.requests = {}, 0, 0, 0
        self.next_handle = 100
        kind, _id, payload = self.control.receive()
        assert kind == HELLO
        self.hello = json.loads(payload)

    def ask(self, kind, message):
        """A control request and its answer."""
        self.requests += 1
        self.control.send(kind, json.dumps({"request": self.requests, **message}).encode())
        _kind, _id, payload = self.control.receive()
        answer = json.loads(payload)
        assert answer["request"] == self.requests, answer
        return answer

    def package(self, source, file="demo.py", package_id=None):
        """Stores a source as a node would and returns its spec."""
        package_id = package_id or f"p{len(os.listdir(self.folder.name)):063d}"
        path = os.path.join(self.folder.name, package_id + ".py")
        data = source if isinstance(source, bytes) else textwrap.dedent(source).encode()
        Path(path).write_bytes(data)
        return {"id": package_id, "file": file, "module": file[:-3], "path": path}

    def trial(self, source, file="demo.py"):
        spec = self.package(source, file)
        return spec, self.ask(TRIAL, {"package": spec})

    def deploy(self, *sources):
        """Trial and bind of (file, source) pairs as one set; returns its number."""
        specs, services = [], []
        for file, source in sources:
            spec, tried = self.trial(source, file)
            assert "services" in tried, tried
            specs.append(spec)
            services += [(service["name"], spec["id"]) for service in tried["services"]]
        return self.bind(specs, services)

    def bind(self, specs, services):
        self.next_set += 1
        rows = []
        for name, package_id in services:
            self.next_handle += 1
            rows.append([self.next_handle, name, package_id])
        bound = self.ask(BIND, {"set": self.next_set, "packages": specs, "services": rows})
        assert "error" not in bound, bound
        self.handles.update({name: handle for handle, name, _id in rows})
        return self.next_set

    def start(self, service, method="POST", body=b"", json_body=None, path="/", query="",
              params=None, headers="", data_format=None, source=0, core=0, cid="cid-1",
              handle=None, channel="test.channel"):
        """Sends a CALL and returns its id."""
        if json_body is not None:
            body, data_format = json.dumps(json_body).encode(), 1
        body = body.encode() if isinstance(body, str) else body
        headers = headers if isinstance(headers, bytes) else headers.encode()
        code = METHODS.get(method, 0)
        if code == 0:
            headers = f":method: {method}\r\n".encode() + headers
        pairs = "".join(f"{k}\0{v}\0" for k, v in (params or {}).items()).encode()
        parts = [cid.encode(), channel.encode(), path.encode(), query.encode(), pairs,
                 b"127.0.0.1:5", headers, body]
        head = struct.pack("<IIBBBBHHHHHHII", handle or self.handles[service], 0, code, source,
                           data_format or 0, 0, *map(len, parts))
        self.next_id += 1
        self.cores[core].send(CALL, head + b"".join(parts), self.next_id)
        return self.next_id

    def answer(self, core=0):
        frame = self.cores[core].receive()
        assert frame is not None, "the worker closed the core socket"
        return Answer(*frame)

    def call(self, service, *args, **kwargs):
        """Sends a CALL and waits for its answer."""
        call_id = self.start(service, *args, **kwargs)
        answer = self.answer(kwargs.get("core", 0))
        assert answer.id == call_id
        return answer

    def ping(self, number=1):
        return self.pong(number)["n"]

    def pong(self, number=1):
        """The whole answer to a PING."""
        self.control.send(PING, json.dumps({"n": number}).encode())
        kind, _id, payload = self.control.receive()
        assert kind == PONG
        return json.loads(payload)

    def logs(self):
        """All log records so far; a line that is no JSON fails."""
        self.log.seek(0)
        return [json.loads(line) for line in self.log.read().splitlines()]

    def close(self):
        """Ends the worker by the end of its control socket."""
        self.control.sock.close()
        for core in self.cores:
            core.sock.close()
        try:
            self.process.wait(LIMIT)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
            self.log.close()
            self.folder.cleanup()


def in_each_mode(base):
    """Makes one test class per way of running calls that this Python has."""
    module = sys.modules[base.__module__]
    for mode in MODES:
        name = f"{base.__name__}On{mode.capitalize()}"
        setattr(module, name, type(name, (base, unittest.TestCase),
                                   {"mode": mode, "__module__": base.__module__}))
    return base


class WorkerCase:
    """A test class that shares one worker; `SOURCES` are deployed first."""

    SOURCES = ()
    ENV = ()

    @classmethod
    def setUpClass(cls):
        cls.worker = Worker(cls.mode, cls.ENV)
        if cls.SOURCES:
            cls.worker.deploy(*cls.SOURCES)

    @classmethod
    def tearDownClass(cls):
        cls.worker.close()
