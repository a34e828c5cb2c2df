//! Commands that are typed among the messages: lines that begin with a slash.

use std::path::PathBuf;

use longwire::{CloseFrame, Message};
use serde::de::IgnoredAny;

/// What /help prints.
pub(super) const HELP: &str = "\
/ping                 send a ping and print the round-trip time
/close [CODE [TEXT]]  close the connection, with 1000 if no code is given
/text FILE            send a file as a text message
/binary FILE          send a file as a binary message
/json VALUE           check that the value is JSON, and send it
/headers              print the request and the response of the opening handshake
/stats                print what was sent and received, and how well it was compressed
/help                 print this
//TEXT                send /TEXT
Tab completes commands and the names of files. The arrow keys recall lines, also of earlier runs.
Pasted lines are one message, which the Enter key sends.
Ctrl-D closes the connection, and so does Ctrl-C, with 1001.";

/// The names of the commands, with their slash.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let is_command = |line: &&str| line.starts_with('/') && !line.starts_with("//");
    HELP.lines().filter(is_command).filter_map(|line| line.split(' ').next())
}

/// Where the file name begins in a line that sends a file.
pub(super) fn file_start(line: &str) -> Option<usize> {
    let rest = ["/text", "/binary"].iter().find_map(|name| line.strip_prefix(name))?;
    let path = rest.trim_start();
    (path.len() < rest.len()).then(|| line.len() - path.len())
}

/// A line that was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A message to send.
    Message(String),
    Ping,
    Close(CloseFrame),
    TextFile(PathBuf),
    BinaryFile(PathBuf),
    Headers,
    Statistics,
    Help,
}

/// Reads a typed line.
///
/// # Errors
///
/// What is wrong with a command. Nothing is sent then.
pub(super) fn parse(line: &str) -> Result<Typed, String> {
    let Some(command) = line.strip_prefix('/') else { return Ok(Typed::Message(line.to_owned())) };
    if command.starts_with('/') {
        return Ok(Typed::Message(command.to_owned()));
    }
    let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let rest = rest.trim();
    match name {
        "ping" => nothing_after(name, rest, Typed::Ping),
        "close" => close(rest),
        "text" => Ok(Typed::TextFile(file(name, rest)?)),
        "binary" => Ok(Typed::BinaryFile(file(name, rest)?)),
        "json" => json(rest),
        "headers" => nothing_after(name, rest, Typed::Headers),
        "stats" => nothing_after(name, rest, Typed::Statistics),
        "help" => nothing_after(name, rest, Typed::Help),
        _ => Err(format!(
            "there is no command /{name}; /help lists them, and // sends a line that begins with /"
        )),
    }
}

fn nothing_after(name: &str, rest: &str, typed: Typed) -> Result<Typed, String> {
    if rest.is_empty() { Ok(typed) } else { Err(format!("/{name} takes nothing after it")) }
}

fn file(name: &str, rest: &str) -> Result<PathBuf, String> {
    if rest.is_empty() { Err(format!("/{name} needs a file: /{name} PATH")) } else { Ok(rest.into()) }
}

fn close(rest: &str) -> Result<Typed, String> {
    let (code, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let code = match code {
        "" => 1000,
        code => {
            code.parse::<u16>().map_err(|_| format!("{code:?} is not a close code, such as 1000 or 4000"))?
        }
    };
    CloseFrame::new(code, reason.trim()).map(Typed::Close).map_err(|error| error.to_string())
}

fn json(rest: &str) -> Result<Typed, String> {
    match serde_json::from_str::<IgnoredAny>(rest) {
        Ok(_) => Ok(Typed::Message(rest.to_owned())),
        Err(error) => Err(format!("this is not JSON and was not sent: {error}")),
    }
}

/// A file as a message.
///
/// # Errors
///
/// A sentence that names the file.
pub(super) async fn read_file(path: PathBuf, kind: FileKind) -> Result<Message, String> {
    let reading = tokio::task::spawn_blocking(move || {
        let bytes =
            std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        match kind {
            FileKind::Binary => Ok(Message::from(bytes)),
            FileKind::Text => String::from_utf8(bytes).map(Message::from).map_err(|_| {
                format!("{} is not UTF-8 and was not sent; send it as a binary message", path.display())
            }),
        }
    });
    reading.await.unwrap_or_else(|error| Err(format!("cannot read the file: {error}")))
}

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Text,
    Binary,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Result<Typed, String> {
        Ok(Typed::Message(text.to_owned()))
    }

    #[test]
    fn what_begins_with_a_slash_is_a_command_and_all_else_a_message() {
        let close = |code: u16, reason: &str| Ok(Typed::Close(CloseFrame::new(code, reason).unwrap()));
        for (line, typed) in [
            ("hello", message("hello")),
            (" /ping", message(" /ping")),
            ("", message("")),
            ("//ping", message("/ping")),
            ("/ping", Ok(Typed::Ping)),
            ("/close", close(1000, "")),
            ("/close 4000 see  you", close(4000, "see  you")),
            ("/text  my file.txt ", Ok(Typed::TextFile("my file.txt".into()))),
            ("/binary a.bin", Ok(Typed::BinaryFile("a.bin".into()))),
            ("/json {\"a\": 1}", message("{\"a\": 1}")),
            ("/stats ", Ok(Typed::Statistics)),
        ] {
            assert_eq!(parse(line), typed, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_command_is_said() {
        for (line, said) in [
            ("/quit", "there is no command /quit; /help lists them"),
            ("/ping now", "/ping takes nothing after it"),
            ("/text", "/text needs a file"),
            ("/close now", "\"now\" is not a close code"),
            ("/close 1006", "1006"),
            ("/json {a: 1}", "this is not JSON and was not sent: key must be a string"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn a_file_begins_after_the_space_behind_its_command() {
        assert_eq!(file_start("/text  a b.txt"), Some(7));
        assert_eq!(file_start("/binary "), Some(8));
        for line in ["/text", "/textual x", "/ping x", "text x", " /text x"] {
            assert_eq!(file_start(line), None, "{line}");
        }
    }

    #[test]
    fn help_names_every_command() {
        assert!(names().count() > 5);
        for name in names() {
            let unknown = parse(name).is_err_and(|error| error.starts_with("there is no command"));
            assert!(!unknown, "{name}");
        }
    }
}
