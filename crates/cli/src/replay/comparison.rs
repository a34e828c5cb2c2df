//! Compares what has arrived with what was recorded.

use std::borrow::Cow;
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
    /// How the server closed the connection, where that differs.
    ends: Vec<(Mark, String)>,
}

impl<'a> Comparison<'a> {
    /// What matches one of `ignored` does not count as a difference.
    pub(super) fn of(recorded: &'a [Message], arrived: &'a [Message], ignored: &[Regex]) -> Comparison<'a> {
        let [old, new] = [recorded, arrived].map(|messages| compared(messages, ignored));
        let mut comparison = Comparison { same: 0, differences: Vec::new(), ends: Vec::new() };
        for operation in operations(&old, &new) {
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

    /// Compares the ends, too: how the server closed the recorded connection, and how this one.
    pub(super) fn with_ends(mut self, [recorded, arrived]: [Option<String>; 2], ignored: &[Regex]) -> Self {
        let [old, new] = [&recorded, &arrived].map(|end| end.as_deref().map(|end| without(end, ignored)));
        if old != new {
            let ends = [(Mark::Missing, recorded), (Mark::New, arrived)];
            self.ends = ends.into_iter().filter_map(|(mark, end)| Some((mark, end?))).collect();
        }
        self
    }

    pub(super) fn is_same(&self) -> bool {
        self.differences.is_empty() && self.ends.is_empty()
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
        for (mark, end) in &self.ends {
            for line in view.lines("   end ", *mark, &Message::from(end.as_str()), "") {
                text.push_str(&line);
                text.push('\n');
            }
        }
        let count = |wanted| self.differences.iter().filter(|(mark, ..)| *mark == wanted).count();
        let (missing, new) = (grouped(count(Mark::Missing)), grouped(count(Mark::New)));
        text.push_str(&format!("{} as recorded · {missing} missing · {new} new\n", grouped(self.same)));
        text
    }
}

/// How many of the recorded messages to compare with what has arrived so far: those behind them may still arrive.
pub(super) fn reached(recorded: &[Message], arrived: &[Message], ignored: &[Regex]) -> usize {
    let [old, new] = [recorded, arrived].map(|messages| compared(messages, ignored));
    let mut reached = 0;
    // Each of these may stand in the place of a recorded message.
    let mut new_at_the_end = 0;
    for operation in operations(&old, &new) {
        match operation {
            DiffOp::Equal { new_index, len, .. } => {
                for message in new.iter().skip(new_index).take(len) {
                    // Of equal messages, the earliest one has arrived.
                    let earliest = old.iter().skip(reached).position(|recorded| recorded == message);
                    reached += earliest.map_or(0, |skipped| skipped + 1);
                }
                new_at_the_end = 0;
            }
            DiffOp::Insert { new_len, .. } | DiffOp::Replace { new_len, .. } => new_at_the_end += new_len,
            DiffOp::Delete { .. } => {}
        }
    }
    recorded.len().min(reached + new_at_the_end)
}

fn operations(recorded: &[Compared<'_>], arrived: &[Compared<'_>]) -> Vec<DiffOp> {
    capture_diff_slices_deadline(Algorithm::Myers, recorded, arrived, Some(Instant::now() + PATIENCE))
}

fn compared<'a>(messages: &'a [Message], ignored: &[Regex]) -> Vec<Compared<'a>> {
    messages.iter().map(|message| Compared::of(message, ignored)).collect()
}

/// What of a message is compared.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Compared<'a> {
    Text(Cow<'a, str>),
    Binary(&'a [u8]),
}

impl<'a> Compared<'a> {
    fn of(message: &'a Message, ignored: &[Regex]) -> Compared<'a> {
        match message {
            Message::Binary(bytes) => Compared::Binary(bytes),
            Message::Text(text) => Compared::Text(without(text, ignored)),
        }
    }
}

/// The text without what matches one of `ignored`.
fn without<'a>(text: &'a str, ignored: &[Regex]) -> Cow<'a, str> {
    ignored.iter().fold(Cow::Borrowed(text), |text, ignored| match ignored.replace_all(&text, "") {
        Cow::Borrowed(_) => text,
        Cow::Owned(rest) => Cow::Owned(rest),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::json_text::TextLayout;
    use crate::paint::Palette;

    fn messages(texts: &[&str]) -> Vec<Message> {
        texts.iter().map(|text| Message::from(*text)).collect()
    }

    fn view() -> MessageView {
        MessageView { layout: TextLayout::AsSent, palette: Palette::NoColours }
    }

    fn compared(recorded: &[&str], arrived: &[&str], ignored: &str) -> (bool, String) {
        let (recorded, arrived) = (messages(recorded), messages(arrived));
        let comparison = Comparison::of(&recorded, &arrived, &[Regex::new(ignored).unwrap()]);
        (comparison.is_same(), comparison.text(view()))
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
    fn another_end_is_a_difference() {
        let end = |text: &str| Some(text.to_owned());
        let compared = |ends| {
            let comparison =
                Comparison::of(&[], &[], &[]).with_ends(ends, &[Regex::new("id [0-9]+").unwrap()]);
            (comparison.is_same(), comparison.text(view()))
        };
        assert!(compared([end("closed: id 1"), end("closed: id 2")]).0);
        let (is_same, text) = compared([end("closed: 4000"), end("closed: 1011\u{7}")]);
        assert!(!is_same);
        expect![[r#"
               end - closed: 4000
               end + closed: 1011\u{7}
            0 as recorded · 0 missing · 0 new
        "#]]
        .assert_eq(&text);
        assert!(compared([end("closed: 4000"), None]).1.starts_with("   end - closed: 4000\n0 "));
    }

    #[test]
    fn text_and_binary_messages_with_the_same_bytes_differ() {
        let (text, binary) = ([Message::from("a")], [Message::from(b"a".to_vec())]);
        assert!(!Comparison::of(&text, &binary, &[]).is_same());
    }

    /// Regression: as many messages were compared as had arrived, so the first difference caused others that are none.
    #[test]
    fn what_may_still_arrive_is_not_compared() {
        let reached = |recorded: &[&str], arrived: &[&str]| {
            reached(&messages(recorded), &messages(arrived), &[Regex::new("[0-9]").unwrap()])
        };
        let all = ["a", "b", "c", "d", "e"];
        assert_eq!(reached(&all, &[]), 0);
        assert_eq!(reached(&all, &["b", "c"]), 3);
        assert_eq!(reached(&all, &["a1", "new", "b"]), 2);
        assert_eq!(reached(&all, &["a", "another"]), 2);
        assert_eq!(reached(&all, &["a", "b", "c", "d", "e", "more"]), 5);
        assert_eq!(reached(&["a", "b", "a", "b", "a", "b"], &["new", "b"]), 2);
    }

    #[test]
    fn only_so_many_differences_are_shown() {
        let arrived: Vec<String> = (0..150).map(|number| number.to_string()).collect();
        let arrived: Vec<&str> = arrived.iter().map(String::as_str).collect();
        let (_, text) = compared(&[], &arrived, "^$");
        assert!(text.ends_with("       … 50 more\n0 as recorded · 0 missing · 150 new\n"), "{text}");
    }
}
