//! The keys that tokens are verified with.

use super::algorithm::Algorithm;
use super::error::{TokenError, shortened};
use super::jwks::{self, RefusedKey};
use super::key::{Key, KeyError, MAX_KEYS};
use super::pem;
use super::signed::SignedToken;

/// The most keys that are tried for a token that does not name its key.
const MAX_TRIES: usize = 8;

/// The keys that tokens are verified with. Each has one algorithm: that of a token is only compared with it.
///
/// A key with an id is used for the tokens that name it, and for those that name none. A key without an id is used for
/// every token.
///
/// ```
/// use longwire_hub::{Algorithm, Keys};
///
/// let keys = Keys::new().hmac(Algorithm::Hs256, b"a secret that has 32 bytes or more")?;
/// assert!(!keys.is_empty());
/// # Ok::<(), longwire_hub::KeyError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Keys {
    keys: Vec<Key>,
}

/// The keys of a JWK set that can be used, and those that cannot.
///
/// ```
/// use longwire_hub::Keys;
///
/// let set = Keys::from_jwks(br#"{"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}"#)?;
/// assert!(set.keys.is_empty());
/// assert_eq!(set.refused[0].to_string(), "key \"a\": it is a secret, which has no place in a JWK set");
/// # Ok::<(), longwire_hub::KeyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct JwkSet {
    /// The keys.
    pub keys: Keys,
    /// The keys that were left out. The program writes them to the log.
    pub refused: Vec<RefusedKey>,
}

impl Keys {
    /// No keys: every token is refused.
    #[must_use]
    pub fn new() -> Keys {
        Keys::default()
    }

    /// Adds a secret that is shared with the back end.
    ///
    /// # Errors
    ///
    /// The algorithm is not HS256, HS384 or HS512; the secret has less than 32 bytes or is a key in PEM format; or there
    /// are [`MAX_KEYS`] keys.
    pub fn hmac(self, algorithm: Algorithm, secret: &[u8]) -> Result<Keys, KeyError> {
        self.with(vec![Key::secret(algorithm, secret)?])
    }

    /// Adds a public key in PEM format. Without an algorithm, an RSA key is for RS256, RS384 and RS512; other keys have
    /// only one.
    ///
    /// # Errors
    ///
    /// It is not a public key, is of a kind that is not supported or not for this algorithm, or there are [`MAX_KEYS`]
    /// keys.
    pub fn pem(self, algorithm: Option<Algorithm>, text: &str) -> Result<Keys, KeyError> {
        let key = pem::read(text).map_err(|problem| KeyError(problem.to_owned()))?;
        self.with(Key::public(&key, algorithm)?)
    }

    /// Reads a JWK set (RFC 7517 §5). Keys that cannot be used are reported in [`JwkSet::refused`] and left out.
    ///
    /// # Errors
    ///
    /// It is not a JWK set, or has more than [`MAX_KEYS`] keys.
    pub fn from_jwks(json: &[u8]) -> Result<JwkSet, KeyError> {
        let (found, refused) = jwks::read(json)?;
        Ok(JwkSet { keys: Keys::new().with(found)?, refused })
    }

    /// Adds all keys of another set.
    ///
    /// # Errors
    ///
    /// There would be more than [`MAX_KEYS`] keys.
    pub fn and(self, others: Keys) -> Result<Keys, KeyError> {
        self.with(others.keys)
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn with(mut self, keys: Vec<Key>) -> Result<Keys, KeyError> {
        self.keys.extend(keys);
        if self.keys.len() > MAX_KEYS {
            return Err(KeyError(format!("there are more than {MAX_KEYS} keys")));
        }
        Ok(self)
    }

    /// Verifies the signature and returns the payload.
    pub(super) fn verify(&self, token: &str) -> Result<Vec<u8>, TokenError> {
        let token = SignedToken::read(token)?;
        let algorithm = Algorithm::from_name(&token.algorithm)
            .ok_or_else(|| TokenError::UnsupportedAlgorithm(shortened(&token.algorithm)))?;
        if self.is_empty() {
            return Err(TokenError::NoKeys);
        }
        match self.try_keys(&token, algorithm) {
            Ok(()) => token.payload(),
            // A key without an id may have been tried in vain. The missing one is the likelier reason.
            Err(error) => Err(self.unknown_id(&token).map_or(error, TokenError::UnknownKey)),
        }
    }

    fn try_keys(&self, token: &SignedToken<'_>, algorithm: Algorithm) -> Result<(), TokenError> {
        let is_meant = |key: &&Key| match (&key.id, &token.key_id) {
            (Some(id), Some(named)) => id == named,
            _ => true,
        };
        let mut fitting =
            self.keys.iter().filter(is_meant).filter(|key| key.algorithm == algorithm).peekable();
        if fitting.peek().is_none() {
            let expected = self.keys.iter().filter(is_meant).map(|key| key.algorithm).collect();
            return Err(TokenError::WrongAlgorithm { named: algorithm, expected });
        }
        if fitting.take(MAX_TRIES).any(|key| key.has_signed(token.message, &token.signature)) {
            Ok(())
        } else {
            Err(TokenError::WrongSignature)
        }
    }

    /// The id of the key that the token names, if keys have ids and none has this one.
    fn unknown_id(&self, token: &SignedToken<'_>) -> Option<String> {
        let named = token.key_id.as_ref()?;
        let mut ids = self.keys.iter().filter_map(|key| key.id.as_ref()).peekable();
        ids.peek()?;
        (!ids.any(|id| id == named)).then(|| shortened(named))
    }
}
