"""Python's `websockets` as a client for `longwire check --listen`: `python websockets_client.py ws://127.0.0.1:9001`."""

import asyncio
import platform
import sys
import urllib.parse

import websockets
from websockets.asyncio.client import connect


async def main():
    url = sys.argv[1]
    agent = f"websockets {websockets.__version__} on Python {platform.python_version()}"
    query = f"agent={urllib.parse.quote(agent)}"
    async with connect(f"{url}/getCaseCount") as socket:
        count = int(await socket.recv())
    for number in range(1, count + 1):
        case = f"{url}/runCase?case={number}&{query}"
        # Many cases break the protocol.
        try:
            async with connect(case, subprotocols=["chat", "feed"], max_size=16 << 20) as socket:
                async for message in socket:
                    await socket.send(message)
        except (websockets.WebSocketException, OSError, EOFError, asyncio.TimeoutError):
            pass
    async with connect(f"{url}/updateReports?{query}"):
        pass


asyncio.run(main())
