"""The echo server of websockets, on its asyncio implementation: server.py PORT echo|deflate|broadcast|tls CERT KEY."""

import asyncio
import ssl
import sys

from websockets.asyncio.server import broadcast, serve

sockets = set()


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def share(socket):
    sockets.add(socket)
    try:
        async for message in socket:
            broadcast(sockets, message)
    finally:
        sockets.remove(socket)


async def main(port, task, *certificate):
    options = {"compression": "deflate" if task == "deflate" else None, "ping_interval": None, "backlog": 4096}
    if task == "tls":
        options["ssl"] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        options["ssl"].load_cert_chain(*certificate)
    handler = share if task == "broadcast" else echo
    async with serve(handler, "127.0.0.1", int(port), **options) as server:
        await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
