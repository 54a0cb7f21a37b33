"""The JSON echo as an RSGI application, for Granian."""

from echo_json import dumps, loads


class App:
    async def __rsgi__(self, scope, proto):
        answer = dumps(loads(await proto()))
        proto.response_bytes(200, [("content-type", "application/json")], answer)


app = App()
