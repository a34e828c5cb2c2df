//! One simulated device: a connection that publishes readings and obeys commands.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use longwire::reconnect::{ReconnectingSocket, State, WhileDisconnected};
use longwire::{Cause, Client, CloseCode, Reconnect, WebSocket};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::hub_protocol::{
    HubCommand, HubMessage, HubPublication, HubRequest, StreamPosition, SubscribeTo, messages,
};
use super::wire_bytes::{ByteCounts, WireBytes};

/// Where devices publish.
const READINGS: &str = "demo-sensors:readings";

/// Whose presence shows which devices are connected.
const FLEET: &str = "demo-sensors:fleet";

/// Every so many readings, a device tells its whole state, for those who have come late.
const STATE_EVERY: u64 = 10;

/// The hub's codes for clients that must not come back.
const FOR_GOOD: std::ops::Range<u16> = 3500..4000;

/// The bounds of the interval that a command may set.
const INTERVALS: std::ops::RangeInclusive<u64> = 200..=3_600_000;

/// The ids of the first commands on a connection. Later ones count on.
const CONNECT: u32 = 1;
const SUBSCRIBE_COMMANDS: u32 = 2;
const SUBSCRIBE_FLEET: u32 = 3;

/// What happens to a device.
#[derive(Debug)]
pub(super) enum DeviceEvent {
    Online,
    Offline {
        was_online: bool,
        cause: Cause,
    },
    Reading,
    Obeyed(String),
    /// The server does not let it take part.
    Refused(String),
}

pub(super) struct Device {
    name: String,
    channel: String,
    every: Duration,
    led: bool,
    temperature: f64,
    readings: u64,
    next_id: u32,
    is_online: bool,
    answers_pings: bool,
    /// Up to where the device has obeyed its commands. Each new connection goes on from there.
    position: Arc<Mutex<Option<StreamPosition>>>,
    bytes: WireBytes,
    events: mpsc::Sender<DeviceEvent>,
}

/// What a device has to say.
#[derive(Debug, Clone, Copy)]
enum Report<'a> {
    Reading,
    State,
    /// The command with this id is done.
    Ack(&'a str),
}

/// What a device publishes: a reading, the answer to a command, and now and then its state.
#[derive(Debug, Serialize)]
struct DeviceReport<'a> {
    d: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    t: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<DeviceState>,
}

#[derive(Debug, Serialize)]
struct DeviceState {
    led: bool,
    /// Milliseconds.
    every: u64,
    /// The readings, and the bytes of all frames so far.
    readings: u64,
    bytes: ByteCounts,
}

/// A command that a dashboard sends to a device.
#[derive(Debug, Deserialize)]
struct DeviceCommand {
    id: String,
    led: Option<bool>,
    /// Milliseconds.
    every: Option<u64>,
}

impl Device {
    pub(super) fn new(name: String, every: Duration, events: mpsc::Sender<DeviceEvent>) -> Device {
        Device {
            channel: format!("demo-sensors:{name}"),
            name,
            every,
            led: false,
            temperature: rand::rng().random_range(18.0..24.0),
            readings: 0,
            next_id: SUBSCRIBE_FLEET,
            is_online: false,
            answers_pings: false,
            position: Arc::default(),
            bytes: WireBytes::default(),
            events,
        }
    }

    /// Runs until `stop` changes, or the server refuses the device. Returns what its connections have cost.
    pub(super) async fn run(
        mut self,
        client: Client,
        url: Arc<str>,
        mut stop: watch::Receiver<()>,
    ) -> longwire::Result<ByteCounts> {
        let mut socket = self.socket(client, &url)?;
        let mut states = socket.states();
        let mut ticks = self.ticks(self.every.mul_f64(rand::rng().random()));
        loop {
            tokio::select! {
                received = socket.recv() => {
                    let Some(message) = received? else { break };
                    self.receive(&mut socket, &mut ticks, message.as_bytes()).await;
                }
                Some(state) = states.next() => self.note(state).await,
                _ = ticks.tick() => self.publish_reading(&mut socket).await,
                _ = stop.changed() => {
                    socket.close(CloseCode::NORMAL, "").await?;
                    break;
                }
            }
        }
        Ok(self.bytes.counts())
    }

    /// A socket that connects again whenever its connection breaks, and then says who the device is.
    fn socket(&self, client: Client, url: &str) -> longwire::Result<ReconnectingSocket> {
        let policy = Reconnect::default();
        let final_codes: Vec<CloseCode> =
            policy.final_codes.iter().copied().chain(FOR_GOOD.map(CloseCode::from)).collect();
        let policy = policy.final_codes(final_codes).while_disconnected(WhileDisconnected::Fail);
        let (channel, position) = (self.channel.clone(), Arc::clone(&self.position));
        client
            .observer(self.bytes.observer())
            .reconnecting(policy)
            .on_open(move |mut socket: WebSocket| {
                let position = position.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let greeting = greeting(&channel, position.as_ref());
                async move {
                    socket.send(greeting).await?;
                    Ok(socket)
                }
            })
            .connect(url)
    }

    async fn note(&mut self, state: State) {
        if let State::Waiting { because, .. } | State::Ended(because) = state {
            let was_online = std::mem::take(&mut self.is_online);
            self.tell(DeviceEvent::Offline { was_online, cause: because }).await;
        }
    }

