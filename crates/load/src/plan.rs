//! What a run does.

use std::sync::Arc;
use std::time::Duration;

use crate::io::Engine;
use crate::rate::RatePlan;
use crate::series::Series;

/// A run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What connections do.
    pub workload: Workload,
    /// How many connections there are, without publishers. A storm does not look at it.
    pub connections: usize,
    /// How many handshakes are under way at a time, at most. A storm does not look at it: in a closed loop, the depth of its
    /// pace is the number of connections at a time, and in an open loop, nothing limits that.
    pub together: usize,
    /// Over how much time the opening of connections is spread.
    pub ramp_up: Duration,
    /// How long connections are left alone after the last one was opened.
    pub settling: Duration,
    /// How long the load runs before the measurement begins.
    pub warm_up: Duration,
    /// How long is measured.
    pub measured: Duration,
    /// How long opening a connection, and an answer at the end, may take.
    pub patience: Duration,
    /// What echo connections exchange with the server before their first message, step by step.
    pub joining: Vec<Step>,
    /// How answers are looked at.
    pub check: Check,
    /// How the generator waits for the time of the next message.
    pub waiting: Waiting,
    /// How the generator does I/O.
    pub engine: Engine,
    /// How connections end.
    pub ending: Ending,
    /// After how much time another connection is opened for one that could not be opened or ended early. `None`: none
    /// is. Connections of a storm are never opened again. Of a subscriber that is opened again, deliveries count from its
    /// first one on.
    pub reopening: Option<Duration>,
}

/// What connections do.
#[derive(Debug, Clone)]
pub enum Workload {
    /// Each sends messages and expects each of them back.
    Echo {
        /// The messages.
        series: Arc<Series>,
        /// When they are sent.
        pace: Pace,
    },
    /// Each receives what is published to its channel.
    Fanout {
        /// The publications, as subscribers receive them.
        series: Arc<Series>,
        /// When publications are sent: in a closed loop, when all subscribers that are left have received the one before,
        /// or when none has received anything for a second.
        pace: Pace,
        /// The channels, among which subscribers are divided evenly.
        channels: usize,
        /// How one subscribes and publishes.
        dialect: Dialect,
        /// Who publishes.
        publishers: Publishers,
    },
    /// Connections are opened and dropped.
    Storm {
        /// When they are opened.
        pace: Pace,
    },
    /// Connections are opened and kept.
    Idle,
}

/// When messages are sent.
#[derive(Debug, Clone)]
pub enum Pace {
    /// In a closed loop: a connection sends again after an answer.
    Closed {
        /// How many messages of a connection are unanswered at a time.
        depth: usize,
        /// How long it waits before it sends again.
        think: Think,
    },
    /// In an open loop: at their time, whatever has become of those before. Latency counts from that time.
    Open(RatePlan),
}

/// How long a connection waits before it sends again: between these times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Think {
    /// The shortest wait.
    pub least: Duration,
    /// The longest wait.
    pub most: Duration,
}

/// A step before the first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// A text message to send.
    pub send: Option<String>,
    /// A part of the message that ends the step.
    pub until: String,
}

/// How clients subscribe and publish.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The URL names the channel, and a message is a publication.
    #[default]
    Plain,
    /// The JSON protocol of Centrifugo's clients, which the hub speaks. `{number}` becomes the number of the channel.
    Centrifuge {
        /// The name of the channel.
        channel: String,
    },
}

/// Who publishes to a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Publishers {
    /// A connection of its own, whose own deliveries are not looked at.
    #[default]
    Apart,
    /// The channel's first subscriber. If it ends, another one.
    FirstSubscriber,
}

/// How answers are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Check {
    /// Each must equal the message that it answers, in the same order.
    #[default]
    Equal,
    /// Any message is the answer to the oldest one without.
    Any,
}

/// How the generator waits for the time of the next message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Waiting {
    /// It sleeps, and wakes up some microseconds late.
    #[default]
    Sleep,
    /// It never sleeps, which occupies a core.
    Spin,
}

