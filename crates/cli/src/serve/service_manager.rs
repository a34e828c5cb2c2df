//! Tells the service manager, such as systemd, how the server is doing.

use std::time::Duration;

use longwire::Topics;
use tokio::time::{MissedTickBehavior, interval};

/// How often the status is renewed.
const STATUS_EVERY: Duration = Duration::from_secs(10);

/// The program has begun to serve, or has reloaded.
pub(super) fn ready() {
    tell(&[State::Ready]);
}

/// The program reloads. [`ready`] follows.
pub(super) fn reloading() {
    tell(&[State::Reloading]);
}

/// The program shuts down.
pub(super) fn stopping(status: &str) {
    tell(&[State::Stopping, State::Status(status)]);
}

/// Renews the status, and feeds the watchdog while all event loops answer. Ends at once if nobody wants to know.
pub(super) async fn keep_telling(topics: Topics, status: impl Fn() -> String) {
    let watchdog = watchdog();
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let period = watchdog.map_or(STATUS_EVERY, |time| STATUS_EVERY.min(time / 2));
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let status = status();
        if watchdog.is_some() && every_loop_answers(&topics).await {
            tell(&[State::Watchdog, State::Status(&status)]);
        } else {
            tell(&[State::Status(&status)]);
        }
    }
}

/// Waits until every event loop has answered.
async fn every_loop_answers(topics: &Topics) -> bool {
    match topics.close_where(1001, "", |_| false) {
        Ok(closing) => closing.await == 0,
        Err(_) => false,
    }
}

enum State<'a> {
    Ready,
    Reloading,
    Stopping,
    Watchdog,
    Status(&'a str),
}

#[cfg(unix)]
impl State<'_> {
    fn named(&self) -> sd_notify::NotifyState<'_> {
        match self {
            State::Ready => sd_notify::NotifyState::Ready,
            State::Reloading => sd_notify::NotifyState::Reloading,
            State::Stopping => sd_notify::NotifyState::Stopping,
            State::Watchdog => sd_notify::NotifyState::Watchdog,
            State::Status(status) => sd_notify::NotifyState::Status(status),
        }
    }
}

#[cfg(unix)]
fn tell(states: &[State<'_>]) {
    use sd_notify::NotifyState;

    let mut told: Vec<NotifyState<'_>> = states.iter().map(|state| state.named()).collect();
    if states.iter().any(|state| matches!(state, State::Reloading)) {
        // systemd tells reloads apart by their time.
        told.extend(NotifyState::monotonic_usec_now().ok());
    }
    if let Err(error) = sd_notify::notify(&told) {
        tracing::warn!(%error, "cannot tell the service manager (NOTIFY_SOCKET)");
    }
}

#[cfg(unix)]
fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

#[cfg(not(unix))]
fn tell(_: &[State<'_>]) {}

#[cfg(not(unix))]
fn watchdog() -> Option<Duration> {
    None
}
