//! A log that is sent over the connection whose events it logs.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use longwire::{Limits, Message, Reconnect};
use tracing::Level;
use tracing::subscriber::{DefaultGuard, set_default};

use crate::support::{
    Frame, PING, PONG, ROOMY, Raw, TEXT, dialled, masked, run_paused, server_and_raw, settle,
};

/// Sends a line, if there is a connection to send it over.
type Line = dyn Fn(Message) + Send;

/// Sends what a test logs.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Option<Box<Line>>>>);

impl Log {
    /// Captures what this thread logs from now on.
    fn of(level: Level) -> (Log, DefaultGuard) {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(level).with_writer(move || writer.clone());
        (log, set_default(subscriber.with_target(false).without_time().with_ansi(false).finish()))
    }

    fn send_over(&self, line: impl Fn(Message) + Send + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(line));
    }
}

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if let Some(send) = &*self.0.lock().unwrap() {
            send(String::from_utf8_lossy(text).into_owned().into());
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits for a line that contains `what`.
async fn expect_line<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(raw: &mut Raw<T>, what: &str) {
    loop {
        let Frame { first, payload } = raw.frame().await;
        assert_eq!(first, TEXT);
        if String::from_utf8(payload).unwrap().contains(what) {
            return;
        }
    }
}

#[test]
fn the_log_of_a_reconnecting_client_can_be_sent_by_itself() {
    run_paused(async {
        let (log, _logging) = Log::of(Level::DEBUG);
        let (client, mut server) = dialled(ROOMY, Limits::default());
        let (sender, mut receiver) =
            client.reconnecting(Reconnect::default()).connect("ws://a.example/").unwrap().split();
        log.send_over(move |line| {
            let _full = sender.try_send(line);
        });
        tokio::spawn(async move { while let Ok(Some(_)) = receiver.recv().await {} });
        let mut raw = server.open().await;
        expect_line(&mut raw, "reconnecting state=open").await;
        drop(raw);
        let mut raw = server.open().await;
        expect_line(&mut raw, "reconnecting state=waiting to connect again").await;
        expect_line(&mut raw, "reconnecting state=open").await;
    });
}

#[test]
fn the_log_of_a_connection_can_be_sent_by_itself() {
    run_paused(async {
        let (log, _logging) = Log::of(Level::TRACE);
        let (socket, mut raw) = server_and_raw();
        let (sender, mut receiver) = socket.split();
        log.send_over(move |line| {
            let _full = sender.try_send(line);
        });
        tokio::spawn(async move { receiver.recv().await });
        settle().await;
        raw.send(masked(PING, "there?")).await;
        assert_eq!(raw.frame().await, Frame::new(PONG, "there?"));
        expect_line(&mut raw, "received event=Ping").await;
    });
}
