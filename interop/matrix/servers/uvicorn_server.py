"""uvicorn as a server: `python uvicorn_server.py PORT`. Does what `longwire-interop server` does, as far as ASGI can."""

import json
import platform
import sys

import uvicorn

# What ASGI has no event for.
CANNOT = {
    "fragments": "cannot: the server's interface sends no fragments",
    "ping": "cannot: the server's interface sends no pings",
}


async def app(scope, receive, send):
    if scope["type"] != "websocket":
        return
    await receive()
    subprotocol = "interop.v1" if "interop.v1" in scope["subprotocols"] else None
    await send({"type": "websocket.accept", "subprotocol": subprotocol})
    while (event := await receive())["type"] == "websocket.receive":
        text = event.get("text")
        if text is not None and text.startswith("close "):
            _, code, reason = text.split(" ", 2)
            await send({"type": "websocket.close", "code": int(code), "reason": reason})
            return
        text = CANNOT.get(text, text)
        await send({"type": "websocket.send", "text": text, "bytes": event.get("bytes")})


print(json.dumps({"peer": f"uvicorn {uvicorn.__version__} on Python {platform.python_version()}"}), flush=True)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
