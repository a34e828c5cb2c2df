//! What the back end gets: the requests of Centrifugo's proxies.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};
use longwire_hub::centrifuge::Encoding;
use longwire_hub::{ConnectHook, Data, HookClient, TransportOrigin};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

/// The body of a request. Hooks leave out what they do not have.
#[derive(Debug, Serialize)]
pub(super) struct HookQuestion<'a> {
    client: &'a str,
    transport: &'static str,
    protocol: &'static str,
    encoding: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    channels: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b64data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Box<RawValue>>,
}

impl<'a> HookQuestion<'a> {
    /// About a client that is connected.
    pub(super) fn about(client: &'a HookClient) -> HookQuestion<'a> {
        HookQuestion {
            client: &client.client,
            transport: client.transport.kind.name(),
            protocol: match client.transport.encoding {
                Encoding::Json => "json",
                Encoding::Protobuf => "protobuf",
            },
            encoding: "json",
            user: Some(&client.user),
            name: "",
            version: "",
            channels: &[],
            channel: None,
            method: None,
            data: None,
            b64data: None,
            meta: client.meta.as_deref().and_then(raw),
        }
    }

    /// About a client that wants to connect.
    pub(super) fn connect(client: &'a HookClient, request: &'a ConnectHook) -> HookQuestion<'a> {
        let question = HookQuestion {
            user: None,
            name: &request.name,
            version: &request.version,
            channels: &request.channels,
            ..HookQuestion::about(client)
        };
        match &request.data {
            Some(data) => question.data(data),
            None => question,
        }
    }

    pub(super) fn channel(self, channel: &'a str) -> HookQuestion<'a> {
        HookQuestion { channel: Some(channel), ..self }
    }

    pub(super) fn method(self, method: &'a str) -> HookQuestion<'a> {
        HookQuestion { method: Some(method), ..self }
    }

    pub(super) fn data(mut self, data: &Data) -> HookQuestion<'a> {
        match data {
            // The hub's word for no data.
            Data::Json(json) if *json == *"null" => {}
            Data::Json(json) => self.data = raw(json),
            Data::Text(text) => self.data = to_raw_value(&**text).ok(),
            Data::Binary(bytes) => {
                self.encoding = "binary";
                self.b64data = Some(STANDARD.encode(bytes));
            }
        }
        self
    }

    pub(super) fn body(&self) -> Bytes {
        // Serializing strings does not fail.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

fn raw(json: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(json.to_owned()).ok()
}

/// The header with the address of the client, which a back end behind proxies reads anyway.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The headers of a request: those of the client that are passed on, the client's address, and the type of the body. If
/// the address is among those that are passed on, the operator wants it as it came.
pub(super) fn headers(
    names: &[HeaderName],
    origin: Option<&TransportOrigin>,
    claimed: &BTreeMap<String, String>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in names {
        let sent = origin.and_then(|origin| origin.headers.get(name.as_str()));
        // What the connection's request has goes before what its client says, which no proxy has checked.
        let value = sent.or_else(|| {
            let mut claimed = claimed.iter();
            claimed.find(|(claim, _)| claim.eq_ignore_ascii_case(name.as_str())).map(|(_, value)| value)
        });
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name.clone(), value);
        }
    }
    let peer = origin.and_then(|origin| origin.peer.parse::<SocketAddr>().ok());
    if let Some(peer) = peer.filter(|_| !names.contains(&X_FORWARDED_FOR))
        && let Ok(value) = HeaderValue::from_str(&peer.ip().to_string())
    {
        headers.insert(X_FORWARDED_FOR, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

/// The headers of a client's request that are passed on, each as one line.
pub(super) fn chosen(names: &[HeaderName], headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut chosen = BTreeMap::new();
    for name in names {
        let separator = if *name == http::header::COOKIE { "; " } else { ", " };
        let lines: Vec<Cow<'_, str>> =
            headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        if !lines.is_empty() {
            chosen.insert(name.as_str().to_owned(), lines.join(separator));
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chosen_headers_are_passed_on_and_a_claim_never_replaces_one_of_the_request() {
        let names = [HeaderName::from_static("x-real-ip"), HeaderName::from_static("cookie")];
        let mut sent = HeaderMap::new();
        for (name, value) in [("cookie", "a=1"), ("cookie", "b=2"), ("x-other", "3")] {
            sent.append(name, HeaderValue::from_static(value));
        }
        let peer = "[2001:db8::1]:9".to_owned();
        let origin = TransportOrigin { headers: chosen(&names, &sent), peer };
        let claim = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let claimed = [claim("Cookie", "c=3"), claim("X-Real-Ip", "192.0.2.1"), claim("x-other", "4")];
        let headers = headers(&names, Some(&origin), &BTreeMap::from(claimed));
        assert_eq!(headers["cookie"], "a=1; b=2");
        assert_eq!(headers["x-real-ip"], "192.0.2.1");
        assert_eq!(headers["x-forwarded-for"], "2001:db8::1");
        assert!(!headers.contains_key("x-other"));
    }

    #[test]
    fn a_claim_that_is_not_a_header_is_left_out() {
        let names = [HeaderName::from_static("cookie")];
        let claimed = BTreeMap::from([("cookie".to_owned(), "a\r\nx-admin: 1".to_owned())]);
        assert!(!headers(&names, None, &claimed).contains_key("cookie"));
    }
}
