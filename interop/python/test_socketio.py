"""The clients of `python-socketio` against `longwire-socketio`."""

import asyncio
import os
import unittest

import socketio
from hub import Network, network, within


class Server:
    """The Socket.IO server of `longwire-interop`, on a free port."""

    def __init__(self, process, url):
        self.process = process
        self.url = url
        self.port = int(url.rsplit(":", 1)[1])

    @classmethod
    async def start(cls, case, *settings):
        process = await asyncio.create_subprocess_exec(
            os.environ["LONGWIRE_INTEROP"],
            *["socketio", "127.0.0.1:0", *settings],
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        server = cls(process, (await within(process.stdout.readline(), "address of the server")).decode().split()[0])
        case.addAsyncCleanup(server.stop)
        return server

    async def stop(self):
        self.process.stdin.close()
        return await within(self.process.wait(), "exit of the server")


class Client:
    """The tests of all transports, and of both engines."""

    transports = None
    engine = "readiness"

    async def asyncSetUp(self):
        self.server = await Server.start(self, f"engine={self.engine}")

    async def connected(self, url=None, namespaces=("/",), **options):
        """A client, and a queue of all of its events: their names and arguments."""
        client = socketio.AsyncClient(reconnection_delay=0.01, reconnection_delay_max=0.05)
        events = asyncio.Queue()
        for namespace in namespaces:
            client.on("*", lambda *event: events.put_nowait(event), namespace=namespace)
            for name in ["connect", "disconnect"]:
                client.on(name, lambda *arguments, name=name: events.put_nowait((name, *arguments)), namespace=namespace)
        self.addAsyncCleanup(client.shutdown)
        url = url or self.server.url
        await client.connect(url, namespaces=list(namespaces), transports=self.transports, wait_timeout=30, **options)
        return client, events

    async def next(self, events, name):
        """The arguments of the next event of this name."""
        while True:
            event, *arguments = await within(events.get(), name)
            if event == name:
                return arguments

    async def test_events_and_acknowledgements(self):
        ann, ann_sees = await self.connected()
        bob, bob_sees = await self.connected()
        pixels = bytes(range(256)) * 100
        values = ("κόσμε 🚃", {"pixels": pixels, "more": [pixels[:3], None]}, 3)
        await ann.emit("echo", values)
        self.assertEqual(tuple(await self.next(ann_sees, "echo")), values)
        await ann.emit("broadcast", values)
        self.assertEqual(tuple(await self.next(bob_sees, "broadcast")), values)
        self.assertEqual(await ann.call("acknowledge", values), values)
        with self.assertRaises(socketio.exceptions.TimeoutError):
            await ann.call("ignore", timeout=0.05)
        expected = "Polling" if self.transports == ["polling"] else "WebSocket"
        self.assertEqual(await bob.call("transport"), expected)

    async def test_the_server_asks(self):
        ann, _ = await self.connected()
        ann.on("question", lambda word: {"word": word})
        self.assertEqual(await ann.call("ask", ("question", 60_000)), ({"word": "please"}, ""))

    async def test_rooms(self):
        ann, ann_sees = await self.connected()
        bob, bob_sees = await self.connected()
        self.assertEqual(await bob.call("join", ["tea"]), ["tea"])
        await ann.emit("tell", (["tea"], [], "to tea"))
        await ann.emit("announce", ([], ["tea"], "to all without tea"))
        await ann.emit("announce", ([], [], "to all"))
        self.assertEqual(await self.next(bob_sees, "told"), ["to tea"])
        self.assertEqual(await self.next(bob_sees, "announced"), ["to all"])
        self.assertEqual(await self.next(ann_sees, "announced"), ["to all without tea"])
        self.assertEqual(await self.next(ann_sees, "announced"), ["to all"])

    async def test_namespaces_with_a_middleware(self):
        auth = {"name": "Ann", "word": "sesame"}
        ann, _ = await self.connected(namespaces=["/", "/members"], auth=auth)
        self.assertEqual(await ann.call("who am I", namespace="/members"), "Ann")
        refused, reasons = socketio.AsyncClient(), asyncio.Queue()
        refused.on("connect_error", reasons.put_nowait, namespace="/members")
        self.addAsyncCleanup(refused.shutdown)
        auth["word"] = "please"
        with self.assertRaises(socketio.exceptions.ConnectionError):
            await refused.connect(
                self.server.url, auth=auth, namespaces=["/members"], transports=self.transports, wait_timeout=30
            )
        reason = await within(reasons.get(), "reason")
        self.assertEqual(reason, {"message": "wrong word", "data": {"name": "Ann"}})

    async def test_who_leaves_is_known_on_both_sides(self):
        _, leaving = await self.connected(namespaces=["/leaving"])
        for leave, here, there in [
            # The client may close its WebSocket before it has sent the packet that says so.
            (self.disconnect, "client disconnect", ["client namespace disconnect", "transport close"]),
            (lambda client: client.emit("disconnect me"), "server disconnect", ["server namespace disconnect"]),
            (lambda client: client.emit("close me"), "server disconnect", ["server namespace disconnect"]),
        ]:
            ann, events = await self.connected()
            sid = ann.get_sid()
            await leave(ann)
            self.assertEqual(await self.next(events, "disconnect"), [here])
            who, why = await self.next(leaving, "left")
            self.assertEqual(who, sid)
            self.assertIn(why, there)

    async def disconnect(self, client):
        # While a request of the client is under way, python-engineio 4 would leave without saying so.
        await client.eio.queue.join()
        await client.disconnect()

    async def test_a_client_comes_back_after_its_network_was_cut(self):
        proxy: Network = await self.enterAsyncContext(network(self.server))
        ann, events = await self.connected(f"http://{proxy.address}")
        await self.next(events, "connect")
        # A client that polls has no request under way between two polls, and repeats one that was cut. So the network stays
        # down until the client has noticed.
        with proxy.down():
            await self.next(events, "disconnect")
        await self.next(events, "connect")
        self.assertEqual(await ann.call("acknowledge", "here again"), "here again")


class Polling(Client, unittest.IsolatedAsyncioTestCase):
    transports = ["polling"]


class WebSocket(Client, unittest.IsolatedAsyncioTestCase):
    transports = ["websocket"]


class Upgrade(Client, unittest.IsolatedAsyncioTestCase):
    transports = ["polling", "websocket"]


class UpgradeOverUring(Upgrade):
    engine = "uring"


if __name__ == "__main__":
    unittest.main()
