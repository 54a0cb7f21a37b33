"""How fast a change is live: a cluster of two nodes under `bascule dev`, changed as a person and as a program changes it.

Rows: a saved file until every node answers with the new code (watcher, trial import, generation, both nodes), and
a change through the API until every node has said that it runs it (transaction, push, both acks). Nothing is pinned:
the cluster is one machine's, as a developer has it.
"""

import json
import os
import statistics
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from measure import Missing, Server

NODES = 2
PROMISE_MS = 300
PATIENCE_S = 10.0
POLL_S = 0.001
ROWS = {
    f"file saved → new code answers on {NODES} nodes": "saved",
    f"change sent to the API → applied on {NODES} nodes": "applied",
}
CHANNELS = '[[channel]]\nname = "bench"\npath = "/bench"\nservice = "bench.version"\n'


def source(version):
    return ("from zato.server.service import Service\n\n\nclass Version(Service):\n    name = 'bench.version'\n\n"
            f"    def handle(self):\n        self.response.payload = {{'version': {version}}}\n")


def measure_changes(binaries, python, folder, count):
    """{row: milliseconds of every change}; raises Missing."""
    with _cluster(binaries, python, Path(folder) / "changes") as cluster:
        # The first ones warm the workers and the pages up; they are not counted.
        cluster.saved()
        cluster.applied()
        return {row: [getattr(cluster, kind)() for _ in range(count)] for row, kind in ROWS.items()}


@contextmanager
def _cluster(binaries, python, folder):
    binary = binaries / "bascule"
    if not binary.exists():
        raise Missing(f"{binary} is not built")
    folder.mkdir()
    (folder / "version.py").write_text(source(0))
    (folder / "bascule.toml").write_text(CHANNELS)
    command = [binary, "dev", folder, "--port", 0, "--console-port", 0, "--nodes", NODES, "--cores", 1, "--python", python]
    every_cpu = f"0-{(os.cpu_count() or 1) - 1}"
    with Server(command, folder.parent, cpu=every_cpu, env={"XDG_STATE_HOME": str(folder / "state")}, name="dev") as server:
        yield Cluster(server, folder)


class Cluster:
    """The running cluster; each method makes one change and answers with its milliseconds."""

    def __init__(self, server, folder):
        self.server, self.file, self.version = server, folder / "version.py", 0
        context = _eventually("dev comes up", lambda: json.loads((folder / ".bascule/context.json").read_text()), server)
        self.api = context["url"] + "/api/v1"
        self.token = Path(context["token_file"]).read_text().strip()
        nodes = _eventually("the nodes connect", self._connected, server)
        self.urls = [f"http://{node['address']}/bench" for node in nodes]
        _eventually("the channel is live", lambda: self._all_answer(0), server)

    def saved(self):
        self.version += 1
        fresh = self.file.with_suffix(".new")
        fresh.write_text(source(self.version))
        started = time.perf_counter()
        # As editors save: a whole file takes the old one's place.
        fresh.rename(self.file)
        _eventually("the new code answers", lambda: self._all_answer(self.version), self.server)
        return (time.perf_counter() - started) * 1000

    def applied(self):
        channel, etag = self._call("GET", "/channels/bench")
        change = json.dumps({"timeout_ms": 30_001 if channel["timeout_ms"] == 30_000 else 30_000}).encode()
        started = time.perf_counter()
        answer, _ = self._call("PATCH", "/channels/bench?wait=applied&timeout=10s", change, etag)
        took = (time.perf_counter() - started) * 1000
        states = [node["state"] for node in answer["applied"]["nodes"]]
        if states != ["applied"] * NODES:
            raise Missing(f"the change was not applied everywhere: {states}")
        return took

    def _connected(self):
        nodes = [node for node in self._call("GET", "/nodes")[0]["items"] if node["connection"] == "connected"]
        return nodes if len(nodes) == NODES else None

    def _all_answer(self, version):
        for url in self.urls:
            with urllib.request.urlopen(url, timeout=2) as response:
                if json.loads(response.read())["version"] != version:
                    return None
        return True

    def _call(self, method, path, body=None, etag=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if etag:
            headers["If-Match"] = etag
        request = urllib.request.Request(self.api + path, data=body, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as response:
            return json.loads(response.read()), response.headers.get("ETag")


def _eventually(what, look, server):
    """What `look` answers once it is true; until then it may fail."""
    end, last = time.monotonic() + PATIENCE_S, ""
    while time.monotonic() < end:
        try:
            found = look()
            if found:
                return found
        except (OSError, ValueError, KeyError, urllib.error.URLError) as error:
            last = str(error)
        if server.process.poll() is not None:
            break
        time.sleep(POLL_S)
    raise Missing(f"never: {what} ({last or 'no error'}); {server.last_words()}")


def summary(milliseconds):
    ordered = sorted(milliseconds)
    return {"median_ms": statistics.median(ordered), "p90_ms": ordered[int(0.9 * (len(ordered) - 1))],
            "max_ms": ordered[-1], "count": len(ordered)}


def markdown(results):
    lines = [f"## A change, until it is live (target: below {PROMISE_MS} ms)", "",
             "| | median | p90 | max | changes |", "|---|---:|---:|---:|---:|"]
    for row, result in results.items():
        if result["missing"]:
            lines.append(f"| {row} | missing: {result['missing'].replace('|', '/')} | | | |")
            continue
        figures = result["median"]
        lines.append(f"| {row} | **{figures['median_ms']:.0f} ms** | {figures['p90_ms']:.0f} ms | "
                     f"{figures['max_ms']:.0f} ms | {figures['count']} |")
    return [*lines, ""]
