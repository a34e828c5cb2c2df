//! JWK sets (RFC 7517, RFC 7518 §6, RFC 8037).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::algorithm::Algorithm;
use super::error::shortened;
use super::key::{Key, KeyError, MAX_KEYS};
use super::pem::PublicKey;

/// A key of a JWK set that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedKey {
    /// Its id; empty if it has none.
    pub id: String,
    /// Why it is left out; names the algorithm if that is the reason.
    pub reason: String,
}

impl fmt::Display for RefusedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?}: {}", self.id, self.reason.escape_debug())
    }
}

#[derive(Deserialize)]
struct JwkSetText {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

pub(super) fn read(json: &[u8]) -> Result<(Vec<Key>, Vec<RefusedKey>), KeyError> {
    let set: JwkSetText =
        serde_json::from_slice(json).map_err(|error| KeyError(format!("this is not a JWK set: {error}")))?;
    if set.keys.len() > MAX_KEYS {
        return Err(KeyError(format!("the JWK set has {} keys; it may have {MAX_KEYS}", set.keys.len())));
    }
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for jwk in set.keys {
        match usable(&jwk) {
            Ok(keys) => found.extend(keys.into_iter().map(|key| key.named(jwk.kid.clone()))),
            Err(reason) => {
                let id = shortened(jwk.kid.as_deref().unwrap_or_default());
                refused.push(RefusedKey { id, reason: shortened(&reason) });
            }
        }
    }
    Ok((found, refused))
}

fn usable(jwk: &Jwk) -> Result<Vec<Key>, String> {
    if let Some(other) = jwk.purpose.as_deref().filter(|purpose| *purpose != "sig") {
        return Err(format!("its use is {other:?}, not \"sig\""));
    }
    let algorithm = match &jwk.alg {
        Some(name) => Some(
            Algorithm::from_name(name).ok_or_else(|| format!("the algorithm {name:?} is not supported"))?,
        ),
        None => None,
    };
    Key::public(&public_key(jwk)?, algorithm).map_err(|error| error.to_string())
}

fn public_key(jwk: &Jwk) -> Result<PublicKey, String> {
    match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => Ok(PublicKey::rsa(&member("n", &jwk.n)?, &member("e", &jwk.e)?)),
        ("EC", Some("P-256")) => Ok(PublicKey::P256(point(jwk, 32)?)),
        ("EC", Some("P-384")) => Ok(PublicKey::P384(point(jwk, 48)?)),
        ("OKP", Some("Ed25519")) => Ok(PublicKey::Ed25519(sized("x", &jwk.x, 32)?)),
        ("oct", _) => Err("it is a secret, which has no place in a JWK set".into()),
        (kind, Some(curve)) => Err(format!("keys of type {kind:?} and curve {curve:?} are not supported")),
        (kind, None) => Err(format!("keys of type {kind:?} are not supported")),
    }
}

/// An uncompressed point (SEC 1 §2.3.3).
fn point(jwk: &Jwk, len: usize) -> Result<Vec<u8>, String> {
    Ok([vec![4], sized("x", &jwk.x, len)?, sized("y", &jwk.y, len)?].concat())
}

fn sized(name: &str, value: &Option<String>, len: usize) -> Result<Vec<u8>, String> {
    let bytes = member(name, value)?;
    if bytes.len() == len { Ok(bytes) } else { Err(format!("`{name}` does not have {len} bytes")) }
}

fn member(name: &str, value: &Option<String>) -> Result<Vec<u8>, String> {
    let text = value.as_ref().ok_or_else(|| format!("it has no `{name}`"))?;
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| format!("`{name}` is not valid Base64url"))
}
