"""CPU time of a worker per call: `python3 python/tools/measure.py [calls]`.

Starts real workers and drives one core socket with 1, 16 and 64 calls in flight of a small JSON
echo. The figure is the CPU time of the worker process (all threads, from the kernel's schedstat)
divided by the calls; the driver's own time is not in it. Medians of three.
"""

import struct
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from harness import MODES, Worker  # noqa: E402

SOURCE = """
from zato.server.service import Service

class Echo(Service):
    def handle(self):
        self.response.payload = self.request.payload
"""
BODY = b'{"id":12345,"name":"Ada Lovelace","tags":["a","b"],"nested":{"x":1.5,"ok":true}}'
HEADERS = (b"Host: 127.0.0.1:8080\r\nUser-Agent: measure\r\nAccept: */*\r\n"
           b"Content-Type: application/json\r\nContent-Length: 80\r\n")


def cpu_ns(pid):
    """Nanoseconds on a CPU, of all threads that live."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def call_payload(handle):
    parts = [b"0123456789abcdef01234567", b"echo", b"/echo", b"", b"", b"127.0.0.1:50000",
             HEADERS, BODY]
    head = struct.pack("<IIBBBBHHHHHHII", handle, 30000, 2, 0, 1, 0, *map(len, parts))
    return head + b"".join(parts)


def drive(sock, payload, calls, window):
    """Keeps `window` calls in flight until `calls` are answered."""
    pack, length = struct.Struct("<IBBHI").pack, len(payload)
    sock.sendall(b"".join(pack(length, 1, 0, 0, n) + payload for n in range(window)))
    sent, done, buffer = window, 0, b""
    while done < calls:
        buffer += sock.recv(1 << 20)
        at, size, answered = 0, len(buffer), 0
        while size - at >= 12:
            stop = at + 12 + int.from_bytes(buffer[at : at + 4], "little")
            if stop > size:
                break
            assert buffer[at + 4] == 2, buffer[at:stop]
            at, answered = stop, answered + 1
        buffer = buffer[at:]
        done += answered
        again = min(answered, calls - sent)
        if again > 0:
            ids = range(sent, sent + again)
            sock.sendall(b"".join(pack(length, 1, 0, 0, n) + payload for n in ids))
            sent += again


def measure(mode, library, calls):
    """Microseconds of CPU per call at each window."""
    worker = Worker(mode, {"BASCULE_WORKER_JSON": library})
    try:
        worker.deploy(("echo.py", SOURCE))
        payload = call_payload(worker.handles["echo.echo"])
        sock = worker.cores[0].sock
        sock.settimeout(60)
        figures = []
        for window in (1, 16, 64):
            total = calls // 4 if window == 1 else calls
            drive(sock, payload, 2000, window)
            runs = []
            for _ in range(3):
                before = cpu_ns(worker.process.pid)
                drive(sock, payload, total, window)
                runs.append((cpu_ns(worker.process.pid) - before) / total / 1000)
            figures.append(median(runs))
        return worker.hello, figures
    finally:
        worker.close()


def main():
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 40000
    print("µs of worker CPU per call, JSON echo     1 in flight   16     64")
    for mode in MODES:
        for library in ("json", "auto"):
            hello, figures = measure(mode, library, calls)
            if library == "auto" and hello["json"] == "json":
                continue
            label = f"{hello['calls']} + {hello['json']}, Python {hello['python']}"
            print(f"{label:40} {figures[0]:10.1f} {figures[1]:8.1f} {figures[2]:6.1f}")


if __name__ == "__main__":
    main()
