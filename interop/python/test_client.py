"""The official Python client of Centrifugo against `longwire serve`."""

import asyncio
import base64
import json
import secrets
import unittest

import cent
import centrifuge
from hub import API_KEY, CONFIG, Recorder, hub, network, token, within

class Tokens:
    """Gives out tokens one after another."""

    def __init__(self, *tokens):
        self._tokens = iter(tokens)
        self._asked = asyncio.Queue()

    async def get(self, *_channel):
        self._asked.put_nowait(None)
        return next(self._tokens)

    async def asked(self, times):
        for _ in range(times):
            await within(self._asked.get(), "request for a token")


class Client:
    """The tests of both encodings. Data is JSON, which a protobuf client takes and gives as bytes."""

    binary = False

    async def start(self, config=CONFIG):
        self.hub = await self.enterAsyncContext(hub(config))
        self.network = await self.enterAsyncContext(network(self.hub))
        self.api = await self.enterAsyncContext(cent.AsyncClient(self.hub.api, API_KEY))

    def write(self, value):
        return json.dumps(value).encode() if self.binary else value

    def read(self, data):
        return json.loads(data) if self.binary else data

    def client(self, user="ann", **options):
        """A client with its events, which does not connect yet."""
        events = Recorder()
        if "get_token" not in options:
            options = {"token": token(user, info={"name": f"user {user}"}), **options}
        client = centrifuge.Client(
            f"ws://{self.network.address}/connection/websocket",
            events=events,
            use_protobuf=self.binary,
            min_reconnect_delay=0.01,
            max_reconnect_delay=0.05,
            proxy=None,
            **options,
        )
        self.addAsyncCleanup(client.disconnect)
        return client, events

    async def connected(self, user="ann", **options):
        client, events = self.client(user, **options)
        await client.connect()
        await events.next("connected")
        return client, events

    async def subscribed(self, client, channel="chat:tea", **options):
        events = Recorder()
        subscription = client.new_subscription(channel, events=events, **options)
        await subscription.subscribe()
        await events.next("subscribed")
        return subscription, events

    async def publish(self, data):
        return await self.api.publish(cent.PublishRequest(channel="chat:tea", data=data))

    async def assert_code(self, code, awaitable):
        with self.assertRaises(centrifuge.ReplyError) as raised:
            await awaitable
        self.assertEqual(raised.exception.code, code)

    async def test_publications_presence_and_history(self):
        await self.start()
        ann, _ = await self.connected("ann")
        anns, ann_sees = await self.subscribed(ann, join_leave=True)
        bob, _ = await self.connected("bob")
        bobs, bob_sees = await self.subscribed(bob)
        for user in ["ann", "bob"]:
            self.assertEqual((await ann_sees.next("join")).info.user, user)
        await anns.publish(self.write({"text": "hello"}))
        await bobs.publish(self.write({"text": "hi"}))
        await self.publish({"text": "It rains"})
        for sees in [ann_sees, bob_sees]:
            expected = [("hello", "ann"), ("hi", "bob"), ("It rains", None)]
            for offset, (text, user) in enumerate(expected, 1):
                pub = (await sees.next("publication")).pub
                publisher = pub.info.user if pub.info else None
                self.assertEqual((pub.offset, self.read(pub.data)["text"], publisher), (offset, text, user))

        present = (await anns.presence()).clients.values()
        named = sorted((info.user, self.read(info.conn_info)["name"]) for info in present)
        self.assertEqual(named, [("ann", "user ann"), ("bob", "user bob")])
        stats = await anns.presence_stats()
        self.assertEqual((stats.num_clients, stats.num_users), (2, 2))
        page = await anns.history(limit=2, reverse=True)
        self.assertEqual([self.read(pub.data)["text"] for pub in page.publications], ["It rains", "hi"])
        since = centrifuge.StreamPosition(offset=1, epoch=page.epoch)
        page = await bobs.history(limit=1, since=since)
        self.assertEqual([self.read(pub.data)["text"] for pub in page.publications], ["hi"])
        await bobs.unsubscribe()
        self.assertEqual((await ann_sees.next("leave")).info.user, "bob")

    async def test_what_is_not_allowed_is_an_error_and_the_connection_goes_on(self):
        await self.start()
        ann, events = await self.connected()
        await self.assert_code(108, ann.rpc("add", self.write([1, 2])))
        await self.assert_code(103, ann.publish("chat:tea", self.write(1)))
        await self.assert_code(102, ann.publish("nowhere:tea", self.write(1)))
        await self.assert_code(103, ann.history("chat:tea", limit=1))
        refused = Recorder()
        await ann.new_subscription("$chat:secret", events=refused).subscribe()
        self.assertEqual((await refused.next("unsubscribed")).code, 103)
        tea, sees = await self.subscribed(ann)
        await tea.publish(self.write("after all of that"))
        self.assertEqual(self.read((await sees.next("publication")).pub.data), "after all of that")
        self.assertEqual(events.count("connecting"), 1)

    async def test_after_a_cut_each_publication_arrives_once_and_in_order(self):
        await self.start()
        ann, _ = await self.connected()
        _tea, sees = await self.subscribed(ann, recoverable=True)
        published = 0
        for _cut in range(3):
            for _ in range(10):
                await self.publish(published)
                published += 1
            self.network.cut()
            for _ in range(10):
                await self.publish(published)
                published += 1
            answer = await sees.next("subscribed")
            self.assertEqual((answer.was_recovering, answer.recovered), (True, True))
        await self.publish(published)
        for number in range(published + 1):
            pub = (await sees.next("publication")).pub
            self.assertEqual((self.read(pub.data), pub.offset), (number, number + 1))
        await ann.disconnect()
        await self.publish("missed")
        await self.api.history_remove(cent.HistoryRemoveRequest(channel="chat:tea"))
        await ann.connect()
        answer = await sees.next("subscribed")
        self.assertEqual((answer.was_recovering, answer.recovered), (True, False))

    async def test_tokens_are_replaced_when_they_expire_and_before(self):
        await self.start()
        tokens = Tokens(token("ann", -10), token("ann", 2), token("ann", 600))
        ann, events = await self.connected(get_token=tokens.get)
        channel = "$chat:secret"
        secret_tokens = Tokens(token("ann", 2, channel=channel), token("ann", 600, channel=channel))
        secret, sees = await self.subscribed(ann, channel, get_token=secret_tokens.get)
        await tokens.asked(3)
        await secret_tokens.asked(2)
        await secret.publish(self.write("still here"))
        self.assertEqual(self.read((await sees.next("publication")).pub.data), "still here")
        self.assertEqual((events.count("connected"), sees.count("subscribing")), (0, 1))

    async def test_the_back_end_subscribes_unsubscribes_and_disconnects(self):
        await self.start()
        ann, events = await self.connected()
        _tea, sees = await self.subscribed(ann)
        await self.api.unsubscribe(cent.UnsubscribeRequest(user="ann", channel="chat:tea"))
        self.assertEqual((await sees.next("unsubscribed")).code, 2000)
        await self.api.subscribe(cent.SubscribeRequest(user="ann", channel="chat:pushed"))
        self.assertEqual((await events.next("subscribed")).channel, "chat:pushed")
        await events.next("connecting")
        for code, event in [(4000, "connecting"), (4500, "disconnected")]:
            disconnect = cent.Disconnect(code=code, reason="go")
            await self.api.disconnect(cent.DisconnectRequest(user="ann", disconnect=disconnect))
            gone = await events.next(event)
            self.assertEqual((gone.code, gone.reason), (code, "go"))
            if event == "connecting":
                await events.next("connected")
        wrong, events = self.client(token=token("ann") + "x")
        await wrong.connect()
        self.assertEqual((await events.next("disconnected")).code, 3500)

    async def test_subscriptions_of_the_token_recover(self):
        await self.start(CONFIG.replace("on_request", "forced"))
        _ann, events = await self.connected(token=token("ann", channels=["chat:tea"]))
        self.assertEqual((await events.next("subscribed")).channel, "chat:tea")
        await self.publish(1)
        self.assertEqual(self.read((await events.next("publication")).pub.data), 1)
        self.network.cut()
        await self.publish(2)
        answer = await events.next("subscribed")
        self.assertEqual((answer.channel, answer.was_recovering, answer.recovered), ("chat:tea", True, True))
        pub = (await events.next("publication")).pub
        self.assertEqual((self.read(pub.data), pub.offset), (2, 2))
        await self.api.unsubscribe(cent.UnsubscribeRequest(user="ann", channel="chat:tea"))
        self.assertEqual((await events.next("unsubscribed")).channel, "chat:tea")

    async def test_deltas(self):
        await self.start()
        ann, _ = await self.connected()
        _tea, sees = await self.subscribed(ann, delta=centrifuge.DeltaType.FOSSIL)
        large = base64.b64encode(secrets.token_bytes(3000)).decode()
        for number in range(5):
            await self.publish({"large": large, "number": number})
            pub = (await sees.next("publication")).pub
            self.assertEqual(self.read(pub.data), {"large": large, "number": number})
            self.assertEqual(pub.delta, number > 0)

    async def test_a_shutdown_sends_clients_away_with_a_code_with_which_they_return(self):
        await self.start()
        _ann, events = await self.connected()
        await events.next("connecting")
        self.hub.process.terminate()
        self.assertEqual((await events.next("connecting")).code, 3001)
        self.assertEqual(await within(self.hub.process.wait(), "exit"), 0)


class Json(Client, unittest.IsolatedAsyncioTestCase):
    pass


class Protobuf(Client, unittest.IsolatedAsyncioTestCase):
    binary = True


if __name__ == "__main__":
    unittest.main()
