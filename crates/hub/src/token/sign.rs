//! Making tokens, for development.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use serde::Serialize;

use super::algorithm::Algorithm;
use super::key::{KeyError, hmac_key};

/// A secret to sign tokens with. In production, the back end signs them.
///
/// ```
/// use longwire_hub::{Algorithm, Keys, Millis, SigningKey, TokenVerifier};
/// use serde_json::json;
///
/// let secret = b"a secret that has 32 bytes or more";
/// let token = SigningKey::hmac(Algorithm::Hs256, secret)?.sign(&json!({"sub": "42", "exp": 2_000_000_000}))?;
///
/// let verifier = TokenVerifier::new(Keys::new().hmac(Algorithm::Hs256, secret)?);
/// let longwire_hub::Call::Ready(verified) = verifier.connection(&token, Millis(1_700_000_000_000)) else {
///     unreachable!("only keys that are fetched take time")
/// };
/// assert_eq!(verified?.user, "42");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SigningKey {
    algorithm: Algorithm,
    key: hmac::Key,
}

#[derive(Serialize)]
struct HeaderText {
    alg: &'static str,
    typ: &'static str,
}

impl SigningKey {
    /// A secret.
    ///
    /// # Errors
    ///
    /// The algorithm is not HS256, HS384 or HS512, or the secret has less than 32 bytes.
    pub fn hmac(algorithm: Algorithm, secret: &[u8]) -> Result<SigningKey, KeyError> {
        Ok(SigningKey { algorithm, key: hmac_key(algorithm, secret)? })
    }

    /// A token with these claims.
    ///
    /// # Errors
    ///
    /// The claims cannot be written as JSON.
    pub fn sign(&self, claims: &impl Serialize) -> Result<String, serde_json::Error> {
        let header = serde_json::to_vec(&HeaderText { alg: self.algorithm.name(), typ: "JWT" })?;
        let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let message = format!("{}.{}", encode(&header), encode(&serde_json::to_vec(claims)?));
        let signature = hmac::sign(&self.key, message.as_bytes());
        Ok(format!("{message}.{}", encode(signature.as_ref())))
    }
}
