// An axum application without any knowledge of Longwire. It is included where `ws` is imported.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use ::axum::Router;
use ::axum::extract::{Path, State};
use ::axum::response::{IntoResponse, Response};
use ::axum::routing::{any, get};
use bytes::Bytes;
use futures_util::stream::{FusedStream, SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::sync::broadcast;
use tokio::sync::mpsc::UnboundedSender;
use ws::rejection::WebSocketUpgradeRejection;
use ws::{CloseCode, CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};

/// State that all handlers share.
#[derive(Clone)]
struct AppState {
    /// Records what the handlers see.
    seen: UnboundedSender<String>,
    room: Arc<Room>,
}

struct Room {
    names: Mutex<HashSet<String>>,
    lines: broadcast::Sender<String>,
}

pub(super) fn router(seen: UnboundedSender<String>) -> Router {
    let room = Room { names: Mutex::default(), lines: broadcast::channel(100).0 };
    Router::new()
        .route("/echo", any(echo))
        .route("/counting", any(counting))
        .route("/chat", get(chat))
        .route("/closing/{code}", any(closing))
        .route("/closing", any(closing_without_a_code))
        .route("/halves", any(halves))
        .route("/sink", any(sink))
        .route("/subprotocol", any(subprotocol))
        .route("/subprotocol/{name}", any(subprotocol_by_name))
        .route("/settings", any(settings))
        .route("/returning", any(async |upgrade: WebSocketUpgrade| upgrade.on_upgrade(async |_| {})))
        .route("/panicking", any(panicking))
        .route("/rejections", any(rejections))
        .with_state(AppState { seen, room: Arc::new(room) })
}

impl AppState {
    fn saw(&self, what: impl Into<String>) {
        // A test that has seen enough does not listen any more.
        let _unheard = self.seen.send(what.into());
    }

    fn saw_message(&self, message: &Message) {
        self.saw(match message {
            Message::Text(text) => format!("text {text}"),
            Message::Binary(bytes) => format!("binary {bytes:?}"),
            Message::Ping(payload) => format!("ping {payload:?}"),
            Message::Pong(payload) => format!("pong {payload:?}"),
            Message::Close(Some(CloseFrame { code, reason })) => format!("close {code} {reason}"),
            Message::Close(None) => "close".to_owned(),
        });
    }

    /// Records everything that arrives, to the end.
    async fn see(&self, socket: &mut WebSocket) {
        while let Some(message) = socket.recv().await {
            match message {
                Ok(message) => self.saw_message(&message),
                Err(_) => self.saw("error"),
            }
        }
        self.saw(format!("end, terminated: {}", socket.is_terminated()));
    }
}

async fn echo(upgrade: WebSocketUpgrade, State(state): State<AppState>) -> Response {
    upgrade.max_message_size(1000).on_upgrade(|socket| echo_messages(socket, state))
}

async fn echo_messages(mut socket: WebSocket, state: AppState) {
    while let Some(message) = socket.recv().await {
        let Ok(message) = message else {
            state.saw("error");
            break;
        };
        state.saw_message(&message);
        let is_answered_already = matches!(message, Message::Ping(_) | Message::Pong(_));
        if !is_answered_already && socket.send(message).await.is_err() {
            state.saw("cannot send");
        }
    }
    state.see(&mut socket).await;
}

/// Pings, waits for any message, and then sends and receives in separate tasks.
async fn counting(upgrade: WebSocketUpgrade, State(state): State<AppState>) -> impl IntoResponse {
    upgrade.on_upgrade(move |mut socket| async move {
        if socket.send(Message::Ping(Bytes::from_static(&[1, 2, 3]))).await.is_err() {
            return;
        }
        if let Some(Ok(message)) = socket.recv().await {
            state.saw_message(&message);
        }
        let (sender, receiver) = socket.split();
        let mut sending = tokio::spawn(count(sender));
        let mut receiving = tokio::spawn(see_half(receiver, state.clone()));
        let sent = (&mut sending).await.unwrap();
        let received = (&mut receiving).await.unwrap();
        state.saw(format!("{sent} sent, {received} received"));
    })
}

async fn count(mut sender: SplitSink<WebSocket, Message>) -> usize {
    for number in 1..4 {
        if sender.send(Message::Text(format!("message {number}").into())).await.is_err() {
            return number;
        }
    }
    let goodbye = CloseFrame { code: close_code::NORMAL, reason: Utf8Bytes::from_static("Goodbye") };
    sender.send(Message::Close(Some(goodbye))).await.unwrap();
    3
}

async fn see_half(mut receiver: SplitStream<WebSocket>, state: AppState) -> usize {
    let mut count = 0;
    while let Some(Ok(message)) = receiver.next().await {
        count += 1;
        state.saw_message(&message);
    }
    count
}

async fn chat(upgrade: WebSocketUpgrade, State(state): State<AppState>) -> impl IntoResponse {
    upgrade.on_upgrade(|socket| async move { talk(socket, &state.room).await })
}

async fn talk(socket: WebSocket, room: &Room) {
    let (mut sender, mut receiver) = socket.split();
    let Some(Ok(Message::Text(name))) = receiver.next().await else { return };
    if !room.names.lock().unwrap().insert(name.to_string()) {
        let _gone = sender.send(Message::Text("This name is taken.".into())).await;
        return;
    }
    let mut heard = room.lines.subscribe();
    let _nobody = room.lines.send(format!("{name} joined."));
    let mut hearing = tokio::spawn(async move {
        while let Ok(line) = heard.recv().await {
            if sender.send(Message::Text(line.into())).await.is_err() {
                break;
            }
        }
    });
    let (lines, speaker) = (room.lines.clone(), name.clone());
    let mut saying = tokio::spawn(async move {
        while let Some(Ok(Message::Text(text))) = receiver.next().await {
            let _nobody = lines.send(format!("{speaker}: {text}"));
        }
    });
    tokio::select! {
        _ = &mut hearing => saying.abort(),
        _ = &mut saying => hearing.abort(),
    }
    let _nobody = room.lines.send(format!("{name} left."));
    room.names.lock().unwrap().remove(name.as_str());
}

async fn closing(
    upgrade: WebSocketUpgrade,
    path: Path<CloseCode>,
    State(state): State<AppState>,
) -> Response {
    let frame = CloseFrame { code: path.0, reason: "log in again".into() };
    upgrade.on_upgrade(|socket| close_and_see(socket, Some(frame), state))
}

async fn closing_without_a_code(upgrade: WebSocketUpgrade, State(state): State<AppState>) -> Response {
    upgrade.on_upgrade(|socket| close_and_see(socket, None, state))
}

async fn close_and_see(mut socket: WebSocket, frame: Option<CloseFrame>, state: AppState) {
    if socket.send(Message::Close(frame)).await.is_err() {
        state.saw("cannot close");
        return;
    }
    let sent = [socket.send("too late".into()).await, socket.send(Message::Close(None)).await];
    state.saw(format!("closing, can send: {:?}", sent.map(|sent| sent.is_ok())));
    state.see(&mut socket).await;
}

async fn halves(upgrade: WebSocketUpgrade, State(state): State<AppState>) -> Response {
    upgrade.on_upgrade(async move |socket| {
        let (sender, receiver) = socket.split();
        drop(sender);
        let received = see_half(receiver, state.clone()).await;
        state.saw(format!("{received} received"));
    })
}

async fn sink(upgrade: WebSocketUpgrade, State(state): State<AppState>) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let pong = Message::Pong(Bytes::from_static(b"unasked"));
        for message in ["one".into(), Message::Ping("now".into()), vec![2].into(), pong] {
            socket.feed(message).await.unwrap();
        }
        SinkExt::flush(&mut socket).await.unwrap();
        SinkExt::close(&mut socket).await.unwrap();
        state.see(&mut socket).await;
    })
}