/// How connections end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ending {
    /// By the closing handshake.
    #[default]
    Close,
    /// With a reset.
    Reset,
}

impl Plan {
    /// A run of this workload over this many connections, for ten seconds.
    #[must_use]
    pub fn new(workload: Workload, connections: usize) -> Plan {
        Plan {
            workload,
            connections,
            together: 64,
            ramp_up: Duration::ZERO,
            settling: Duration::ZERO,
            warm_up: Duration::ZERO,
            measured: Duration::from_secs(10),
            patience: Duration::from_secs(10),
            joining: Vec::new(),
            check: Check::default(),
            waiting: Waiting::default(),
            engine: Engine::default(),
            ending: Ending::default(),
            reopening: None,
        }
    }

    /// How many channels there are.
    #[must_use]
    pub fn channels(&self) -> usize {
        match &self.workload {
            Workload::Fanout { channels, .. } => (*channels).max(1),
            Workload::Echo { .. } | Workload::Storm { .. } | Workload::Idle => 1,
        }
    }

    /// How many connections there are at a time, at most, with publishers. Of a storm in an open loop: if the server lets each
    /// wait for as long as opening it may take.
    #[must_use]
    pub fn most_connections(&self) -> usize {
        match &self.workload {
            Workload::Fanout { publishers: Publishers::Apart, .. } => {
                self.connections.saturating_add(self.channels())
            }
            Workload::Echo { .. } | Workload::Fanout { .. } | Workload::Idle => self.connections,
            Workload::Storm { pace: Pace::Closed { depth, .. } } => *depth,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a number that is not negative; a larger one than fits is the largest"
            )]
            Workload::Storm { pace: Pace::Open(rate) } => {
                (rate.highest() * self.patience.as_secs_f64()).ceil() as usize
            }
        }
    }

    /// Gives the stages of its rate this part of their time.
    pub fn shorten_stages(&mut self, parts: u32) {
        match &mut self.workload {
            Workload::Echo { pace: Pace::Open(rate), .. }
            | Workload::Fanout { pace: Pace::Open(rate), .. }
            | Workload::Storm { pace: Pace::Open(rate) } => *rate = rate.shortened(parts),
            _ => {}
        }
    }

    /// Whether the first subscriber of a channel is its publisher.
    pub(crate) fn is_first_publisher(&self) -> bool {
        matches!(self.workload, Workload::Fanout { publishers: Publishers::FirstSubscriber, .. })
    }

    /// The pace, if messages are sent or connections opened all the time.
    pub(crate) fn pace(&self) -> Option<&Pace> {
        match &self.workload {
            Workload::Echo { pace, .. } | Workload::Fanout { pace, .. } | Workload::Storm { pace } => {
                Some(pace)
            }
            Workload::Idle => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::{Coding, Kind};

    #[test]
    fn publishers_are_connections_and_a_storm_has_as_many_as_its_pace_says() {
        let series = Arc::new(Series::new(vec![vec![0]], Kind::Binary, Coding::Plain).unwrap());
        let second = Duration::from_secs(1);
        let open = Pace::Open(RatePlan::constant(50.0, second));
        let closed = Pace::Closed { depth: 300, think: Think::default() };
        let fan_out = |publishers| Workload::Fanout {
            series: Arc::clone(&series),
            pace: open.clone(),
            channels: 7,
            dialect: Dialect::Plain,
            publishers,
        };
        for (workload, most) in [
            (Workload::Echo { series: Arc::clone(&series), pace: open.clone() }, 10),
            (Workload::Idle, 10),
            (fan_out(Publishers::Apart), 17),
            (fan_out(Publishers::FirstSubscriber), 10),
            (Workload::Storm { pace: closed }, 300),
            (Workload::Storm { pace: open.clone() }, 100),
        ] {
            let plan = Plan { patience: 2 * second, ..Plan::new(workload, 10) };
            assert_eq!(plan.most_connections(), most, "{plan:?}");
        }
    }
}
