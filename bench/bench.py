"""Runs the rows in turn, repetition by repetition, so that a noisy minute hits all alike, and keeps everything raw."""

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import changes
import rows
from measure import LOAD_CPU, SERVER_CPU, Missing, Server, measure

HERE = Path(__file__).resolve().parent
# Bytes of the backend's answers, and more arguments of the load generator.
SHAPES = {"balance": (128, ()), "connections": (128, ("--new-connection",)), "bodies": (64 * 1024, ()), "python": (128, ())}
FIGURES = ("cpu_us_per_request", "requests_per_second", "p50_us", "p99_us", "server_cpu_share", "failed")


class Context:
    def __init__(self, binaries, folder):
        self.binaries, self.folder, self.backend, self._serial = binaries, folder, None, 0
        self.load_extra = ()

    def serial(self):
        self._serial += 1
        return self._serial


def main():
    options = arguments()
    loadtest = options.binaries / "bascule-loadtest"
    if not loadtest.exists():
        sys.exit(f"{loadtest} is not built: run bench/run.sh")
    if (os.cpu_count() or 1) < 2:
        sys.exit("two CPUs are needed: one for the server, one for the load")
    tables = {"balance": rows.BALANCE, "connections": rows.CONNECTIONS, "bodies": rows.BODIES, "python": rows.PYTHON}
    wanted = {name: table for name, table in tables.items() if options.only in (None, name)}
    raw = {name: {row: {"repetitions": [], "missing": None} for row in table} for name, table in wanted.items()}
    with tempfile.TemporaryDirectory(prefix="bascule-bench-") as folder:
        context = Context(options.binaries, folder)
        for repetition in range(options.repeats):
            for name, table in wanted.items():
                label = f"{repetition + 1}/{options.repeats} {name}"
                repeat(context, loadtest, options, (table, raw[name], SHAPES[name], label))
        changed = live(options, folder) if options.only in (None, "changes") else {}
    write(options, raw, changed)


def live(options, folder):
    """The changes, once: each is a repetition of its own."""
    try:
        found = changes.measure_changes(options.binaries, rows.HERE / ".venv/bin/python", folder, options.changes)
    except (Missing, OSError) as why:
        print(f"changes: missing, {why}", file=sys.stderr)
        return {row: {"milliseconds": [], "missing": str(why), "median": None} for row in changes.ROWS}
    for row, milliseconds in found.items():
        print(f"{row}: {statistics.median(milliseconds):.0f} ms", file=sys.stderr)
    return {row: {"milliseconds": times, "missing": None, "median": changes.summary(times)} for row, times in found.items()}


def repeat(context, loadtest, options, job):
    table, results, (body_bytes, context.load_extra), label = job
    backend_port = rows.free_port()
    command = [loadtest, "backend", "--listen", f"127.0.0.1:{backend_port}", "--body-bytes", body_bytes]
    with Server(command, context.folder, cpu=LOAD_CPU, name="backend") as backend:
        backend.answers(f"http://127.0.0.1:{backend_port}/")
        context.backend = backend_port
        for row, start in table.items():
            if results[row]["missing"]:
                continue
            try:
                with start(context) as (server, url, extra):
                    result = measure(server, loadtest, url, options.seconds, options.connections, extra)
            except Missing as why:
                results[row]["missing"] = str(why)
                print(f"{label}  {row}: missing, {why}", file=sys.stderr)
                continue
            results[row]["repetitions"].append(result)
            print(f"{label}  {row}: {result['cpu_us_per_request']:.1f} µs/request, "
                  f"{result['requests_per_second']:.0f}/s", file=sys.stderr)


def median(result):
    return {figure: statistics.median(r[figure] for r in result["repetitions"]) for figure in FIGURES}


def write(options, raw, changed):
    for results in raw.values():
        for result in results.values():
            result["median"] = median(result) if result["repetitions"] else None
    now = datetime.datetime.now(datetime.timezone.utc)
    document = {
        "at": now.isoformat(timespec="seconds"),
        "quick": options.quick,
        "settings": {"repeats": options.repeats, "seconds": options.seconds, "connections": options.connections,
                     "server_cpu": SERVER_CPU, "load_and_backend_cpu": LOAD_CPU},
        "machine": machine(),
        "versions": versions(options),
        "results": raw,
        "changes": changed,
    }
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"{now:%Y-%m-%d-%H%M}.json").write_text(json.dumps(document, indent=1) + "\n")
    text = markdown(document)
    (folder / "latest.md").write_text(text)
    print(text)


