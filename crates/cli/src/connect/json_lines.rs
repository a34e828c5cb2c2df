//! Messages as JSON, an object per line: `connect --json`.

use std::fmt::Write as _;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire::{CloseCode, CloseFrame, ControlOpcode, Direction, Message};
use serde::{Deserialize, Serialize};

use super::encoding::{self, Encoding};
use crate::clock;
use crate::terminal::is_unseen;

/// What to say of a line that is no object.
const FORM: &str = "with --json, a line is an object such as {\"data\":\"hello\"}";

/// What a line says to send.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order {
    Message(Message),
    Ping(Vec<u8>),
    Close(CloseFrame),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LineOpcode {
    #[default]
    Text,
    Binary,
    Ping,
    Pong,
    Close,
}

#[derive(Debug, Serialize)]
struct OutputLine<'a> {
    direction: &'static str,
    time: String,
    opcode: LineOpcode,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<Encoding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> OutputLine<'a> {
    fn new(direction: Direction, opcode: LineOpcode) -> OutputLine<'a> {
        let direction = match direction {
            Direction::Received => "received",
            Direction::Sent => "sent",
        };
        let time = clock::timestamp(SystemTime::now());
        OutputLine { direction, time, opcode, data: None, encoding: None, code: None, reason: None }
    }

    fn finish(&self) -> String {
        without_unseen(serde_json::to_string(self).unwrap_or_default())
    }
}

