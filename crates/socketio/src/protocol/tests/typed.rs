//! Arguments as values of Rust types.

use std::collections::BTreeMap;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::{Decoder, PacketContent, PacketLimits};

/// Parses the arguments of an event; its attachments are `[0]`, `[1]`, ….
fn parse<T: DeserializeOwned>(arguments: &str, attachments: u8) -> Result<T, String> {
    let mut decoder = Decoder::new(PacketLimits::default());
    let kind = if attachments == 0 { "2".to_owned() } else { format!("5{attachments}-") };
    let separator = if arguments.is_empty() { "" } else { "," };
    let text = ByteString::from(format!(r#"{kind}["event"{separator}{arguments}]"#));
    let mut packet = decoder.text(&text).expect("valid");
    for number in 0..attachments {
        packet = decoder.binary(Bytes::copy_from_slice(&[number])).expect("valid");
    }
    let Some(PacketContent::Event { arguments, .. }) = packet.map(|packet| packet.content) else {
        panic!("an event")
    };
    arguments.parse().map_err(|error| error.to_string())
}

fn placeholder(number: usize) -> String {
    format!(r#"{{"_placeholder":true,"num":{number}}}"#)
}

#[derive(Debug, PartialEq, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[test]
fn one_argument_and_several() {
    assert_eq!(parse::<String>(r#""a""#, 0), Ok("a".to_owned()));
    assert_eq!(parse::<String>(r#""a",1,2"#, 0), Ok("a".to_owned()), "surplus arguments are ignored");
    assert_eq!(parse::<(String, u32)>(r#""a",1"#, 0), Ok(("a".to_owned(), 1)));
    assert_eq!(parse::<(String, u32)>(r#""a",1,true"#, 0), Ok(("a".to_owned(), 1)));
    assert_eq!(parse::<Point>(r#"{"x":1,"y":2}"#, 0), Ok(Point { x: 1, y: 2 }));
    assert_eq!(
        parse::<(Point, Vec<u8>)>(r#"{"x":1,"y":2},[3,4]"#, 0),
        Ok((Point { x: 1, y: 2 }, vec![3, 4]))
    );
    assert_eq!(parse::<Vec<u32>>("[1,2]", 0), Ok(vec![1, 2]));
    assert_eq!(parse::<([f64; 2],)>("[1,2]", 0), Ok(([1.0, 2.0],)));
    assert_eq!(parse::<()>("", 0), Ok(()));
    assert_eq!(parse::<()>("1,2", 0), Ok(()));
    assert_eq!(parse::<serde_json::Value>(r#"{"a":[1]}"#, 0), Ok(serde_json::json!({ "a": [1] })));
}

#[test]
fn missing_arguments_are_none_or_an_error_that_names_them() {
    assert_eq!(parse::<Option<u32>>("", 0), Ok(None));
    assert_eq!(parse::<(String, Option<u32>)>(r#""a""#, 0), Ok(("a".to_owned(), None)));
    let missing =
        |parsed: Result<_, String>| parsed.map(|(_, _): (u8, u8)| ()).expect_err("an argument is missing");
    assert!(missing(parse("", 0)).starts_with("unexpected arguments: argument 1 is missing"));
    assert!(missing(parse("1", 0)).starts_with("unexpected arguments: argument 2 is missing"));
    let wrong = parse::<(u8, u8)>(r#"1,"b""#, 0).expect_err("a string");
    assert!(wrong.contains(r#"invalid type: string "b", expected u8"#), "{wrong}");
}

#[derive(Debug, PartialEq, Deserialize)]
struct Album {
    title: String,
    cover: Option<Bytes>,
    photos: Vec<Bytes>,
    by_name: BTreeMap<String, Bytes>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Message {
    Text { text: String },
    File { content: Bytes },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum External {
    Empty,
    File(Bytes),
    Pair(Bytes, u8),
    Named { content: Bytes },
}

#[test]
fn binary_arguments_are_bytes_at_any_depth() {
    let bytes = |byte: u8| Bytes::copy_from_slice(&[byte]);
    assert_eq!(parse::<Bytes>(&placeholder(0), 1), Ok(bytes(0)));
    let two = format!("{},{}", placeholder(1), placeholder(0));
    assert_eq!(parse::<(Bytes, Bytes)>(&two, 2), Ok((bytes(1), bytes(0))));
    let album = format!(
        r#"{{"title":"t","cover":{},"photos":[{}],"by_name":{{"n":{}}}}}"#,
        placeholder(0),
        placeholder(1),
        placeholder(2)
    );
    let by_name = BTreeMap::from([("n".to_owned(), bytes(2))]);
    let expected = Album { title: "t".to_owned(), cover: Some(bytes(0)), photos: vec![bytes(1)], by_name };
    assert_eq!(parse::<Album>(&album, 3), Ok(expected));
    let file = format!(r#"{{"kind":"file","content":{}}}"#, placeholder(0));
    assert_eq!(parse::<Message>(&file, 1), Ok(Message::File { content: bytes(0) }));
    let text = format!(r#"{{"kind":"text","text":"a"}},{}"#, placeholder(0));
    assert_eq!(parse::<Message>(&text, 1), Ok(Message::Text { text: "a".to_owned() }));
    let external = format!(r#"{{"file":{}}},"empty""#, placeholder(0));
    assert_eq!(parse::<(External, External)>(&external, 1), Ok((External::File(bytes(0)), External::Empty)));
    let pair = format!(r#"{{"pair":[{},7]}},{{"named":{{"content":{}}}}}"#, placeholder(0), placeholder(1));
    let expected = (External::Pair(bytes(0), 7), External::Named { content: bytes(1) });
    assert_eq!(parse::<(External, External)>(&pair, 2), Ok(expected));
}

#[test]
fn a_placeholder_needs_an_attachment_of_its_own() {
    let twice = format!("{},{}", placeholder(0), placeholder(0));
    for (arguments, attachments) in
        [(twice.as_str(), 1), (&placeholder(1), 1), (r#"{"_placeholder":true}"#, 1)]
    {
        let parsed = parse::<(Bytes, Option<Bytes>)>(arguments, attachments);
        assert!(parsed.as_ref().is_err_and(|error| error.contains("placeholder")), "{arguments}: {parsed:?}");
    }
    let huge = format!(r#"{{"_placeholder":true,"num":{}}}"#, u64::MAX);
    assert!(parse::<Bytes>(&huge, 1).is_err());
    assert!(parse::<Bytes>(r#"{"_placeholder":false,"num":0}"#, 1).is_err());
    // Without attachments, it is an object like any other.
    assert_eq!(
        parse::<serde_json::Value>(&placeholder(0), 0),
        Ok(serde_json::json!({ "_placeholder": true, "num": 0 }))
    );
    assert!(parse::<Bytes>(&placeholder(0), 0).is_err());
    // JSON cannot hold the attachment.
    assert!(parse::<serde_json::Value>(&placeholder(0), 1).is_err());
}
