"""The JSON echo as a WSGI application, for gunicorn and Granian."""

from echo_json import dumps, loads


def app(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    answer = dumps(loads(body))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return [answer]
