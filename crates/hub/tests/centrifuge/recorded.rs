//! What the official JavaScript client sends. `recorded/record.cjs` has recorded it.

use bytes::Bytes;
use longwire_hub::centrifuge::{Command, Commands, Encoding, FrameLimits, Request, SubscribeRequest};

use crate::support::{read, unhex};

/// The frames of each step, read.
fn steps(encoding: Encoding) -> Vec<(String, Vec<Vec<Command>>)> {
    let record = match encoding {
        Encoding::Json => include_str!("recorded/json.txt"),
        Encoding::Protobuf => include_str!("recorded/protobuf.txt"),
    };
    let mut steps: Vec<(String, Vec<Vec<Command>>)> = Vec::new();
    for line in record.lines() {
        if let Some(name) = line.strip_prefix("# ") {
            steps.push((name.to_owned(), Vec::new()));
            continue;
        }
        let frame = match encoding {
            Encoding::Json => line.replace('⏎', "\n").into_bytes(),
            Encoding::Protobuf => unhex(line),
        };
        steps.last_mut().unwrap().1.push(read(encoding, &frame).unwrap());
    }
    steps
}

/// Plays the record of one encoding, step by step.
struct Record {
    steps: std::vec::IntoIter<(String, Vec<Vec<Command>>)>,
}

impl Record {
    fn new(encoding: Encoding) -> Record {
        Record { steps: steps(encoding).into_iter() }
    }

    /// The commands of the next step, which is expected to have frames with so many commands.
    fn step<const N: usize>(&mut self, name: &str, frames: &[usize]) -> [Command; N] {
        let (found, commands) = self.steps.next().unwrap();
        assert_eq!(found, name);
        assert_eq!(commands.iter().map(Vec::len).collect::<Vec<_>>(), frames, "{name}");
        commands.into_iter().flatten().collect::<Vec<_>>().try_into().unwrap()
    }
}

/// The data of a message: both clients were given the same JSON.
fn data(json: &str) -> Bytes {
    Bytes::copy_from_slice(json.as_bytes())
}

const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl";

