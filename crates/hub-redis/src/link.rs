//! One server: commands to it, and messages from it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use longwire_hub::BrokerError;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, ServerErrorKind, Value};
use tokio::time::Instant;

use crate::dial::text;
use crate::failure::ConnectError;
use crate::lane::{Lane, LaneTarget, Live};
use crate::options::Continuity;
use crate::script::{ScriptCall, asking};
use crate::subscriber::Subscriber;
use crate::url::RedisUrl;

/// Where scripts of streams have the generation in their answers.
const GENERATION: usize = 1;

/// The generation that is not compared.
const ANY_GENERATION: &str = "-";

/// One server.
#[derive(Debug)]
pub(crate) struct Link {
    target: LaneTarget,
    lanes: Vec<Lane>,
    down_since: Mutex<Option<Instant>>,
    pub(crate) subscriber: Subscriber,
}

/// What a server is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    Command(Cmd),
    Script(ScriptCall),
    /// A script that compares the generation.
    StreamScript(ScriptCall, Continuity),
}

/// How an order is carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    /// Which of the connections: orders with the same number keep their order.
    pub(crate) lane: u64,
    /// Whether the keys are on their way to this server, which another has said.
    pub(crate) is_asked: bool,
    /// How many replicas must have what was written, and how long they are waited for.
    pub(crate) replicas: usize,
    pub(crate) patience: Duration,
}

/// Why an order was not carried out.
#[derive(Debug)]
pub(crate) enum OrderFailure {
    /// It was not sent.
    Unreachable(Option<ConnectError>),
    /// It may or may not have been carried out.
    Lost,
    /// It belongs to another server.
    Moved { address: Option<(String, u16)>, is_asked: bool },
    /// The server cannot carry it out now.
    Later,
    /// It cannot be carried out.
    Refused(BrokerError, String),
}

impl Link {
    pub(crate) fn new(target: LaneTarget, lanes: usize, subscriber: Subscriber) -> Link {
        let lanes = std::iter::repeat_with(Lane::default).take(lanes).collect();
        Link { target, lanes, down_since: Mutex::default(), subscriber }
    }

    pub(crate) fn server(&self) -> &RedisUrl {
        &self.target.server
    }

    /// For how long the server could not be reached.
    pub(crate) fn down_for(&self) -> Duration {
        let down_since = self.down_since.lock().unwrap_or_else(PoisonError::into_inner);
        down_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn note(&self, is_up: bool) {
        let mut down_since = self.down_since.lock().unwrap_or_else(PoisonError::into_inner);
        if is_up {
            *down_since = None;
        } else {
            down_since.get_or_insert_with(Instant::now);
        }
    }

    /// Connects, if it is not connected.
    pub(crate) async fn check(&self) -> Result<(), Option<ConnectError>> {
        self.lane(0).live(&self.target).await.map(drop)
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many lanes as remainders, and one at least")]
    fn lane(&self, number: u64) -> &Lane {
        let count = u64::try_from(self.lanes.len()).unwrap_or(1);
        &self.lanes[usize::try_from(number % count).unwrap_or(0)]
    }

    /// Carries out an order.
    pub(crate) async fn carry_out(&self, order: &Order, delivery: Delivery) -> Result<Value, OrderFailure> {
        let live = self.lane(delivery.lane).live(&self.target).await;
        self.note(live.is_ok());
        let live = live.map_err(OrderFailure::Unreachable)?;
        let answer = send(&live, order, delivery.is_asked).await.map_err(|error| failure(&error, &live))?;
        if let (Order::StreamScript(..), Value::Array(parts)) = (order, &answer)
            && let Some(generation) = parts.get(GENERATION).and_then(text)
        {
            live.learn_generation(generation);
        }
        if delivery.replicas > 0 {
            match live.acknowledged(delivery.replicas, delivery.patience).await {
                Ok(true) => {}
                Ok(false) | Err(_) => return Err(OrderFailure::Lost),
            }
        }
        Ok(answer)
    }
}

async fn send(live: &Live, order: &Order, is_asked: bool) -> RedisResult<Value> {
    let (call, generation) = match order {
        Order::Command(command) if is_asked => return live.pipeline(&asking(command.clone())).await,
        Order::Command(command) => return live.command(command).await,
        Order::Script(call) => (call, None),
        Order::StreamScript(call, Continuity::Verified) => (call, Some(live.generation())),
        Order::StreamScript(call, Continuity::Assumed) => (call, Some(ANY_GENERATION.to_owned())),
    };
    let generation = generation.as_deref();
    if is_asked {
        return live.pipeline(&asking(call.by_text(generation))).await;
    }
    match live.command(&call.by_hash(generation)).await {
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
            live.command(&call.by_text(generation)).await
        }
        answer => answer,
    }
}

fn failure(error: &RedisError, live: &Live) -> OrderFailure {
    let message = error.to_string();
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::Moved) => moved(error, false),
        ErrorKind::Server(ServerErrorKind::Ask) => moved(error, true),
        ErrorKind::Server(ServerErrorKind::ReadOnly) => {
            // It is no longer the master. Where that is now is found out by connecting again.
            live.give_up();
            OrderFailure::Later
        }
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown,
        ) => OrderFailure::Later,
        // A script passes the error of a command on in its own message.
        _ if error.code() == Some("OOM") => OrderFailure::Refused(BrokerError::LimitExceeded, message),
        _ if error.code() == Some("MISCONF") || error.code() == Some("NOREPLICAS") => {
            OrderFailure::Refused(BrokerError::Unavailable, message)
        }
        _ if error.is_io_error() || error.is_unrecoverable_error() => OrderFailure::Lost,
        _ => OrderFailure::Refused(BrokerError::Unavailable, message),
    }
}

fn moved(error: &RedisError, is_asked: bool) -> OrderFailure {
    let address = error.redirect_node().and_then(|(address, _)| {
        let (host, port) = address.rsplit_once(':')?;
        Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
    });
    OrderFailure::Moved { address, is_asked }
}
