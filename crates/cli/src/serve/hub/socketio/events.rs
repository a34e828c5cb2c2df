//! What the hub says, as events of Socket.IO.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a message of the hub says.
#[derive(Debug)]
pub(super) enum Said<'a> {
    /// The answer to a command: its result, or its error.
    Reply(u32, Result<&'a RawValue, &'a RawValue>),
    /// An event of the client itself.
    Event(&'static str, &'a RawValue),
    /// An event of a channel.
    ChannelEvent(&'static str, &'a RawValue, &'a RawValue),
    /// The hub disconnects the client.
    Disconnect(Disconnected<'a>),
    /// Nothing that a client needs to know.
    Nothing,
}

/// Why the hub disconnects a client.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Disconnected<'a> {
    pub(super) code: u32,
    #[serde(borrow)]
    pub(super) reason: &'a RawValue,
    /// Whether the client should come back.
    #[serde(default)]
    pub(super) reconnect: bool,
}

/// The answer to the command that connects, and what a client learns of its session.
#[derive(Deserialize, Serialize)]
pub(super) struct Connected<'a> {
    client: String,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(default)]
    expires: bool,
    #[serde(default)]
    ttl: u32,
    /// The subscriptions that the server made, which have events of their own.
    #[serde(borrow, default, skip_serializing)]
    pub(super) subs: BTreeMap<String, &'a RawValue>,
}

#[derive(Deserialize)]
struct ReplyLine<'a> {
    #[serde(default)]
    id: u32,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    push: Option<PushLine<'a>>,
    #[serde(
        borrow,
        alias = "connect",
        alias = "subscribe",
        alias = "unsubscribe",
        alias = "publish",
        alias = "presence",
        alias = "presence_stats",
        alias = "history",
        alias = "rpc",
        alias = "refresh",
        alias = "sub_refresh"
    )]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct PushLine<'a> {
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow, rename = "pub")]
    publication: Option<&'a RawValue>,
    #[serde(borrow)]
    join: Option<MemberLine<'a>>,
    #[serde(borrow)]
    leave: Option<MemberLine<'a>>,
    #[serde(borrow)]
    unsubscribe: Option<&'a RawValue>,
    #[serde(borrow)]
    subscribe: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<MessageLine<'a>>,
    #[serde(borrow)]
    disconnect: Option<Disconnected<'a>>,
}

#[derive(Deserialize)]
struct MemberLine<'a> {
    #[serde(borrow)]
    info: &'a RawValue,
}

#[derive(Deserialize)]
struct MessageLine<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Reads a message of the hub, which is one line of JSON.
pub(super) fn read(line: &str) -> serde_json::Result<Said<'_>> {
    let ReplyLine { id, error, push, result } = serde_json::from_str(line)?;
    Ok(match (push, result, error) {
        (Some(push), _, _) => pushed(push),
        (None, _, Some(error)) => Said::Reply(id, Err(error)),
        (None, Some(result), None) => Said::Reply(id, Ok(result)),
        (None, None, None) => Said::Nothing,
    })
}

fn pushed(push: PushLine<'_>) -> Said<'_> {
    let PushLine { channel, publication, join, leave, unsubscribe, subscribe, message, disconnect } = push;
    if let Some(why) = disconnect {
        return Said::Disconnect(why);
    }
    if let Some(message) = message {
        return Said::Event("message", message.data);
    }
    let of_channel = publication.map(|publication| ("publication", publication));
    let of_channel = of_channel
        .or(join.map(|join| ("join", join.info)))
        .or(leave.map(|leave| ("leave", leave.info)))
        .or(unsubscribe.map(|why| ("unsubscribed", why)))
        .or(subscribe.map(|how| ("subscribed", how)));
    match channel.zip(of_channel) {
        Some((channel, (name, what))) => Said::ChannelEvent(name, channel, what),
        None => Said::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        match read(line).unwrap() {
            Said::Reply(id, Ok(result)) => format!("{id} {result}"),
            Said::Reply(id, Err(error)) => format!("{id} failed {error}"),
            Said::Event(name, data) => format!("{name} {data}"),
            Said::ChannelEvent(name, channel, data) => format!("{name} {channel} {data}"),
            Said::Disconnect(why) => format!("disconnect {} {} {}", why.code, why.reason, why.reconnect),
            Said::Nothing => String::new(),
        }
    }

    #[test]
    fn messages_of_the_hub_are_events() {
        for (line, expected) in [
            (r#"{"id":3,"publish":{}}"#, "3 {}"),
            (r#"{"id":3,"subscribe":{"epoch":"e"}}"#, r#"3 {"epoch":"e"}"#),
            (r#"{"id":4,"error":{"code":103,"message":"no"}}"#, r#"4 failed {"code":103,"message":"no"}"#),
            (r#"{"push":{"channel":"a","pub":{"data":1.50}}}"#, r#"publication "a" {"data":1.50}"#),
            (r#"{"push":{"channel":"a","join":{"info":{"user":"u"}}}}"#, r#"join "a" {"user":"u"}"#),
            (r#"{"push":{"channel":"a","leave":{"info":{"user":"u"}}}}"#, r#"leave "a" {"user":"u"}"#),
            (r#"{"push":{"channel":"a","unsubscribe":{"code":2500}}}"#, r#"unsubscribed "a" {"code":2500}"#),
            (r#"{"push":{"channel":"a","subscribe":{}}}"#, r#"subscribed "a" {}"#),
            (r#"{"push":{"message":{"data":[7]}}}"#, "message [7]"),
            (
                r#"{"push":{"disconnect":{"code":3001,"reason":"x","reconnect":true}}}"#,
                r#"disconnect 3001 "x" true"#,
            ),
            (r#"{"push":{"refresh":{"expires":true}}}"#, ""),
            ("{}", ""),
        ] {
            assert_eq!(shown(line), expected, "{line}");
        }
    }
}