async fn subprotocol(upgrade: WebSocketUpgrade, State(state): State<AppState>) -> Response {
    let upgrade =
        upgrade.protocols(["chat.v9", "chat.v2"]).protocols(vec!["chat.v3".to_owned(), "chat.v2".to_owned()]);
    let mut requested: Vec<&HeaderValue> = upgrade.requested_protocols().collect();
    requested.sort();
    state.saw(format!("{requested:?} requested, {:?} selected", upgrade.selected_protocol()));
    upgrade.on_upgrade(async move |socket| state.saw(format!("{:?} spoken", socket.protocol())))
}

async fn subprotocol_by_name(mut upgrade: WebSocketUpgrade, Path(name): Path<String>) -> Response {
    upgrade.set_selected_protocol(name.parse().unwrap());
    upgrade.on_upgrade(async |_| {})
}

async fn settings(upgrade: WebSocketUpgrade, State(state): State<AppState>) -> Response {
    let upgrade = upgrade
        .read_buffer_size(1 << 12)
        .write_buffer_size(0)
        .max_write_buffer_size(1 << 20)
        .max_frame_size(1 << 20)
        .max_message_size(1 << 20)
        .on_failed_upgrade(|error: ::axum::Error| panic!("{error}"));
    upgrade.on_upgrade(|socket| echo_messages(socket, state))
}

