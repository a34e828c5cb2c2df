"""Python's `aiohttp` as a client: `python aiohttp_client.py URL FRAGMENTS-URL`."""

import asyncio
import platform
import sys
from contextlib import asynccontextmanager

import aiohttp

from cells import LONG_TEXT, MEGABYTE, TEXT, WorksInPart, expect, octets, report, run

URL, FRAGMENTS_URL = sys.argv[1:]


@asynccontextmanager
async def connect(url=URL, **options):
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url, max_msg_size=0, **options) as socket:
            yield socket


def echoes_text(text, **options):
    async def check():
        async with connect(**options) as socket:
            await socket.send_str(text)
            expect(await socket.receive_str(), text)

    return check


def echoes_binary(data):
    async def check():
        async with connect() as socket:
            await socket.send_bytes(data)
            expect(await socket.receive_bytes(), data)

    return check


async def fragments():
    async with connect(FRAGMENTS_URL) as socket:
        await socket.send_str("fragments")
        expect(await socket.receive_str(), "in fragments")
    raise WorksInPart("its interface sends no fragments")


async def deflate():
    async with connect(compress=15) as socket:
        expect(bool(socket.compress), True)
        await socket.send_str(LONG_TEXT)
        expect(await socket.receive_str(), LONG_TEXT)


async def subprotocol():
    async with connect(protocols=["interop.v0", "interop.v1"]) as socket:
        expect(socket.protocol, "interop.v1")


async def closes():
    async with connect() as socket:
        await socket.close(code=4000, message=b"bye")
        expect(socket.close_code, 4000)


async def closed():
    async with connect() as socket:
        await socket.send_str("close 4321 see you")
        message = await socket.receive()
        expect((message.type, message.data, message.extra), (aiohttp.WSMsgType.CLOSE, 4321, "see you"))


async def ping():
    async with connect(autoping=False) as socket:
        await socket.ping(b"here")
        message = await socket.receive()
        expect((message.type, bytes(message.data)), (aiohttp.WSMsgType.PONG, b"here"))
    async with connect() as socket:
        await socket.send_str("ping")
        expect(await socket.receive_str(), "ponged")


report(peer=f"aiohttp {aiohttp.__version__} on Python {platform.python_version()}")
asyncio.run(
    run(
        {
            "text": echoes_text(TEXT),
            "binary": echoes_binary(octets(256)),
            "megabyte": echoes_binary(octets(MEGABYTE)),
            "fragments": fragments,
            "deflate": deflate,
            "plain": echoes_text(LONG_TEXT, compress=0),
            "subprotocol": subprotocol,
            "closes": closes,
            "closed": closed,
            "ping": ping,
        }
    )
)
