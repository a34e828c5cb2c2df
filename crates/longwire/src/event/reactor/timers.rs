//! The timers of all connections of a loop.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use longwire_proto::GivingUp;

use super::Reactor;
use crate::event::application::Application;
use crate::event::connection::{GivenUp, Lifecycle};
use crate::event::key::Key;
use crate::telemetry::{self, NotLetIn};

/// Up to this many timers, cleaning up is not worthwhile.
const FEW_TIMERS: usize = 64;

/// The delay before the second check of a connection that is about to be given up: in the next round of the loop.
const SECOND_LOOK: Duration = Duration::from_millis(1);

/// How long the handler gets what had arrived from a peer that takes nothing. One that goes on sending would otherwise
/// never be given up.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl<A: Application, L> Reactor<A, L> {
    /// When [`expire`](Reactor::expire) has to be called.
    pub(in crate::event) fn deadline(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((at, _))| self.epoch.instant(*at));
        timer.into_iter().chain(self.next_tick()).chain(self.next_close()).min()
    }

    /// Handles all due timers.
    pub(in crate::event) fn expire(&mut self) {
        self.tick_if_due();
        self.close_those_due();
        let now = self.epoch.time(self.now);
        while let Some(Reverse((at, key))) = self.timers.peek().copied()
            && at <= now
        {
            self.timers.pop();
            let Some(connection) = self.connections.get_mut(key) else { continue };
            if connection.timer != Some(at) {
                continue;
            }
            connection.timer = None;
            let _entered = self.spans.enter(key);
            if self.spares(key) {
                continue;
            }
            let Some(connection) = self.connections.get_mut(key) else { continue };
            match &mut connection.stage {
                Lifecycle::Open(open) => {
                    telemetry::handle_timeout(&mut open.protocol, self.now);
                    open.is_watched = true;
                    self.guarded(key, |reactor| {
                        reactor.run_timers(key);
                        reactor.ring_alarm(key);
                        reactor.after_events(key);
                        reactor.watch(key);
                    });
                }
                Lifecycle::Opening(_) | Lifecycle::Http(_) => {
                    tracing::debug!("the opening handshake took too long");
                    telemetry::refused(NotLetIn::HandshakeTimeout);
                    self.give_up(key);
                }
                Lifecycle::Deciding(_) => self.refuse_undecided(key),
                Lifecycle::Refused(_) => self.give_up(key),
                Lifecycle::Gone => {}
            }
        }
    }

    /// Whether to spare, for now, a connection that is about to be given up: this end may be the one that does not
    /// listen.
    fn spares(&mut self, key: Key) -> bool {
        let now = self.now;
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return false;
        };
        if let Some(given_up) = open.known_backlog().and_then(|backlog| backlog.given_up) {
            self.hear_last_words(key, given_up);
            return true;
        }
        let Some(why) = open.protocol.giving_up(now) else {
            open.awaits_second_look = false;
            // Messages that the handler has not received yet do not make the peer idle.
            if open.is_stalled() {
                open.protocol.messages_wait();
            }
            return false;
        };
        if open.is_stalled() && why == GivingUp::Silent {
            // Nothing more is read until the peer has taken the queued data.
            open.protocol.cannot_hear(now);
            self.watch(key);
            return true;
        }
        // Handlers may have kept the loop busy while the peer answered. Data that has arrived in the meantime is
        // handled before the second check.
        if !std::mem::replace(&mut open.awaits_second_look, true) {
            self.set_timer(key, now + SECOND_LOOK);
            return true;
        }
        if !open.is_stalled() {
            return false;
        }
        // The handler gets what has arrived before the end, although its answers cannot be sent.
        open.backlog().given_up = Some(GivenUp { at: now, why });
        self.broken(key);
        self.set_timer(key, now + SECOND_LOOK);
        true
    }

    /// Ends a connection that was given up, once the handler has got what had arrived.
    fn hear_last_words(&mut self, key: Key, given_up: GivenUp) {
        let now = self.now;
        let Some(open) = self.connections.get_mut(key).and_then(|connection| connection.open_mut()) else {
            return;
        };
        if open.is_stalled() && now.saturating_duration_since(given_up.at) < LAST_WORDS {
            return self.set_timer(key, now + SECOND_LOOK);
        }
        if !open.protocol.is_over() {
            telemetry::gave_up_on_peer(open.protocol.role(), given_up.why);
        }
        self.guarded(key, |reactor| reactor.vanished(key));
    }

    /// Sets the timer for the connection's next deadline.
    pub(super) fn watch(&mut self, key: Key) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(key) else { return };
        let Lifecycle::Open(open) = &mut connection.stage else { return };
        let of_application = open.next_of_application();
        if let Some(at) = open.protocol.poll_timeout(now).into_iter().chain(of_application).min() {
            self.set_timer(key, at);
        }
    }

    /// Sets a timer for a connection, unless an earlier one is set. When a deadline moves back, the old entry stays in
    /// the heap and is set again when it fires: usually data has arrived by then, and moving the entry for each read
    /// would cost more.
    pub(super) fn set_timer(&mut self, key: Key, at: Instant) {
        let at = self.epoch.time(at);
        if let Some(connection) = self.connections.get_mut(key)
            && connection.timer.is_none_or(|set| at < set)
        {
            connection.timer = Some(at);
            self.timers.push(Reverse((at, key)));
            if self.timers.len() > self.connections.len().saturating_mul(2).max(FEW_TIMERS) {
                self.forget_old_timers();
            }
        }
    }

    /// Removes the timers of connections that have ended, and superseded ones. They would pile up if timeouts last days
    /// and connections seconds.
    fn forget_old_timers(&mut self) {
        let connections = &self.connections;
        self.timers.retain(|Reverse((at, key))| {
            connections.get(*key).is_some_and(|connection| connection.timer == Some(*at))
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::time::Duration;

    use longwire_proto::handshake::Refusal;
    use longwire_proto::{Config, Limits};
    use tracing::Span;

    use super::*;
    use crate::admission::census::Census;
    use crate::admission::decision::{Accept, Upgrade};
    use crate::admission::policy::AdmissionPolicy;
    use crate::event::handler::{Handler, Socket};
    use crate::event::message_ref::MessageRef;
    use crate::event::rules::Rules;
    use crate::ledger::Ledger;

    struct Nothing;

    impl Handler for Nothing {
        type State = ();

        async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
            Ok(Accept::new())
        }

        fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
    }

    /// Never decides.
    #[cfg(feature = "metrics")]
    struct Undecided;

    #[cfg(feature = "metrics")]
    impl Handler for Undecided {
        type State = ();

        async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
            std::future::pending().await
        }

        fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
    }

    fn rules<H: Handler>(application: H, handshake_time: Duration) -> Rules<H> {
        Rules {
            application,
            config: Arc::new(Config::new(Limits::default().handshake_time(handshake_time))),
            admission: AdmissionPolicy::default(),
            serves_http: false,
            ledger: Arc::new(Ledger::new(usize::MAX)),
            max_spawned: 64,
            counts_traffic: false,
            tick_every: None,
        }
    }

    #[cfg(feature = "metrics")]
    #[test]
    fn a_request_that_is_not_decided_in_time_is_refused_and_counted() {
        const TIME: Duration = Duration::from_secs(10);
        let request = "GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let census = Arc::new(Census::new(1, 1));
        let mut reactor =
            Reactor::<_, ()>::new(Arc::new(rules(Undecided, TIME)), Arc::default(), Arc::default());
        let begun = reactor.use_manual_time();
        let place = census.enter(Some(Ipv4Addr::LOCALHOST.into())).unwrap();
        let key = reactor.accept((), Some((Ipv4Addr::LOCALHOST, 1).into()), place, Span::none());
        reactor.received(key, &mut request.as_bytes().to_vec(), |_| {});
        let recorder = metrics_util::debugging::DebuggingRecorder::new();
        metrics::with_local_recorder(&recorder, || {
            reactor.tick(begun + TIME - Duration::from_millis(1));
            reactor.expire();
            assert!(matches!(reactor.connections[key].stage, Lifecycle::Deciding(_)), "it has time left");
            reactor.tick(begun + TIME);
            reactor.expire();
        });
        let Lifecycle::Refused(refused) = &reactor.connections[key].stage else {
            panic!("it is not refused")
        };
        assert!(refused.response.starts_with(b"HTTP/1.1 503 "));
        let counted = recorder.snapshotter().snapshot().into_vec();
        let counted = counted.iter().flat_map(|(key, ..)| key.key().labels());
        assert_eq!(counted.map(metrics::Label::value).collect::<Vec<_>>(), ["handshake_timeout"]);
    }

    /// They used to stay until they were due: with a handshake timeout of a day, for all of a day's connections.
    #[test]
    fn timers_of_connections_that_have_ended_do_not_pile_up() {
        let rules = rules(Nothing, Duration::from_secs(86_400));
        let census = Arc::new(Census::new(1_000, 1_000));
        let mut reactor = Reactor::<_, ()>::new(Arc::new(rules), Arc::default(), Arc::default());
        let accept = |reactor: &mut Reactor<Nothing, ()>| {
            let place = census.enter(Some(Ipv4Addr::LOCALHOST.into())).unwrap();
            reactor.accept((), Some((Ipv4Addr::LOCALHOST, 1).into()), place, Span::none())
        };
        let stays: Vec<Key> = (0..100).map(|_| accept(&mut reactor)).collect();
        for _ in 0..10_000 {
            let key = accept(&mut reactor);
            reactor.remove(key);
            assert!(reactor.timers.len() <= 300, "{} timers", reactor.timers.len());
        }
        reactor.tick(Instant::now() + Duration::from_secs(86_401));
        reactor.expire();
        for key in stays {
            assert!(matches!(reactor.connections[key].stage, Lifecycle::Gone), "its time is up");
        }
    }
}

#[cfg(test)]
mod second_look;
