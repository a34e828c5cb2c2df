//! Events of clients, as commands of the hub.

use std::collections::BTreeMap;

use bytes::Bytes;
use longwire_hub::centrifuge::{
    ConnectRequest, HistoryRequest, PresenceRequest, PresenceStatsRequest, PublishRequest, RefreshRequest,
    Request, RpcRequest, SubRefreshRequest, SubscribeRequest, UnsubscribeRequest, WirePosition, json_payload,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a client may ask for, each by an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Subscribe,
    Unsubscribe,
    Publish,
    Presence,
    PresenceStats,
    History,
    Rpc,
    Refresh,
    SubRefresh,
}

impl Method {
    pub(super) const ALL: [Method; 9] = [
        Method::Subscribe,
        Method::Unsubscribe,
        Method::Publish,
        Method::Presence,
        Method::PresenceStats,
        Method::History,
        Method::Rpc,
        Method::Refresh,
        Method::SubRefresh,
    ];

    /// The name of the event.
    pub(super) fn event(self) -> &'static str {
        match self {
            Method::Subscribe => "subscribe",
            Method::Unsubscribe => "unsubscribe",
            Method::Publish => "publish",
            Method::Presence => "presence",
            Method::PresenceStats => "presence_stats",
            Method::History => "history",
            Method::Rpc => "rpc",
            Method::Refresh => "refresh",
            Method::SubRefresh => "sub_refresh",
        }
    }
}

/// The `auth` object of a client. Other keys are the application's.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Credentials {
    token: Option<String>,
    data: Option<Box<RawValue>>,
    /// Where the client was in the subscriptions that the server makes for it.
    since: BTreeMap<String, WirePosition>,
    name: Option<String>,
    version: Option<String>,
}

/// The options of `subscribe`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SubscribeOptions {
    token: Option<String>,
    since: Option<WirePosition>,
    data: Option<Box<RawValue>>,
    join_leave: bool,
}

/// The options of `history`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct HistoryOptions {
    limit: Option<i32>,
    since: Option<WirePosition>,
    reverse: bool,
}

/// The answer to what has failed.
#[derive(Debug, Serialize)]
pub(super) struct ErrorAnswer<T> {
    pub(super) error: T,
}

/// The code and the message of an error.
#[derive(Debug, Serialize)]
pub(super) struct ErrorContent<'a> {
    code: u32,
    message: &'a str,
}

impl<'a> ErrorAnswer<ErrorContent<'a>> {
    /// Error 107 of the hub.
    pub(super) fn bad_request(problem: &'a str) -> Self {
        ErrorAnswer { error: ErrorContent { code: 107, message: problem } }
    }
}

/// The request with which a client connects, from its `auth` object.
pub(super) fn connect(auth: &str) -> Result<Request, String> {
    let Credentials { token, data, since, name, version } = serde_json::from_str(auth).map_err(|error| {
        format!(
            "auth is an object with token, data, since, name and version, of which none is needed: {error}"
        )
    })?;
    let subs = since.into_iter().map(|(channel, position)| (channel, recovering(Some(position)))).collect();
    Ok(Request::Connect(ConnectRequest {
        token: token.unwrap_or_default(),
        data: data.map(payload).unwrap_or_default(),
        subs,
        name: name.unwrap_or_else(|| "socket.io".into()),
        version: version.unwrap_or_default(),
        ..ConnectRequest::default()
    }))
}

/// The request of an event with these arguments, which are JSON documents separated by commas.
pub(super) fn request(method: Method, arguments: &str) -> Result<Request, String> {
    let array = format!("[{arguments}]");
    let arguments: Vec<&RawValue> = serde_json::from_str(&array).map_err(|error| error.to_string())?;
    let arguments = Passed(&arguments);
    Ok(match method {
        Method::Subscribe => {
            let SubscribeOptions { token, since, data, join_leave } = arguments.options(1)?;
            Request::Subscribe(SubscribeRequest {
                channel: arguments.text(0, "channel")?,
                token: token.unwrap_or_default(),
                data: data.map(payload).unwrap_or_default(),
                join_leave,
                ..recovering(since)
            })
        }
        Method::Unsubscribe => {
            Request::Unsubscribe(UnsubscribeRequest { channel: arguments.text(0, "channel")? })
        }
        Method::Publish => Request::Publish(PublishRequest {
            channel: arguments.text(0, "channel")?,
            data: arguments.data(1)?,
            ..PublishRequest::default()
        }),
        Method::Presence => Request::Presence(PresenceRequest { channel: arguments.text(0, "channel")? }),
        Method::PresenceStats => {
            Request::PresenceStats(PresenceStatsRequest { channel: arguments.text(0, "channel")? })
        }
        Method::History => {
            let HistoryOptions { limit, since, reverse } = arguments.options(1)?;
            // Without a limit, as many as there may be.
            let limit = limit.unwrap_or(-1);
            Request::History(HistoryRequest { channel: arguments.text(0, "channel")?, limit, since, reverse })
        }
        Method::Rpc => {
            Request::Rpc(RpcRequest { method: arguments.text(0, "method")?, data: arguments.data(1)? })
        }
        Method::Refresh => Request::Refresh(RefreshRequest { token: arguments.text(0, "token")? }),
        Method::SubRefresh => Request::SubRefresh(SubRefreshRequest {
            channel: arguments.text(0, "channel")?,
            token: arguments.text(1, "token")?,
            ..SubRefreshRequest::default()
        }),
    })
}