    async fn receive(&mut self, socket: &mut ReconnectingSocket, ticks: &mut Interval, frame: &[u8]) {
        for message in messages(frame) {
            match message {
                HubMessage { id, error: Some(error), .. } if id <= SUBSCRIBE_FLEET => {
                    let why = format!("{} (error {})", error.message, error.code);
                    self.tell(DeviceEvent::Refused(why)).await;
                }
                HubMessage { id: CONNECT, connect: Some(connected), .. } => {
                    self.answers_pings = connected.pong;
                    self.next_id = SUBSCRIBE_FLEET;
                }
                HubMessage { id: SUBSCRIBE_COMMANDS, subscribe: Some(subscribed), .. } => {
                    self.is_online = true;
                    self.tell(DeviceEvent::Online).await;
                    self.publish(socket, Report::State).await;
                    let missed = subscribed.publications;
                    let newest = missed.last().map_or(subscribed.offset, |publication| publication.offset);
                    for publication in missed {
                        self.obey(socket, ticks, &publication).await;
                    }
                    self.go_on_from(Some(subscribed.epoch), newest);
                }
                HubMessage { push: Some(push), .. } if push.channel == self.channel => {
                    if let Some(publication) = push.publication {
                        self.obey(socket, ticks, &publication).await;
                        self.go_on_from(None, publication.offset);
                    }
                }
                ping if ping.is_ping() && self.answers_pings => {
                    let _lost = socket.send("{}").await;
                }
                _ => {}
            }
        }
    }

    /// Does what a command says, and acknowledges it. Others may publish here, too: what is no command is ignored.
    async fn obey(
        &mut self,
        socket: &mut ReconnectingSocket,
        ticks: &mut Interval,
        publication: &HubPublication<'_>,
    ) {
        let Ok(command) = serde_json::from_str::<DeviceCommand>(publication.data.get()) else { return };
        if command.id.len() > 64 {
            return;
        }
        let mut done = Vec::new();
        if let Some(led) = command.led {
            self.led = led;
            done.push(format!("LED {}", if led { "on" } else { "off" }));
        }
        if let Some(every) = command.every {
            self.every = Duration::from_millis(every.clamp(*INTERVALS.start(), *INTERVALS.end()));
            *ticks = self.ticks(self.every);
            done.push(format!("a reading every {:?}", self.every));
        }
        if done.is_empty() {
            return;
        }
        self.publish(socket, Report::Ack(&command.id)).await;
        self.tell(DeviceEvent::Obeyed(format!("{}: {}", self.name, done.join(", ")))).await;
    }

    async fn publish_reading(&mut self, socket: &mut ReconnectingSocket) {
        if !self.is_online {
            return;
        }
        let drift: f64 = rand::rng().random_range(-0.15..0.15);
        let warmth = if self.led { 0.02 } else { 0.0 };
        self.temperature = (self.temperature + drift + warmth).clamp(-20.0, 60.0);
        self.readings += 1;
        self.publish(socket, Report::Reading).await;
        self.tell(DeviceEvent::Reading).await;
    }

    /// Publishes a report. Without a connection, it is dropped.
    async fn publish(&mut self, socket: &mut ReconnectingSocket, report: Report<'_>) {
        self.next_id = self.next_id.wrapping_add(1).max(SUBSCRIBE_FLEET + 1);
        let has_state = match report {
            Report::Reading => self.readings.is_multiple_of(STATE_EVERY),
            Report::State | Report::Ack(_) => true,
        };
        let data = DeviceReport {
            d: &self.name,
            t: matches!(report, Report::Reading).then(|| (self.temperature * 100.0).round() / 100.0),
            ack: if let Report::Ack(id) = report { Some(id) } else { None },
            state: has_state.then(|| self.state()),
        };
        let command = command(self.next_id, HubRequest::Publish { channel: READINGS, data: &data });
        let _lost = socket.send(command).await;
    }

    fn state(&self) -> DeviceState {
        let every = u64::try_from(self.every.as_millis()).unwrap_or(u64::MAX);
        DeviceState { led: self.led, every, readings: self.readings, bytes: self.bytes.counts() }
    }

    /// Recovery goes on behind this publication.
    fn go_on_from(&self, epoch: Option<String>, offset: u64) {
        let mut position = self.position.lock().unwrap_or_else(PoisonError::into_inner);
        match (epoch, &mut *position) {
            (Some(epoch), position) => *position = Some(StreamPosition { offset, epoch }),
            (None, Some(position)) => position.offset = offset,
            (None, None) => {}
        }
    }

    fn ticks(&self, first: Duration) -> Interval {
        let mut ticks = interval_at(Instant::now() + first, self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }

    async fn tell(&self, event: DeviceEvent) {
        // The fleet has stopped.
        let _unread = self.events.send(event).await;
    }
}

/// The first commands on every connection.
fn greeting(channel: &str, position: Option<&StreamPosition>) -> String {
    let subscribe = |channel, position: Option<_>| {
        HubRequest::Subscribe(SubscribeTo {
            channel,
            recoverable: true,
            recover: position.is_some(),
            position,
        })
    };
    let commands: [(u32, HubRequest<'_, ()>); 3] = [
        (CONNECT, HubRequest::Connect { name: "longwire demo" }),
        (SUBSCRIBE_COMMANDS, subscribe(channel, position)),
        (SUBSCRIBE_FLEET, subscribe(FLEET, None)),
    ];
    commands.map(|(id, request)| command(id, request)).join("\n")
}

fn command<T: Serialize>(id: u32, request: HubRequest<'_, T>) -> String {
    // Writing to a string never fails, and all keys are strings.
    serde_json::to_string(&HubCommand { id, request }).unwrap_or_default()
}
