//! What of the input was not sent when the connection ended.

use std::fmt;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::input::Input;

/// The input is over for this count if nothing of it arrives for so long: its writer may wait for an answer.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the rest of the input is counted: it may be endless.
const COUNTING: Duration = Duration::from_secs(1);

/// How many messages were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Unsent {
    pub(super) count: usize,
    /// Whether there may be more.
    pub(super) is_least: bool,
    /// Whether each is a line of the input.
    pub(super) are_lines: bool,
}

impl Unsent {
    /// Counts the pieces that remain, and `failed` ones before them.
    pub(super) async fn count(failed: usize, rest: &mut mpsc::Receiver<Input>, are_lines: bool) -> Unsent {
        let mut unsent = Unsent { count: failed, is_least: false, are_lines };
        let counting = async {
            loop {
                match timeout(PAUSE, rest.recv()).await {
                    Ok(Some(Input::Piece(_) | Input::Typed(_))) => unsent.count += 1,
                    Ok(Some(Input::EofKey | Input::Failed(_)) | None) => return true,
                    Err(_nothing_came) => return false,
                }
            }
        };
        let is_all = timeout(COUNTING, counting).await.unwrap_or(false);
        Unsent { is_least: !is_all, ..unsent }
    }

    pub(super) fn is_some(self) -> bool {
        self.count > 0
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = if self.is_least { "at least " } else { "" };
        let noun = if self.are_lines { "line" } else { "message" };
        let ending = if self.count == 1 { " was" } else { "s were" };
        write!(f, "{least}{} {noun}{ending} not sent", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_remains_is_counted_to_its_end_or_until_nothing_comes() {
        let (pieces, mut rest) = mpsc::channel(8);
        for _ in 0..2 {
            assert!(pieces.try_send(Input::Piece(Vec::new())).is_ok());
        }
        let open = Unsent::count(1, &mut rest, true).await;
        assert_eq!(open.to_string(), "at least 3 lines were not sent");
        drop(pieces);
        let ended = Unsent::count(1, &mut rest, false).await;
        assert_eq!(ended.to_string(), "1 message was not sent");
        assert!(!Unsent::count(0, &mut rest, true).await.is_some());
    }
}
