"""`uvicorn` with `websockets` below it as an echo: `python uvicorn_server.py PORT`."""

import json
import platform
import sys

import uvicorn


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    subprotocol = "chat" if "chat" in scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


print(json.dumps({"peer": f"uvicorn {uvicorn.__version__} on Python {platform.python_version()}"}), flush=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
