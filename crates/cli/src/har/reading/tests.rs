//! Files of several programs, and broken ones.

use super::*;
use crate::har::document::MAX_CONNECTIONS;

fn har(messages: &str) -> String {
    format!(
        r#"{{"log":{{"version":"1.2","entries":[
            {{"request":{{"method":"GET","url":"https://a.example/"}},"response":{{"status":200,"headers":[]}}}},
            {{"startedDateTime":"2026-01-31T12:00:00.000Z","_resourceType":"websocket",
              "request":{{"url":"wss://a.example/feed","headers":[{{"name":"Origin","value":"https://a.example"}}]}},
              "response":{{"status":101,"headers":[]}},"_webSocketMessages":[{messages}]}}]}}}}"#
    )
}

fn first(messages: &str) -> Result<Recording, String> {
    parse(har(messages).as_bytes()).map(|mut all| all.remove(0))
}

#[test]
fn a_file_of_chrome_is_read() {
    let recording = first(
        r#"{"type":"send","time":1700000000.25,"opcode":1,"data":"hi"},
           {"type":"receive","time":1700000000.75,"opcode":2,"data":"AP8="},
           {"type":"error","time":1700000001,"opcode":-1,"data":"gone"},
           {"type":"receive","time":1700000001,"opcode":9,"data":""}"#,
    )
    .unwrap();
    assert_eq!(recording.url, "wss://a.example/feed");
    assert_eq!((recording.status, recording.others), (101, 1));
    assert_eq!(recording.end, Some((Duration::from_millis(750), RecordedEnd::lost("gone"))));
    assert_eq!(recording.request_headers, [("Origin".to_owned(), "https://a.example".to_owned())]);
    let [sent, received] = &recording.messages[..] else { panic!("{recording:?}") };
    assert_eq!((sent.direction, sent.at), (Direction::Sent, Duration::ZERO));
    assert_eq!(sent.message, Message::from("hi"));
    assert_eq!((received.direction, received.at), (Direction::Received, Duration::from_millis(500)));
    assert_eq!(received.message, Message::from(vec![0, 255]));
}

/// Some programs list Close frames among the messages.
#[test]
fn a_close_frame_among_the_messages_is_the_end() {
    let recording = first(
        r#"{"type":"receive","time":1,"opcode":8,"data":"D6BieWU="},
           {"type":"send","time":2,"opcode":8,"data":"D6BieWU="}"#,
    );
    let (_, end) = recording.unwrap().end.unwrap();
    assert_eq!(end.to_string(), "closed by the server: 4000: bye");
}

/// The form of mitmproxy 11 (`save.har`, `hardump`); fields may be null, and a handshake an entry of its own.
#[test]
fn a_file_of_mitmproxy_is_read() {
    let recordings = parse(
        br#"{"log":{"version":"1.2","creator":{"name":"mitmproxy","version":"11.0.2","comment":""},"pages":[],"entries":[
            {"startedDateTime":"2026-01-31T12:00:00.123456+00:00","time":3.5,"cache":{},
             "request":{"method":"GET","url":"http://a.example/feed","headers":[{"name":"Host","value":"a.example"}]},
             "response":{"status":101,"statusText":"Switching Protocols","headers":[],"content":{"size":0,"text":null}}},
            {"startedDateTime":"2026-01-31T12:00:00.123456+00:00","timings":{"connect":null,"ssl":null},
             "request":{"method":"GET","url":"http://a.example/feed","headers":[{"name":"Host","value":"a.example"}]},
             "response":{"status":101,"headers":[],"content":{"size":0,"compression":0,"mimeType":"","text":""}},
             "serverIPAddress":"192.0.2.1","_resourceType":"websocket","_webSocketMessages":[
               {"type":"send","time":1769860800.25,"opcode":1,"data":"hi"},
               {"type":"receive","time":1769860800.5,"opcode":2,"data":"AP8="}]},
            {"request":null,"response":{"status":-1,"headers":null,"_error":null}}]}}"#,
    );
    let [recording] = &recordings.unwrap()[..] else { panic!() };
    assert!(recording.has_messages && recording.end.is_none());
    assert_eq!(recording.messages.len(), 2);
    assert_eq!(recording.messages[1].at, Duration::from_millis(250));
}

