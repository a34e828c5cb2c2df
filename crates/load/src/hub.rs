//! The JSON protocol of Centrifugo's clients, as far as a generator speaks it.

use memchr::memmem;

use crate::target::NUMBER;

/// What a line of a message from the server is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'l> {
    /// A ping, to be answered with [`PONG`].
    Ping,
    /// The answer to the last command of joining.
    Joined,
    /// A publication; it contains the data.
    Publication(&'l [u8]),
    /// An error, or the end of a subscription.
    Refused(&'l [u8]),
    /// Anything else.
    Other,
}

/// The answer to a ping.
pub(crate) const PONG: &str = "{}";

/// The commands by which a client joins. Their last answer has the id [`JOINED`].
pub(crate) fn joining(channel: Option<&str>) -> String {
    match channel {
        Some(channel) => {
            let name = serde_json::Value::from(channel);
            format!("{{\"connect\":{{}},\"id\":1}}\n{{\"subscribe\":{{\"channel\":{name}}},\"id\":2}}")
        }
        None => "{\"connect\":{},\"id\":2}".to_owned(),
    }
}

/// The command that publishes this text.
pub(crate) fn publishing(channel: &str, text: &str) -> String {
    let [channel, text] = [channel, text].map(serde_json::Value::from);
    format!("{{\"publish\":{{\"channel\":{channel},\"data\":{text}}},\"id\":3}}")
}

/// The name of a channel, from its template.
pub(crate) fn channel(template: &str, number: usize) -> String {
    template.replace(NUMBER, &number.to_string())
}

/// The lines of a message: the server may send several replies in one.
pub(crate) fn lines(message: &[u8]) -> impl Iterator<Item = Line<'_>> {
    message.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(line)
}

fn line(line: &[u8]) -> Line<'_> {
    let has = |part: &str| memmem::find(line, part.as_bytes()).is_some();
    if line == b"{}" {
        Line::Ping
    } else if line.starts_with(b"{\"push\"") && has("\"pub\"") {
        Line::Publication(line)
    } else if has("\"error\"") || has("\"unsubscribe\"") || has("\"disconnect\"") {
        Line::Refused(line)
    } else if has("\"id\":2") {
        Line::Joined
    } else {
        Line::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_replies_in_a_message_are_told_apart() {
        let message = b"{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{}}\n{}\n{\"id\":3,\"error\":{\"code\":103}}\n\
            {\"push\":{\"channel\":\"a\",\"pub\":{\"data\":\"x\"}}}\n";
        let found: Vec<_> = lines(message).collect();
        let [Line::Other, Line::Joined, Line::Ping, Line::Refused(_), Line::Publication(line)] = *found
        else {
            panic!("{found:?}")
        };
        assert!(line.ends_with(b"\"x\"}}}"));
    }

    #[test]
    fn commands_are_json_whatever_a_channel_is_called() {
        let name = channel("a\"{number}", 7);
        for line in joining(Some(&name)).lines().chain([publishing(&name, "ß\"").as_str()]) {
            let command: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(command["id"].is_u64(), "{line}");
        }
    }
}
