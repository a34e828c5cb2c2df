//! A Socket.IO server for the tests with the official clients.
//!
//! Its settings are arguments `name=value`: `engine=readiness|uring`, `recovery=SECONDS`, and `ping=MILLISECONDS` for the
//! interval of pings and the time to answer each, and `nodes=NUMBER` for several servers whose clients reach each other. It ends
//! when its standard input does.

use std::str::FromStr;
use std::time::Duration;

use longwire::{Engine as IoEngine, Error, Result, Server};
use longwire_socketio::engine::{Engine, EngineConfig};
use longwire_socketio::{
    Ack, AckError, Arguments, Auth, BroadcastWithAck, ConnectError, Data, MemoryAdapter, RecoveryConfig,
    Reply, Socket, SocketIo, SocketIoConfig,
};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) async fn run(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let address = arguments.next().ok_or_else(|| Error::other("give the address: 127.0.0.1:0"))?;
    let (mut io_engine, mut config, mut engine_config, mut nodes) =
        (IoEngine::Auto, SocketIoConfig::default(), EngineConfig::default(), 1_usize);
    for argument in arguments {
        match argument.split_once('=') {
            Some(("engine", "readiness")) => io_engine = IoEngine::Readiness,
            Some(("engine", "uring")) => io_engine = IoEngine::Uring,
            Some(("recovery", seconds)) => config.recovery = Some(recovery(parse(seconds)?)),
            Some(("ping", milliseconds)) => {
                let time = Duration::from_millis(parse(milliseconds)?);
                (engine_config.ping_interval, engine_config.ping_timeout) = (time, time);
            }
            Some(("nodes", number)) => nodes = parse(number)?,
            _ => return Err(Error::other(format!("unknown argument: {argument}"))),
        }
    }
    let adapter = MemoryAdapter::new();
    let node = || {
        let config = config.clone();
        let io =
            if nodes > 1 { SocketIo::with_adapter(config, adapter.clone()) } else { SocketIo::with(config) };
        main_namespace(&io);
        members_only(&io);
        watch_leaving(&io);
        Engine::new(io, engine_config.clone())
    };
    let (input, ended) = watch::channel(());
    let mut serving = JoinSet::new();
    for _ in 0..nodes.max(1) {
        serving.spawn(serve(address.clone(), io_engine, node(), ended.clone()));
    }
    serving.spawn(async move {
        let mut discarded = Vec::new();
        tokio::io::stdin().read_to_end(&mut discarded).await.map_err(Error::other)?;
        drop(input);
        Ok(())
    });
    while let Some(served) = serving.join_next().await {
        served.map_err(Error::other)??;
    }
    Ok(())
}

fn parse<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::other(format!("not a number: {text}")))
}

fn recovery(seconds: u64) -> RecoveryConfig {
    let mut recovery = RecoveryConfig::default();
    recovery.max_disconnection = Duration::from_secs(seconds);
    recovery
}

async fn serve(
    address: String,
    io_engine: IoEngine,
    engine: Engine<SocketIo>,
    mut ended: watch::Receiver<()>,
) -> Result<()> {
    let server = Server::bind(&*address).await?.any_origin();
    println!("http://{} {}", server.local_addr(), io_engine.resolve());
    let ending = engine.clone();
    let input_ends = async move {
        // An error says that the input has ended.
        drop(ended.changed().await);
        ending.shut_down();
    };
    server
        .shutdown(input_ends)
        .route(engine.path(), engine.handler())
        .engine(io_engine)
        .http(engine.service())
        .run()
        .await
}

fn main_namespace(io: &SocketIo) {
    let all = io.clone();
    io.on_connect(async move |socket, _auth| {
        socket
            .emit("welcome", json!({ "recovered": socket.is_recovered(), "rooms": room_names(&socket) }))
            .ok();
        socket.on("echo", |socket, arguments: Arguments| async move {
            socket.emit("echo", arguments).ok();
        });
        socket.on("acknowledge", |_socket, arguments: Arguments| async move { Reply(arguments) });
        socket.on("ignore", |_socket, _: Ack| async {});
        socket.on("ask", ask);
        socket.on("transport", |socket, ()| async move { format!("{:?}", socket.transport()) });
        socket.on("flood", |socket, Data((count, size)): Data<(usize, usize)>| async move {
            flood(&socket, count, size);
        });
        socket.on("disconnect me", |socket, ()| async move { socket.disconnect() });
        socket.on("close me", |socket, ()| async move { socket.close_client() });
        rooms(&socket, all);
    });
}

