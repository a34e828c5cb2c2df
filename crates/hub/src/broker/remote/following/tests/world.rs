//! The state of a small world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::model::{Bounds, Mutation};
use crate::broker::remote::effect::Effect;
use crate::broker::remote::following::{Conditions, Following, Times};
use crate::broker::remote::held::{Arrival, Room};
use crate::broker::remote::joining::SubscriberId;
use crate::broker::remote::reading::ReadPlan;
use crate::broker::{BrokerError, HistoryPage, Joined, Recovery, Since};
use crate::data::Data;
use crate::publication::{Publication, StreamPosition};
use crate::time::Millis;

/// The newest position of the engine's stream, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Engine {
    epoch: u8,
    pub(super) top: u64,
    trimmed: u64,
}

impl Engine {
    fn position(&self) -> StreamPosition {
        StreamPosition { offset: self.top, epoch: epoch(self.epoch) }
    }

    fn page(&self, plan: &ReadPlan) -> HistoryPage {
        let query = plan.query();
        let after = query.since.map_or(0, |since| since.offset).max(self.trimmed);
        let kept = (after + 1..=self.top).map(|offset| publication(self.epoch, offset));
        let publications = match query.reverse {
            true => kept.rev().take(query.limit).collect(),
            false => kept.take(query.limit).collect(),
        };
        HistoryPage { publications, position: self.position() }
    }
}

fn epoch(number: u8) -> Arc<str> {
    format!("e{number}").into()
}

/// The publication with this offset of that stream. Its content says which it is.
fn publication(epoch: u8, offset: u64) -> Arc<Publication> {
    let data = Data::Text(format!("e{epoch}:{offset}").into());
    Arc::new(Publication { offset, data, info: None, tags: BTreeMap::new(), time: Millis(0) })
}

/// A call to the store that begins or ends listening.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LinkCall {
    listens: bool,
    outcome: Option<Result<(), Failed>>,
}

/// The engine could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Failed;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum ReadCall {
    None,
    Queued,
    Begun(ReadPlan),
    /// With what the engine answers: its state then.
    Acted(ReadPlan, Result<Engine, Failed>),
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    following: Option<Following>,
    /// What the store does for it.
    listens: bool,
    pub(super) is_cut: bool,
    /// What is under way to it.
    feed: Vec<(u8, u64)>,
    link: Option<LinkCall>,
    read: ReadCall,
}

/// A client, which remembers what it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Client {
    pub(super) seen: Option<StreamPosition>,
    pub(super) phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Away,
    Asking { node: usize, since: Option<StreamPosition> },
    Subscribed { node: usize },
}

/// What has happened at least once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Happened {
    pub(super) recovered: bool,
    pub(super) unrecovered: bool,
    pub(super) told: bool,
    pub(super) filled: bool,
    pub(super) refused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SmallWorld {
    pub(super) engine: Engine,
    pub(super) nodes: Vec<Node>,
    pub(super) clients: Vec<Client>,
    /// What may still happen.
    pub(super) left: Bounds,
    pub(super) happened: Happened,
    /// A promise is broken.
    pub(super) broken: Option<&'static str>,
}

impl SmallWorld {
    pub(super) fn new(bounds: &Bounds) -> SmallWorld {
        let node = Node {
            following: None,
            listens: false,
            is_cut: false,
            feed: Vec::new(),
            link: None,
            read: ReadCall::None,
        };
        SmallWorld {
            engine: Engine { epoch: 0, top: 0, trimmed: 0 },
            nodes: vec![node; bounds.nodes],
            clients: vec![Client { seen: None, phase: Phase::Away }; bounds.clients],
            left: bounds.clone(),
            happened: Happened::default(),
            broken: None,
        }
    }

    fn conditions(&self, now: u64) -> Conditions {
        let times = Times {
            linger: Duration::from_secs(5),
            check: Duration::from_secs(3_600),
            retry: Duration::from_secs(1),
            longest_retry: Duration::from_secs(1),
        };
        Conditions { now: Millis(now), times, room: Room { publications: self.left.room, bytes: 10_000 } }
    }

    /// A step of a node's channel, and what follows from it.
    fn step(
        &mut self,
        node: usize,
        now: u64,
        act: impl FnOnce(&mut Following, &Conditions, &mut Vec<Effect>),
    ) {
        let conditions = self.conditions(now);
        let mut effects = Vec::new();
        let Some(following) = &mut self.nodes[node].following else { return };
        act(following, &conditions, &mut effects);
        self.carry_out(node, effects);
    }

