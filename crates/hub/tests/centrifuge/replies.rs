//! Replies and pushes, as the official clients expect them. The Python client's own definition has read the protobuf.

use std::collections::BTreeMap;

use longwire_hub::centrifuge::{
    Batch, CommandResult, ConnectPush, ConnectResult, Disconnect, DisconnectPush, Encoding, ErrorCode,
    HistoryResult, MemberPush, PresenceResult, PresenceStatsResult, Push, PushEvent, PushTarget,
    RefreshResult, Reply, RpcResult, ServerSideResult, SubRefreshResult, SubscribeResult, UnsubscribeCode,
    WireClient, WirePublication, Wrapping,
};
use longwire_hub::{ClientInfo, Data};

use crate::support::hex;

/// The reply in both encodings; protobuf in hexadecimal.
fn encoded(reply: Reply) -> (String, String) {
    let json = reply.clone().encode(Encoding::Json, Wrapping::Reply);
    let protobuf = reply.encode(Encoding::Protobuf, Wrapping::Reply);
    (String::from_utf8(json.as_bytes().to_vec()).unwrap(), hex(protobuf.as_bytes()))
}

fn result(result: CommandResult) -> (String, String) {
    encoded(Reply::Result { id: 1, result })
}

fn news() -> PushTarget {
    PushTarget::Channel("news".parse().unwrap())
}

fn client() -> WireClient {
    let info = ClientInfo {
        user: "42".into(),
        client: "c1".into(),
        conn_info: Some("{\"name\":\n\"Ann\"}".into()),
        chan_info: None,
    };
    WireClient::from(&info)
}

