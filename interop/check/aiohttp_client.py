"""`aiohttp` as a client for `longwire check --listen`: `python aiohttp_client.py ws://127.0.0.1:9001`."""

import asyncio
import platform
import sys
import urllib.parse

import aiohttp


async def echo(session, url):
    async with session.ws_connect(url, protocols=["chat", "feed"], compress=15, max_msg_size=16 << 20) as socket:
        async for message in socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data)
            elif message.type == aiohttp.WSMsgType.BINARY:
                await socket.send_bytes(message.data)


async def main():
    url = sys.argv[1]
    agent = f"aiohttp {aiohttp.__version__} on Python {platform.python_version()}"
    query = f"agent={urllib.parse.quote(agent)}"
    # Each case has a connection of its own.
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.ws_connect(f"{url}/getCaseCount") as socket:
            count = int(await socket.receive_str())
        for number in range(1, count + 1):
            # Many cases break the protocol.
            try:
                await echo(session, f"{url}/runCase?case={number}&{query}")
            except (aiohttp.ClientError, OSError, ValueError, asyncio.TimeoutError):
                pass
        async with session.ws_connect(f"{url}/updateReports?{query}"):
            pass


asyncio.run(main())
