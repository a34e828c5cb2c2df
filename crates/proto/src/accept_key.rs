//! `Sec-WebSocket-Key`, and the `Sec-WebSocket-Accept` that proves its receipt (RFC 6455 §1.3).

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD, STANDARD};
use base64::prelude::*;
use http::HeaderValue;
use sha1::{Digest, Sha1};
use std::error::Error;
use std::fmt;

/// The GUID that a server appends to the key before hashing (RFC 6455 §1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Base64 whose unused trailing bits may be set, as in the example key of the RFC, `AQIDBAUGBwgJCgsMDQ4PEC==` (RFC 6455
/// §4.1).
const LENIENT: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// The nonce of one opening handshake, as sent in `Sec-WebSocket-Key` (RFC 6455 §4.1).
///
/// ```
/// use longwire_proto::handshake::ClientKey;
///
/// let key = ClientKey::parse(b"dGhlIHNhbXBsZSBub25jZQ==")?;
/// assert_eq!(key.accept().as_bytes(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// # Ok::<(), longwire_proto::handshake::InvalidKey>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey(HeaderValue);

impl ClientKey {
    /// A fresh key from a cryptographically secure source.
    #[must_use]
    pub fn random() -> Self {
        Self::from_nonce(rand::random())
    }

    /// The key for a given nonce, for reproducible handshakes.
    #[must_use]
    pub fn from_nonce(nonce: [u8; 16]) -> Self {
        Self(base64_value(&nonce))
    }

    /// Parses the value of a `Sec-WebSocket-Key` header (RFC 6455 §4.2.1).
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] when the value is not the base64 of exactly 16 bytes.
    pub fn parse(value: &[u8]) -> Result<Self, InvalidKey> {
        match LENIENT.decode(value) {
            Ok(nonce) if nonce.len() == 16 => {
                HeaderValue::from_bytes(value).map(Self).map_err(|_| InvalidKey)
            }
            _ => Err(InvalidKey),
        }
    }

    /// The key as sent: 24 characters of base64.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key as the value of a `Sec-WebSocket-Key` header.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The server's expected response (RFC 6455 §4.2.2): a hash of the key as it was sent, not of its 16 bytes.
    #[must_use]
    pub fn accept(&self) -> AcceptKey {
        AcceptKey(base64_value(&Sha1::new().chain_update(self.as_bytes()).chain_update(GUID).finalize()))
    }
}

/// The value of `Sec-WebSocket-Accept`: the server's proof that it read the [`ClientKey`] (RFC 6455 §4.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptKey(HeaderValue);

impl AcceptKey {
    /// The proof as sent: 28 characters of base64.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The proof as the value of a `Sec-WebSocket-Accept` header.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// A `Sec-WebSocket-Key` that is not the base64 of 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidKey;

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sec-WebSocket-Key is not the base64 of 16 bytes")
    }
}

impl Error for InvalidKey {}

#[expect(clippy::expect_used, reason = "base64 is ASCII without control characters, whatever the bytes were")]
fn base64_value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::try_from(STANDARD.encode(bytes)).expect("base64 is a valid header value")
}

#[cfg(test)]
mod tests {
    use super::{ClientKey, InvalidKey};

    #[test]
    fn the_example_of_the_rfc() {
        let key = ClientKey::from_nonce(*b"the sample nonce");
        assert_eq!(key.as_bytes(), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(key.header_value(), "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(key.accept().as_bytes(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(key.accept().header_value(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_hashed_as_it_was_sent() {
        let sent = ClientKey::parse(b"AQIDBAUGBwgJCgsMDQ4PEC==").unwrap();
        let canonical = ClientKey::parse(b"AQIDBAUGBwgJCgsMDQ4PEA==").unwrap();
        assert_eq!(sent.as_bytes(), b"AQIDBAUGBwgJCgsMDQ4PEC==");
        assert_ne!(sent.accept(), canonical.accept());
    }

    #[test]
    fn random_keys_are_valid_and_differ() {
        let (one, other) = (ClientKey::random(), ClientKey::random());
        assert_ne!(one, other);
        assert_eq!(ClientKey::parse(one.as_bytes()), Ok(one));
    }

    #[test]
    fn what_is_not_16_bytes_of_base64_is_refused() {
        let refused: [&[u8]; 9] = [
            b"",
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZTE=",
            b"dGhlIHNhbXBsZSBub25jZTEy",
            b"dGhlIHNhbXBsZSBub25jZQ== ",
            b"dGhlIHNhbXBsZSBub25j!Q==",
            b"dGhlIHNhbXBsZSBub2_-ZQ==",
            b"dGhlIHNhbXBs\0SBub25jZQ==",
        ];
        for value in refused {
            assert_eq!(ClientKey::parse(value), Err(InvalidKey), "{}", value.escape_ascii());
        }
        assert_eq!(InvalidKey.to_string(), "Sec-WebSocket-Key is not the base64 of 16 bytes");
    }
}
