//! The users of the demos. Their key is made at the start and is nowhere but in memory.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use longwire_hub::{Algorithm, HubConfig, Keys, Millis, Namespaces, SigningKey, TokenVerifier};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;

use super::switch::Demos;
use crate::failure::Failure;

/// How long a token is valid, in seconds. A page gets another in time.
const TOKEN_TTL: u64 = 15 * 60;

/// Makes a user of whoever asks.
pub(crate) struct Visitors {
    signing: SigningKey,
    verifier: TokenVerifier,
    random: SystemRandom,
}

/// A user of the demos.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) user: String,
    pub(super) token: String,
}

impl Visitors {
    /// Those of the demos, if the server has them.
    pub(crate) fn of(demos: Demos) -> Result<Option<Arc<Visitors>>, Failure> {
        if demos == Demos::Off {
            return Ok(None);
        }
        let random = SystemRandom::new();
        let mut secret = [0; 32];
        random.fill(&mut secret).map_err(|_| no_random_numbers())?;
        let keys = Keys::new().hmac(Algorithm::Hs256, &secret).map_err(unusable)?;
        let signing = SigningKey::hmac(Algorithm::Hs256, &secret).map_err(unusable)?;
        Ok(Some(Arc::new(Visitors { signing, verifier: TokenVerifier::new(keys), random })))
    }

    /// Lets the visitors into a hub that has no other users.
    pub(crate) fn welcome(&self, hub: &mut HubConfig) {
        hub.tokens = self.verifier.clone();
        hub.namespaces = Namespaces::demos();
    }

    /// A text that nobody can guess.
    pub(super) fn random_text(&self) -> Result<String, Failure> {
        let mut bytes = [0; 18];
        self.random.fill(&mut bytes).map_err(|_| no_random_numbers())?;
        Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The user of an earlier token, or a new one, with this name for others.
    pub(super) async fn admit(&self, name: &str, earlier: &str, now: Millis) -> Result<Visitor, Failure> {
        let known = match earlier {
            "" => None,
            token => {
                self.verifier.connection(token, now).answer().await.ok().map(|token| token.user.to_string())
            }
        };
        let user = match known {
            Some(user) => user,
            None => self.random_text()?,
        };
        let expires_at = now.0 / 1_000 + TOKEN_TTL;
        let claims = json!({ "sub": user, "exp": expires_at, "info": { "name": name } });
        let token = self.signing.sign(&claims).map_err(unusable)?;
        Ok(Visitor { user, token })
    }
}

fn no_random_numbers() -> Failure {
    Failure::Other("the system has no random numbers for the demos; leave them out with --no-demo".into())
}

fn unusable(error: impl std::fmt::Display) -> Failure {
    Failure::Other(format!("the demos have no key: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_visitor_stays_the_same_user_while_its_token_is_valid() {
        let visitors = Visitors::of(Demos::On).unwrap().unwrap();
        let now = Millis(1_000_000_000_000);
        let ada = visitors.admit("Ada", "", now).await.unwrap();
        let again = visitors.admit("Ada L.", &ada.token, now).await.unwrap();
        assert_eq!(again.user, ada.user);
        let grace = visitors.admit("Grace", "", now).await.unwrap();
        assert_ne!(grace.user, ada.user);
        let late = Millis(now.0 + TOKEN_TTL * 1_000 + 1);
        assert_ne!(visitors.admit("Ada", &ada.token, late).await.unwrap().user, ada.user);
        let forged = ada.token.replace('.', "x");
        assert_ne!(visitors.admit("Ada", &forged, now).await.unwrap().user, ada.user);
        let others = Visitors::of(Demos::On).unwrap().unwrap();
        assert_ne!(others.admit("Ada", &ada.token, now).await.unwrap().user, ada.user);
    }
}
