"""The official Python client of Centrifugo's API against `longwire serve`."""

import asyncio
import base64
import time
import unittest

import cent
import centrifuge
from hub import API_KEY, Recorder, hub, token

# What Centrifugo PRO has, and the hub has not.
UNKNOWN = [
    cent.ConnectionsRequest(user="ann", expression=""),
    cent.GetUserStatusRequest(users=["ann"]),
    cent.BlockUserRequest(user="ann"),
    cent.RevokeTokenRequest(uid="1"),
    cent.DeviceListRequest(),
    cent.CancelPushRequest(uid="1"),
]


class Api:
    """Each method, with the two clients of the package."""

    async def asyncSetUp(self):
        self.hub = await self.enterAsyncContext(hub())
        self.connect(API_KEY)

    async def ask(self, request):
        """What the method of this request answers."""
        raise NotImplementedError

    async def client(self, user, **claims):
        """The events of a client that is connected to the hub."""
        events = Recorder()
        address = f"ws://{self.hub.address}/connection/websocket"
        client = centrifuge.Client(address, events=events, token=token(user, **claims), proxy=None)
        self.addAsyncCleanup(client.disconnect)
        await client.connect()
        await events.next("connected")
        return events

    async def history(self, channel="chat:tea"):
        return await self.ask(cent.HistoryRequest(channel=channel, limit=100))

    async def test_publish_and_history(self):
        first = await self.ask(cent.PublishRequest(channel="chat:tea", data={"n": 1}, tags={"kind": "a"}))
        self.assertEqual(first.offset, 1)
        for _ in range(2):
            again = cent.PublishRequest(channel="chat:tea", data={"n": 2}, idempotency_key="k")
            self.assertEqual(await self.ask(again), cent.PublishResult(offset=2, epoch=first.epoch))
        passing = cent.PublishRequest(channel="chat:tea", data={"n": 3}, skip_history=True)
        self.assertEqual((await self.ask(passing)).offset, 0)
        binary = base64.b64encode(b"[4]").decode()
        await self.ask(cent.PublishRequest(channel="chat:tea", data=None, b64data=binary))

        page = await self.history()
        self.assertEqual((page.offset, page.epoch), (3, first.epoch))
        self.assertEqual([pub.data for pub in page.publications], [{"n": 1}, {"n": 2}, [4]])
        self.assertEqual(page.publications[0].tags, {"kind": "a"})
        since = cent.StreamPosition(offset=1, epoch=first.epoch)
        page = await self.ask(cent.HistoryRequest(channel="chat:tea", limit=1, since=since))
        self.assertEqual([pub.offset for pub in page.publications], [2])
        page = await self.ask(cent.HistoryRequest(channel="chat:tea", limit=1, reverse=True))
        self.assertEqual([pub.offset for pub in page.publications], [3])
        page = await self.ask(cent.HistoryRequest(channel="chat:tea"))
        self.assertEqual((page.publications, page.offset), ([], 3))
        self.assertEqual(
            await self.ask(cent.HistoryRemoveRequest(channel="chat:tea")), cent.HistoryRemoveResult()
        )
        self.assertEqual((await self.history()).publications, [])

    async def test_broadcast(self):
        channels = ["chat:a", "nowhere:a", "chat:b"]
        result = await self.ask(cent.BroadcastRequest(channels=channels, data="hello", idempotency_key="k"))
        first, second, third = result.responses
        self.assertEqual((first.result.offset, second.error.code, third.result.offset), (1, 102, 1))
        for channel in ["chat:a", "chat:b"]:
            self.assertEqual([pub.data for pub in (await self.history(channel)).publications], ["hello"])

    async def test_presence_channels_and_info(self):
        await self.client("ann", info={"name": "Ann"}, channels=["chat:tea", "chat:news"])
        await self.client("bob", channels=["chat:tea"])
        present = (await self.ask(cent.PresenceRequest(channel="chat:tea"))).presence.values()
        self.assertEqual({info.user: info.conn_info for info in present}, {"ann": {"name": "Ann"}, "bob": None})
        stats = await self.ask(cent.PresenceStatsRequest(channel="chat:tea"))
        self.assertEqual((stats.num_clients, stats.num_users), (2, 2))
        channels = (await self.ask(cent.ChannelsRequest())).channels
        counts = {name: info.num_clients for name, info in channels.items()}
        self.assertEqual(counts, {"chat:tea": 2, "chat:news": 1})
        channels = (await self.ask(cent.ChannelsRequest(pattern="chat:n*"))).channels
        self.assertEqual(list(channels), ["chat:news"])
        (node,) = (await self.ask(cent.InfoRequest())).nodes
        self.assertTrue(node.uid and node.version)
        counts = (node.num_clients, node.num_users, node.num_subs, node.num_channels)
        self.assertEqual(counts, (2, 2, 3, 2))

    async def test_subscribe_unsubscribe_refresh_and_disconnect(self):
        events = await self.client("ann")
        channel = {"user": "ann", "channel": "chat:tea"}
        subscribe = cent.SubscribeRequest(**channel, info={"seat": 7}, data={"welcome": True})
        self.assertEqual(await self.ask(subscribe), cent.SubscribeResult())
        self.assertEqual((await events.next("subscribed")).data, {"welcome": True})
        (info,) = (await self.ask(cent.PresenceRequest(channel="chat:tea"))).presence.values()
        self.assertEqual(info.chan_info, {"seat": 7})
        self.assertEqual(await self.ask(cent.UnsubscribeRequest(**channel)), cent.UnsubscribeResult())
        await events.next("unsubscribed")
        self.assertEqual((await self.ask(cent.PresenceRequest(channel="chat:tea"))).presence, {})
        refresh = cent.RefreshRequest(user="ann", expire_at=int(time.time()) + 600)
        self.assertEqual(await self.ask(refresh), cent.RefreshResult())
        others = cent.DisconnectRequest(user="ann", whitelist=[info.client])
        self.assertEqual(await self.ask(others), cent.DisconnectResult())
        await self.ask(subscribe)
        await events.next("subscribed")
        await self.ask(cent.DisconnectRequest(user="ann", disconnect=cent.Disconnect(code=4500, reason="go")))
        self.assertEqual((await events.next("disconnected")).code, 4500)

    async def test_batch(self):
        requests = [
            cent.PublishRequest(channel="chat:tea", data=1),
            cent.BroadcastRequest(channels=["chat:tea", "chat:a"], data=2),
            cent.HistoryRequest(channel="chat:tea", limit=10),
            cent.PresenceStatsRequest(channel="chat:tea"),
            cent.InfoRequest(),
        ]
        replies = (await self.ask(cent.BatchRequest(requests=requests))).replies
        published, broadcast, history, stats, info = replies
        self.assertEqual(published.offset, 1)
        self.assertEqual([answer.result.offset for answer in broadcast.responses], [2, 1])
        self.assertEqual([pub.data for pub in history.publications], [1, 2])
        self.assertEqual((stats.num_clients, len(info.nodes)), (0, 1))
        many = [cent.PublishRequest(channel=f"chat:{number}", data=number) for number in range(100)]
        replies = (await self.ask(cent.BatchRequest(requests=many, parallel=True))).replies
        self.assertEqual([reply.offset for reply in replies], [1] * 100)

    async def test_errors(self):
        for code, request in [
            (102, cent.PublishRequest(channel="nowhere:tea", data=1)),
            (107, cent.PublishRequest(channel="chat:tea", data=None)),
            (107, cent.PublishRequest(channel="", data=1)),
            (102, cent.HistoryRequest(channel="nowhere:tea")),
            (107, cent.DisconnectRequest(user="")),
        ]:
            with self.subTest(request), self.assertRaises(cent.CentApiResponseError) as raised:
                await self.ask(request)
            self.assertEqual(raised.exception.code, code)
        for request in UNKNOWN:
            with self.subTest(request), self.assertRaises(cent.CentTransportError) as raised:
                await self.ask(request)
            self.assertEqual(raised.exception.status_code, 404)
        self.connect("another key")
        with self.assertRaises(cent.CentUnauthorizedError):
            await self.ask(cent.InfoRequest())


class Blocking(Api, unittest.IsolatedAsyncioTestCase):
    def connect(self, key):
        self.api = cent.Client(self.hub.api, key)
        self.addCleanup(self.api.close)

    async def ask(self, request):
        return await asyncio.to_thread(getattr(self.api, request.api_method), request)


class Async(Api, unittest.IsolatedAsyncioTestCase):
    def connect(self, key):
        self.api = cent.AsyncClient(self.hub.api, key)
        self.addAsyncCleanup(self.api.close)

    async def ask(self, request):
        return await getattr(self.api, request.api_method)(request)


if __name__ == "__main__":
    unittest.main()
