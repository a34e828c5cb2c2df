//! Compares what has arrived with what was recorded.

use std::time::{Duration, Instant};

use longwire::Message;
use regex::Regex;
use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use crate::message_view::{Mark, MessageView, grouped};

/// How long the shortest list of differences is searched for. After that it may be longer than necessary.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many differing messages are shown.
const MAX_SHOWN: usize = 100;

/// The differences between two lists of messages.
pub(super) struct Comparison<'a> {
    same: usize,
    differences: Vec<(Mark, usize, &'a Message)>,
}

impl<'a> Comparison<'a> {
    /// What matches one of `ignored` does not count as a difference.
    pub(super) fn of(recorded: &'a [Message], arrived: &'a [Message], ignored: &[Regex]) -> Comparison<'a> {
        let [old, new] = [recorded, arrived].map(|messages| {
            messages.iter().map(|message| Compared::of(message, ignored)).collect::<Vec<_>>()
        });
        let deadline = Some(Instant::now() + PATIENCE);
        let mut comparison = Comparison { same: 0, differences: Vec::new() };
        for operation in capture_diff_slices_deadline(Algorithm::Myers, &old, &new, deadline) {
            match operation {
                DiffOp::Equal { len, .. } => comparison.same += len,
                DiffOp::Delete { old_index, old_len, .. } => {
                    comparison.add(Mark::Missing, recorded, old_index, old_len);
                }
                DiffOp::Insert { new_index, new_len, .. } => {
                    comparison.add(Mark::New, arrived, new_index, new_len);
                }
                DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                    comparison.add(Mark::Missing, recorded, old_index, old_len);
                    comparison.add(Mark::New, arrived, new_index, new_len);
                }
            }
        }
        comparison
    }

    fn add(&mut self, mark: Mark, messages: &'a [Message], begin: usize, len: usize) {
        let affected = messages.iter().enumerate().skip(begin).take(len);
        self.differences.extend(affected.map(|(index, message)| (mark, index + 1, message)));
    }

    pub(super) fn is_same(&self) -> bool {
        self.differences.is_empty()
    }

    /// The differing messages with their numbers among those received, and a line that sums up.
    pub(super) fn text(&self, view: MessageView) -> String {
        let mut text = String::new();
        for (mark, number, message) in self.differences.iter().take(MAX_SHOWN) {
            for line in view.lines(&format!("{number:>6} "), *mark, message, "") {
                text.push_str(&line);
                text.push('\n');
            }
        }
        let unseen = self.differences.len().saturating_sub(MAX_SHOWN);
        if unseen > 0 {
            text.push_str(&format!("       … {} more\n", grouped(unseen)));
        }
        let count = |wanted| self.differences.iter().filter(|(mark, ..)| *mark == wanted).count();
        let (missing, new) = (grouped(count(Mark::Missing)), grouped(count(Mark::New)));
        text.push_str(&format!("{} as recorded · {missing} missing · {new} new\n", grouped(self.same)));
        text
    }
}

/// What of a message is compared.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Compared<'a> {
    Text(std::borrow::Cow<'a, str>),
    Binary(&'a [u8]),
}

impl<'a> Compared<'a> {
    fn of(message: &'a Message, ignored: &[Regex]) -> Compared<'a> {
        match message {
            Message::Binary(bytes) => Compared::Binary(bytes),
            Message::Text(text) => {
                let without = ignored
                    .iter()
                    .fold(text.to_string(), |text, ignored| ignored.replace_all(&text, "").into_owned());
                Compared::Text(without.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::paint::Palette;

    fn messages(texts: &[&str]) -> Vec<Message> {
        texts.iter().map(|text| Message::from(*text)).collect()
    }

    fn compared(recorded: &[&str], arrived: &[&str], ignored: &str) -> (bool, String) {
        let (recorded, arrived) = (messages(recorded), messages(arrived));
        let comparison = Comparison::of(&recorded, &arrived, &[Regex::new(ignored).unwrap()]);
        (comparison.is_same(), comparison.text(MessageView { palette: Palette::NoColours }))
    }

    #[test]
    fn one_message_more_or_less_does_not_make_all_that_follow_differ() {
        let (is_same, text) = compared(&["a", "b", "c", "d"], &["a", "c", "new", "d"], "^$");
        assert!(!is_same);
        expect![[r#"
                 2 - b
                 3 + new
            3 as recorded · 1 missing · 1 new
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn what_is_ignored_is_no_difference() {
        let recorded = [r#"{"time":1,"x":2}"#];
        assert!(compared(&recorded, &[r#"{"time":99,"x":2}"#], r#""time":\d+"#).0);
        assert!(!compared(&recorded, &[r#"{"time":99,"x":3}"#], r#""time":\d+"#).0);
    }

    #[test]
    fn text_and_binary_messages_with_the_same_bytes_differ() {
        let (text, binary) = ([Message::from("a")], [Message::from(b"a".to_vec())]);
        assert!(!Comparison::of(&text, &binary, &[]).is_same());
    }

    #[test]
    fn only_so_many_differences_are_shown() {
        let arrived: Vec<String> = (0..150).map(|number| number.to_string()).collect();
        let arrived: Vec<&str> = arrived.iter().map(String::as_str).collect();
        let (_, text) = compared(&[], &arrived, "^$");
        assert!(text.ends_with("       … 50 more\n0 as recorded · 0 missing · 150 new\n"), "{text}");
    }
}
