//! The parameters of the API's methods.

use std::collections::BTreeMap;

use bytestring::ByteString;
use longwire_hub::centrifuge::{Disconnect, ErrorCode};
use longwire_hub::{ApiError, ChannelOverrides, ClientFilter, Data, PublishCall, StreamPosition};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::serve::hub::json::{OverrideParams, content};

/// `publish` to one channel, or `broadcast` to several.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PublishParams<'a> {
    pub(super) channel: String,
    pub(super) channels: Vec<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    b64data: String,
    skip_history: bool,
    tags: BTreeMap<String, String>,
    idempotency_key: String,
    version: u64,
    version_epoch: String,
}

impl PublishParams<'_> {
    pub(super) fn publication(self) -> Result<PublishCall, ApiError> {
        let mut call = PublishCall::new(content(self.data, &self.b64data)?.ok_or(ErrorCode::BadRequest)?);
        call.skip_history = self.skip_history;
        call.tags = self.tags;
        call.idempotency_key = given(self.idempotency_key);
        call.version = (self.version > 0).then(|| (self.version, self.version_epoch.into()));
        Ok(call)
    }
}

/// Which clients a method is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClientParams {
    user: String,
    client: String,
    session: String,
    whitelist: Vec<String>,
}

impl From<ClientParams> for ClientFilter {
    fn from(params: ClientParams) -> ClientFilter {
        let ClientParams { user, client, session, whitelist } = params;
        let except = whitelist.into_iter().map(ByteString::from).collect();
        ClientFilter { user: user.into(), client: given(client), session: given(session), except }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SubscribeParams<'a> {
    pub(super) channel: String,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
    b64info: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    b64data: String,
    pub(super) expire_at: i64,
    pub(super) recover_since: Option<PositionParams>,
    #[serde(rename = "override")]
    overrides: OverrideParams,
}

impl SubscribeParams<'_> {
    pub(super) fn info(&self) -> Result<Option<ByteString>, ApiError> {
        match content(self.info, &self.b64info)? {
            None => Ok(None),
            Some(Data::Json(text)) => Ok(Some(text)),
            // Members of the channel see information as JSON.
            Some(_) => Err(ErrorCode::BadRequest.into()),
        }
    }

    pub(super) fn data(&self) -> Result<Option<Data>, ApiError> {
        Ok(content(self.data, &self.b64data)?)
    }

    pub(super) fn overrides(&self) -> ChannelOverrides {
        self.overrides.into()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ChannelParams {
    pub(super) channel: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ChannelsParams {
    pub(super) pattern: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DisconnectParams {
    disconnect: Option<CloseParams>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CloseParams {
    code: u16,
    reason: String,
}

impl DisconnectParams {
    pub(super) fn why(self) -> Result<Disconnect, ApiError> {
        match self.disconnect {
            None => Ok(Disconnect::FORCE_NO_RECONNECT),
            Some(CloseParams { code, reason }) => {
                Disconnect::new(code, &reason).ok_or_else(|| ErrorCode::BadRequest.into())
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RefreshParams<'a> {
    pub(super) expired: bool,
    pub(super) expire_at: i64,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
}

impl RefreshParams<'_> {
    pub(super) fn info(&self) -> Option<ByteString> {
        self.info.map(|info| info.get().into())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BlockParams {
    pub(super) user: String,
    /// Unix time in seconds; 0 ends the block.
    pub(super) until: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct HistoryParams {
    pub(super) channel: String,
    pub(super) limit: i64,
    pub(super) since: Option<PositionParams>,
    pub(super) reverse: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PositionParams {
    offset: u64,
    epoch: String,
}

impl From<PositionParams> for StreamPosition {
    fn from(params: PositionParams) -> StreamPosition {
        StreamPosition { offset: params.offset, epoch: params.epoch.into() }
    }
}

fn given(text: String) -> Option<ByteString> {
    (!text.is_empty()).then(|| text.into())
}
