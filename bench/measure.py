"""Processes, their CPU time, and one measurement by bascule-loadtest. Linux only.

CPU time is the run time of every thread of a process and its descendants (/proc/PID/task/*/schedstat, nanoseconds),
so workers and io_uring helpers count. A thread that ends within a measurement takes its time with it; the servers
measured here keep theirs.
"""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

SERVER_CPU = "0"
LOAD_CPU = "1"


class Missing(Exception):
    """A peer cannot be measured, and why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process pinned to one CPU; ended with its descendants on exit."""

    def __init__(self, command, folder, cpu=SERVER_CPU, env=None, name="server"):
        self.log = Path(folder) / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", cpu, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=folder,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                # Its own session: only what we started is in this group.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def answers(self, url, body=None, patience=20.0):
        """Waits until the server answers with 200."""
        end = time.monotonic() + patience
        last = "no answer"
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Missing(f"ended with {self.process.returncode}: {self.last_words()}")
            request = urllib.request.Request(url, data=body)
            if body is not None:
                request.add_header("Content-Type", "application/json")
            try:
                with urllib.request.urlopen(request, timeout=2) as response:
                    return response.read()
            except (urllib.error.URLError, OSError) as error:
                last = str(error)
            time.sleep(0.02)
        raise Missing(f"{last}; {self.last_words()}")

    def last_words(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"

    def cpu_ns(self):
        return sum(map(_process_cpu_ns, _descendants(self.process.pid)))


def _descendants(root):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parents[int(entry)] = int(stat.rpartition(")")[2].split()[1])
    found, before = {root}, 0
    while len(found) != before:
        before = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return found


def _process_cpu_ns(pid):
    total = 0
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0
    for task in tasks:
        try:
            total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
        except OSError:
            continue
    return total


def load(loadtest, url, seconds, connections, extra=()):
    command = ["taskset", "-c", LOAD_CPU, loadtest, url, "-q", "-c", connections, "-d", f"{seconds}s", "--json", "-", *extra]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        raise Missing(f"the load generator failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def measure(server, loadtest, url, seconds, connections, extra=()):
    """Warms up, then measures: CPU of the server's process tree per answered request."""
    load(loadtest, url, max(1, seconds / 4), connections, extra)
    before, started = server.cpu_ns(), time.monotonic()
    result = load(loadtest, url, seconds, connections, extra)
    cpu_ns, wall = server.cpu_ns() - before, time.monotonic() - started
    answered = result["requests"]["answered"]
    good = result["status"].get("200", 0)
    if answered == 0:
        raise Missing("no request was answered")
    return {
        "cpu_us_per_request": cpu_ns / 1000 / answered,
        "requests_per_second": result["requests_per_second"],
        "p50_us": result["latency_us"]["p50"],
        "p99_us": result["latency_us"]["p99"],
        "server_cpu_share": cpu_ns / 1e9 / wall,
        "failed": result["requests"]["failed"] + answered - good,
        "load": result,
    }