/// Firefox exports the handshake of a connection, and none of its messages.
#[test]
fn a_connection_without_messages_is_known_by_its_handshake() {
    let recordings = parse(
        br#"{"log":{"version":"1.2","creator":{"name":"Firefox","version":"140.0"},"browser":{"name":"Firefox","version":"140.0"},
            "pages":[],"entries":[
            {"startedDateTime":"2026-01-31T13:00:00.123+01:00","request":{"method":"GET","url":"https://a.example/"},
             "response":{"status":200}},
            {"startedDateTime":"2026-01-31T13:00:01.123+01:00","request":{"bodySize":0,"method":"GET","url":"wss://a.example/feed",
             "httpVersion":"HTTP/1.1","headers":[{"name":"Upgrade","value":"websocket"}],"cookies":[],"queryString":[],"headersSize":500},
             "response":{"status":101,"statusText":"Switching Protocols","headers":[],"content":{"mimeType":"text/plain","size":0,"text":""}},
             "cache":{},"timings":{"blocked":0},"time":12,"_securityState":"secure"}]}}"#,
    );
    let [recording] = &recordings.unwrap()[..] else { panic!() };
    assert_eq!((recording.url.as_str(), recording.status), ("wss://a.example/feed", 101));
    assert!(!recording.has_messages && recording.messages.is_empty());
}

#[test]
fn other_forms_of_the_end_are_read_as_far_as_they_go() {
    let end = |close: &str| {
        let text = har("").replace(
            "\"_webSocketMessages\"",
            &format!("\"_webSocketClose\":{close},\"_webSocketMessages\""),
        );
        parse(text.as_bytes()).unwrap().remove(0).end.map(|(_, end)| end.to_string())
    };
    assert_eq!(end("\"aborted\"").unwrap(), "lost: 1006 (no closing handshake)");
    assert_eq!(end(r#"{"code":1000,"reason":"bye"}"#).unwrap(), "closed: 1000 (normal closure): bye");
    assert_eq!(
        end(r#"{"by":"client","time":1,"code":null}"#).unwrap(),
        "closed by the client, not answered: 1005 (no code)"
    );
    for unknown in ["null", "[]", "7", r#"{"code":"x"}"#] {
        assert_eq!(end(unknown), None, "{unknown}");
    }
}

#[test]
fn a_compressed_file_is_said_to_be_one() {
    assert!(parse(b"\x78\xda\x00").unwrap_err().contains("compressed"));
}

#[test]
fn time_never_goes_back_and_never_takes_for_ever() {
    let recording = first(
        r#"{"type":"send","time":100,"opcode":1},
           {"type":"send","time":102,"opcode":1},
           {"type":"send","time":-1e308,"opcode":1},
           {"type":"send","time":1e300,"opcode":1}"#,
    )
    .unwrap();
    let times: Vec<f64> = recording.messages.iter().map(|message| message.at.as_secs_f64()).collect();
    assert_eq!(times, [0.0, 2.0, 2.0, MAX_TIME]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = |text: &str| parse(text.as_bytes()).unwrap_err();
    assert!(error("").starts_with("this is not a HAR file: EOF"));
    assert!(error("{\"log\":\n{}}").contains("missing field `entries` at line 2"));
    assert!(error(&"[".repeat(1 << 20)).starts_with("this is not a HAR file"));
    assert!(error(r#"{"log":{"entries":[]}}"#).starts_with("there is no WebSocket connection"));
    let not_base64 =
        r#"{"type":"send","time":1,"opcode":1,"data":"x"},{"type":"send","time":1,"opcode":2,"data":"?"}"#;
    assert!(first(not_base64).unwrap_err().starts_with("connection 1: message 2 is not valid base64"));
    assert!(first(r#"{"type":"send","time":"now","opcode":1}"#).unwrap_err().contains("expected f64"));
}

#[test]
fn only_connections_count_and_only_so_many_are_read() {
    let entries = |entry: &str, count: usize| {
        parse(format!(r#"{{"log":{{"entries":[{}]}}}}"#, vec![entry; count].join(",")).as_bytes())
    };
    let none = entries("{}", MAX_CONNECTIONS + 1).unwrap_err();
    assert!(none.starts_with("there is no WebSocket connection"), "{none}");
    let connection = r#"{"_webSocketMessages":[]}"#;
    assert_eq!(entries(connection, MAX_CONNECTIONS).unwrap().len(), MAX_CONNECTIONS);
    assert!(entries(connection, MAX_CONNECTIONS + 1).unwrap_err().contains("more than 10000"));
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let text = format!("\u{feff}{}", har(""));
    assert!(parse(text.as_bytes()).unwrap()[0].messages.is_empty());
}
