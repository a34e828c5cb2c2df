//! Commands survive being written and read, in both encodings.

use std::collections::BTreeMap;

use bytes::Bytes;
use longwire_hub::centrifuge::{
    Command, Commands, ConnectRequest, Encoding, FrameLimits, HistoryRequest, PingRequest, PresenceRequest,
    PresenceStatsRequest, PublishRequest, RefreshRequest, Request, RpcRequest, SendRequest,
    SubRefreshRequest, SubscribeRequest, UnsubscribeRequest, WirePosition,
};
use proptest::prelude::*;

/// JSON, which both encodings carry.
fn any_json() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        Just(Bytes::new()),
        any::<String>().prop_map(|text| serde_json::to_vec(&text).unwrap().into()),
        any::<i64>().prop_map(|number| number.to_string().into()),
        "[a-z]{0,9}".prop_map(|text| format!("{{\"{text}\": [ null, {{}}, \"\\n\"]}}").into()),
    ]
}

fn any_subscribe() -> impl Strategy<Value = SubscribeRequest> {
    let texts = any::<[String; 4]>();
    (texts, any::<[bool; 4]>(), any::<(u64, i64, i32)>(), any_json()).prop_map(
        |(
            [channel, token, epoch, delta],
            [recover, positioned, recoverable, join_leave],
            (offset, flag, kind),
            data,
        )| {
            SubscribeRequest {
                channel,
                token,
                recover,
                epoch,
                offset,
                data,
                positioned,
                recoverable,
                join_leave,
                delta,
                tf: None,
                flag,
                kind,
            }
        },
    )
}

fn any_connect() -> impl Strategy<Value = ConnectRequest> {
    let subs = proptest::collection::btree_map(any::<String>(), any_subscribe(), 0..3);
    let headers = any::<BTreeMap<String, String>>();
    (any::<[String; 3]>(), any_json(), subs, headers, any::<i64>()).prop_map(
        |([token, name, version], data, subs, headers, flag)| ConnectRequest {
            token,
            data,
            subs,
            name,
            version,
            headers,
            flag,
        },
    )
}

fn any_request() -> impl Strategy<Value = Request> {
    let text = any::<String>;
    let since = proptest::option::of(
        (any::<u64>(), text()).prop_map(|(offset, epoch)| WirePosition { offset, epoch }),
    );
    prop_oneof![
        any_connect().prop_map(Request::Connect),
        any_subscribe().prop_map(Request::Subscribe),
        text().prop_map(|channel| Request::Unsubscribe(UnsubscribeRequest { channel })),
        (text(), any_json(), any::<i32>(), text(), any::<bool>()).prop_map(
            |(channel, data, kind, key, removed)| {
                Request::Publish(PublishRequest { channel, data, kind, key, removed })
            }
        ),
        text().prop_map(|channel| Request::Presence(PresenceRequest { channel })),
        text().prop_map(|channel| Request::PresenceStats(PresenceStatsRequest { channel })),
        (text(), any::<i32>(), since, any::<bool>()).prop_map(|(channel, limit, since, reverse)| {
            Request::History(HistoryRequest { channel, limit, since, reverse })
        }),
        Just(Request::Ping(PingRequest {})),
        any_json().prop_map(|data| Request::Send(SendRequest { data })),
        (any_json(), text()).prop_map(|(data, method)| Request::Rpc(RpcRequest { data, method })),
        text().prop_map(|token| Request::Refresh(RefreshRequest { token })),
        (text(), text(), any::<i32>()).prop_map(|(channel, token, kind)| {
            Request::SubRefresh(SubRefreshRequest { channel, token, kind })
        }),
        Just(Request::Unknown),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_frame_gives_the_commands_that_were_written(
        commands in proptest::collection::vec((1..=u32::MAX, any_request()), 0..5),
        encoding in prop_oneof![Just(Encoding::Json), Just(Encoding::Protobuf)],
    ) {
        let commands: Vec<_> = commands.into_iter().map(|(id, request)| Command { id, request }).collect();
        let mut frame = Vec::new();
        for command in commands.clone() {
            frame.extend_from_slice(command.encode(encoding).as_bytes());
            if encoding == Encoding::Json {
                frame.push(b'\n');
            }
        }
        let read: Result<Vec<_>, _> = Commands::new(encoding, &frame, FrameLimits::default()).collect();
        prop_assert_eq!(read.unwrap(), commands);
    }
}
