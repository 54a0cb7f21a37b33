"""The rows of the tables: how each server is started, and where it is asked.

Each row is a context manager that yields (server, url, extra arguments of the load generator), or raises Missing.
"""

import json
import shutil
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

from measure import LOAD_CPU, Missing, Server, free_port

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
ECHO_BODY = json.dumps({"id": 7, "name": "Ada", "tags": ["a", "b", "c"], "price": 12.5, "ok": True}).encode()


def program(name):
    for place in (HERE / ".venv/bin" / name, Path("/usr/sbin") / name):
        if place.exists():
            return place
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is not installed")
    return Path(found)


def built(context, name):
    path = context.binaries / name
    if not path.exists():
        raise Missing(f"{path} is not built")
    return path


def config(context, name, listen, backend):
    text = (PEERS / name).read_text()
    for mark, value in (("@LISTEN@", listen), ("@BACKEND@", backend), ("@DIR@", context.folder)):
        text = text.replace(mark, str(value))
    path = Path(context.folder) / name
    path.write_text(text)
    return path


@contextmanager
def _balancer(context, make_command, name):
    listen = free_port()
    with Server(make_command(listen), context.folder, name=name) as server:
        url = f"http://127.0.0.1:{listen}/"
        server.answers(url)
        yield server, url, context.load_extra


def relay(context):
    binary = built(context, "examples/relay")
    return _balancer(context, lambda p: [binary, f"127.0.0.1:{p}", f"127.0.0.1:{context.backend}"], "relay")


def bascule(access_log):
    def row(context):
        binary = built(context, "bascule-dataplane")
        log = Path(context.folder) / "access.log"

        def command(port):
            log.unlink(missing_ok=True)
            return [binary, "--name", "bench", "--backend", f"127.0.0.1:{context.backend}",
                    "--balancer-listen", f"127.0.0.1:{port}", "--cores", 1,
                    "--access-log", log if access_log else "off"]

        return _balancer(context, command, "bascule")

    return row


def haproxy(context):
    binary = program("haproxy")
    return _balancer(context, lambda p: [binary, "-db", "-f", config(context, "haproxy.cfg", p, context.backend)], "haproxy")


def nginx(context):
    binary = program("nginx")
    return _balancer(
        context, lambda p: [binary, "-p", context.folder, "-c", config(context, "nginx.conf", p, context.backend)], "nginx")


def envoy(context):
    binary = program("envoy")
    return _balancer(
        context,
        lambda p: [binary, "-c", config(context, "envoy.yaml", p, context.backend), "--concurrency", 1,
                   "--log-level", "error", "--disable-hot-restart"],
        "envoy")


def _post(context):
    body = Path(context.folder) / "echo.json"
    body.write_bytes(ECHO_BODY)
    return ("--data-file", body, "-H", "Content-Type: application/json")


def bascule_echo(venv):
    @contextmanager
    def row(context):
        python = HERE / venv / "bin/python"
        if not python.exists():
            raise Missing(f"{python} is not installed")
        with ExitStack() as stack:
            state = Path(context.folder) / f"state-{context.serial()}"
            http, grpc, node, port = (free_port() for _ in range(4))
            control = stack.enter_context(Server(
                [built(context, "bascule-controlplane"), "--http", f"127.0.0.1:{http}", "--grpc", f"127.0.0.1:{grpc}",
                 "--state-dir", state], context.folder, cpu=LOAD_CPU, name="controlplane"))
            control.answers(f"http://127.0.0.1:{http}/livez")
            # A node logs every request, as it does by default.
            server = stack.enter_context(Server(
                [built(context, "bascule-dataplane"), "--name", "bench", "--controlplane", f"http://127.0.0.1:{grpc}",
                 "--cluster-token-file", state / "cluster.token", "--state-dir", state / "node",
                 "--node-listen", f"127.0.0.1:{node}", "--balancer-listen", f"127.0.0.1:{port}",
                 "--cores", 1, "--workers", 1, "--python", python, "--access-log", Path(context.folder) / "access.log"],
                context.folder, name="node"))
            server.answers(f"http://127.0.0.1:{node}/zato/ping")
            _deploy(f"http://127.0.0.1:{http}/api/v1", (state / "admin.token").read_text().strip())
            url = f"http://127.0.0.1:{port}/bench/echo"
            answer = server.answers(url, ECHO_BODY)
            if json.loads(answer) != json.loads(ECHO_BODY):
                raise Missing(f"the echo answers {answer[:200]!r}")
            yield server, url, _post(context)

    return row


def _deploy(api, token):
    """Deploys the echo and makes its channel, once the node is connected and ready to try it."""

    def call(method, path, body=None, content_type="application/json"):
        request = urllib.request.Request(f"{api}{path}", data=body, method=method)
        request.add_header("Authorization", f"Bearer {token}")
        request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=40) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise Missing(f"{path}: {error.code} {error.read()[:300]!r}") from error

    end = time.monotonic() + 20
    while not any(node["connection"] == "connected" for node in call("GET", "/nodes")["items"]):
        if time.monotonic() > end:
            raise Missing("the node did not connect to its control plane")
        time.sleep(0.05)
    source = (PEERS / "echo_bascule.py").read_bytes()
    call("POST", "/packages?file=echo_bascule.py&wait=applied&timeout=20s", source, "text/x-python")
    channel = {"name": "bench.echo", "path": "/bench/echo", "service": "bench.echo", "method": "POST", "data_format": "json"}
    call("POST", "/channels?wait=applied&timeout=10s", json.dumps(channel).encode())


@contextmanager
def _python_server(context, command, port, name):
    with Server(command, PEERS, name=f"{context.folder}/{name}", env={"PYTHONDONTWRITEBYTECODE": "1"}) as server:
        url = f"http://127.0.0.1:{port}/"
        server.answers(url, ECHO_BODY)
        yield server, url, _post(context)


def gunicorn(context):
    port = free_port()
    command = [program("gunicorn"), "-k", "gevent", "-w", 1, "-b", f"127.0.0.1:{port}", "--log-level", "error", "echo_wsgi:app"]
    return _python_server(context, command, port, "gunicorn")


def granian(interface):
    def row(context):
        port = free_port()
        command = [program("granian"), "--interface", interface, "--workers", 1, "--host", "127.0.0.1", "--port", port,
                   "--no-log", f"echo_{interface}:app"]
        return _python_server(context, command, port, f"granian-{interface}")

    return row


BALANCE = {
    "bare relay (the floor)": relay,
    "Bascule": bascule(access_log=False),
    "Bascule, access log on": bascule(access_log=True),
    "HAProxy": haproxy,
    "nginx": nginx,
    "Envoy": envoy,
}
# The relay is no floor for these two: it keeps its client's connection, and takes a body in 4 KiB steps.
CONNECTIONS = {"Bascule": bascule(access_log=False), "HAProxy": haproxy, "nginx": nginx}
BODIES = dict(CONNECTIONS)
PYTHON = {
    "Bascule, gevent + orjson, access log on": bascule_echo(".venv"),
    "Bascule, gevent, standard json, access log on": bascule_echo(".venv-std"),
    "Granian RSGI, orjson": granian("rsgi"),
    "Granian WSGI, orjson": granian("wsgi"),
    "gunicorn + gevent, orjson": gunicorn,
}
