"""Two stand-in backends for the façade: `python3 serve.py [CRM_PORT BILLING_PORT]` (0: any port).

Prints one line of JSON with both addresses when it serves; ends with its standard input or Ctrl-C.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CUSTOMERS = {
    "7": {"id": 7, "first_name": "Ada", "last_name": "Lovelace", "country": "gb"},
    "8": {"id": 8, "first_name": "Alan", "last_name": "Turing", "country": "gb"},
}
INVOICES = {
    "7": [
        {"number": "A-1", "amount": "950.00", "currency": "EUR", "paid": True},
        {"number": "A-2", "amount": "120.50", "currency": "EUR", "paid": False},
        {"number": "A-3", "amount": "79.90", "currency": "EUR", "paid": False},
    ],
}


class Answers(BaseHTTPRequestHandler):
    """Answers GET with what `find` knows."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = self.find(urlsplit(self.path))
        body = json.dumps(found if found is not None else {"error": "not found"}).encode()
        self.send_response(200 if found is not None else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Silent."""


class CRM(Answers):
    def find(self, url):
        return CUSTOMERS.get(url.path.removeprefix("/customers/"))


class Billing(Answers):
    def find(self, url):
        return INVOICES.get(parse_qs(url.query).get("customer", [""])[0], [])


def serve(crm_port=0, billing_port=0):
    """Starts both; returns the servers, whose server_address says where."""
    servers = []
    for handler, port in ((CRM, crm_port), (Billing, billing_port)):
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    return servers


if __name__ == "__main__":
    ports = [int(word) for word in sys.argv[1:3]] or [9101, 9102]
    addresses = [f"http://127.0.0.1:{server.server_address[1]}" for server in serve(*ports)]
    print(json.dumps(dict(zip(("crm", "billing"), addresses))), flush=True)
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