#[test]
fn results_have_the_fields_of_the_definition() {
    let subscribed = SubscribeResult {
        recoverable: true,
        epoch: "e".into(),
        publications: vec![WirePublication { data: "1".into(), offset: 2, ..WirePublication::default() }],
        recovered: true,
        offset: 1,
        positioned: true,
        was_recovering: true,
        id: 9,
        ..SubscribeResult::default()
    };
    let (json, protobuf) = result(CommandResult::Subscribe(subscribed.clone()));
    assert_eq!(
        json,
        r#"{"id":1,"subscribe":{"recoverable":true,"epoch":"e","publications":[{"data":1,"offset":2}],"recovered":true,"offset":1,"positioned":true,"was_recovering":true,"id":9}}"#
    );
    assert_eq!(protobuf, "1a0801321618013201653a05220131300240014801500160017009");

    let connected = ConnectResult {
        client: "c1".into(),
        expires: true,
        ttl: 60,
        ping: 25,
        pong: true,
        data: "{}".into(),
        subs: vec![by_server("news", SubscribeResult { offset: 3, ..SubscribeResult::default() })],
        session: "s".into(),
        node: "n".into(),
        time: 5,
        ..ConnectResult::default()
    };
    assert_eq!(
        result(CommandResult::Connect(connected)).0,
        r#"{"id":1,"connect":{"client":"c1","expires":true,"ttl":60,"data":{},"subs":{"news":{"offset":3}},"ping":25,"pong":true,"session":"s","node":"n","time":5}}"#
    );

    for (value, json, protobuf) in [
        (CommandResult::Unsubscribe, r#"{"id":1,"unsubscribe":{}}"#, "0408013a00"),
        (CommandResult::Publish, r#"{"id":1,"publish":{}}"#, "0408014200"),
        (CommandResult::Ping, r#"{"id":1,"ping":{}}"#, "0408016200"),
        (
            CommandResult::PresenceStats(PresenceStatsResult { num_clients: 3, num_users: 2 }),
            r#"{"id":1,"presence_stats":{"num_clients":3,"num_users":2}}"#,
            "080801520408031002",
        ),
        (
            CommandResult::Rpc(RpcResult { data: "[]".into() }),
            r#"{"id":1,"rpc":{"data":[]}}"#,
            "0808016a040a025b5d",
        ),
        (
            CommandResult::Refresh(RefreshResult { expires: true, ttl: 9, ..RefreshResult::default() }),
            r#"{"id":1,"refresh":{"expires":true,"ttl":9}}"#,
            "080801720418012009",
        ),
        (
            CommandResult::SubRefresh(SubRefreshResult { expires: true, ttl: 9 }),
            r#"{"id":1,"sub_refresh":{"expires":true,"ttl":9}}"#,
            "0808017a0408011009",
        ),
        (
            CommandResult::History(HistoryResult { publications: vec![], epoch: "e".into(), offset: 2 }),
            r#"{"id":1,"history":{"publications":[],"epoch":"e","offset":2}}"#,
            "0908015a051201651802",
        ),
        (
            CommandResult::Presence(PresenceResult { presence: BTreeMap::from([("c1".into(), client())]) }),
            r#"{"id":1,"presence":{"presence":{"c1":{"user":"42","client":"c1","conn_info":{"name":"Ann"}}}}}"#,
            "2408014a200a1e0a02633112180a023432120263311a0e7b226e616d65223a22416e6e227d",
        ),
    ] {
        let (found_json, found_protobuf) = result(value);
        assert_eq!(found_json, json);
        assert_eq!(found_protobuf, protobuf, "{json}");
    }
}

fn by_server(channel: &str, result: SubscribeResult) -> ServerSideResult {
    ServerSideResult { channel: channel.into(), result: Some(result) }
}

/// The JavaScript client fails at an entry of the map without a value.
#[test]
fn an_empty_subscription_is_written_too() {
    let subs = vec![by_server("news", SubscribeResult::default())];
    let connected = ConnectResult { subs: subs.clone(), ..ConnectResult::default() };
    let (json, protobuf) = result(CommandResult::Connect(connected.clone()));
    assert_eq!(json, r#"{"id":1,"connect":{"subs":{"news":{}}}}"#);
    assert_eq!(protobuf, format!("0e08012a0a32080a04{}1200", hex(b"news")));
    let push = PushEvent::Connect(ConnectPush::from(connected));
    let (json, protobuf) = encoded(Reply::Push(Push { target: PushTarget::Client, event: push }));
    assert_eq!(json, r#"{"push":{"connect":{"subs":{"news":{}}}}}"#);
    assert!(protobuf.ends_with(&format!("22080a04{}1200", hex(b"news"))), "{protobuf}");
}

#[test]
fn errors_say_whether_they_are_temporary() {
    let error = Reply::Error { id: 5, error: ErrorCode::Internal.into() };
    let (json, protobuf) = encoded(error);
    assert_eq!(json, r#"{"id":5,"error":{"code":100,"message":"internal server error","temporary":true}}"#);
    assert_eq!(protobuf, format!("1f0805121b08641215{}1801", hex(b"internal server error")));
}

#[test]
fn pushes_have_the_fields_of_the_definition() {
    let push = |target, event| encoded(Reply::Push(Push { target, event }));
    let member = || MemberPush { info: Some(client()) };
    assert_eq!(
        push(news(), PushEvent::Join(member())).0,
        r#"{"push":{"channel":"news","join":{"info":{"user":"42","client":"c1","conn_info":{"name":"Ann"}}}}}"#
    );
    assert_eq!(
        push(PushTarget::ChannelId(300), PushEvent::Leave(member())).1,
        "21221f08ac02321a0a180a023432120263311a0e7b226e616d65223a22416e6e227d"
    );
    assert_eq!(
        push(news(), PushEvent::Unsubscribe(UnsubscribeCode::InsufficientState.into())),
        (
            r#"{"push":{"channel":"news","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#.into(),
            format!("2122{}", "1f12046e6577733a1710c4131a12".to_owned() + &hex(b"insufficient state")),
        )
    );
    let disconnect = DisconnectPush::from(&Disconnect::SHUTDOWN);
    assert_eq!(
        push(PushTarget::Client, PushEvent::Disconnect(disconnect)).0,
        r#"{"push":{"disconnect":{"code":3001,"reason":"shutdown","reconnect":true}}}"#
    );
    let connected =
        ConnectResult { client: "c".into(), data: "1".into(), ttl: 2, ..ConnectResult::default() };
    let bare = Reply::Push(Push { target: PushTarget::Client, event: PushEvent::Connect(connected.into()) });
    assert_eq!(
        bare.clone().encode(Encoding::Json, Wrapping::Bare).as_bytes(),
        r#"{"connect":{"client":"c","data":1,"ttl":2}}"#
    );
    assert_eq!(hex(bare.encode(Encoding::Protobuf, Wrapping::Bare).as_bytes()), "0a52080a01631a01313002");
}

#[test]
fn a_batch_is_one_frame() {
    let error = Reply::Error { id: 2, error: ErrorCode::BadRequest.into() };
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        let mut batch = Batch::new(encoding, Wrapping::Reply);
        assert!(batch.is_empty() && batch.take().is_none());
        let replies = [Reply::Ping, Reply::Result { id: 1, result: CommandResult::Publish }, error.clone()];
        let mut expected = Vec::new();
        for (number, reply) in replies.into_iter().enumerate() {
            if number > 0 && encoding == Encoding::Json {
                expected.push(b'\n');
            }
            expected.extend_from_slice(reply.clone().encode(encoding, Wrapping::Reply).as_bytes());
            batch.push(reply);
            assert_eq!(batch.len(), expected.len());
        }
        assert_eq!(batch.take().unwrap().as_bytes(), &expected);
        assert!(batch.is_empty());
    }
}

#[test]
fn data_that_is_no_json_cannot_break_a_frame() {
    for data in ["{", "1\n2", "", "\"", "nul", "{}\n{\"id\":1}", "[\n]"] {
        let reply = Reply::Result { id: 1, result: CommandResult::Rpc(RpcResult { data: data.into() }) };
        let encoded = reply.encode(Encoding::Json, Wrapping::Reply);
        let value: serde_json::Value = serde_json::from_slice(encoded.as_bytes()).unwrap();
        assert_eq!(value["rpc"]["data"].as_str(), (!data.is_empty()).then_some(data));
        assert!(!encoded.as_bytes().contains(&b'\n'));
    }
}

#[test]
fn every_client_sees_data_in_its_own_way() {
    for (data, json, bytes) in [
        (Data::Json("{ \"a\":\r\n1 }".into()), "{ \"a\":1 }", &b"{ \"a\":\r\n1 }"[..]),
        (Data::Text("a \"b\"\n".into()), r#""a \"b\"\n""#, b"a \"b\"\n"),
        (Data::Binary(vec![0, 255].into()), "\"AP8=\"", &[0, 255]),
    ] {
        assert_eq!(Encoding::Json.payload(&data), json);
        assert_eq!(Encoding::Protobuf.payload(&data), bytes);
    }
    assert_eq!(Encoding::Protobuf.data("{}".into()), Data::Json("{}".into()));
    assert_eq!(Encoding::Protobuf.data("text".into()), Data::Binary("text".into()));
    assert_eq!(Encoding::Json.data("\"text\"".into()), Data::Json("\"text\"".into()));
}
