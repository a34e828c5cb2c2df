//! The log on standard error.

use crate::program::Program;

/// What a header may have, and what steers a terminal or ends a line: C1 controls, a direction, a line separator.
const HOSTILE: &str = "\u{9b}2J\u{202e}\u{2028}x";

/// A client whose origin is not allowed, which the server logs, and which sends hostile text.
fn refused(program: &Program) {
    let answer = program.request(&format!(
        "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Origin: http://{HOSTILE}\r\n\r\n"
    ));
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

/// Whether a line has characters that are not safe on a terminal, or that end a line for some programs.
fn is_harmful(line: &str) -> bool {
    line.contains(|character: char| character.is_control() || "\u{202e}\u{2028}".contains(character))
}

#[test]
fn a_json_log_consists_of_documents_from_the_first_line_to_the_last() {
    let mut program = Program::start("[log]\nformat = 'json'\n", &["--insecure"]);
    let insecure = program.document();
    assert_eq!((&insecure["level"], &insecure["target"]), (&"WARN".into(), &"longwire::notice".into()));
    assert!(insecure["message"].as_str().unwrap().starts_with("INSECURE"), "{insecure}");
    let serving = program.document();
    assert_eq!(serving["message"], "serving");
    assert_eq!(serving["page"], format!("http://{}/", program.address));
    let time = serving["timestamp"].as_str().unwrap();
    assert!(time.len() >= 20 && time.ends_with('Z') && time.get(10..11) == Some("T"), "{time}");

    refused(&program);
    let line = program.line();
    assert!(!is_harmful(&line), "{line:?}");
    let refused: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(refused["level"], "WARN", "{refused}");
    assert!(refused["target"].as_str().unwrap().starts_with("longwire::"), "{refused}");

    program.reload("[api]\nkeys = 7\n");
    let mut message = || program.document()["message"].as_str().unwrap().to_owned();
    assert!(message().contains("stays in use"));
    assert_eq!(message(), "the configuration is wrong");
    assert!(message().contains("api.keys"));
    program.signal("TERM");
    assert!(program.document()["message"].as_str().unwrap().starts_with("Shutting down"));
    assert!(program.wait().success());
}

#[tokio::test]
async fn the_flag_goes_before_the_file_and_a_level_selects_lines() {
    let config = "[log]\nformat = 'json'\nlevel = 'off,longwire=debug'\n";
    let mut program = Program::start(config, &["--log-format", "text"]).serving();
    let _socket = program.connect("/echo").await;
    let line = program.line();
    assert!(line.contains("Z DEBUG ") && line.contains("open"), "{line}");
}

#[test]
fn a_line_for_people_has_nothing_that_steers_a_terminal() {
    let mut program = Program::start("", &[]).serving();
    refused(&program);
    let line = program.line();
    assert!(line.contains("WARN"), "{line}");
    assert!(!is_harmful(&line), "{line:?}");
}

#[test]
fn a_level_that_does_not_exist_is_a_mistake_of_the_file() {
    let mut program = Program::start("[log]\nlevel = 'wran'\n", &[]);
    assert_eq!(program.line(), "longwire: the configuration is wrong");
    let line = program.line();
    assert!(line.contains("log.level") && line.contains("\"wran\" is not a level"), "{line}");
    assert!(!program.wait().success());
}