/// Asks the client, and returns its answer or why there is none.
async fn ask(socket: Socket, Data((event, milliseconds)): Data<(String, u64)>) -> (Value, String) {
    let asked = socket.emit_with_ack::<Value>(&event, "please");
    match asked.timeout(Duration::from_millis(milliseconds)).await {
        Ok(answer) => (answer, String::new()),
        Err(AckError::Timeout) => (Value::Null, "timeout".to_owned()),
        Err(error) => (Value::Null, error.to_string()),
    }
}

/// The answers of several clients, and how many did not answer.
async fn ask_all(asked: BroadcastWithAck<Value>) -> (Vec<Value>, usize) {
    let Ok(answers) = asked.await else { return (Vec::new(), 0) };
    (answers.answers.into_iter().map(|(_, answer)| answer).collect(), answers.missing.len())
}

/// Sends volatile events without waiting, and then one that must arrive.
fn flood(socket: &Socket, count: usize, size: usize) {
    let filling = "x".repeat(size);
    for number in 0..count {
        socket.volatile().emit("volatile", (number, &filling)).ok();
    }
    socket.emit("flooded", count).ok();
}

/// Its rooms, except the one that has its identifier as its name.
fn room_names(socket: &Socket) -> Vec<String> {
    let mut names: Vec<String> = socket.rooms().iter().map(ToString::to_string).collect();
    names.retain(|name| *name != socket.id().to_string());
    names.sort();
    names
}

fn rooms(socket: &Socket, all: SocketIo) {
    let everybody = all.clone();
    socket.on("join", |socket, Data(rooms): Data<Vec<String>>| async move {
        socket.join(rooms);
        room_names(&socket)
    });
    socket.on("leave", |socket, Data(room): Data<String>| async move { socket.leave(room) });
    // From this client to the others in some rooms.
    socket.on(
        "tell",
        |socket, Data((rooms, except, text)): Data<(Vec<String>, Vec<String>, Value)>| async move {
            socket.to(rooms).except(except).emit("told", text).ok();
        },
    );
    // From the server to all, this client included.
    socket.on(
        "announce",
        async move |_socket, Data((rooms, except, text)): Data<(Vec<String>, Vec<String>, Value)>| {
            everybody.to(rooms).except(except).emit("announced", text).ok();
        },
    );
    socket.on("broadcast", |socket, arguments: Arguments| async move {
        socket.broadcast().emit("broadcast", arguments).ok();
    });
    let asking = all.clone();
    socket.on("ask all", async move |_socket, Data((rooms, milliseconds)): Data<(Vec<String>, u64)>| {
        let asked = asking.to(rooms).timeout(Duration::from_millis(milliseconds));
        ask_all(asked.emit_with_ack::<Value>("question", "please")).await
    });
    let fetching = all.clone();
    socket.on("count all", async move |_socket, Data(rooms): Data<Vec<String>>| {
        fetching.to(rooms).fetch_all_sockets().await.sockets.len()
    });
    let joining = all.clone();
    socket.on("all join", async move |_socket, Data((rooms, room)): Data<(Vec<String>, String)>| {
        joining.to(rooms).sockets_join(room);
    });
    socket.on("count", async move |_socket, Data(rooms): Data<Vec<String>>| {
        all.to(rooms).fetch_sockets().len()
    });
}

/// The name of a member, which its middleware has found out.
struct Member(String);

/// `/members` lets in who knows the word.
fn members_only(io: &SocketIo) {
    let members = io.of("/members");
    members.use_middleware(|socket, auth: Auth| async move {
        // As one that asks a database.
        tokio::task::yield_now().await;
        let (Some(name), word) = (auth_field(&auth, "name"), auth_field(&auth, "word")) else {
            return Err(ConnectError::new("a name is required"));
        };
        if word.as_deref() != Some("sesame") {
            return Err(ConnectError::new("wrong word").data(json!({ "name": name })));
        }
        socket.insert(Member(name));
        Ok(())
    });
    members.on_connect(|socket, _auth| async move {
        socket.on(
            "who am I",
            |socket, ()| async move { socket.get::<Member>().map(|member| member.0.clone()) },
        );
    });
}

fn auth_field(auth: &Auth, name: &str) -> Option<String> {
    let auth: Value = auth.parse().ok()?;
    auth.get(name)?.as_str().map(str::to_owned)
}

/// `/leaving` reports which clients of `/` have left, and why.
fn watch_leaving(io: &SocketIo) {
    let leaving = io.of("/leaving");
    io.on_connect(async move |socket, _auth| {
        socket.on_disconnect(async move |socket, reason| {
            leaving.emit("left", (socket.id(), reason.as_str())).ok();
        });
    });
}
