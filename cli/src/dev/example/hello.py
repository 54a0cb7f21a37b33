"""A service: a class with a handle method. Save this file and the change is live."""

from zato.server.service import Service


class Greet(Service):
    """Greets by name; the World when nobody is named."""

    name = "hello.greet"
    input = "-name"
    output = "message"

    def handle(self):
        name = self.request.input.name or "World"
        self.response.payload.message = f"Hello, {name}"