    fn carry_out(&mut self, node: usize, mut effects: Vec<Effect>) {
        if self.left.mutation == Mutation::StartsFirst {
            // A new subscriber begins first, and only then do the others get what was published before that point.
            effects.sort_by_key(|effect| !matches!(effect, Effect::Start { .. }));
        }
        for effect in effects {
            match effect {
                Effect::Listen => self.nodes[node].link = Some(LinkCall { listens: true, outcome: None }),
                Effect::StopListening => {
                    self.nodes[node].link = Some(LinkCall { listens: false, outcome: None });
                }
                Effect::Read => self.nodes[node].read = ReadCall::Queued,
                Effect::Deliver { publication, epoch, .. } => self.deliver(node, &publication, &epoch),
                Effect::Lost => self.tell(node),
                Effect::Start { subscriber, joined } => self.begin(subscriber, &joined),
                Effect::Refuse { subscriber, .. } => {
                    self.happened.refused = true;
                    self.clients[index(subscriber)].phase = Phase::Away;
                }
                Effect::Forget => self.nodes[node].following = None,
                Effect::Note(note) => {
                    self.happened.filled |= note == crate::broker::remote::effect::Note::GapFilled;
                }
            }
        }
    }

    fn deliver(&mut self, node: usize, publication: &Publication, epoch: &Arc<str>) {
        let text = format!("{epoch}:{}", publication.offset);
        if publication.data.as_bytes() != text.as_bytes() {
            self.broken = Some("what was not published is delivered");
        }
        for client in &mut self.clients {
            if client.phase != (Phase::Subscribed { node }) {
                continue;
            }
            match &mut client.seen {
                Some(seen) if seen.epoch == *epoch && seen.offset + 1 == publication.offset => {
                    seen.offset = publication.offset;
                }
                _ => self.broken = Some("a subscriber gets what is not the next one"),
            }
        }
    }

    /// Publications are missing: the subscribers of this node learn it, and subscribe again.
    fn tell(&mut self, node: usize) {
        self.happened.told = true;
        let conditions = self.conditions(0);
        let told = (0..self.clients.len())
            .filter(|client| self.clients[*client].phase == Phase::Subscribed { node });
        for client in told.collect::<Vec<_>>() {
            self.clients[client].phase = Phase::Away;
            if let Some(following) = &mut self.nodes[node].following {
                following.leave(&conditions);
            }
        }
    }

    fn begin(&mut self, subscriber: SubscriberId, joined: &Joined) {
        let client = &mut self.clients[index(subscriber)];
        let Phase::Asking { node, since } = client.phase.clone() else {
            self.broken = Some("somebody begins who did not ask");
            return;
        };
        let Joined { position, recovery } = joined;
        match (since, recovery) {
            (Some(since), Recovery::Recovered(missed)) => {
                let offsets = missed.iter().map(|publication| publication.offset);
                let is_all = since.epoch == position.epoch
                    && offsets.eq(since.offset + 1..=position.offset)
                    && missed.iter().all(|missed| {
                        missed.data.as_bytes() == format!("{}:{}", position.epoch, missed.offset).as_bytes()
                    });
                if !is_all {
                    self.broken = Some("it is said to be recovered, and something is missing");
                }
                self.happened.recovered |= !missed.is_empty();
            }
            (Some(_), _) => self.happened.unrecovered = true,
            (None, _) => {}
        }
        client.seen = Some(position.clone());
        client.phase = Phase::Subscribed { node };
    }

    pub(super) fn publish(&mut self) {
        self.engine.top += 1;
        let message = (self.engine.epoch, self.engine.top);
        for node in self.nodes.iter_mut().filter(|node| node.listens && !node.is_cut) {
            node.feed.push(message);
        }
    }

    pub(super) fn trim(&mut self) {
        self.engine.trimmed = self.engine.top;
    }

    pub(super) fn forget(&mut self) {
        self.engine = Engine { epoch: self.engine.epoch + 1, top: 0, trimmed: 0 };
    }

    pub(super) fn subscribe(&mut self, client: usize, node: usize) {
        let subscriber = SubscriberId(u64::try_from(client).unwrap());
        let known = self.clients[client].seen.clone();
        let since = match &known {
            Some(position) => Since::Position { position: position.clone(), limit: self.left.limit },
            None => Since::Now,
        };
        self.clients[client].phase = Phase::Asking { node, since: known };
        if self.nodes[node].following.is_some() {
            self.step(node, 0, |following, conditions, effects| {
                following.join(subscriber, since, true, conditions, effects);
            });
            return;
        }
        let mut effects = Vec::new();
        self.nodes[node].following = Some(Following::begin(subscriber, since, true, &mut effects));
        self.carry_out(node, effects);
    }

    pub(super) fn leave(&mut self, client: usize) {
        let subscriber = SubscriberId(u64::try_from(client).unwrap());
        match std::mem::replace(&mut self.clients[client].phase, Phase::Away) {
            Phase::Away => {}
            Phase::Asking { node, .. } => self.step(node, 0, |following, conditions, _| {
                following.abandon(subscriber, conditions);
            }),
            Phase::Subscribed { node } => {
                self.step(node, 0, |following, conditions, _| following.leave(conditions));
            }
        }
    }

    /// Whether a call of a node can go on: begin, act or be answered.
    pub(super) fn link_waits(&self, node: usize) -> bool {
        self.nodes[node].link.is_some()
    }

    pub(super) fn read_waits(&self, node: usize) -> bool {
        self.nodes[node].read != ReadCall::None
    }

