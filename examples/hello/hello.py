"""The first service: says hello to whoever is named in the query, the path or the body."""

from zato.server.service import Service


class Greet(Service):
    """Greets by name; the World when nobody is named."""

    input = "-name"
    output = "message"

    def handle(self):
        name = self.request.input.name or "World"
        self.logger.info("greeting", name=name)
        self.response.payload.message = f"Hello, {name}"