fn plays_the_record(encoding: Encoding) {
    let mut record = Record::new(encoding);

    let [connect, news, private] = record.step("connect with two subscriptions in one frame", &[3]);
    let Request::Connect(request) = connect.request else { panic!() };
    assert_eq!((connect.id, request.token.as_str(), &request.data), (1, TOKEN, &data(r#"{"from":"tests"}"#)));
    assert_eq!((request.name.as_str(), request.version.as_str()), ("recorder", "1.0"));
    assert_eq!(request.headers["X-Tenant"], "blue");
    let expected_news = SubscribeRequest {
        channel: "news".into(),
        data: data(r#"{"as":"reader"}"#),
        positioned: true,
        recoverable: true,
        join_leave: true,
        flag: 1,
        delta: "fossil".into(),
        ..SubscribeRequest::default()
    };
    assert_eq!(news, Command { id: 2, request: Request::Subscribe(expected_news.clone()) });
    assert!(expected_news.accepts_fossil());
    assert_eq!(expected_news.accepts_channel_id(encoding), encoding == Encoding::Json);
    let Request::Subscribe(request) = private.request else { panic!() };
    assert_eq!((request.channel.as_str(), request.token.as_str()), ("private", "subtoken"));

    let [tagged] = record.step("tags filter", &[1]);
    assert_eq!(tagged.request.declined(), Some("filters by tags"));

    let [to_news, to_chat] = record.step("publish through a subscription, and to a channel", &[1, 1]);
    let Request::Publish(request) = to_news.request else { panic!() };
    assert_eq!(request.data, data(r#"{"text":"Grüße, \"you\"\n"}"#));
    let Request::Publish(request) = to_chat.request else { panic!() };
    assert_eq!((request.channel.as_str(), &request.data), ("chat:lobby", &data("[1,2.5,null,true]")));

    let history =
        record.step::<3>("history: the position, a page after a position, the newest in reverse", &[1, 1, 1]);
    let [position, page, newest] = history.map(|command| match command.request {
        Request::History(request) => {
            (request.limit, request.since.map(|since| (since.offset, since.epoch)), request.reverse)
        }
        _ => panic!(),
    });
    assert_eq!(position, (0, None, false));
    assert_eq!(page, (10, Some((1, "e1".into())), false));
    assert_eq!(newest, (-1, None, true));

    let [presence, stats] = record.step("presence and its statistics", &[1, 1]);
    assert!(matches!(presence.request, Request::Presence(request) if request.channel == "news"));
    assert!(matches!(stats.request, Request::PresenceStats(request) if request.channel == "news"));

    let [rpc, send] = record.step("rpc, and a message without a reply", &[1, 1]);
    let Request::Rpc(request) = rpc.request else { panic!() };
    assert_eq!((request.method.as_str(), &request.data), ("year", &data(r#"{"of":"now"}"#)));
    assert_eq!(send.id, 0);
    assert!(matches!(send.request, Request::Send(request) if request.data == data(r#"{"hello":1}"#)));

    let [a, b] = record.step("commands in one batch", &[2]);
    assert!(matches!(a.request, Request::Publish(request) if request.data == data("1")));
    assert!(matches!(b.request, Request::Publish(request) if request.data == data("\"two\"")));

    assert_eq!(record.step("pong", &[1]), [Command { id: 0, request: Request::Pong }]);

    let [connection, subscription] =
        record.step("refreshing the tokens of the connection and of a subscription", &[1, 1]);
    assert!(matches!(connection.request, Request::Refresh(request) if request.token == format!("{TOKEN}2")));
    let Request::SubRefresh(request) = subscription.request else { panic!() };
    assert_eq!((request.channel.as_str(), request.token.as_str()), ("private", "subtoken2"));

    let [unsubscribe] = record.step("unsubscribe", &[1]);
    assert!(matches!(unsubscribe.request, Request::Unsubscribe(request) if request.channel == "tagged"));

    let [connect, news, _] =
        record.step("reconnecting with recovery, also of a server-side subscription", &[3]);
    let Request::Connect(request) = connect.request else { panic!() };
    let side = &request.subs["server:side"];
    assert_eq!((side.recover, side.offset, side.epoch.as_str()), (true, 7, "e0"));
    let recovering = SubscribeRequest { recover: true, offset: 2, epoch: "e1".into(), ..expected_news };
    assert_eq!(news.request, Request::Subscribe(recovering));

    let [map, poll] = record.step("declined: a map subscription, and a shared poll subscription", &[1, 1]);
    assert_eq!(map.request.declined(), Some("map and shared poll subscriptions"));
    assert_eq!(poll.request.declined(), Some("map and shared poll subscriptions"));
    assert!(record.steps.next().is_none());
}

#[test]
fn json_is_read_as_the_official_client_means_it() {
    plays_the_record(Encoding::Json);
}

#[test]
fn protobuf_is_read_as_the_official_client_means_it() {
    plays_the_record(Encoding::Protobuf);
}

#[test]
fn a_command_of_a_newer_protocol_is_recognized_as_unknown() {
    let limits = FrameLimits::default();
    let json = br#"{"id":7,"teleport":{"to":[{}]}}"#;
    // Field 16, a message with one byte.
    let protobuf = b"\x06\x08\x07\x82\x01\x01\x00";
    for (encoding, frame) in [(Encoding::Json, &json[..]), (Encoding::Protobuf, protobuf)] {
        let command = Commands::new(encoding, frame, limits).next().unwrap().unwrap();
        assert_eq!(command, Command { id: 7, request: Request::Unknown });
    }
}

#[test]
fn the_first_request_counts_and_null_is_none() {
    let frame = br#"{"id":1,"subscribe":null,"rpc":{"method":"m"},"publish":{"channel":"c","data":null}}"#;
    let commands = read(Encoding::Json, frame).unwrap();
    let [Command { id: 1, request: Request::Publish(request) }] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!(request.data, "null");
}

#[test]
fn commands_may_be_spread_over_lines() {
    let frame = b"\n{\n\"id\": 1,\n \"publish\": {\"channel\": \"c\", \"data\": [\n1,\r\n2]}}\n\n{}\n";
    let commands = read(Encoding::Json, frame).unwrap();
    let [Command { request: Request::Publish(request), .. }, pong] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!(pong.request, Request::Pong);
    let data = Encoding::Json.data(request.data.clone());
    assert_eq!(Encoding::Json.payload(&data), "[1,2]");
}
