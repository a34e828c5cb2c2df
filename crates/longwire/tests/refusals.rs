//! Every way of serving counts refusals alike, also over TLS. An event loop reports its metrics to the process's
//! recorder, so this test is a separate program.
#![cfg(all(target_os = "linux", feature = "metrics", feature = "server", feature = "tls"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod skipped;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use longwire::{
    Accept, Engine, Handler, Limits, MessageRef, Refusal, Server, Socket, Tls, Upgrade, WebSocket,
};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// Accepts every request, and does nothing.
struct Idle;

impl Handler for Idle {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {}
}

/// A server that serves until the process ends, with tasks or with an event loop.
fn start(engine: Option<Engine>, set: impl FnOnce(Server) -> Server) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let tls = Tls::pem(made.cert.pem(), made.signing_key.serialize_pem()).unwrap();
    let server = set(runtime.block_on(Server::bind("127.0.0.1:0")).unwrap().tls(tls));
    let address = server.local_addr();
    std::thread::spawn(move || match engine {
        None => runtime.block_on(server.serve(async |mut socket: WebSocket| {
            while socket.recv().await?.is_some() {}
            Ok(())
        })),
        Some(engine) => runtime.block_on(server.engine(engine).workers(1).run(Idle)),
    });
    address
}

/// The reasons for refusals since the last call, once there are some.
fn reasons(figures: &Snapshotter) -> Vec<(String, u64)> {
    let begun = Instant::now();
    loop {
        let counted = figures.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| {
            let is_one = key.key().name() == longwire::telemetry::CONNECTIONS_REFUSED;
            let reason = key.key().labels().next()?.value().to_owned();
            match value {
                DebugValue::Counter(count) if is_one && count > 0 => Some((reason, count)),
                _ => None,
            }
        });
        let counted: Vec<_> = counted.collect();
        if !counted.is_empty() || begun.elapsed() > Duration::from_secs(60) {
            return counted;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_same_figure_everywhere() {
    let recorder = DebuggingRecorder::new();
    let figures = recorder.snapshotter();
    recorder.install().unwrap();
    let mut engines = vec![Engine::Readiness];
    if Engine::Uring.resolve() == Engine::Uring {
        engines.push(Engine::Uring);
    } else {
        skipped::skipped_without("io_uring");
    }
    // Keep the accepted connections open: their end would be counted.
    let mut inside = Vec::new();
    for engine in std::iter::once(None).chain(engines.into_iter().map(Some)) {
        let one = |reason: &str| vec![(reason.to_owned(), 1)];
        // Wait for the end of the connection, so that nothing is counted later.
        let ended = |mut stream: TcpStream| {
            let _reset = stream.read_to_end(&mut Vec::new());
        };

        let hour = Limits::default().handshake_time(Duration::from_secs(3600));
        let open = start(engine, |server| server.limits(hour.clone()));
        let leaving = TcpStream::connect(open).unwrap();
        leaving.shutdown(Shutdown::Write).unwrap();
        ended(leaving);
        assert_eq!(reasons(&figures), one("left"), "{engine:?}: before TLS");

        let mut leaving = TcpStream::connect(open).unwrap();
        // The beginning of a TLS record.
        leaving.write_all(&[0x16, 3, 1, 2, 0, 1, 0]).unwrap();
        leaving.shutdown(Shutdown::Write).unwrap();
        ended(leaving);
        assert_eq!(reasons(&figures), one("left"), "{engine:?}: during the handshake");

        let mut plain = TcpStream::connect(open).unwrap();
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        ended(plain);
        assert_eq!(reasons(&figures), one("tls"), "{engine:?}: without TLS");

        let full = start(engine, |server| server.limits(hour.clone()).max_connections(1));
        inside.push(TcpStream::connect(full).unwrap());
        ended(TcpStream::connect(full).unwrap());
        assert_eq!(reasons(&figures), one("full"), "{engine:?}");
        let full = start(engine, |server| server.limits(hour.clone()).max_connections_per_ip(1));
        inside.push(TcpStream::connect(full).unwrap());
        ended(TcpStream::connect(full).unwrap());
        assert_eq!(reasons(&figures), one("full_per_ip"), "{engine:?}");
    }
}
