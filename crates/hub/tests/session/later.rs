//! A broker whose answers come later, as those of a broker on a network do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use longwire_hub::{
    Broker, BrokerError, Call, ChannelName, ClientFilter, HistoryOptions, HistoryPage, HistoryQuery, Joined,
    Member, MemoryBroker, Millis, NewPublication, Presence, PresenceStats, PublishOutcome, Since, Start,
};

use crate::support::bus::Bus;
use crate::support::{World, config, finish};

/// Asks a broker in memory, when the answer is waited for.
pub(crate) struct LaterBroker {
    pub(crate) broker: Arc<MemoryBroker>,
    /// Whether it cannot be reached by who subscribes.
    pub(crate) is_down: Arc<AtomicBool>,
    /// What carries messages between nodes, if there are several.
    pub(crate) bus: Option<Arc<Bus>>,
}

/// Makes a call that is made once its answer is polled.
fn later<T: Send + 'static>(
    broker: &LaterBroker,
    call: impl FnOnce(&MemoryBroker) -> Call<T> + Send + 'static,
) -> Call<T> {
    let broker = broker.broker.clone();
    Call::Later(Box::pin(async move {
        match call(&broker) {
            Call::Ready(answer) => answer,
            Call::Later(future) => future.await,
        }
    }))
}

