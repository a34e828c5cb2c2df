//! Publications to many clients at once.

use std::collections::BTreeMap;

use longwire_hub::centrifuge::{
    Encoding, Form, Push, PushEvent, PushTarget, Reply, WirePublication, Wrapping, encode_publication,
};
use longwire_hub::{ClientInfo, Data, Millis, Publication};
use proptest::prelude::*;

fn any_data() -> impl Strategy<Value = Data> {
    prop_oneof![
        "[a-z]{0,40}".prop_map(|text| Data::Json(format!("{{\n\"text\": \"{text}\"}}").into())),
        any::<String>().prop_map(|text| Data::Text(text.into())),
        any::<Vec<u8>>().prop_map(|bytes| Data::Binary(bytes.into())),
    ]
}

fn any_publication() -> impl Strategy<Value = Publication> {
    let info = any::<(String, String)>().prop_map(|(user, client)| ClientInfo {
        user: user.into(),
        client: client.into(),
        conn_info: Some("[1,\n2]".into()),
        chan_info: None,
    });
    let tags = proptest::collection::btree_map(any::<String>(), any::<String>(), 0..3);
    let time = prop_oneof![Just(0), any::<u64>()].prop_map(Millis);
    (any_data(), proptest::option::of(info), prop_oneof![Just(0), any::<u64>()], tags, time)
        .prop_map(|(data, info, offset, tags, time)| Publication { offset, data, info, tags, time })
}

fn any_target() -> impl Strategy<Value = PushTarget> {
    prop_oneof![
        Just(PushTarget::Client),
        "[ -~]{1,200}".prop_map(|name| PushTarget::Channel(name.parse().unwrap())),
        (1..=u64::MAX / 2).prop_map(PushTarget::ChannelId),
    ]
}

proptest! {
    #[test]
    fn the_fast_encoding_is_the_same(
        publication in any_publication(),
        previous in any_data(),
        target in any_target(),
        encoding in prop_oneof![Just(Encoding::Json), Just(Encoding::Protobuf)],
        wrapping in prop_oneof![Just(Wrapping::Reply), Just(Wrapping::Bare)],
        form in 0..3,
    ) {
        let form = [Form::Plain, Form::Whole, Form::Delta { previous: &previous }][usize::try_from(form).unwrap()];
        let fast = encode_publication(encoding, wrapping, &target, &publication, form);
        let event = PushEvent::Publication(WirePublication::new(encoding, &publication, form));
        let slow = Reply::Push(Push { target, event }).encode(encoding, wrapping);
        prop_assert_eq!(&fast, &slow);
        prop_assert!(encoding == Encoding::Protobuf || !fast.as_bytes().contains(&b'\n'));
    }
}

#[test]
fn a_publication_in_each_form() {
    let previous = Data::from_text("{\"text\": \"The weather in Bern is fine.\"}");
    let publication = Publication {
        offset: 7,
        data: Data::from_text("{\"text\": \"The weather in Bönn is fine.\"}"),
        info: Some(ClientInfo { user: "42".into(), client: "c1".into(), ..ClientInfo::default() }),
        tags: BTreeMap::from([("city".into(), "Bönn".into()), ("x".into(), "y".into())]),
        time: Millis(1),
    };
    let encode = |form| {
        let target = PushTarget::ChannelId(3);
        let encoded = encode_publication(Encoding::Json, Wrapping::Bare, &target, &publication, form);
        String::from_utf8(encoded.as_bytes().to_vec()).unwrap()
    };
    let around = |data: &str| {
        format!(
            r#"{{"id":3,"pub":{{"data":{data},"info":{{"user":"42","client":"c1"}},"offset":7,"tags":{{"city":"Bönn","x":"y"}},"time":1}}}}"#
        )
    };
    assert_eq!(encode(Form::Plain), around(r#"{"text": "The weather in Bönn is fine."}"#));
    assert_eq!(encode(Form::Whole), around(r#""{\"text\": \"The weather in Bönn is fine.\"}""#));
    let delta = encode(Form::Delta { previous: &previous });
    let delta: serde_json::Value = serde_json::from_str(&delta).unwrap();
    assert_eq!(delta["pub"]["delta"], true);
    let delta = delta["pub"]["data"].as_str().unwrap().as_bytes();
    let applied = longwire_hub::centrifuge::fossil::apply(previous.as_bytes(), delta, 100).unwrap();
    assert_eq!(applied, publication.data.as_bytes());
}