async fn panicking(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        let first = socket.recv().await;
        panic!("the handler panics over {first:?}");
    })
}

/// Answers with the kind of rejection.
async fn rejections(upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
    let rejection = upgrade.unwrap_err();
    let name = match &rejection {
        WebSocketUpgradeRejection::MethodNotGet(_) => "method",
        WebSocketUpgradeRejection::MethodNotConnect(_) => "method over HTTP/2",
        WebSocketUpgradeRejection::InvalidConnectionHeader(_) => "connection",
        WebSocketUpgradeRejection::InvalidUpgradeHeader(_) => "upgrade",
        WebSocketUpgradeRejection::InvalidProtocolPseudoheader(_) => "protocol",
        WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(_) => "version",
        WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(_) => "key",
        WebSocketUpgradeRejection::ConnectionNotUpgradable(_) => "connection cannot be upgraded",
        _ => "something else",
    };
    assert_eq!(rejection.status(), rejection.into_response().status());
    name.into_response()
}

/// The conversions of each kind of message.
pub(super) fn conversions() -> Vec<String> {
    let close = CloseFrame { code: close_code::AWAY, reason: "bye".into() };
    let messages = [
        Message::text("héllo"),
        Message::text(String::from("owned")),
        Message::binary(vec![0xff]),
        Message::binary(Bytes::from_static(b"ok")),
        Message::from("text"),
        Message::from(&b"bytes"[..]),
        Message::from(Bytes::from_static(b"bytes")),
        Message::Ping(Bytes::from_static(b"\xfe")),
        Message::Pong(Bytes::new()),
        Message::Close(None),
        Message::Close(Some(close)),
    ];
    let told = messages.map(|message| {
        let text = message.to_text().map(str::to_owned).map_err(|error| error.to_string());
        let owned =
            message.clone().into_text().map(|text| text.to_string()).map_err(|error| error.to_string());
        assert_eq!(text, owned);
        format!("{text:?} {:?} {:?}", message.clone().into_data(), Vec::from(message))
    });
    told.to_vec()
}

pub(super) const CODES: [CloseCode; 13] = [
    close_code::NORMAL,
    close_code::AWAY,
    close_code::PROTOCOL,
    close_code::UNSUPPORTED,
    close_code::STATUS,
    close_code::ABNORMAL,
    close_code::INVALID,
    close_code::POLICY,
    close_code::SIZE,
    close_code::EXTENSION,
    close_code::ERROR,
    close_code::RESTART,
    close_code::AGAIN,
];
