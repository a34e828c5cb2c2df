//! `longwire show`.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use crate::args::{ShowArgs, TextPattern};
use crate::failure::Failure;
use crate::har::{self, Recording};
use crate::json_text::TextLayout;
use crate::message_view::{MessageView, grouped};
use crate::paint::{Ink, Palette};
use crate::standard_output;
use crate::terminal::{self, colour_on, escape};

pub(crate) fn run(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let grep = args.grep.pattern()?;
    let recordings = har::read(&args.file).map_err(|error| Failure::Other(escape(&error)))?;
    if let Some(entry) = args.entry.filter(|entry| index(*entry) >= recordings.len()) {
        let (file, count) = (&args.file, recordings.len());
        return Err(Failure::Usage(har::no_such_entry(entry, count, file)));
    }
    let palette = Palette::of(colour_on(io::stdout().is_terminal()));
    let mut text = String::new();
    let is_chosen = |number: usize| args.entry.is_none_or(|entry| index(entry) == number);
    let chosen = || recordings.iter().enumerate().filter(|(number, _)| is_chosen(*number));
    for (number, recording) in chosen() {
        show(args, grep.as_ref(), (number + 1, recording), palette, &mut text);
    }
    let code = standard_output::print(text.as_bytes())?;
    if let Some(grep) = &grep {
        let texts = || chosen().flat_map(|(_, recording)| texts(recording));
        if !texts().any(|text| grep.is_match(text)) && texts().any(|text| grep.is_text_of(text)) {
            let hint = TextPattern::HINT;
            terminal::complain(&escape(&format!("longwire: no message matched {grep}; {hint}")));
        }
    }
    Ok(code)
}

fn texts(recording: &Recording) -> impl Iterator<Item = &str> {
    recording.messages.iter().filter_map(|message| message.message.as_text())
}

/// The index of an entry, which are counted from 1.
fn index(entry: u32) -> usize {
    usize::try_from(entry).unwrap_or(usize::MAX).saturating_sub(1)
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { several })
}

fn show(
    args: &ShowArgs,
    grep: Option<&TextPattern>,
    (number, recording): (usize, &Recording),
    palette: Palette,
    text: &mut String,
) {
    let bytes: usize = recording.messages.iter().map(|message| message.message.as_bytes().len()).sum();
    let mut head = format!("{number}  {} · {}", escape(&recording.url), recording.status);
    if !recording.started.is_empty() {
        head.push_str(&format!(" · {}", escape(&recording.started)));
    }
    head.push_str(&format!(
        " · {}, {}",
        counted(recording.messages.len(), "message", "messages"),
        counted(bytes, "byte", "bytes")
    ));
    if recording.others > 0 {
        head.push_str(&format!(" · {}", counted(recording.others, "other entry", "other entries")));
    }
    text.push_str(&head);
    text.push('\n');
    if args.headers {
        for (arrow, headers) in [('>', &recording.request_headers), ('<', &recording.response_headers)] {
            for (name, value) in headers {
                let line = format!("   {arrow} {}: {}", escape(name), escape(value));
                text.push_str(&palette.ink(Ink::Dim, &line));
                text.push('\n');
            }
        }
    }
    if !recording.has_messages {
        text.push_str("   (the file has no messages of this connection; Firefox exports none)\n");
    }
    let view = MessageView { layout: TextLayout::of(args.pretty), palette };
    for message in &recording.messages {
        let is_wanted =
            |grep: &TextPattern| message.message.as_text().is_some_and(|text| grep.is_match(text));
        if grep.is_none_or(is_wanted) {
            let at = format!("{:>10.3} ", message.at.as_secs_f64());
            for line in view.lines(&at, message.direction, &message.message, "") {
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    if let Some((at, end)) = &recording.end {
        let line = format!("{:>10.3} * {}", at.as_secs_f64(), escape(&end.to_string()));
        text.push_str(&palette.ink(Ink::Dim, &line));
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;
    use expect_test::expect;
    use longwire::{Direction, Message};

    use super::*;
    use crate::har::{RecordedEnd, RecordedMessage};

    fn shown(args: &[&str]) -> String {
        let message =
            |direction, at, message| RecordedMessage { direction, at: Duration::from_millis(at), message };
        let recording = Recording {
            url: "wss://a.example/feed".into(),
            started: "2026-01-31T12:00:00.000Z".into(),
            status: 101,
            request_headers: vec![("origin".into(), "https://a.example\u{1b}[2J".into())],
            response_headers: vec![("upgrade".into(), "websocket".into())],
            has_messages: true,
            messages: vec![
                message(Direction::Sent, 0, Message::from("{\"subscribe\":\"news\"}")),
                message(Direction::Received, 1250, Message::from(vec![0; 20])),
                message(Direction::Received, 61_000, Message::from("error\u{7}")),
            ],
            end: Some((Duration::from_secs(62), RecordedEnd::lost("reset\u{1b}"))),
            others: 1,
        };
        let args = ShowArgs::parse_from([&["show", "a.har"], args].concat());
        let mut text = String::new();
        let grep = args.grep.pattern().unwrap();
        show(&args, grep.as_ref(), (1, &recording), Palette::NoColours, &mut text);
        text
    }

    #[test]
    fn a_connection_is_shown_with_its_times() {
        expect![[r#"
            1  wss://a.example/feed · 101 · 2026-01-31T12:00:00.000Z · 3 messages, 46 bytes · 1 other entry
                 0.000 > {"subscribe":"news"}
                 1.250 < <20 bytes>
                         00000000 00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|
                         00000010 00 00 00 00                                       |....|
                61.000 < error\u{7}
                62.000 * lost: 1006 (no closing handshake): reset\u{1b}
        "#]]
        .assert_eq(&shown(&[]));
    }

    #[test]
    fn headers_and_a_selection_of_messages_are_shown_if_asked_for() {
        expect![[r#"
            1  wss://a.example/feed · 101 · 2026-01-31T12:00:00.000Z · 3 messages, 46 bytes · 1 other entry
               > origin: https://a.example\u{1b}[2J
               < upgrade: websocket
                61.000 < error\u{7}
                62.000 * lost: 1006 (no closing handshake): reset\u{1b}
        "#]]
        .assert_eq(&shown(&["--headers", "--grep", "^err"]));
    }

    #[test]
    fn fixed_text_is_found_as_it_is() {
        let found = shown(&["--fixed", "--grep", "{\"subscribe\":"]);
        assert!(found.contains("> {\"subscribe\"") && !found.contains("bytes>"), "{found}");
        assert!(!shown(&["-F", "--grep", "^err"]).contains("error"));
    }
}
