//! What to try if an endpoint does not do what was asked of it.

use super::document::Report;
use super::setup::{CHECK, WORKLOAD};

impl Report {
    /// What to try, if no message of the whole run was answered as expected. `None`: some were, or the connections failed.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        let messages = &self.messages;
        let is_silent = messages.received == 0 && messages.unanswered + messages.unexpected > 0;
        if !is_silent || !self.errors.is_empty() {
            return None;
        }
        let of = |name| self.setup.get(name).map(String::as_str);
        Some(match (of(WORKLOAD)?, of(CHECK)?) {
            ("fan-out", _) => {
                "no publication reached a subscriber; the endpoint must hand messages to all connections at the URL, or \
                 speak the hub's protocol (--channel NAME)"
            }
            ("echo", "equal") if messages.unexpected > 0 => {
                "no answer equals its message, so the endpoint is not an echo; with --check any, each message that arrives \
                 counts as an answer"
            }
            ("echo", "equal") => {
                "no message was answered, so the endpoint is not an echo; send what it answers with --messages FILE \
                 --check any, publish with --workload fan-out, or only hold connections with --workload idle"
            }
            ("echo", _) => "no message was answered; send what the endpoint answers with --messages FILE",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::Messages;
    use super::*;

    fn hint(workload: &str, check: &str, messages: Messages) -> Option<&'static str> {
        let setup = [(WORKLOAD, workload), (CHECK, check)];
        let setup = setup.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Report { setup, messages, ..Report::default() }.hint()
    }

    #[test]
    fn an_endpoint_that_does_not_answer_gets_a_hint() {
        let silent = || Messages { sent: 5, unanswered: 5, ..Messages::default() };
        let other = || Messages { unexpected: 5, ..silent() };
        assert!(hint("echo", "equal", silent()).unwrap().contains("--messages FILE --check any"));
        assert!(hint("echo", "equal", other()).unwrap().contains("with --check any"));
        assert!(!hint("echo", "any", silent()).unwrap().contains("--check any"));
        assert!(hint("fan-out", "equal", silent()).unwrap().contains("--channel"));
    }

    #[test]
    fn an_endpoint_that_answers_gets_none() {
        assert_eq!(
            hint("echo", "equal", Messages { received: 1, unanswered: 4, ..Messages::default() }),
            None
        );
        assert_eq!(hint("idle", "equal", Messages::default()), None);
    }
}