/// A subscription whose client wants to recover, now or later.
fn recovering(since: Option<WirePosition>) -> SubscribeRequest {
    let recover = since.is_some();
    let WirePosition { offset, epoch } = since.unwrap_or_default();
    SubscribeRequest {
        recover,
        offset,
        epoch,
        recoverable: true,
        positioned: true,
        ..SubscribeRequest::default()
    }
}

fn payload(document: Box<RawValue>) -> Bytes {
    json_payload(&String::from(Box::<str>::from(document)).into())
}

/// The arguments that a client has given. JavaScript sends `undefined` as null.
#[derive(Clone, Copy)]
struct Passed<'a>(&'a [&'a RawValue]);

impl Passed<'_> {
    fn text(self, index: usize, name: &str) -> Result<String, String> {
        let given = self.0.get(index).and_then(|given| serde_json::from_str::<String>(given.get()).ok());
        let number = index.saturating_add(1);
        given
            .filter(|text| !text.is_empty())
            .ok_or_else(|| format!("argument {number}, the {name}, must be a string that is not empty"))
    }

    /// What is published. Nothing is null.
    fn data(self, index: usize) -> Result<Bytes, String> {
        let given = self.0.get(index).ok_or("an argument with the data is missing")?;
        Ok(payload((*given).to_owned()))
    }

    fn options<T: DeserializeOwned + Default>(self, index: usize) -> Result<T, String> {
        let given = self.0.get(index).map(|given| serde_json::from_str::<Option<T>>(given.get()));
        let number = index.saturating_add(1);
        let given = given.transpose().map_err(|error| format!("argument {number}, the options: {error}"))?;
        Ok(given.flatten().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use longwire_hub::centrifuge::{Command, Encoding};

    use super::*;

    fn written(request: Request) -> String {
        let encoded = Command { id: 7, request }.encode(Encoding::Json);
        String::from_utf8(encoded.as_bytes().to_vec()).unwrap()
    }

    fn request_of(method: Method, arguments: &str) -> Request {
        request(method, arguments).unwrap()
    }

    #[test]
    fn events_are_commands_of_the_hub() {
        let Request::Subscribe(subscribe) = request_of(Method::Subscribe, r#""news""#) else { panic!() };
        assert_eq!((&*subscribe.channel, subscribe.recover, subscribe.recoverable), ("news", false, true));
        let options = r#""news",{"token":"t","since":{"offset":3,"epoch":"e","other":1},"join_leave":true}"#;
        let Request::Subscribe(subscribe) = request_of(Method::Subscribe, options) else { panic!() };
        assert_eq!((subscribe.recover, subscribe.offset, &*subscribe.epoch), (true, 3, "e"));
        assert_eq!((&*subscribe.token, subscribe.join_leave), ("t", true));
        let published = written(request_of(Method::Publish, "\"news\",{\n\"b\":1.50,\n\"a\":[]}"));
        assert_eq!(published.matches('\n').count(), 0, "a line is a command: {published}");
        assert!(published.contains(r#""data":{"b":1.50,"a":[]}"#), "{published}");
        let Request::History(history) = request_of(Method::History, r#""news",null"#) else { panic!() };
        assert_eq!((history.limit, history.since), (-1, None));
        assert!(matches!(request_of(Method::Presence, r#""news""#), Request::Presence(_)));
    }

    #[test]
    fn wrong_arguments_are_refused_with_a_sentence() {
        for (method, arguments) in [
            (Method::Subscribe, ""),
            (Method::Subscribe, "7"),
            (Method::Subscribe, r#""""#),
            (Method::Subscribe, r#""news",{"since":7}"#),
            (Method::Publish, r#""news""#),
            (Method::History, r#""news",{"limit":"all"}"#),
            (Method::SubRefresh, r#""news""#),
        ] {
            let problem = request(method, arguments).unwrap_err();
            assert!(problem.contains("argument"), "{method:?} {arguments}: {problem}");
        }
        assert!(connect(r#"{"token":7}"#).unwrap_err().contains("auth"));
    }

    #[test]
    fn the_auth_object_may_have_what_the_application_wants() {
        let Request::Connect(connect) =
            connect(r#"{"token":"t","room":7,"since":{"a":{"offset":2}}}"#).unwrap()
        else {
            panic!()
        };
        assert_eq!((&*connect.token, &*connect.name), ("t", "socket.io"));
        let a = &connect.subs["a"];
        assert_eq!((a.recover, a.offset), (true, 2));
    }
}