    /// The engine acts on a call to listen or to stop, or its answer arrives.
    pub(super) fn go_on_with_link(&mut self, node: usize, fails: bool) {
        let place = &mut self.nodes[node];
        let Some(call) = &mut place.link else { return };
        if call.outcome.is_none() {
            if fails || place.is_cut {
                call.outcome = Some(Err(Failed));
                return;
            }
            call.outcome = Some(Ok(()));
            place.listens = call.listens;
            return;
        }
        let Some(LinkCall { listens, outcome: Some(outcome) }) = place.link.take() else { return };
        let outcome = outcome.map_err(|Failed| BrokerError::Unavailable);
        self.step(node, 0, |following, conditions, effects| match listens {
            true => following.listened(outcome, conditions, effects),
            false => following.stopped(&outcome, conditions, effects),
        });
    }

    /// A read begins, the engine acts on it, or its answer arrives.
    pub(super) fn go_on_with_read(&mut self, node: usize, fails: bool) {
        match std::mem::replace(&mut self.nodes[node].read, ReadCall::None) {
            ReadCall::None => {}
            ReadCall::Queued => {
                let page = self.left.page;
                let plan =
                    self.nodes[node].following.as_mut().and_then(|following| following.begin_read(page));
                self.nodes[node].read = plan.map_or(ReadCall::None, ReadCall::Begun);
            }
            ReadCall::Begun(plan) => {
                let seen = if fails { Err(Failed) } else { Ok(self.engine.clone()) };
                self.nodes[node].read = ReadCall::Acted(plan, seen);
            }
            ReadCall::Acted(plan, seen) => {
                let outcome =
                    seen.map(|engine| engine.page(&plan)).map_err(|Failed| BrokerError::Unavailable);
                self.step(node, 0, |following, conditions, effects| {
                    following.read(outcome, conditions, effects);
                });
            }
        }
    }

    pub(super) fn feed_len(&self, node: usize) -> usize {
        self.nodes[node].feed.len()
    }

    /// The first message arrives. If it `stays`, it arrives once more.
    pub(super) fn arrive(&mut self, node: usize, stays: bool) {
        let Some((number, offset)) = self.nodes[node].feed.first().copied() else { return };
        if !stays {
            self.nodes[node].feed.remove(0);
        }
        let is_reading = matches!(self.nodes[node].read, ReadCall::Begun(_) | ReadCall::Acted(..));
        if self.left.mutation == Mutation::DropsWhileReading && is_reading {
            return;
        }
        let position = Some(StreamPosition { offset, epoch: epoch(number) });
        let arrival = Arrival { publication: publication(number, offset), position };
        self.step(node, 0, |following, conditions, effects| following.arrived(arrival, conditions, effects));
    }

    /// What the engine publishes does not arrive any more. Of what is under way, so much still does.
    pub(super) fn interrupt(&mut self, node: usize, arrives: usize) {
        self.nodes[node].is_cut = true;
        self.nodes[node].feed.truncate(arrives);
        self.step(node, 0, Following::interrupted);
    }

    pub(super) fn restore(&mut self, node: usize) {
        self.nodes[node].is_cut = false;
        if self.left.mutation == Mutation::IgnoresInterruptions {
            return;
        }
        self.step(node, 0, |following, _, effects| following.restored(effects));
    }

    /// Whether time changes something of a node.
    pub(super) fn is_due(&self, node: usize) -> bool {
        let due = self.nodes[node].following.as_ref().and_then(Following::next_deadline);
        due.is_some_and(|due| due <= Millis(10_000))
    }

    pub(super) fn pass(&mut self, node: usize) {
        self.step(node, 10_000, Following::tick);
    }

    /// Whether nothing is under way.
    pub(super) fn rests(&self) -> bool {
        let rests = |node: &Node| {
            node.feed.is_empty() && node.link.is_none() && node.read == ReadCall::None && !node.is_cut
        };
        self.nodes.iter().all(rests) && (0..self.nodes.len()).all(|node| !self.is_due(node))
    }

    /// Whether every subscriber has seen everything.
    pub(super) fn all_is_seen(&self) -> bool {
        let top = self.engine.position();
        let has_seen = |client: &Client| match client.phase {
            Phase::Away => true,
            Phase::Asking { .. } => false,
            Phase::Subscribed { .. } => client.seen.as_ref() == Some(&top),
        };
        self.clients.iter().all(has_seen)
    }

    /// Whether nothing is left of those that have gone.
    pub(super) fn all_is_forgotten(&self) -> bool {
        let is_away = |node: usize| {
            self.clients.iter().all(|client| match client.phase {
                Phase::Away => true,
                Phase::Asking { node: at, .. } | Phase::Subscribed { node: at } => at != node,
            })
        };
        let is_empty = |node: &Node| node.following.is_none() && !node.listens;
        self.nodes.iter().enumerate().all(|(number, node)| !is_away(number) || is_empty(node))
    }
}

fn index(subscriber: SubscriberId) -> usize {
    usize::try_from(subscriber.0).unwrap()
}
