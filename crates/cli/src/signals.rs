//! Operating system signals.

/// The exit code after Ctrl-C, as in shells.
pub(crate) const INTERRUPTED: u8 = 130;

/// Signals that ask the program to end.
pub(crate) struct Ending(#[cfg(unix)] unix::Ending);

/// SIGHUP, which asks a server to reload its certificate.
pub(crate) struct HangUp(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Ending {
    /// Listens for Ctrl-C and SIGTERM from now on, so that they no longer kill the process.
    pub(crate) fn of_server() -> Ending {
        Ending(
            #[cfg(unix)]
            unix::Ending::listen(unix::HangUp::IsElsewhere),
        )
    }

    /// Listens for Ctrl-C, SIGTERM and SIGHUP.
    pub(crate) fn of_client() -> Ending {
        Ending(
            #[cfg(unix)]
            unix::Ending::listen(unix::HangUp::Ends),
        )
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        self.0.next().await;
        #[cfg(not(unix))]
        let _asked = tokio::signal::ctrl_c().await;
    }
}

impl HangUp {
    /// Listens for SIGHUP from now on, so that it no longer kills the process.
    pub(crate) fn listen() -> HangUp {
        HangUp(
            #[cfg(unix)]
            unix::listen(tokio::signal::unix::SignalKind::hangup()),
        )
    }

    /// Waits for the next SIGHUP. It never completes on a system without SIGHUP.
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
    use std::thread;

    use tokio::runtime::Builder;
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
            if hang_up == HangUp::Ends {
                notice_on_a_thread();
            }
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

    /// Notices signals on a thread of their own, too. Those of the runtime notice none while all of them wait to print to a
    /// pipe that nobody reads.
    fn notice_on_a_thread() {
        if let Ok(runtime) = Builder::new_current_thread().enable_io().build() {
            let noticing = move || runtime.block_on(pending::<()>());
            let _without = thread::Builder::new().name("signals".to_owned()).spawn(noticing);
        }
    }

    pub(super) fn listen(kind: SignalKind) -> Option<Signal> {
        let listening = signal(kind);
        listening
            .inspect_err(
                |error| tracing::warn!(%error, ?kind, "this signal will end the program immediately"),
            )
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
