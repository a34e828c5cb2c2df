//! Signals of the system.

/// What asks the program to end.
pub(crate) struct Ending(#[cfg(unix)] unix::Ending);

/// What asks a server to read its certificates again: SIGHUP.
pub(crate) struct HangUp(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Ending {
    /// Listens to Ctrl-C and SIGTERM from now on, so that they do not end the program by themselves.
    pub(crate) fn of_server() -> Ending {
        Ending(
            #[cfg(unix)]
            unix::Ending::listen(unix::HangUp::IsElsewhere),
        )
    }

    /// Listens to Ctrl-C, SIGTERM and SIGHUP.
    pub(crate) fn of_client() -> Ending {
        Ending(
            #[cfg(unix)]
            unix::Ending::listen(unix::HangUp::Ends),
        )
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        self.0.next().await;
        #[cfg(not(unix))]
        let _asked = tokio::signal::ctrl_c().await;
    }
}

impl HangUp {
    /// Listens to SIGHUP from now on, so that it does not end the program.
    pub(crate) fn listen() -> HangUp {
        HangUp(
            #[cfg(unix)]
            unix::listen(tokio::signal::unix::SignalKind::hangup()),
        )
    }

    /// Waits for the next one; without end where there is none.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        unix::next(&mut self.0).await;
        #[cfg(not(unix))]
        std::future::pending::<()>().await;
    }
}

#[cfg(unix)]
mod unix {
    use std::future::pending;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Whether SIGHUP is one of the signals that end the program.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(super) enum HangUp {
        Ends,
        IsElsewhere,
    }

    pub(super) struct Ending {
        interrupt: Option<Signal>,
        terminate: Option<Signal>,
        hang_up: Option<Signal>,
    }

    impl Ending {
        pub(super) fn listen(hang_up: HangUp) -> Ending {
            Ending {
                interrupt: listen(SignalKind::interrupt()),
                terminate: listen(SignalKind::terminate()),
                hang_up: if hang_up == HangUp::Ends { listen(SignalKind::hangup()) } else { None },
            }
        }

        pub(super) async fn next(&mut self) {
            tokio::select! {
                () = next(&mut self.interrupt) => {}
                () = next(&mut self.terminate) => {}
                () = next(&mut self.hang_up) => {}
            }
        }
    }

    pub(super) fn listen(kind: SignalKind) -> Option<Signal> {
        let listening = signal(kind);
        listening
            .inspect_err(|error| tracing::warn!(%error, ?kind, "a signal will end the program at once"))
            .ok()
    }

    pub(super) async fn next(signal: &mut Option<Signal>) {
        let came = match signal {
            Some(signal) => signal.recv().await,
            None => None,
        };
        if came.is_none() {
            pending::<()>().await;
        }
    }
}
