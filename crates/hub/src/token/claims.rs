//! The claims of a token (RFC 7519 §4), read one by one, so that an error names the claim.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::error::TokenError;
use crate::data::Data;
use crate::time::Millis;

/// The claims of a token whose signature is valid.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Claims(BTreeMap<String, Box<RawValue>>);

/// Seconds since the Unix epoch, possibly with a fraction, which is dropped.
#[derive(Deserialize)]
#[serde(untagged)]
enum NumericDate {
    Whole(i64),
    Fraction(f64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    pub(super) fn read(payload: &[u8]) -> Result<Claims, TokenError> {
        serde_json::from_slice(payload)
            .map_err(|_| TokenError::Malformed("its payload is not a JSON object of claims".into()))
    }

    /// Whether the claim is there and not null.
    pub(super) fn has(&self, claim: &str) -> bool {
        self.0.get(claim).is_some_and(|value| value.get() != "null")
    }

    /// A claim; `None` if it is not there, or null.
    pub(super) fn get<T: DeserializeOwned>(&self, claim: &'static str) -> Result<Option<T>, TokenError> {
        match self.0.get(claim) {
            Some(value) => serde_json::from_str(value.get()).map_err(|error| TokenError::claim(claim, error)),
            None => Ok(None),
        }
    }

    /// A string that must be there.
    pub(super) fn required(&self, claim: &'static str) -> Result<ByteString, TokenError> {
        let value: Option<String> = self.get(claim)?;
        value.map(ByteString::from).ok_or(TokenError::MissingClaim(claim))
    }

    /// A moment.
    pub(super) fn time(&self, claim: &'static str) -> Result<Option<Millis>, TokenError> {
        let read = self.get(claim).map_err(|_| TokenError::claim(claim, "it is not a number of seconds"))?;
        let seconds = match read {
            None => return Ok(None),
            Some(NumericDate::Whole(seconds)) => u64::try_from(seconds).unwrap_or(0),
            Some(NumericDate::Fraction(seconds)) if seconds < 0.0 => 0,
            Some(NumericDate::Fraction(seconds)) => {
                Duration::try_from_secs_f64(seconds).map_or(u64::MAX, |time| time.as_secs())
            }
        };
        Ok(Some(Millis(seconds.saturating_mul(1_000))))
    }

    /// A claim that is a string or several.
    pub(super) fn strings(&self, claim: &'static str) -> Result<Vec<String>, TokenError> {
        let read = self.get(claim).map_err(|_| TokenError::claim(claim, "it is not a string or several"))?;
        Ok(match read {
            None => Vec::new(),
            Some(OneOrMany::One(value)) => vec![value],
            Some(OneOrMany::Many(values)) => values,
        })
    }

    /// When that which the token allows ends: `expire_at`, where 0 is never, or else `exp`.
    pub(super) fn end(&self) -> Result<Option<Millis>, TokenError> {
        match self.time("expire_at")? {
            Some(Millis(0)) => Ok(None),
            Some(at) => Ok(Some(at)),
            None => self.time("exp"),
        }
    }

    /// The claim `info` or `b64info`, as JSON.
    pub(super) fn info(&self) -> Result<Option<ByteString>, TokenError> {
        let encoded = self.get("b64info")?;
        info(self.get("info")?, encoded)
    }

    /// A claim that is any JSON.
    pub(super) fn json(&self, claim: &'static str) -> Result<Option<ByteString>, TokenError> {
        let value: Option<Box<RawValue>> = self.get(claim)?;
        Ok(value.map(|value| ByteString::from(String::from(Box::<str>::from(value)))))
    }
}

/// JSON from `info`, or from `b64info`, which goes first. Binary data becomes a JSON string in Base64, as everywhere.
pub(super) fn info(
    plain: Option<Box<RawValue>>,
    encoded: Option<String>,
) -> Result<Option<ByteString>, TokenError> {
    match encoded.filter(|encoded| !encoded.is_empty()) {
        Some(encoded) => Ok(Some(match Data::from_bytes(decode("b64info", &encoded)?) {
            Data::Json(json) => json,
            _ => ByteString::from(format!("\"{encoded}\"")),
        })),
        None => Ok(plain.map(|value| ByteString::from(String::from(Box::<str>::from(value))))),
    }
}

/// Bytes in Base64.
pub(super) fn decode(claim: &'static str, encoded: &str) -> Result<Bytes, TokenError> {
    let bytes = BASE64_STANDARD.decode(encoded);
    bytes.map(Bytes::from).map_err(|_| TokenError::claim(claim, "it is not valid Base64"))
}
