//! From values to messages.

use std::collections::HashMap;

use bytes::Bytes;
use bytestring::ByteString;
use longwire::MessageRef;

use super::super::{Decoder, EncodeError, Encoded, PacketContent, PacketLimits, ToArguments};
use super::super::{ack, connect_error, connected, disconnect, event};

/// The messages of a packet; binary ones as numbers.
fn messages(packet: &Encoded) -> Vec<String> {
    let shown = |message: crate::engine::EngineMessage| match message.content() {
        MessageRef::Text(text) => text.to_owned(),
        MessageRef::Binary(bytes) => format!("{bytes:?}"),
    };
    packet.messages().map(shown).collect()
}

fn namespace(name: &str) -> ByteString {
    ByteString::from(name)
}

fn event_text(name: &str, data: impl ToArguments) -> String {
    messages(&event(&namespace("/"), name, data).expect("valid").finish(None)).join(" ")
}

#[test]
fn the_examples_of_the_document() {
    let sid = "wZX3oN0bSVIhsaknAAAI";
    assert_eq!(messages(&connected("/", sid, None)), [format!(r#"0{{"sid":"{sid}"}}"#)]);
    assert_eq!(messages(&connected("/admin", sid, None)), [format!(r#"0/admin,{{"sid":"{sid}"}}"#)]);
    let error = serde_json::json!({ "message": "Not authorized" });
    assert_eq!(messages(&connect_error("/", &error)), [r#"4{"message":"Not authorized"}"#]);
    assert_eq!(messages(&disconnect("/")), ["1"]);
    assert_eq!(messages(&disconnect("/admin")), ["1/admin,"]);
    assert_eq!(event_text("foo", ()), r#"2["foo"]"#);

    let bytes = Bytes::from_static(&[1, 2, 3, 4]);
    assert_eq!(event_text("baz", &bytes), r#"51-["baz",{"_placeholder":true,"num":0}] [1, 2, 3, 4]"#);
    let (one, other) = (Bytes::from_static(&[1, 2]), Bytes::from_static(&[3, 4]));
    let two = event(&namespace("/admin"), "baz", &(one, other)).expect("valid").finish(None);
    let text = r#"52-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(messages(&two), [text, "[1, 2]", "[3, 4]"]);

    let with_ack = event(&namespace("/admin"), "foo", ()).expect("valid").expecting_ack(13).finish(None);
    assert_eq!(messages(&with_ack), [r#"2/admin,13["foo"]"#]);
    assert_eq!(messages(&ack(&namespace("/"), 12, ()).expect("valid")), ["312[]"]);
    assert_eq!(messages(&ack(&namespace("/admin"), 13, "bar").expect("valid")), [r#"3/admin,13["bar"]"#]);
    let binary = event(&namespace("/admin"), "foo", &bytes).expect("valid").expecting_ack(14);
    let text = r#"51-/admin,14["foo",{"_placeholder":true,"num":0}"#;
    assert_eq!(messages(&binary.finish(None)), [&format!("{text}]"), "[1, 2, 3, 4]"]);
    assert_eq!(messages(&binary.finish(Some(7))), [&format!("{text},\"7\"]"), "[1, 2, 3, 4]"]);
    assert_eq!(binary.content().1.as_json(), r#"{"_placeholder":true,"num":0}"#);
    let binary = ack(&namespace("/"), 15, &("bar", bytes)).expect("valid");
    assert_eq!(messages(&binary), [r#"61-15["bar",{"_placeholder":true,"num":0}]"#, "[1, 2, 3, 4]"]);
}

#[test]
fn a_tuple_is_several_arguments_and_everything_else_is_one() {
    assert_eq!(event_text("a", "b"), r#"2["a","b"]"#);
    assert_eq!(event_text("a", String::from("b")), r#"2["a","b"]"#);
    assert_eq!(event_text("a", ("b", 1)), r#"2["a","b",1]"#);
    assert_eq!(event_text("a", ((1, 2),)), r#"2["a",[1,2]]"#);
    assert_eq!(event_text("a", vec![1, 2]), r#"2["a",[1,2]]"#);
    assert_eq!(event_text("a", None::<u8>), r#"2["a",null]"#);
    assert_eq!(event_text("a", serde_json::json!({ "b": [true] })), r#"2["a",{"b":[true]}]"#);
    assert_eq!(event_text("quote\"", "new\nline"), r#"2["quote\"","new\nline"]"#);
}

#[test]
fn the_offset_is_the_last_argument() {
    let packet = event(&namespace("/"), "a", "b").expect("valid").finish(Some(42));
    assert_eq!(messages(&packet), [r#"2["a","b","42"]"#]);
}

#[test]
fn wrong_names_and_data_are_errors_for_the_application() {
    let reserved = event(&namespace("/"), "disconnect", ()).expect_err("reserved");
    assert!(matches!(&reserved, EncodeError::ReservedName(name) if name == "disconnect"));
    let keys = HashMap::from([((1, 2), 3)]);
    let error = event(&namespace("/"), "a", &keys).expect_err("keys are no strings");
    assert!(error.to_string().contains("key must be a string"), "{error}");
}

#[test]
fn arguments_are_passed_on_as_they_came() {
    let mut decoder = Decoder::new(PacketLimits::default());
    let text = r#"52-["message",{"_placeholder":true,"num":0}, 1.50 ,{"_placeholder":true,"num":1}]"#;
    assert_eq!(decoder.text(&ByteString::from(text)), Ok(None));
    decoder.binary(Bytes::from_static(&[1])).expect("valid");
    let packet = decoder.binary(Bytes::from_static(&[2])).expect("valid").expect("complete");
    let PacketContent::Event { arguments, .. } = packet.content else { panic!("an event") };
    let expected =
        r#"52-["back",{"_placeholder":true,"num":0}, 1.50 ,{"_placeholder":true,"num":1}] [1] [2]"#;
    assert_eq!(event_text("back", &arguments), expected);
    let packet = decoder.text(&ByteString::from_static(r#"2["message"]"#)).expect("valid").expect("complete");
    let PacketContent::Event { arguments, .. } = packet.content else { panic!("an event") };
    assert_eq!(event_text("back", arguments), r#"2["back"]"#);
}
