"""The JSON echo as a Bascule service."""

from bascule import Service


class Echo(Service):
    name = "bench.echo"

    def handle(self):
        self.response.payload = self.request.payload
