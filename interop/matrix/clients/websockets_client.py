"""Python's `websockets` as a client: `python websockets_client.py URL FRAGMENTS-URL`."""

import asyncio
import platform
import sys

import websockets
from websockets.asyncio.client import connect

from cells import LONG_TEXT, MEGABYTE, TEXT, expect, octets, report, run

URL, FRAGMENTS_URL = sys.argv[1:]


def echoes(message, **options):
    async def check():
        async with connect(URL, max_size=None, **options) as socket:
            await socket.send(message)
            expect(await socket.recv(), message)

    return check


async def fragments():
    async with connect(FRAGMENTS_URL) as socket:
        await socket.send(["one ", "", "message"])
        expect(await socket.recv(), "one message")
        await socket.send("fragments")
        parts = [part async for part in socket.recv_streaming()]
        expect((len(parts) > 1, "".join(parts)), (True, "in fragments"))


async def deflate():
    async with connect(URL) as socket:
        agreed = socket.response.headers.get("Sec-WebSocket-Extensions", "")
        expect(agreed.split(";")[0], "permessage-deflate")
        await socket.send(LONG_TEXT)
        expect(await socket.recv(), LONG_TEXT)


async def subprotocol():
    async with connect(URL, subprotocols=["interop.v0", "interop.v1"]) as socket:
        expect(socket.subprotocol, "interop.v1")


async def closes():
    socket = await connect(URL)
    await socket.close(4000, "bye")
    expect(socket.close_code, 4000)


async def closed():
    socket = await connect(URL)
    await socket.send("close 4321 see you")
    await socket.wait_closed()
    expect((socket.close_code, socket.close_reason), (4321, "see you"))


async def ping():
    async with connect(URL) as socket:
        await (await socket.ping("here"))
        await socket.send("ping")
        expect(await socket.recv(), "ponged")


report(peer=f"websockets {websockets.__version__} on Python {platform.python_version()}")
asyncio.run(
    run(
        {
            "text": echoes(TEXT),
            "binary": echoes(octets(256)),
            "megabyte": echoes(octets(MEGABYTE)),
            "fragments": fragments,
            "deflate": deflate,
            "plain": echoes(LONG_TEXT, compression=None),
            "subprotocol": subprotocol,
            "closes": closes,
            "closed": closed,
            "ping": ping,
        }
    )
)
