//! What the back end answers: the responses of Centrifugo's proxies.

use std::collections::BTreeMap;

use bytestring::ByteString;
use longwire_hub::centrifuge::{Disconnect, ErrorCode, ErrorReply};
use longwire_hub::{
    BackendError, ChannelName, ConnectGrant, Data, PublishGrant, RefreshGrant, SubscribeGrant,
    SubscriptionGrant,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::serve::hub::json::{OverrideParams, content, time};

/// What the back end says; the error is why it makes no sense.
pub(super) type Read<T> = Result<Result<T, BackendError>, String>;

#[derive(Deserialize)]
struct HookResponse {
    result: Option<ResultPart>,
    error: Option<ErrorPart>,
    disconnect: Option<DisconnectPart>,
}

#[derive(Deserialize)]
struct ErrorPart {
    code: u32,
    #[serde(default, deserialize_with = "nullable")]
    message: String,
    #[serde(default, deserialize_with = "nullable")]
    temporary: bool,
}

#[derive(Deserialize)]
struct DisconnectPart {
    code: u16,
    #[serde(default, deserialize_with = "nullable")]
    reason: String,
}

/// Any hook's result. Each reads what it needs; `null` is as good as nothing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ResultPart {
    #[serde(deserialize_with = "nullable")]
    user: String,
    #[serde(deserialize_with = "nullable")]
    expire_at: i64,
    #[serde(deserialize_with = "nullable")]
    expired: bool,
    info: Option<Box<RawValue>>,
    #[serde(deserialize_with = "nullable")]
    b64info: String,
    data: Option<Box<RawValue>>,
    #[serde(deserialize_with = "nullable")]
    b64data: String,
    meta: Option<Box<RawValue>>,
    #[serde(deserialize_with = "nullable")]
    channels: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    subs: BTreeMap<String, ResultPart>,
    #[serde(rename = "override", deserialize_with = "nullable")]
    overrides: OverrideParams,
    #[serde(deserialize_with = "nullable")]
    skip_history: bool,
}

fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl ResultPart {
    fn info(&self) -> Result<Option<ByteString>, String> {
        match content(self.info.as_deref(), &self.b64info).map_err(|_| "`info` or `b64info` is not valid")? {
            None => Ok(None),
            Some(Data::Json(json)) => Ok(Some(json)),
            // Members of channels see information as JSON.
            Some(_) => Err("`b64info` is not JSON".into()),
        }
    }

    fn data(&self) -> Result<Option<Data>, String> {
        content(self.data.as_deref(), &self.b64data).map_err(|_| "`data` or `b64data` is not valid".into())
    }

    fn grant(&self) -> Result<SubscriptionGrant, String> {
        let mut grant = SubscriptionGrant::default();
        grant.info = self.info()?;
        grant.data = self.data()?;
        grant.overrides = self.overrides.into();
        Ok(grant)
    }

    fn subscriptions(&self) -> Result<BTreeMap<ChannelName, SubscriptionGrant>, String> {
        let mut found = BTreeMap::new();
        for channel in &self.channels {
            found.insert(name(channel)?, SubscriptionGrant::default());
        }
        for (channel, part) in &self.subs {
            found.insert(name(channel)?, part.grant()?);
        }
        Ok(found)
    }
}

fn name(channel: &str) -> Result<ChannelName, String> {
    channel.parse().map_err(|error| format!("channel {channel:?}: {error}"))
}

/// The result, if there is one, or what the back end wants instead.
fn response(body: &[u8]) -> Read<Option<ResultPart>> {
    let response: HookResponse = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if let Some(DisconnectPart { code, reason }) = response.disconnect {
        let why = Disconnect::new(code, &reason);
        let why = why.ok_or_else(|| format!("{code} is not a code for disconnecting; use 4000 to 4999"))?;
        return Ok(Err(BackendError::Disconnect(why)));
    }
    if let Some(ErrorPart { code, message, temporary }) = response.error {
        if code == 0 {
            return Err("an error has a code above 0".into());
        }
        return Ok(Err(BackendError::Error(ErrorReply { code, message, temporary })));
    }
    Ok(Ok(response.result))
}

