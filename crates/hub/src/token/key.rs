//! One key.

use std::fmt;

use ring::hmac;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

use super::algorithm::Algorithm;
use super::pem::PublicKey;

/// The most keys in a set. An RSA key without a pinned algorithm counts as three.
pub const MAX_KEYS: usize = 128;

/// The shortest secret, in bytes: the length of the shortest hash (RFC 7518 §3.2).
const MIN_SECRET: usize = 32;

/// The lengths of RSA moduli that are accepted, in bytes: 2048 to 8192 bits (RFC 7518 §3.3).
const RSA_LEN: std::ops::RangeInclusive<usize> = 256..=1024;

/// Verifies signatures of one algorithm.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Secret(hmac::Key),
    Rsa { parameters: &'static RsaParameters, public: RsaPublicKeyComponents<Vec<u8>> },
    Public(UnparsedPublicKey<Vec<u8>>),
}

/// Why a key cannot be used.
///
/// ```
/// use longwire_hub::{Algorithm, Keys};
///
/// let error = Keys::new().hmac(Algorithm::Hs256, b"secret").unwrap_err();
/// assert!(error.to_string().contains("at least 32 bytes"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyError(pub(super) String);

impl Key {
    /// A shared secret.
    pub(super) fn secret(algorithm: Algorithm, secret: &[u8]) -> Result<Key, KeyError> {
        Ok(Key { id: None, algorithm, material: Material::Secret(hmac_key(algorithm, secret)?) })
    }

    /// A public key for each algorithm that it fits; only for `algorithm` if it is given.
    pub(super) fn public(key: &PublicKey, algorithm: Option<Algorithm>) -> Result<Vec<Key>, KeyError> {
        let fitting: &[Algorithm] = match key {
            PublicKey::Rsa { .. } => &[
                Algorithm::Rs256,
                Algorithm::Rs384,
                Algorithm::Rs512,
                Algorithm::Ps256,
                Algorithm::Ps384,
                Algorithm::Ps512,
            ],
            PublicKey::P256(_) => &[Algorithm::Es256],
            PublicKey::P384(_) => &[Algorithm::Es384],
            PublicKey::Ed25519(_) => &[Algorithm::EdDsa],
        };
        let pinned: Vec<Algorithm> = match algorithm {
            Some(algorithm) => fitting.iter().copied().filter(|fitting| *fitting == algorithm).collect(),
            None => fitting.iter().copied().take(3).collect(),
        };
        if let (Some(algorithm), []) = (algorithm, &pinned[..]) {
            let names: Vec<&str> = fitting.iter().map(|fitting| fitting.name()).collect();
            return Err(KeyError(format!("the key is for {}, not for {algorithm}", names.join(", "))));
        }
        pinned.into_iter().map(|algorithm| Key::new(key, algorithm)).collect()
    }

    fn new(key: &PublicKey, algorithm: Algorithm) -> Result<Key, KeyError> {
        let material = match key {
            PublicKey::Rsa { modulus, exponent } => {
                if !RSA_LEN.contains(&modulus.len()) || exponent.is_empty() {
                    let bits = modulus.len() * 8;
                    return Err(KeyError(format!("the RSA key has {bits} bits; it may have 2048 to 8192")));
                }
                let public = RsaPublicKeyComponents { n: modulus.clone(), e: exponent.clone() };
                Material::Rsa { parameters: rsa_parameters(algorithm), public }
            }
            PublicKey::P256(point) => {
                Material::Public(UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point.clone()))
            }
            PublicKey::P384(point) => {
                Material::Public(UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point.clone()))
            }
            PublicKey::Ed25519(key) => {
                Material::Public(UnparsedPublicKey::new(&signature::ED25519, key.clone()))
            }
        };
        Ok(Key { id: None, algorithm, material })
    }

    /// The key with this id.
    pub(super) fn named(self, id: Option<String>) -> Key {
        Key { id, ..self }
    }

    /// Whether this is the signature of `message`. Secrets are compared in constant time.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Material::Rsa { parameters, public } => public.verify(parameters, message, signature).is_ok(),
            Material::Public(key) => key.verify(message, signature).is_ok(),
        }
    }
}

/// The key of an HMAC algorithm.
pub(super) fn hmac_key(algorithm: Algorithm, secret: &[u8]) -> Result<hmac::Key, KeyError> {
    let hash = match algorithm {
        Algorithm::Hs256 => hmac::HMAC_SHA256,
        Algorithm::Hs384 => hmac::HMAC_SHA384,
        Algorithm::Hs512 => hmac::HMAC_SHA512,
        other => return Err(KeyError(format!("{other} needs a public key, not a secret"))),
    };
    if secret.starts_with(b"-----BEGIN") {
        return Err(KeyError("the secret is a key in PEM format, which others may know".into()));
    }
    if secret.len() < MIN_SECRET {
        return Err(KeyError(format!(
            "the secret has {} bytes; it must have at least {MIN_SECRET} bytes (make one: openssl rand -hex 32)",
            secret.len()
        )));
    }
    Ok(hmac::Key::new(hash, secret))
}

fn rsa_parameters(algorithm: Algorithm) -> &'static RsaParameters {
    match algorithm {
        Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => &signature::RSA_PKCS1_2048_8192_SHA256,
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeyError {}