TITLES = {
    "balance": "Balancing to one fixed backend (HTTP/1.1 keep-alive, 128-byte bodies)",
    "connections": "A new connection for every request (one fixed backend behind kept connections, 128-byte bodies)",
    "bodies": "Balancing 64 KiB bodies (HTTP/1.1 keep-alive)",
    "python": "Python JSON echo (one worker; everything of the server on one CPU)",
}


def markdown(document):
    settings, machine_ = document["settings"], document["machine"]
    quick = " **A quick run: the figures are rough.**" if document["quick"] else ""
    lines = [
        f"# Bench of {document['at']}", "",
        f"{machine_['cpu']}, {machine_['cpus']} CPUs, Linux {machine_['kernel']}. Server on CPU {settings['server_cpu']}, "
        f"load generator and backend on CPU {settings['load_and_backend_cpu']}; {settings['connections']} connections, closed model; "
        f"medians of {settings['repeats']} × {settings['seconds']} s, all rows in turn. Load average at the end {machine_['load']}.{quick}", "",
    ]
    for name, results in document["results"].items():
        lines += [f"## {TITLES[name]}", "",
                  "| | CPU µs per request | spread | requests/s | p50 | p99 | server's CPU busy | failed |",
                  "|---|---:|---:|---:|---:|---:|---:|---:|"]
        for row, result in results.items():
            lines.append(line(row, result))
        lines.append("")
    if document["changes"]:
        lines += changes.markdown(document["changes"])
    versions_ = ", ".join(f"{name} {version}" for name, version in document["versions"].items())
    lines += [f"Versions: {versions_}.", ""]
    return "\n".join(lines)


def line(row, result):
    if not result["median"]:
        return f"| {row} | missing: {(result['missing'] or 'not measured').replace('|', '/')} | | | | | | |"
    figures = result["median"]
    costs = [r["cpu_us_per_request"] for r in result["repetitions"]]
    note = f" (then missing: {result['missing']})" if result["missing"] else ""
    return (f"| {row}{note} | **{figures['cpu_us_per_request']:.1f}** | {min(costs):.1f}–{max(costs):.1f} | "
            f"{figures['requests_per_second']:.0f} | {figures['p50_us'] / 1000:.2f} ms | {figures['p99_us'] / 1000:.2f} ms | "
            f"{figures['server_cpu_share'] * 100:.0f} % | {figures['failed']:.0f} |")


def machine():
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.*)", info)
    return {"cpu": model.group(1) if model else platform.machine(), "cpus": os.cpu_count(),
            "kernel": platform.release(), "python": platform.python_version(),
            "load": " ".join(f"{value:.1f}" for value in os.getloadavg())}


def versions(options):
    found = {"python": platform.python_version()}
    commands = {
        "bascule": lambda: [options.binaries / "bascule-dataplane", "--version"],
        "haproxy": lambda: [rows.program("haproxy"), "-v"],
        "nginx": lambda: [rows.program("nginx"), "-v"],
        "envoy": lambda: [rows.program("envoy"), "--version"],
    }
    for name, command in commands.items():
        try:
            done = subprocess.run(list(map(str, command())), capture_output=True, text=True, timeout=20)
            number = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
            found[name] = number.group(0) if number else "unknown"
        except (Missing, OSError, subprocess.TimeoutExpired):
            found[name] = "missing"
    from importlib import metadata
    for package in ("gevent", "orjson", "granian", "gunicorn"):
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    commit = subprocess.run(["git", "-C", str(HERE), "describe", "--always", "--dirty", "--exclude=*"], capture_output=True, text=True)
    found["commit"] = commit.stdout.strip() or "unknown"
    return found


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binaries", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="1 repetition of 2 s: does everything work?")
    parser.add_argument("--only", choices=("balance", "connections", "bodies", "python", "changes"))
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    options.binaries = options.binaries.resolve()
    options.repeats = int(os.environ.get("BENCH_REPEATS", 1 if options.quick else 5))
    # 17 rows × 5 × (4 s, a second of warm-up, a start): about 11 minutes, and half a minute of changes.
    options.seconds = float(os.environ.get("BENCH_SECONDS", 2 if options.quick else 4))
    options.changes = int(os.environ.get("BENCH_CHANGES", 5 if options.quick else 20))
    return options


if __name__ == "__main__":
    main()
