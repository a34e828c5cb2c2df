//! Verifying tokens.

use std::time::Duration;

use super::claims::Claims;
use super::connection::ConnectionToken;
use super::error::TokenError;
use super::keys::Keys;
use super::refresh::RefreshPolicy;
use super::source::{KeySource, RemoteKeys};
use super::subscription::SubscriptionToken;
use crate::call::Call;
use crate::time::Millis;

/// Verifies tokens: their signature, their time, and whom they are for. Cheap to clone.
///
/// A token is valid from its claim `nbf` until right before its claim `exp`, if it has them.
///
/// ```
/// use longwire_hub::{Algorithm, Keys, TokenVerifier};
///
/// let keys = Keys::new().hmac(Algorithm::Hs256, b"a secret that has 32 bytes or more")?;
/// let verifier = TokenVerifier::new(keys).audience("chat").issuer("https://accounts.example.com");
/// # Ok::<(), longwire_hub::KeyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TokenVerifier {
    keys: Keys,
    remote: Option<RemoteKeys>,
    rules: Rules,
}

#[derive(Debug, Clone, Default)]
struct Rules {
    audience: Option<String>,
    issuer: Option<String>,
    leeway: Duration,
}

type Read<T> = fn(&Claims) -> Result<T, TokenError>;

impl TokenVerifier {
    /// A verifier with these keys.
    #[must_use]
    pub fn new(keys: Keys) -> TokenVerifier {
        TokenVerifier { keys, remote: None, rules: Rules::default() }
    }

    /// Also uses the keys of this source.
    #[must_use]
    pub fn source(mut self, source: impl KeySource, policy: RefreshPolicy) -> TokenVerifier {
        self.remote = Some(RemoteKeys::new(Box::new(source), policy, self.keys.clone()));
        self
    }

    /// Keeps what another verifier has fetched, if both have a source of keys. It must be the same source, such as the same
    /// URL: a new configuration then needs no new fetch.
    #[must_use]
    pub fn keep_fetched(self, earlier: &TokenVerifier) -> TokenVerifier {
        if let (Some(remote), Some(earlier)) = (&self.remote, &earlier.remote) {
            remote.take_over(earlier);
        }
        self
    }

    /// Only accepts tokens whose claim `aud` is, or contains, this audience.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> TokenVerifier {
        self.rules.audience = Some(audience.into());
        self
    }

    /// Only accepts tokens whose claim `iss` is this issuer.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> TokenVerifier {
        self.rules.issuer = Some(issuer.into());
        self
    }

    /// How much the clock of the back end may differ: tokens are valid this much earlier and longer. Zero by default.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> TokenVerifier {
        self.rules.leeway = leeway;
        self
    }

    /// Whether a token can be valid at all: there is a key, or a source of keys.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.remote.is_some() || !self.keys.is_empty()
    }

    /// Verifies a connection token. The answer takes time only if keys must be fetched.
    pub fn connection(&self, token: &str, now: Millis) -> Call<Result<ConnectionToken, TokenError>> {
        self.verify(token, now, ConnectionToken::from_claims)
    }

    /// Verifies a subscription token. The answer takes time only if keys must be fetched.
    pub fn subscription(&self, token: &str, now: Millis) -> Call<Result<SubscriptionToken, TokenError>> {
        self.verify(token, now, SubscriptionToken::from_claims)
    }

    fn verify<T: Send + 'static>(
        &self,
        token: &str,
        now: Millis,
        read: Read<T>,
    ) -> Call<Result<T, TokenError>> {
        let Some(remote) = &self.remote else {
            return Call::Ready(self.rules.verify(&self.keys, token, now, read));
        };
        let (keys, is_due) = remote.current(now);
        let with_known = self.rules.verify(keys.as_deref().unwrap_or(&self.keys), token, now, read);
        let is_unknown = match (&with_known, &keys) {
            // Not a matter of keys, or refused before the signature was looked at.
            (
                Err(
                    TokenError::TooLong { .. }
                    | TokenError::Malformed(_)
                    | TokenError::UnsupportedAlgorithm(_),
                ),
                _,
            ) => {
                return Call::Ready(with_known);
            }
            (Err(TokenError::UnknownKey(_)), _) => true,
            (
                Err(TokenError::NoKeys | TokenError::WrongSignature | TokenError::WrongAlgorithm { .. }),
                None,
            ) => true,
            _ => false,
        };
        let is_old = is_due && keys.is_some();
        if !is_unknown && !is_old {
            return Call::Ready(with_known);
        }
        let Some(refresh) = remote.refresh(token.len(), now) else {
            return Call::Ready(match with_known {
                Err(_) if keys.is_none() => Err(TokenError::KeysUnavailable(remote.failure())),
                known => known,
            });
        };
        let (remote, rules, token) = (remote.clone(), self.rules.clone(), token.to_owned());
        Call::Later(Box::pin(async move {
            refresh.await;
            match (remote.current(now).0, with_known) {
                (Some(keys), _) => rules.verify(&keys, &token, now, read),
                (None, Err(_)) if is_unknown => Err(TokenError::KeysUnavailable(remote.failure())),
                (None, known) => known,
            }
        }))
    }
}

impl Rules {
    fn verify<T>(&self, keys: &Keys, token: &str, now: Millis, read: Read<T>) -> Result<T, TokenError> {
        let claims = Claims::read(&keys.verify(token)?)?;
        self.check_time(&claims, now)?;
        self.check_parties(&claims)?;
        read(&claims)
    }

    /// RFC 7519 §4.1.4 and §4.1.5.
    fn check_time(&self, claims: &Claims, now: Millis) -> Result<(), TokenError> {
        match claims.time("exp")? {
            Some(at) if now >= at + self.leeway => return Err(TokenError::Expired { at }),
            _ => {}
        }
        match claims.time("nbf")? {
            Some(at) if now + self.leeway < at => Err(TokenError::NotYetValid { at }),
            _ => Ok(()),
        }
    }

    /// RFC 7519 §4.1.1 and §4.1.3.
    fn check_parties(&self, claims: &Claims) -> Result<(), TokenError> {
        if let Some(expected) = &self.audience {
            let named = claims.strings("aud")?;
            if named.is_empty() {
                return Err(TokenError::MissingClaim("aud"));
            }
            if !named.contains(expected) {
                return Err(TokenError::claim("aud", format!("it is {}, not {expected}", named.join(", "))));
            }
        }
        if let Some(expected) = &self.issuer {
            let named = claims.required("iss")?;
            if *named != **expected {
                return Err(TokenError::claim("iss", format!("it is {named}, not {expected}")));
            }
        }
        Ok(())
    }
}
