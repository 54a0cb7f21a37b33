"""The same JSON library for every peer: orjson, as in Bascule's row with it."""

try:
    from orjson import dumps, loads
except ImportError:
    import json

    loads = json.loads

    def dumps(value):
        return json.dumps(value).encode()