/// JSON leaves C1 controls, which steer a terminal, and characters that change the direction of text as they are. Here
/// they are escaped, like the C0 controls. They can only be in strings, so the meaning is the same.
fn without_unseen(json: String) -> String {
    if !json.contains(is_unseen) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unseen(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The line of a message.
pub(super) fn message(direction: Direction, message: &Message, encoding: Encoding) -> String {
    match message {
        Message::Text(text) => {
            let line = OutputLine::new(direction, LineOpcode::Text);
            OutputLine { data: Some(text), ..line }.finish()
        }
        Message::Binary(bytes) => encoded(direction, LineOpcode::Binary, bytes, encoding),
    }
}

/// The line of a control frame.
pub(super) fn control(
    direction: Direction,
    opcode: ControlOpcode,
    payload: &[u8],
    encoding: Encoding,
) -> String {
    let opcode = match opcode {
        ControlOpcode::Ping => LineOpcode::Ping,
        ControlOpcode::Pong => LineOpcode::Pong,
        ControlOpcode::Close => return close(direction, payload),
    };
    encoded(direction, opcode, payload, encoding)
}

fn encoded(direction: Direction, opcode: LineOpcode, bytes: &[u8], encoding: Encoding) -> String {
    let data = encoding.encode(bytes);
    let line = OutputLine::new(direction, opcode);
    OutputLine { data: Some(&data), encoding: Some(encoding), ..line }.finish()
}

fn close(direction: Direction, payload: &[u8]) -> String {
    let (code, reason) = match payload.split_first_chunk::<2>() {
        Some((code, reason)) => (u16::from_be_bytes(*code), String::from_utf8_lossy(reason)),
        None => (CloseCode::NO_STATUS.get(), "".into()),
    };
    let line = OutputLine::new(direction, LineOpcode::Close);
    OutputLine { code: Some(code), reason: Some(&reason), ..line }.finish()
}

/// A line of input. Fields of the output that say nothing about what to send are allowed, so that the output of one
/// connection can be the input of another.
#[derive(Debug, Deserialize)]
struct InputLine {
    #[serde(default)]
    opcode: LineOpcode,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    encoding: Option<Encoding>,
    #[serde(default)]
    code: Option<u16>,
    #[serde(default)]
    reason: String,
}

/// What a line of input says to send.
///
/// # Errors
///
/// What is wrong with the line.
pub(super) fn parse(line: &str) -> Result<Order, String> {
    let line: InputLine = serde_json::from_str(line).map_err(|error| {
        // The line of the input is known to the caller.
        let why = error.to_string().replace(" at line 1 column ", " at column ");
        if line.trim_start().starts_with('{') { why } else { format!("{FORM}: {why}") }
    })?;
    let is_message = matches!(line.opcode, LineOpcode::Text | LineOpcode::Binary);
    if is_message && line.data.is_none() {
        return Err(format!("the object has no \"data\"; {FORM}"));
    }
    let data = line.data.unwrap_or_default();
    let bytes = || match line.encoding {
        None | Some(Encoding::Base64) => {
            STANDARD.decode(&data).map_err(|error| format!("data is not base64: {error}"))
        }
        Some(Encoding::Hex) => encoding::from_hex(&data),
    };
    match line.opcode {
        LineOpcode::Text => Ok(Order::Message(Message::from(data))),
        LineOpcode::Binary => Ok(Order::Message(Message::from(bytes()?))),
        LineOpcode::Ping => Ok(Order::Ping(bytes()?)),
        LineOpcode::Pong => Err("pongs are sent by the program itself".to_owned()),
        LineOpcode::Close => {
            let code = line.code.unwrap_or(CloseCode::NORMAL.get());
            CloseFrame::new(code, line.reason).map(Order::Close).map_err(|error| error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn without_time(line: &str) -> String {
        let mut value: Value = serde_json::from_str(line).unwrap();
        let time = value.as_object_mut().unwrap().remove("time").unwrap();
        assert!(time.as_str().unwrap().ends_with('Z'));
        value.to_string()
    }

    #[test]
    fn a_line_says_direction_opcode_and_content() {
        let text = message(Direction::Received, &Message::from("a\nb"), Encoding::Base64);
        assert_eq!(without_time(&text), r#"{"data":"a\nb","direction":"received","opcode":"text"}"#);
        let bytes = message(Direction::Sent, &Message::from(vec![0, 255]), Encoding::Hex);
        assert_eq!(
            without_time(&bytes),
            r#"{"data":"00ff","direction":"sent","encoding":"hex","opcode":"binary"}"#
        );
        let close = control(Direction::Received, ControlOpcode::Close, b"\x03\xe9bye", Encoding::Base64);
        assert_eq!(
            without_time(&close),
            r#"{"code":1001,"direction":"received","opcode":"close","reason":"bye"}"#
        );
        let none = control(Direction::Received, ControlOpcode::Close, b"", Encoding::Base64);
        assert!(none.contains("1005"), "{none}");
    }

    #[test]
    fn nothing_in_a_line_steers_a_terminal() {
        let text = "\u{9b}31m \u{7f} \u{202e}gnp \u{e0041} é😀";
        let line = message(Direction::Received, &Message::from(text), Encoding::Base64);
        assert!(line.contains(r#""\u009b31m \u007f \u202egnp \udb40\udc41 é😀""#), "{line}");
        assert_eq!(parse(&line).unwrap(), Order::Message(Message::from(text)));
    }

    #[test]
    fn what_is_printed_can_be_sent() {
        for original in [Message::from("é\"\n"), Message::from(vec![1, 2, 255])] {
            for encoding in [Encoding::Hex, Encoding::Base64] {
                let line = message(Direction::Received, &original, encoding);
                assert_eq!(parse(&line).unwrap(), Order::Message(original.clone()));
            }
        }
        assert_eq!(parse("{\"data\":\"x\"}").unwrap(), Order::Message(Message::from("x")));
        assert_eq!(parse("{\"opcode\":\"ping\",\"data\":\"AA==\"}").unwrap(), Order::Ping(vec![0]));
        let close = Order::Close(CloseFrame::new(4000, "x").unwrap());
        assert_eq!(parse("{\"opcode\":\"close\",\"code\":4000,\"reason\":\"x\"}").unwrap(), close);
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (line, said) in [
            ("hello", "expected value"),
            ("{\"opcode\":\"frame\"}", "unknown variant `frame`"),
            ("{\"opcode\":\"pong\"}", "pongs are sent"),
            ("{\"opcode\":\"binary\",\"data\":\"?\"}", "not base64"),
            ("{\"opcode\":\"binary\",\"data\":\"0\",\"encoding\":\"hex\"}", "hexadecimal"),
            ("{\"opcode\":\"close\",\"code\":1006}", "1006"),
            // Regression: a message of another kind was sent as an empty one.
            ("{\"subscribe\":\"news\"}", "has no \"data\""),
            ("{\"opcode\":\"binary\"}", "has no \"data\""),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
