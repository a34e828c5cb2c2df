"""`longwire serve` as a hub, tokens for it, the events of its clients, and a proxy that cuts their connections."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import tempfile
import time
from pathlib import Path

SECRET = "a secret of the tests that has at least 32 bytes"
API_KEY = "an-api-key-of-the-tests"

CONFIG = f"""
[tokens]
hmac_secret = "{SECRET}"

[api]
keys = ["{API_KEY}"]

[namespaces.chat]
presence = true
join_leave = true
history = {{ size = 1000, ttl = "1h" }}
recovery = "on_request"
delta = true
subscribe = ["user"]
publish = ["subscriber"]
read_presence = ["subscriber"]
read_history = ["subscriber"]
"""

# Seconds; generous, as they are only spent when something is broken.
PATIENCE = 60


async def within(awaitable, what):
    """The outcome, or an error that says what did not come."""
    try:
        return await asyncio.wait_for(awaitable, PATIENCE)
    except asyncio.TimeoutError:
        raise AssertionError(f"no {what} within {PATIENCE} s") from None


class Recorder:
    """Handles the events of a client or a subscription, which a test takes out in order."""

    NAMES = [
        *["connecting", "connected", "disconnected", "error"],
        *["subscribing", "subscribed", "unsubscribed", "publication", "join", "leave"],
    ]

    def __init__(self):
        self._events = {name: asyncio.Queue() for name in self.NAMES}
        for name, events in self._events.items():
            setattr(self, f"on_{name}", self._handler(events))

    @staticmethod
    def _handler(events):
        async def handle(context):
            events.put_nowait(context)

        return handle

    def count(self, name):
        """How many events of this name wait."""
        return self._events[name].qsize()

    def next(self, name):
        return within(self._events[name].get(), name)


def token(user, ttl=600, **claims):
    """A token of this user, which is valid for `ttl` seconds."""

    def encode(content):
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def part(value):
        return encode(json.dumps(value).encode())

    claims = {"sub": user, "exp": int(time.time()) + ttl, **claims}
    text = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    return f"{text}.{encode(hmac.digest(SECRET.encode(), text.encode(), hashlib.sha256))}"


class Hub:
    """The program, listening on a free port."""

    def __init__(self, process, address):
        self.process = process
        self.address = address
        self.api = f"http://{address}/api"

    @property
    def port(self):
        return int(self.address.rpartition(":")[2])


@contextlib.asynccontextmanager
async def hub(config=CONFIG):
    """A hub, which is killed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "longwire.toml")
        file.write_text(config)
        process = await asyncio.create_subprocess_exec(
            os.environ["LONGWIRE"],
            *["serve", "--listen", "127.0.0.1:0", "--config", file],
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield Hub(process, await within(_address(process), "address of the server"))
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _address(process):
    async for line in process.stdout:
        if found := re.match(rb"\s+page\s+http://(\S+)/$", line):
            return found[1].decode()
    raise AssertionError("the program ended before it listened")


class Network:
    """A proxy of the hub, whose connections can be cut."""

    def __init__(self):
        self.writers = set()
        self.address = None
        self.is_down = False

    def cut(self):
        """Ends all connections. A client that has none at this moment, such as between two requests, does not notice."""
        for writer in self.writers:
            writer.transport.abort()

    @contextlib.contextmanager
    def down(self):
        """Ends all connections, and those that come meanwhile."""
        self.is_down = True
        self.cut()
        try:
            yield
        finally:
            self.is_down = False


@contextlib.asynccontextmanager
async def network(server):
    proxy = Network()

    async def serve(reader, writer):
        if proxy.is_down:
            writer.transport.abort()
            return
        # It can be cut before the other half is there.
        both = {writer}
        proxy.writers.add(writer)
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", server.port)
        both.add(upstream)
        proxy.writers.add(upstream)
        await asyncio.gather(_forward(reader, upstream), _forward(upstream_reader, writer))
        proxy.writers -= both

    async def _forward(reader, writer):
        with contextlib.suppress(OSError):
            while content := await reader.read(65536):
                writer.write(content)
                await writer.drain()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()
    proxy.address = f"{host}:{port}"
    try:
        yield proxy
    finally:
        listener.close()
        proxy.cut()
