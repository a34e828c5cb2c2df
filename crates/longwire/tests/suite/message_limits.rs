//! A limit on received messages for a single connection, chosen when its request is accepted.

use longwire::{Accept, Handler, Limits, MessageRef, Refusal, Server, Socket, Upgrade, WebSocket};
use longwire_proto::deflate::Deflate;

use crate::support::{
    CLOSE, Frame, Front, Serving, TEXT, close, echo, for_each_front, masked, patient, upgrade_request,
};

/// The limit of the server.
const SERVER: usize = 1_000;

/// Echoes messages of at most as many bytes as the path says.
struct Echo;

fn limited<S: Default>(request: &Upgrade<'_>) -> Accept<S> {
    match request.path().trim_start_matches('/').parse() {
        Ok(bytes) => Accept::new().max_message(bytes),
        Err(_) => Accept::new(),
    }
}

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept, Refusal> {
        Ok(limited(request))
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }
}

async fn start(front: Front, limits: Limits) -> Serving {
    let set_up = |server: Server| server.limits(limits).deflate(None::<Deflate>);
    match front {
        Front::Tasks => {
            let set_up =
                |server| set_up(server).on_upgrade(async |request: &Upgrade<'_>| Ok(limited(request)));
            Serving::start(set_up, |server| server.serve(echo)).await
        }
        Front::Loops(engine) => {
            let run = |server: Server| server.engine(engine).workers(1).run(Echo);
            Serving::start(set_up, run).await
        }
    }
}

async fn longest_and_next(serving: &Serving, path: &str, longest: usize) {
    let mut raw = serving.raw().await;
    raw.send(upgrade_request("").replace("GET /", &format!("GET {path}"))).await;
    assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
    let text = "x".repeat(longest);
    raw.send(masked(TEXT, &text)).await;
    assert_eq!(raw.frame().await, Frame::new(TEXT, text));
    // The header is enough: a declared payload is not awaited.
    let header = masked(TEXT, "x".repeat(longest + 1));
    raw.send(&header[..header.len() - longest - 1]).await;
    let frame = raw.frame().await;
    assert_eq!((frame.first, &frame.payload[..2]), (CLOSE, &close(1009, "")[..]));
}

#[test]
fn each_connection_may_have_a_lower_limit_than_the_server() {
    for_each_front(async |front| {
        let serving = start(front, patient().message(SERVER)).await;
        longest_and_next(&serving, "/10", 10).await;
        longest_and_next(&serving, "/200", 200).await;
        longest_and_next(&serving, "/", SERVER).await;
        longest_and_next(&serving, "/10", 10).await;
    });
}

#[test]
fn a_limit_above_that_of_the_server_changes_nothing() {
    for_each_front(async |front| {
        let serving = start(front, patient().message(SERVER)).await;
        longest_and_next(&serving, "/5000", SERVER).await;
    });
}

/// Parts, too, end at the limit of the connection, though the server's for parts is higher.
#[test]
fn a_message_in_parts_has_the_same_limit() {
    crate::support::run(async {
        let handler = async |mut socket: WebSocket| {
            while let Some(mut message) = socket.recv_stream().await? {
                let mut length = 0;
                while let Some(piece) = message.next_piece().await? {
                    length += piece.len();
                }
                socket.send(length.to_string()).await?;
            }
            Ok(())
        };
        let set_up = |server: Server| {
            let server =
                server.limits(patient().message(SERVER).streamed(10 * SERVER)).deflate(None::<Deflate>);
            server.on_upgrade(async |_| Ok(Accept::new().max_message(2 * SERVER)))
        };
        let serving = Serving::start(set_up, |server| server.serve(handler)).await;
        let mut raw = serving.raw_open().await;
        raw.send(masked(TEXT, "x".repeat(2 * SERVER))).await;
        assert_eq!(raw.frame().await, Frame::new(TEXT, (2 * SERVER).to_string()));
        raw.send(masked(TEXT, "x".repeat(2 * SERVER + 1))).await;
        let frame = raw.frame().await;
        assert_eq!((frame.first, &frame.payload[..2]), (CLOSE, &close(1009, "")[..]));
    });
}
