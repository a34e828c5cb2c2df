//! The form of a signed token: header, payload and signature (RFC 7515 §3.1, the compact serialization).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::{TokenError, shortened};

/// The longest token, in bytes. A longer one is refused before anything else is looked at.
pub const MAX_TOKEN_LEN: usize = 64 << 10;

/// A token whose signature has not been verified yet.
#[derive(Debug)]
pub(super) struct SignedToken<'a> {
    /// The algorithm that the header names.
    pub(super) algorithm: String,
    /// The id of the key, if the header names it.
    pub(super) key_id: Option<String>,
    /// What was signed.
    pub(super) message: &'a [u8],
    pub(super) signature: Vec<u8>,
    payload: &'a str,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

impl<'a> SignedToken<'a> {
    pub(super) fn read(token: &'a str) -> Result<SignedToken<'a>, TokenError> {
        if token.len() > MAX_TOKEN_LEN {
            return Err(TokenError::TooLong { len: token.len() });
        }
        let malformed = |problem: &str| TokenError::Malformed(problem.to_owned());
        let parts = token.rsplit_once('.').and_then(|(message, signature)| {
            let (header, payload) = message.split_once('.')?;
            Some((message, header, payload, signature))
        });
        let (message, header, payload, signature) = parts
            .filter(|(_, _, payload, _)| !payload.contains('.'))
            .ok_or_else(|| malformed("it does not have three parts, separated by dots"))?;
        let header = decode(header).ok_or_else(|| malformed("its header is not valid Base64url"))?;
        let header: Header = serde_json::from_slice(&header)
            .map_err(|error| malformed(&format!("its header: {}", shortened(&error.to_string()))))?;
        // RFC 7515 §4.1.11: extensions that must be understood.
        if header.crit.is_some() {
            return Err(malformed("its header has `crit`, and no extension is supported"));
        }
        let signature = decode(signature).ok_or_else(|| malformed("its signature is not valid Base64url"))?;
        let message = message.as_bytes();
        Ok(SignedToken { algorithm: header.alg, key_id: header.kid, message, signature, payload })
    }

    /// The payload. Call this once the signature has been verified.
    pub(super) fn payload(&self) -> Result<Vec<u8>, TokenError> {
        decode(self.payload).ok_or_else(|| TokenError::Malformed("its payload is not valid Base64url".into()))
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(part).ok()
}