impl Broker for LaterBroker {
    fn publish(
        &self,
        channel: &ChannelName,
        publication: NewPublication,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<PublishOutcome, BrokerError>> {
        let (channel, history) = (channel.clone(), history.clone());
        later(self, move |broker| broker.publish(&channel, publication, &history, now))
    }

    fn subscribe(
        &self,
        channel: &ChannelName,
        since: Since,
        history: &HistoryOptions,
        now: Millis,
        start: Start,
    ) -> Call<Result<Joined, BrokerError>> {
        let (channel, history) = (channel.clone(), history.clone());
        let is_down = self.is_down.load(Ordering::Relaxed);
        later(self, move |broker| match is_down {
            true => Call::Ready(Err(BrokerError::Unavailable)),
            false => broker.subscribe(&channel, since, &history, now, start),
        })
    }

    fn unsubscribe(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        let channel = channel.clone();
        later(self, move |broker| broker.unsubscribe(&channel, now))
    }

    fn history(
        &self,
        channel: &ChannelName,
        query: HistoryQuery,
        history: &HistoryOptions,
        now: Millis,
    ) -> Call<Result<HistoryPage, BrokerError>> {
        let (channel, history) = (channel.clone(), history.clone());
        later(self, move |broker| broker.history(&channel, query, &history, now))
    }

    fn remove_history(&self, channel: &ChannelName, now: Millis) -> Call<Result<(), BrokerError>> {
        let channel = channel.clone();
        later(self, move |broker| broker.remove_history(&channel, now))
    }

    fn add_presence(
        &self,
        channel: &ChannelName,
        member: Member,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        let channel = channel.clone();
        later(self, move |broker| broker.add_presence(&channel, member, announce, now))
    }

    fn remove_presence(
        &self,
        channel: &ChannelName,
        client: &str,
        announce: bool,
        now: Millis,
    ) -> Call<Result<(), BrokerError>> {
        let (channel, client) = (channel.clone(), client.to_owned());
        later(self, move |broker| broker.remove_presence(&channel, &client, announce, now))
    }

    fn presence(
        &self,
        channel: &ChannelName,
        limit: usize,
        now: Millis,
    ) -> Call<Result<Presence, BrokerError>> {
        let channel = channel.clone();
        later(self, move |broker| broker.presence(&channel, limit, now))
    }

    fn presence_stats(&self, channel: &ChannelName, now: Millis) -> Call<Result<PresenceStats, BrokerError>> {
        let channel = channel.clone();
        later(self, move |broker| broker.presence_stats(&channel, now))
    }

    fn tell_nodes(&self, message: Bytes) -> Call<Result<(), BrokerError>> {
        match self.bus.clone() {
            None => Call::Ready(Ok(())),
            Some(bus) => Call::Later(Box::pin(async move { bus.tell(message) })),
        }
    }

    fn is_shared(&self) -> bool {
        self.bus.is_some()
    }

    fn expire(&self, now: Millis) {
        self.broker.expire(now);
    }
}

#[test]
fn each_command_waits_for_its_answer_and_the_order_of_replies_stays() {
    let mut world = World::later(config(), 7);
    let client = world.open();
    let frame = [
        r#"{"id":1,"connect":{}}"#,
        r#"{"id":2,"subscribe":{"channel":"demo:tea","join_leave":true}}"#,
        r#"{"id":3,"publish":{"channel":"demo:tea","data":1}}"#,
        r#"{"id":4,"presence_stats":{"channel":"demo:tea"}}"#,
        r#"{"id":5,"ping":{}}"#,
        r#"{"id":6,"history":{"channel":"demo:tea"}}"#,
        r#"{"id":7,"unsubscribe":{"channel":"demo:tea"}}"#,
    ];
    world.say(client, &frame.join("\n"));
    let mut answers = 0;
    while world.waits(client) {
        world.answer(client);
        answers += 1;
    }
    // To subscribe takes two: the broker's, and that of presence. To unsubscribe takes one for both.
    assert_eq!(answers, 6);
    world.expect(client, &[
        r#"{"id":1,"connect":{"client":"C0","version":"test"}}"#,
        "{\"id\":2,\"subscribe\":{}}\n{\"push\":{\"channel\":\"demo:tea\",\"join\":{\"info\":{\"user\":\"\",\"client\":\"C0\"}}}}",
        r#"{"id":3,"publish":{}}"#,
        "{\"id\":4,\"presence_stats\":{\"num_clients\":1,\"num_users\":1}}\n{\"id\":5,\"ping\":{}}",
        "{\"id\":6,\"history\":{\"publications\":[],\"epoch\":\"EPOCH\",\"offset\":1}}",
        r#"{"id":7,"unsubscribe":{}}"#,
    ]);
}

#[test]
fn a_client_that_goes_while_it_subscribes_leaves_nothing_behind() {
    for answers in 0..3 {
        let mut world = World::later(config(), 7);
        let client = world.open();
        world.say(client, "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"demo:tea\"}}");
        if answers > 0 {
            world.answer(client);
        }
        if answers > 1 {
            world.answer(client);
        }
        world.cut(client);
        let counts = world.hub.counts();
        assert_eq!((counts.clients, counts.channels), (0, 0));
        assert_eq!(counts.subscribes, counts.unsubscribes);
        world.assert_forgotten();
    }
    // Its answer was ready, but nobody waited for it any more.
    let mut world = World::later(config(), 7);
    let client = world.open();
    world.say(client, "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"demo:tea\"}}");
    world.drop_answer(client);
    world.cut(client);
    assert_eq!(world.hub.counts().channels, 0);
    world.assert_forgotten();
}

/// Work in the background, such as the end of presence, may finish after what the client does next.
#[test]
fn a_client_that_returns_to_a_channel_at_once_is_present() {
    let mut world = World::later(config(), 7);
    world.delay_work();
    let client = world.open();
    world.say(client, "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"demo:tea\"}}");
    let present = |world: &World| finish(world.hub.presence("demo:tea", world.now)).unwrap().clients.len();
    let answer_all = |world: &mut World| {
        while world.waits(client) {
            world.answer(client);
        }
    };
    answer_all(&mut world);
    assert_eq!(present(&world), 1);
    let unsubscribe = r#"{"id":3,"unsubscribe":{"channel":"demo:tea"}}"#;
    world.say(client, &[unsubscribe, r#"{"id":4,"subscribe":{"channel":"demo:tea"}}"#].join("\n"));
    answer_all(&mut world);
    world.finish_work();
    assert_eq!(present(&world), 1);

    // The same by the server.
    let filter = ClientFilter { client: world.session(client).client(), ..ClientFilter::default() };
    finish(world.hub.unsubscribe(&filter, Some("demo:tea"))).unwrap();
    world.settle();
    world.say(client, r#"{"id":5,"subscribe":{"channel":"demo:tea"}}"#);
    answer_all(&mut world);
    world.finish_work();
    assert_eq!(present(&world), 1);
    world.cut(client);
    world.finish_work();
    assert_eq!(present(&world), 0);
    world.assert_forgotten();
}