/// Reads the result with `read`. Without one, it is the default.
fn result<T>(body: &[u8], read: impl FnOnce(ResultPart) -> Result<T, String>) -> Read<T> {
    match response(body)? {
        Ok(part) => read(part.unwrap_or_default()).map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

pub(super) fn connect(body: &[u8]) -> Read<ConnectGrant> {
    match response(body)? {
        Ok(Some(part)) => {
            let mut grant = ConnectGrant::default();
            grant.expires_at = time(part.expire_at);
            grant.info = part.info()?;
            grant.data = part.data()?;
            grant.subscriptions = part.subscriptions()?;
            grant.meta = part.meta.map(|meta| String::from(Box::<str>::from(meta)).into());
            grant.user = part.user.into();
            Ok(Ok(grant))
        }
        // The back end does not know the client.
        Ok(None) => Ok(Err(BackendError::Error(ErrorCode::Unauthorized.into()))),
        Err(refused) => Ok(Err(refused)),
    }
}

pub(super) fn subscribe(body: &[u8]) -> Read<SubscribeGrant> {
    result(body, |part| {
        let mut grant = SubscribeGrant::default();
        grant.grant = part.grant()?;
        grant.expires_at = time(part.expire_at);
        Ok(grant)
    })
}

pub(super) fn publish(body: &[u8]) -> Read<PublishGrant> {
    result(body, |part| {
        let mut grant = PublishGrant::default();
        grant.data = part.data()?;
        grant.skip_history = part.skip_history;
        Ok(grant)
    })
}

pub(super) fn rpc(body: &[u8]) -> Read<Data> {
    result(body, |part| Ok(part.data()?.unwrap_or_else(|| Data::Json("null".into()))))
}

/// Of a connection or a subscription: without a result, it has expired.
pub(super) fn refresh(body: &[u8]) -> Read<RefreshGrant> {
    match response(body)? {
        Ok(part) => {
            let mut grant = RefreshGrant::default();
            grant.expired = part.as_ref().is_none_or(|part| part.expired);
            let part = part.unwrap_or_default();
            grant.expires_at = time(part.expire_at);
            grant.info = part.info()?;
            Ok(Ok(grant))
        }
        Err(refused) => Ok(Err(refused)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_result_has_all_that_centrifugo_knows() {
        let body = br#"{"result": {"user": "56", "expire_at": 7, "info": {"a":1}, "data": null, "b64data": "aGk=",
            "channels": ["news"], "subs": {"chat:tea": {"data": [2], "override": {"presence": {"value": true}}},
            "chat:bare": {}}, "meta": {"b": 3}, "caps": []}}"#;
        let grant = connect(body).unwrap().unwrap();
        assert_eq!((&*grant.user, grant.expires_at), ("56", Some(longwire_hub::Millis(7_000))));
        assert_eq!(grant.info.as_deref(), Some("{\"a\":1}"));
        assert_eq!(grant.meta.as_deref(), Some("{\"b\": 3}"));
        assert_eq!(grant.data, Some(Data::Binary("hi".into())));
        let names: Vec<&str> = grant.subscriptions.keys().map(|name| &**name).collect();
        assert_eq!(names, ["chat:bare", "chat:tea", "news"]);
        let tea = &grant.subscriptions[&"chat:tea".parse::<ChannelName>().unwrap()];
        assert_eq!((&tea.data, tea.overrides.presence), (&Some(Data::Json("[2]".into())), Some(true)));
    }

    #[test]
    fn nothing_lets_a_subscription_pass_but_neither_a_connection_nor_a_refresh() {
        assert!(subscribe(b"{}").unwrap().is_ok());
        assert!(publish(b"{\"result\": null}").unwrap().is_ok());
        assert_eq!(rpc(b"{\"result\": {}}"), Ok(Ok(Data::Json("null".into()))));
        assert!(connect(b"{}").unwrap().is_err());
        assert!(refresh(b"{}").unwrap().unwrap().expired);
        assert!(!refresh(b"{\"result\": {\"expire_at\": 5}}").unwrap().unwrap().expired);
    }

    #[test]
    fn refusals_go_before_a_result_and_nonsense_is_a_failure() {
        let both =
            br#"{"result": {}, "error": {"code": 403, "message": "no"}, "disconnect": {"code": 4500}}"#;
        assert_eq!(rpc(both), Ok(Err(BackendError::Disconnect(Disconnect::new(4500, "").unwrap()))));
        let error = ErrorReply { code: 403, message: "no".into(), temporary: false };
        assert_eq!(rpc(br#"{"error": {"code": 403, "message": "no"}}"#), Ok(Err(BackendError::Error(error))));
        for nonsense in [
            "",
            "[]",
            "no",
            r#"{"result": {"data": 1}"#,
            r#"{"disconnect": {"code": 1000}}"#,
            r#"{"error": {"code": 0}}"#,
            r#"{"result": {"b64data": "?"}}"#,
        ] {
            assert!(rpc(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
    }
}
