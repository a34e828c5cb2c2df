//! Encodes what happens in channels, once per variant, and hands it to the program.

use std::future::poll_fn;
use std::sync::{Arc, Weak};
use std::task::Poll;

use bytes::Bytes;

use super::channel_table::{ChannelTable, Losers, Wanted};
use super::counters::Counters;
use super::registry::Registry;
use crate::centrifuge::{
    Form, MemberPush, Push, PushEvent, PushTarget, Reply, WireClient, Wrapping, encode_publication,
};
use crate::channel::ChannelName;
use crate::control::ControlMessage;
use crate::delivery::Delivery;
use crate::fanout::Fanout;
use crate::frame::Frame;
use crate::publication::{ClientInfo, Publication};
use crate::variant::{Content, Naming, Variant};

/// How many clients learn at once that publications are lost: some hundred microseconds.
const TOLD_AT_ONCE: usize = 256;

/// The fan-out of a node.
///
/// A delta is encoded for all subscribers at once, so each must have received the previous publication. A subscriber that
/// begins without it marks the channel at that point of the channel's order, and then the next publication is whole for
/// all who take deltas.
pub(crate) struct Deliverer {
    pub(crate) channels: ChannelTable,
    pub(crate) counters: Counters,
    pub(crate) registry: Registry,
    pub(crate) delivery: Arc<dyn Delivery>,
    /// The node itself.
    pub(super) node: Weak<dyn HearsNodes>,
}

/// Receives what nodes tell one another.
pub(super) trait HearsNodes: Send + Sync {
    /// Another node, or this one, has told this to all.
    fn heard(self: Arc<Self>, message: Bytes);

    /// The fan-out of this node.
    fn deliverer_of_it(&self) -> Arc<Deliverer>;
}

impl Deliverer {
    fn members(&self, channel: &ChannelName, event: impl Fn(MemberPush) -> PushEvent, client: &ClientInfo) {
        let Some(wanted) = self.channels.wanted_joins(channel) else { return };
        let mut round = Round::new(self, channel, wanted);
        for (variant, encoding, wrapping) in Variant::JOINS {
            if wanted.has(variant) {
                let event = event(MemberPush { info: Some(WireClient::from(client)) });
                let push = Push { target: target(variant, channel, wanted), event };
                round.publish(variant, Frame::from(Reply::Push(push).encode(encoding, wrapping)));
            }
        }
        round.end();
    }

    /// Tells some of those who have lost publications. Says whether there were any.
    fn tell_some(&self, losers: &mut Losers) -> bool {
        let Losers { channel, generation, clients } = losers;
        let Some(some) = clients.take_some(TOLD_AT_ONCE) else { return false };
        for live in some.into_iter().filter_map(|client| self.registry.client(client)) {
            let message = ControlMessage::Lost { channel: channel.clone(), generation: *generation };
            live.control.deliver(message);
        }
        true
    }
}

/// Tells all who have lost publications, and lets others run in between.
async fn tell_in_parts(deliverer: Arc<Deliverer>, mut losers: Losers) {
    while deliverer.tell_some(&mut losers) {
        let mut has_yielded = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// How pushes of this variant name the channel.
fn target(variant: Variant, channel: &ChannelName, wanted: Wanted) -> PushTarget {
    match variant.naming() {
        Naming::Name => PushTarget::Channel(channel.clone()),
        Naming::Number => PushTarget::ChannelId(wanted.number),
    }
}

/// The messages of one event, each for the subscribers of one variant.
struct Round<'a> {
    deliverer: &'a Deliverer,
    channel: &'a ChannelName,
    generation: u16,
    /// Those that must be held, too, and wait for the others; `None` if nothing is held.
    held: Option<Vec<(Variant, Frame)>>,
}

impl Round<'_> {
    fn new<'a>(deliverer: &'a Deliverer, channel: &'a ChannelName, wanted: Wanted) -> Round<'a> {
        let generation = wanted.generation;
        Round { deliverer, channel, generation, held: wanted.is_held.then(Vec::new) }
    }

    fn publish(&mut self, variant: Variant, frame: Frame) {
        match &mut self.held {
            Some(held) => held.push((variant, frame)),
            None => self.deliverer.delivery.publish(&variant.topic(self.channel, self.generation), frame),
        }
    }

    fn end(self) {
        if let Some(held) = self.held {
            self.deliverer.channels.hold(self.channel, held, |variant, frame| {
                self.deliverer.delivery.publish(&variant.topic(self.channel, self.generation), frame);
            });
        }
    }
}

impl Fanout for Deliverer {
    fn publication(
        &self,
        channel: &ChannelName,
        publication: &Publication,
        _epoch: &str,
        previous: Option<&Publication>,
    ) {
        self.counters.publications.add(1);
        let Some(wanted) = self.channels.wanted(channel) else { return };
        let mut round = Round::new(self, channel, wanted);
        for variant in Variant::PUBLICATIONS.into_iter().filter(|variant| wanted.has(*variant)) {
            let target = target(variant, channel, wanted);
            let frame = match variant.content() {
                Content::AsSent => Frame::from(&publication.data),
                Content::Pushes(encoding, wrapping) => {
                    encode_publication(encoding, wrapping, &target, publication, Form::Plain).into()
                }
                Content::Deltas(encoding) => {
                    let form = match previous {
                        Some(previous) if !wanted.lacks_base => Form::Delta { previous: &previous.data },
                        _ => Form::Whole,
                    };
                    encode_publication(encoding, Wrapping::Reply, &target, publication, form).into()
                }
            };
            round.publish(variant, frame);
        }
        round.end();
    }

    fn join(&self, channel: &ChannelName, client: &ClientInfo) {
        self.members(channel, PushEvent::Join, client);
    }

    fn leave(&self, channel: &ChannelName, client: &ClientInfo) {
        self.members(channel, PushEvent::Leave, client);
    }

    fn lost(&self, channel: &ChannelName) {
        let Some(mut losers) = self.channels.lose(channel) else { return };
        // The broker holds a lock. They get nothing any more, so they may learn it a moment later.
        match self.node.upgrade().filter(|_| losers.clients.len() > TOLD_AT_ONCE) {
            Some(node) => self.delivery.spawn(Box::pin(tell_in_parts(node.deliverer_of_it(), losers))),
            None => {
                self.tell_some(&mut losers);
            }
        }
    }

    fn told(&self, message: Bytes) {
        // Before the node is made, and after its end, nobody listens.
        if let Some(node) = self.node.upgrade() {
            node.heard(message);
        }
    }
}
