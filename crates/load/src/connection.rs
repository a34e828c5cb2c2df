//! One connection: its phases, and how bytes become messages.

use std::time::{Duration, Instant};

use http::Response;
use longwire_proto::deflate::Agreement;
use longwire_proto::handshake::{ClientHandshake, HeadLimits, HeadReader, HeadStatus};

use crate::exchange::{Answer, Exchange, Role};
use crate::expected::Expected;
use crate::fault::Fault;
use crate::hub;
use crate::ledger::{Ledger, Publications};
use crate::reader::{Incoming, Reader};
use crate::series::{self, Coding, text_frame};
use crate::table::Token;
use crate::tls::Session;

/// A connection of the generator.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) phase: ConnectionPhase,
    pub(crate) exchange: Exchange,
    /// When the connection was due.
    pub(crate) due: Instant,
    /// Whether it was opened for another one.
    pub(crate) is_replacement: bool,
    /// Its place among those that are open.
    pub(crate) listed: Option<usize>,
    /// When this phase began.
    since: Instant,
    tls: Option<Box<Session>>,
    reader: Reader,
    /// Whether a send is under way.
    is_sending: bool,
}

#[derive(Debug)]
pub(crate) enum ConnectionPhase {
    Connecting,
    Securing,
    Shaking(Box<Shaking>),
    /// It does what the server wants before messages.
    Joining,
    Open,
    /// It has sent a Close frame.
    Closing,
}

/// An opening handshake under way.
#[derive(Debug)]
pub(crate) struct Shaking {
    handshake: ClientHandshake,
    head: HeadReader,
}

impl ConnectionPhase {
    pub(crate) fn is_opening(&self) -> bool {
        !matches!(self, ConnectionPhase::Open | ConnectionPhase::Closing)
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            ConnectionPhase::Connecting => "connect",
            ConnectionPhase::Securing => "tls",
            ConnectionPhase::Shaking(_) => "handshake",
            ConnectionPhase::Joining => "join",
            ConnectionPhase::Open => "open",
            ConnectionPhase::Closing => "close",
        }
    }
}

impl Connection {
    /// A connection that begins with this message.
    pub(crate) fn new(role: Role, channel: usize, first: usize, due: Instant) -> Connection {
        Connection {
            phase: ConnectionPhase::Connecting,
            exchange: Exchange::new(role, channel, first),
            due,
            is_replacement: false,
            listed: None,
            since: Instant::now(),
            tls: None,
            reader: Reader::new(first),
            is_sending: false,
        }
    }

    /// Begins the next phase, and returns how long this one took.
    fn enter(&mut self, phase: ConnectionPhase) -> Duration {
        let now = Instant::now();
        self.phase = phase;
        now - std::mem::replace(&mut self.since, now)
    }

    /// Goes on after TCP is connected.
    pub(crate) fn connected(&mut self, ledger: &mut Ledger<'_>) -> Result<(), Fault> {
        let connecting = self.enter(ConnectionPhase::Securing);
        ledger.tally.connect.record(connecting);
        self.tls = ledger.target.session().map_err(Fault::Tls)?.map(Box::new);
        if self.tls.is_none() {
            self.secured(ledger);
        }
        Ok(())
    }

    /// Goes on with the opening handshake.
    fn secured(&mut self, ledger: &mut Ledger<'_>) {
        if ledger.target.coding() == Coding::Tcp {
            self.phase = ConnectionPhase::Open;
        } else if let Some(handshake) =
            ledger.target.handshake(self.exchange.channel, &mut self.exchange.queue)
        {
            let head = HeadReader::new(HeadLimits::default());
            self.phase = ConnectionPhase::Shaking(Box::new(Shaking { handshake, head }));
        }
    }

    /// Takes bytes that have arrived.
    pub(crate) fn received(
        &mut self,
        token: Token,
        bytes: &[u8],
        ledger: &mut Ledger<'_>,
        expected: &mut Expected,
    ) -> Result<(), Fault> {
        let Some(session) = &mut self.tls else { return self.plain(token, bytes, ledger, expected) };
        let mut plain = std::mem::take(&mut ledger.plain);
        plain.clear();
        let decrypted = session.decrypt(bytes, &mut plain).map_err(Fault::Tls);
        let is_secure = !session.is_handshaking();
        let result = decrypted.and_then(|()| {
            if matches!(self.phase, ConnectionPhase::Securing) && is_secure {
                let securing = self.enter(ConnectionPhase::Securing);
                ledger.tally.tls.record(securing);
                self.secured(ledger);
            }
            self.plain(token, &plain, ledger, expected)
        });
        ledger.plain = plain;
        result
    }

