//! What accompanies a connection: its handshake, what has passed, and the recording.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use http::HeaderMap;
use longwire::{Client, ConnectStep, ControlOpcode, Direction, FrameObserver, Message, Opcode, SeenFrame};

use super::in_flight::{InFlight, Origin};
use super::output::Output;
use super::traffic::TrafficCounter;
use super::verbose::Verbose;
use crate::args::ConnectArgs;
use crate::har::{CloseFrames, Handshake, Recorder, RecordingStopped};
use crate::terminal;

/// Sees every step of connecting, every frame and every message.
#[derive(Clone)]
pub(super) struct Observing {
    pub(super) output: Output,
    pub(super) traffic: TrafficCounter,
    verbose: Option<Verbose>,
    handshake: Arc<Mutex<Option<Handshake>>>,
    recorder: Option<Arc<Mutex<Recorder>>>,
    close_frames: Arc<Mutex<CloseFrames>>,
    in_flight: InFlight,
    /// Held while a message is shown as sent, so that no later one overtakes it.
    showing: Arc<Mutex<()>>,
}

impl Observing {
    /// # Errors
    ///
    /// The recording cannot be created.
    pub(super) fn new(args: &ConnectArgs) -> Result<Observing, String> {
        let recorder = args.recording.record.as_deref().map(|path| args.recording.create(path));
        Ok(Observing {
            output: Output::new(args),
            traffic: TrafficCounter::new(),
            verbose: args.verbose.then(Verbose::new),
            handshake: Arc::default(),
            recorder: recorder.transpose()?.map(|recorder| Arc::new(Mutex::new(recorder))),
            close_frames: Arc::default(),
            in_flight: InFlight::default(),
            showing: Arc::default(),
        })
    }

    /// The client, observed. `url` has no user name and no password.
    pub(super) fn client(&self, client: Client, url: String) -> Client {
        let (steps, frames) = (self.clone(), self.clone());
        let observer = FrameObserver::new(move |frame| {
            if let Some(verbose) = &frames.verbose {
                verbose.frame(frame);
            }
            frames.close_frame(frame);
            frames.in_flight.frame(frame);
            frames.traffic.frame(frame);
            frames.output.frame(frame);
        });
        let asked = Mutex::new(Instant::now());
        client.observer(observer).on_step(move |step| {
            if let Some(verbose) = &steps.verbose {
                verbose.step(step);
            }
            let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            match step {
                ConnectStep::Request(request) => {
                    *asked = Instant::now();
                    steps.requested(&url, request.headers());
                }
                ConnectStep::Response(response) => {
                    steps.answered(asked.elapsed(), response.status().as_u16(), response.headers());
                }
                _ => {}
            }
        })
    }

    fn close_frame(&self, frame: &SeenFrame<'_>) {
        if frame.header.opcode() == Opcode::Control(ControlOpcode::Close) {
            self.close_frames().seen(frame.direction, frame.control_payload);
        }
    }

    fn close_frames(&self) -> MutexGuard<'_, CloseFrames> {
        self.close_frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records how the connection has ended. `why`: what ended it, in case that no Close frame did.
    pub(super) fn ended(&self, why: &str) {
        let (time, end) = std::mem::take(&mut *self.close_frames()).end(why);
        self.record(|recorder| recorder.end(time, &end));
    }

    fn requested(&self, url: &str, headers: &HeaderMap) {
        let mut handshake = self.handshake.lock().unwrap_or_else(PoisonError::into_inner);
        if handshake.as_ref().is_some_and(|last| last.status == 101) {
            // With --reconnect, one connection follows another.
            self.ended("");
        }
        *handshake = Some(Handshake {
            url: url.to_owned(),
            began: SystemTime::now(),
            took: Duration::ZERO,
            request_headers: headers.clone(),
            status: 0,
            response_headers: HeaderMap::new(),
        });
    }

    fn answered(&self, took: Duration, status: u16, headers: &HeaderMap) {
        let mut handshake = self.handshake.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(handshake) = handshake.as_mut() else { return };
        handshake.took = took;
        handshake.status = status;
        headers.clone_into(&mut handshake.response_headers);
        self.record(|recorder| recorder.begin(handshake));
    }

    /// Reports what was negotiated.
    pub(super) fn open(&self, extensions: &str, subprotocol: Option<&str>) {
        if let Some(verbose) = &self.verbose {
            verbose.open(extensions, subprotocol);
        }
    }

    /// A message is about to be sent.
    pub(super) fn sending(&self, message: &Message, origin: Origin) {
        self.traffic.sending();
        self.in_flight.begin(message.clone(), origin);
    }

    /// The message has been sent: records and shows it.
    pub(super) fn sent(&self) {
        let _in_order = self.showing();
        if let Some((message, origin)) = self.in_flight.take_sent() {
            self.show_sent(&message, origin);
        }
    }

    /// The message could not be sent.
    pub(super) fn not_sent(&self) {
        self.in_flight.fail();
    }

    fn showing(&self) -> MutexGuard<'_, ()> {
        self.showing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_sent(&self, message: &Message, origin: Origin) {
        self.traffic.sent(message);
        self.record(|recorder| recorder.message(Direction::Sent, SystemTime::now(), message));
        if let Some(verbose) = &self.verbose {
            verbose.message(Direction::Sent, message);
        }
        if origin == Origin::Given {
            self.output.sent(message);
        }
    }

    /// Records a message that was received. If it is the first one after one that was sent, returns the time between them.
    pub(super) fn received(&self, message: &Message) -> Option<Duration> {
        let in_order = self.showing();
        if let Some((question, origin)) = self.in_flight.take_queued() {
            self.show_sent(&question, origin);
        }
        drop(in_order);
        if let Some(verbose) = &self.verbose {
            verbose.message(Direction::Received, message);
        }
        self.record(|recorder| recorder.message(Direction::Received, SystemTime::now(), message));
        self.traffic.received(message)
    }

    fn record(&self, write: impl FnOnce(&mut Recorder) -> Result<(), RecordingStopped>) {
        let Some(recorder) = &self.recorder else { return };
        if let Err(RecordingStopped(why)) =
            write(&mut recorder.lock().unwrap_or_else(PoisonError::into_inner))
        {
            terminal::complain(&format!("longwire: {why}"));
        }
    }

    /// The lines of /headers.
    pub(super) fn headers(&self) -> Vec<String> {
        let handshake = self.handshake.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(handshake) = handshake.as_ref() else { return Vec::new() };
        let mut lines = vec![format!("> GET {}", terminal::escape(&handshake.url))];
        lines.extend(header_lines('>', &handshake.request_headers));
        lines.push(format!("< {}", handshake.status));
        lines.extend(header_lines('<', &handshake.response_headers));
        lines
    }
}

fn header_lines(arrow: char, headers: &HeaderMap) -> impl Iterator<Item = String> {
    headers.iter().map(move |(name, value)| {
        let shown = String::from_utf8_lossy(value.as_bytes());
        let shown = if value.is_sensitive() { "(not shown)".into() } else { terminal::escape(&shown) };
        format!("{arrow} {name}: {shown}")
    })
}
