//! From messages to packets.

use bytes::Bytes;
use bytestring::ByteString;

use super::super::{Decoder, PacketContent, PacketError, PacketLimits, SocketPacket};

fn decoder() -> Decoder {
    Decoder::new(PacketLimits::default())
}

fn decode(text: &str) -> Result<SocketPacket, PacketError> {
    let packet = decoder().text(&ByteString::from(text))?;
    Ok(packet.expect("a packet without attachments"))
}

/// The packet in short: namespace, type, number, name, JSON.
fn shown(text: &str) -> String {
    match decode(text) {
        Ok(packet) => show(&packet),
        Err(error) => format!("{error:?}"),
    }
}

fn show(packet: &SocketPacket) -> String {
    let namespace = &packet.namespace;
    match &packet.content {
        PacketContent::Connect { auth } => format!("{namespace} connect {}", auth.as_deref().unwrap_or("-")),
        PacketContent::Disconnect => format!("{namespace} disconnect"),
        PacketContent::Event { name, id, arguments } => {
            format!("{namespace} {name} {id:?} {}", arguments.as_json())
        }
        PacketContent::Ack { id, arguments } => format!("{namespace} ack {id} {}", arguments.as_json()),
    }
}

#[test]
fn the_examples_of_the_document() {
    assert_eq!(shown("0"), "/ connect -");
    assert_eq!(shown(r#"0{"token":"123"}"#), r#"/ connect {"token":"123"}"#);
    assert_eq!(shown("0/admin,"), "/admin connect -");
    assert_eq!(shown(r#"0/admin,{"token":"123"}"#), r#"/admin connect {"token":"123"}"#);
    assert_eq!(shown(r#"2["foo"]"#), "/ foo None ");
    assert_eq!(shown(r#"2/admin,["bar"]"#), "/admin bar None ");
    assert_eq!(shown(r#"212["foo"]"#), "/ foo Some(12) ");
    assert_eq!(shown(r#"2/admin,13["foo"]"#), "/admin foo Some(13) ");
    assert_eq!(shown("312[]"), "/ ack 12 ");
    assert_eq!(shown(r#"3/admin,13["bar"]"#), r#"/admin ack 13 "bar""#);
    assert_eq!(shown(r#"314["bar"]"#), r#"/ ack 14 "bar""#);
    assert_eq!(shown("1"), "/ disconnect");
    assert_eq!(shown("1/admin,"), "/admin disconnect");
}

#[test]
fn the_comma_behind_a_namespace_may_be_missing_at_the_end() {
    assert_eq!(shown("0/random"), "/random connect -");
    assert_eq!(shown("1/custom"), "/custom disconnect");
}

#[test]
fn arguments_keep_their_text() {
    assert_eq!(shown(r#"2["message",1,"2",{"3":[true]}]"#), r#"/ message None 1,"2",{"3":[true]}"#);
    assert_eq!(shown(r#"2[ "a" , 1 , [2] ] "#), "/ a None 1 , [2]");
    assert_eq!(shown(r#"2["a\u00e9,]\"", 1]"#), r#"/ aé,]" None 1"#);
    assert_eq!(shown("2[5,1]"), "/ 5 None 1");
}

/// "The payload is mandatory and MUST be a non-empty array. If that's not the case, then the receiver MUST close the
/// connection."
#[test]
fn an_event_without_a_non_empty_array_is_an_error() {
    for payload in
        ["", "[]", "{}", "\"foo\"", "[", "[\"foo\"", "[\"foo\",]", "[\"foo\"]x", "[\"foo\"][]", "null"]
    {
        assert_eq!(shown(&format!("2{payload}")), "Payload", "{payload}");
    }
}

#[test]
fn an_event_needs_a_name_that_is_not_reserved() {
    for payload in [
        "[null]",
        "[{}]",
        "[[]]",
        "[true]",
        r#"["connect"]"#,
        r#"["disconnecting",1]"#,
        r#"["\u0063onnect"]"#,
    ] {
        assert_eq!(shown(&format!("2{payload}")), "EventName", "{payload}");
    }
}

/// "The payload is mandatory and MUST be an array (possibly empty)."
#[test]
fn an_ack_without_an_array_or_a_number_is_an_error() {
    for payload in ["", "{}", "1 2", "[", "[]]"] {
        assert_eq!(shown(&format!("31{payload}")), "Payload", "{payload}");
    }
    assert_eq!(shown("3[]"), "AckId");
    assert_eq!(shown("399999999999999999999999[]"), "AckId");
}

#[test]
fn other_packets_must_fit_their_type() {
    assert_eq!(shown("0[]"), "Payload");
    assert_eq!(shown("0{"), "Payload");
    assert_eq!(shown("01{}"), "Payload");
    assert_eq!(shown("1{}"), "Payload");
    assert_eq!(shown("11"), "Payload");
    assert_eq!(shown(r#"4{"message":"no"}"#), "ConnectErrorOfClient");
    for unknown in ["", "7", "x", "é", "-1"] {
        assert_eq!(shown(unknown), "UnknownType", "{unknown}");
    }
}

#[test]
fn binary_packets_get_their_attachments() {
    let mut decoder = decoder();
    let text = r#"52-/admin,14["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(decoder.text(&ByteString::from(text)), Ok(None));
    assert_eq!(decoder.binary(Bytes::from_static(&[1, 2])), Ok(None));
    let packet = decoder.binary(Bytes::from_static(&[3, 4])).expect("valid").expect("complete");
    assert_eq!(
        show(&packet),
        r#"/admin baz Some(14) {"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#
    );
    let PacketContent::Event { arguments, .. } = packet.content else { panic!("an event") };
    assert_eq!(
        arguments.parse::<(Bytes, Bytes)>().expect("two"),
        (Bytes::from_static(&[1, 2]), Bytes::from_static(&[3, 4]))
    );

    assert_eq!(
        decoder.text(&ByteString::from_static(r#"61-15["bar",{"_placeholder":true,"num":0}]"#)),
        Ok(None)
    );
    let packet = decoder.binary(Bytes::from_static(&[5])).expect("valid").expect("complete");
    let PacketContent::Ack { id: 15, arguments } = packet.content else { panic!("an acknowledgement") };
    assert_eq!(
        arguments.parse::<(String, Bytes)>().expect("two"),
        ("bar".to_owned(), Bytes::from_static(&[5]))
    );
}

#[test]
fn attachments_come_when_they_were_announced_and_not_otherwise() {
    assert_eq!(decoder().binary(Bytes::new()), Err(PacketError::UnexpectedBinary));
    let mut waiting = decoder();
    waiting.text(&ByteString::from_static(r#"51-["a",{"_placeholder":true,"num":0}]"#)).expect("valid");
    assert_eq!(waiting.text(&ByteString::from_static(r#"2["b"]"#)), Err(PacketError::UnexpectedText));
}

#[test]
fn the_number_of_attachments_is_bounded() {
    assert_eq!(shown(r#"511-["a"]"#), "TooManyAttachments");
    assert_eq!(shown(r#"5999999999-["a"]"#), "TooManyAttachments");
    for number in ["", "0", "-1", "+1", "1.0", "1e1", " 1", "99999999999999999999"] {
        assert_eq!(shown(&format!(r#"5{number}-["a"]"#)), "Attachments", "{number}");
    }
    assert_eq!(shown(r#"51["a"]"#), "Attachments");
}

#[test]
fn the_bytes_of_attachments_are_bounded() {
    let limits = PacketLimits { attachment_bytes: 10, ..PacketLimits::default() };
    let mut decoder = Decoder::new(limits);
    decoder.text(&ByteString::from_static(r#"52-["a"]"#)).expect("valid");
    assert_eq!(decoder.binary(Bytes::from_static(&[0; 6])), Ok(None));
    assert_eq!(decoder.binary(Bytes::from_static(&[0; 5])), Err(PacketError::TooManyAttachmentBytes));
}

#[test]
fn depth_and_names_are_bounded() {
    let nested = |depth: usize| format!("2[\"a\",{}{}]", "[".repeat(depth), "]".repeat(depth));
    assert!(decode(&nested(63)).is_ok());
    assert_eq!(decode(&nested(64)), Err(PacketError::TooDeep));
    assert_eq!(decode(&nested(400_000)), Err(PacketError::TooDeep));
    assert_eq!(
        decode(&format!("0{}{{}}{}", r#"{"a":"#.repeat(64), "}".repeat(64))),
        Err(PacketError::TooDeep)
    );
    let name = |length: usize| format!("2[\"{}\"]", "n".repeat(length));
    assert!(decode(&name(128)).is_ok());
    assert_eq!(decode(&name(129)), Err(PacketError::EventNameTooLong));
    let namespace = |length: usize| format!("0/{},", "n".repeat(length));
    assert!(decode(&namespace(127)).is_ok());
    assert_eq!(decode(&namespace(128)), Err(PacketError::NamespaceTooLong));
}
