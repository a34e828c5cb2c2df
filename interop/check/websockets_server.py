"""Python's `websockets` as an echo: `python websockets_server.py PORT`."""

import asyncio
import json
import platform
import sys

import websockets
from websockets.asyncio.server import serve


async def echo(socket):
    async for message in socket:
        await socket.send(message)


def select_subprotocol(_connection, offered):
    return "chat" if "chat" in offered else None


async def main():
    options = {"select_subprotocol": select_subprotocol, "max_size": 16 << 20}
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), **options) as server:
        await server.serve_forever()


print(json.dumps({"peer": f"websockets {websockets.__version__} on Python {platform.python_version()}"}), flush=True)
asyncio.run(main())