    fn plain(
        &mut self,
        token: Token,
        bytes: &[u8],
        ledger: &mut Ledger<'_>,
        expected: &mut Expected,
    ) -> Result<(), Fault> {
        let ConnectionPhase::Shaking(shaking) = &mut self.phase else {
            return self.frames(token, bytes, ledger, expected);
        };
        let status = shaking.head.feed(bytes).map_err(Fault::Head)?;
        let HeadStatus::Complete { consumed } = status else { return Ok(()) };
        let response = shaking.head.response().map_err(Fault::Head)?;
        let longest = ledger.series(self.exchange.channel).map_or(0, |series| series.longest());
        let coding = ledger.target.coding();
        if let Some(agreement) = agreement(&shaking.handshake, &response, coding, longest)? {
            self.reader.inflate(&agreement);
        }
        let shaking = self.enter(ConnectionPhase::Open);
        ledger.tally.handshake.record(shaking);
        self.join(ledger, expected);
        self.frames(token, bytes.get(consumed..).unwrap_or_default(), ledger, expected)
    }

    /// Goes on after the opening handshake, with what the server wants before messages.
    fn join(&mut self, ledger: &Ledger<'_>, expected: &Expected) {
        if self.is_replacement && self.exchange.role == Role::Subscriber {
            // Deliveries may follow in the same read.
            let published = ledger.channels.get(self.exchange.channel).map_or(0, Publications::count);
            self.exchange.begin_late(published);
            self.reader.next = expected.series().place(published);
        }
        if self.exchange.role == Role::Echo && self.exchange.begin_step(&ledger.plan.joining) {
            self.phase = ConnectionPhase::Joining;
        }
        let Some(channel) = ledger.hub_channel(self.exchange.channel) else { return };
        let commands = match self.exchange.role {
            Role::Subscriber => hub::joining(Some(&channel)),
            _ => hub::joining(None),
        };
        self.exchange.queue.extend(text_frame(&commands));
        self.phase = ConnectionPhase::Joining;
    }

    fn frames(
        &mut self,
        token: Token,
        bytes: &[u8],
        ledger: &mut Ledger<'_>,
        expected: &mut Expected,
    ) -> Result<(), Fault> {
        let (exchange, now) = (&mut self.exchange, Instant::now());
        let mut fault = None;
        let taken = self.reader.take(bytes, expected, |incoming, next, expected| {
            if matches!(incoming, Incoming::Expected) {
                exchange.answered(token, Answer::in_turn(expected.length_before(next)), ledger, now);
                return None;
            }
            match exchange.take(token, &incoming, (next, expected), ledger, now) {
                Ok(next) => next,
                Err(found) => {
                    fault.get_or_insert(found);
                    None
                }
            }
        });
        taken.map_err(Fault::Protocol)?;
        if matches!(self.phase, ConnectionPhase::Joining) && self.exchange.has_joined {
            self.phase = ConnectionPhase::Open;
        }
        fault.map_or(Ok(()), Err)
    }

    /// What is to be sent now, in this buffer. Returns whether there is anything.
    pub(crate) fn output(&mut self, ledger: &Ledger<'_>, buffer: &mut Vec<u8>) -> bool {
        if self.is_sending {
            return false;
        }
        let is_open = matches!(self.phase, ConnectionPhase::Open);
        if matches!(self.phase, ConnectionPhase::Closing) {
            self.exchange.forget_pongs();
        }
        match &mut self.tls {
            None => self.exchange.output(ledger, is_open, buffer),
            Some(session) => {
                let mut plain = Vec::new();
                self.exchange.output(ledger, is_open, &mut plain);
                session.encrypt(&plain, buffer);
            }
        }
        self.is_sending = !buffer.is_empty();
        self.is_sending
    }

    /// The send is over.
    pub(crate) fn sent(&mut self) {
        self.is_sending = false;
    }

    /// Whether nothing is to be sent or being sent.
    pub(crate) fn is_quiet(&self) -> bool {
        !self.is_sending && self.exchange.queue.is_empty()
    }
}

/// What both sides agreed to about compression.
fn agreement(
    handshake: &ClientHandshake,
    response: &Response<()>,
    coding: Coding,
    longest: usize,
) -> Result<Option<Agreement>, Fault> {
    let agreed = handshake.verify(response).map_err(Fault::Response)?;
    if coding != Coding::Deflate {
        return Ok(None);
    }
    let answer = agreed.extensions.first().ok_or(Fault::NotCompressed)?;
    let agreement = series::deflate().confirm(answer).map_err(|_| Fault::NotCompressed)?;
    // The frames are compressed beforehand, with the largest window. In a short message, no distance is longer than a
    // smaller window.
    let fits = agreement.compress.is_some_and(|context| context.window.bytes() >= longest);
    fits.then_some(Some(agreement)).ok_or(Fault::NotCompressed)
}
