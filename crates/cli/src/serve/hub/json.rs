//! JSON that the API and the hooks have in common.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_hub::centrifuge::ErrorCode;
use longwire_hub::{ChannelOverrides, Data, Millis};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Options of a namespace that the back end changes for one subscription.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct OverrideParams {
    presence: Option<Flag>,
    join_leave: Option<Flag>,
    force_push_join_leave: Option<Flag>,
    force_recovery: Option<Flag>,
    force_positioning: Option<Flag>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Flag {
    value: bool,
}

impl From<OverrideParams> for ChannelOverrides {
    fn from(params: OverrideParams) -> ChannelOverrides {
        let OverrideParams { presence, join_leave, force_push_join_leave, force_recovery, force_positioning } =
            params;
        let value = |flag: Option<Flag>| flag.map(|flag| flag.value);
        let mut overrides = ChannelOverrides::default();
        overrides.presence = value(presence);
        overrides.join_leave = value(join_leave);
        overrides.force_push_join_leave = value(force_push_join_leave);
        overrides.force_recovery = value(force_recovery);
        overrides.force_positioning = value(force_positioning);
        overrides
    }
}

/// A time in Unix seconds; 0 stands for none.
pub(super) fn time(seconds: i64) -> Option<Millis> {
    u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds > 0)
        .map(|seconds| Millis(seconds.saturating_mul(1_000)))
}

/// JSON, or bytes in Base64; `None` without both.
pub(super) fn content(json: Option<&RawValue>, base64: &str) -> Result<Option<Data>, ErrorCode> {
    if !base64.is_empty() {
        let bytes = STANDARD.decode(base64).map_err(|_| ErrorCode::BadRequest)?;
        return Ok(Some(Data::from_bytes(bytes.into())));
    }
    match json.map(|json| Data::from_text(json.get())) {
        None => Ok(None),
        Some(data @ Data::Json(_)) => Ok(Some(data)),
        // It is nested too deeply.
        Some(_) => Err(ErrorCode::BadRequest),
    }
}
