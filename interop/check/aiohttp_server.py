"""`aiohttp` as an echo: `python aiohttp_server.py PORT`."""

import json
import platform
import sys

import aiohttp
from aiohttp import web


async def echo(request):
    socket = web.WebSocketResponse(protocols=["chat"], max_msg_size=16 << 20)
    await socket.prepare(request)
    async for message in socket:
        if message.type == aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == aiohttp.WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


print(json.dumps({"peer": f"aiohttp {aiohttp.__version__} on Python {platform.python_version()}"}), flush=True)
app = web.Application()
app.router.add_get("/", echo)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
