//! Faults that `longwire proxy` makes on purpose, as written on the command line.

use std::str::FromStr;
use std::time::Duration;

use longwire::Direction;

use crate::values::Period;

/// A fault, and the direction that it affects.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProxyFault {
    pub(crate) kind: FaultKind,
    /// `Sent`: from the client to the server. `None`: both directions.
    pub(crate) direction: Option<Direction>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum FaultKind {
    /// Everything arrives later.
    Delay(Duration),
    /// Messages are left out.
    Drop(Share),
    /// A bit of a message is turned over.
    Corrupt(Share),
    /// The TCP connections end without a Close frame.
    Cut(After),
}

/// Which messages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Share {
    /// Each with this probability.
    Probability(f64),
    /// The last one of each so many.
    Every(u64),
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Time(Duration),
    Messages(u64),
}

/// What a fault looks like, for errors.
const FORMS: &str = "write `delay 200ms`, `drop 5%`, `drop every 10`, `corrupt 1%`, `corrupt every 100`, `cut after 30s` or \
                     `cut after 10 messages`, and behind it `from client` or `from server` for one direction";

impl FromStr for ProxyFault {
    type Err = String;

    fn from_str(text: &str) -> Result<ProxyFault, String> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let direction = match words[..] {
            [.., "from", "client"] => Some(Direction::Sent),
            [.., "from", "server"] => Some(Direction::Received),
            _ => None,
        };
        if direction.is_some() {
            words.truncate(words.len() - 2);
        }
        let wrong = || format!("{text:?} is not a fault; {FORMS}");
        let kind = match words[..] {
            ["delay", ref time @ ..] => FaultKind::Delay(time_of(time).ok_or_else(wrong)?),
            ["drop", ref share @ ..] => FaultKind::Drop(share_of(share).ok_or_else(wrong)?),
            ["corrupt", ref share @ ..] => FaultKind::Corrupt(share_of(share).ok_or_else(wrong)?),
            ["cut", "after", count, "message" | "messages"] => {
                FaultKind::Cut(After::Messages(count_of(count).ok_or_else(wrong)?))
            }
            ["cut", "after", ref time @ ..] if direction.is_none() => {
                FaultKind::Cut(After::Time(time_of(time).ok_or_else(wrong)?))
            }
            _ => return Err(wrong()),
        };
        Ok(ProxyFault { kind, direction })
    }
}

/// A time such as `200ms`, `1.5 s` or `2m`, up to a day.
fn time_of(words: &[&str]) -> Option<Duration> {
    let Period(time) = words.concat().parse().ok()?;
    (time <= Duration::from_secs(86_400)).then_some(time)
}

fn share_of(words: &[&str]) -> Option<Share> {
    match words {
        ["every", count] => count_of(count).map(Share::Every),
        percent => {
            let percent = percent.concat().strip_suffix('%')?.parse::<f64>().ok()?;
            (0.0..=100.0).contains(&percent).then_some(Share::Probability(percent / 100.0))
        }
    }
}

fn count_of(text: &str) -> Option<u64> {
    text.parse().ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_written_as_sentences() {
        use Direction::{Received, Sent};
        for (text, kind, direction) in [
            ("delay 200ms", FaultKind::Delay(Duration::from_millis(200)), None),
            ("delay 1.5s from server", FaultKind::Delay(Duration::from_millis(1500)), Some(Received)),
            ("drop 5%", FaultKind::Drop(Share::Probability(0.05)), None),
            ("drop every 10 from client", FaultKind::Drop(Share::Every(10)), Some(Sent)),
            ("corrupt 0.5%", FaultKind::Corrupt(Share::Probability(0.005)), None),
            ("cut after 2m", FaultKind::Cut(After::Time(Duration::from_secs(120))), None),
            ("delay 1.5 s", FaultKind::Delay(Duration::from_millis(1500)), None),
            ("drop 5 % from client", FaultKind::Drop(Share::Probability(0.05)), Some(Sent)),
            ("cut  after 1 message", FaultKind::Cut(After::Messages(1)), None),
            ("cut after 3 messages from server", FaultKind::Cut(After::Messages(3)), Some(Received)),
        ] {
            assert_eq!(text.parse(), Ok(ProxyFault { kind, direction }), "{text}");
        }
    }

    #[test]
    fn what_is_no_fault_is_said_with_what_is_one() {
        for text in [
            "",
            "delay",
            "delay 5",
            "delay 1e400s",
            "delay -1s",
            "drop",
            "drop 101%",
            "drop every 0",
            "cut",
            "cut after 5",
            "cut after 5s from server",
            "explode",
            "delay 1s from here",
        ] {
            let error = text.parse::<ProxyFault>().unwrap_err();
            assert!(error.contains("`cut after 30s`"), "{text}: {error}");
        }
    }
}
