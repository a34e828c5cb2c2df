"""Python's `websockets` as a server: `python websockets_server.py PORT`. Does what `longwire-interop server` does."""

import asyncio
import json
import platform
import sys

import websockets
from websockets.asyncio.server import serve


async def handle(socket):
    async for message in socket:
        if isinstance(message, str) and message.startswith("close "):
            _, code, reason = message.split(" ", 2)
            await socket.close(int(code), reason)
        elif message == "ping":
            await (await socket.ping("interop"))
            await socket.send("ponged")
        elif message == "fragments":
            await socket.send(["in frag", "", "ments"])
        else:
            await socket.send(message)


def select_subprotocol(_connection, offered):
    return "interop.v1" if "interop.v1" in offered else None


async def main():
    port = int(sys.argv[1])
    options = {"select_subprotocol": select_subprotocol, "max_size": None}
    async with serve(handle, "127.0.0.1", port, **options) as server:
        await server.serve_forever()


print(json.dumps({"peer": f"websockets {websockets.__version__} on Python {platform.python_version()}"}), flush=True)
asyncio.run(main())
