//! `[tokens]`: who clients are.

use std::path::{Path, PathBuf};

use longwire_hub::{Algorithm, KeyError, Keys, RefreshPolicy, SigningKey, TokenVerifier};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::problem::Problem;
use super::secret::Secret;
use super::url::Url;
use crate::values::Period;

/// The keys of tokens, and what tokens must say.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokensSection {
    /// Clients may claim to be any user, without a token.
    pub(crate) insecure: bool,
    hmac_secret: Option<Secret>,
    keys: Vec<KeySection>,
    pub(crate) jwks_url: Option<Url>,
    /// The least time from one fetch of `jwks_url` to the next.
    jwks_interval: Option<Period>,
    /// How long a fetch of `jwks_url` may take.
    jwks_timeout: Option<Period>,
    pub(crate) audience: Option<String>,
    pub(crate) issuer: Option<String>,
    leeway: Option<Period>,
}

/// One of `[[tokens.keys]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeySection {
    #[serde(default, deserialize_with = "algorithm")]
    algorithm: Option<Algorithm>,
    secret: Option<Secret>,
    file: Option<PathBuf>,
}

/// The keys of the configuration.
#[derive(Debug)]
pub(super) struct FoundKeys {
    pub(super) keys: Keys,
    /// The first secret, to sign tokens with.
    pub(super) signing: Option<SigningKey>,
}

/// The algorithms of `hmac_secret`.
const HMAC: [Algorithm; 3] = [Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

impl TokensSection {
    /// A verifier with these keys. The program adds a source for `jwks_url`.
    pub(super) fn verifier(&self, keys: Keys) -> TokenVerifier {
        let mut verifier = TokenVerifier::new(keys);
        if let Some(audience) = &self.audience {
            verifier = verifier.audience(audience);
        }
        if let Some(issuer) = &self.issuer {
            verifier = verifier.issuer(issuer);
        }
        match self.leeway {
            Some(leeway) => verifier.leeway(leeway.0),
            None => verifier,
        }
    }

    /// How `jwks_url` is fetched.
    pub(crate) fn refresh_policy(&self) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        policy.min_interval = self.jwks_interval.map_or(policy.min_interval, |time| time.0);
        policy.timeout = self.jwks_timeout.map_or(policy.timeout, |time| time.0);
        policy
    }

    /// Reads the keys. Files are relative to `folder`.
    pub(super) fn keys(&self, folder: &Path, problems: &mut Vec<Problem>) -> FoundKeys {
        let mut found = FoundKeys { keys: Keys::new(), signing: None };
        if let Some(secret) = &self.hmac_secret {
            for algorithm in HMAC {
                if let Err(error) = found.add_secret(algorithm, secret) {
                    problems.push(Problem::new("tokens.hmac_secret", error));
                    break;
                }
            }
        }
        for (index, section) in self.keys.iter().enumerate() {
            if let Err((key, message)) = section.add_to(&mut found, folder) {
                problems.push(Problem::new(format!("tokens.keys.{index}{key}"), message));
            }
        }
        if let Some(url) = self.jwks_url.as_ref().filter(|url| !url.is_protected()) {
            let message = format!("use https://, since whoever can change {url} on its way can forge tokens");
            problems.push(Problem::new("tokens.jwks_url", message));
        }
        if self.jwks_timeout.is_some_and(|timeout| timeout.0.is_zero()) {
            problems.push(Problem::new("tokens.jwks_timeout", "must be above 0"));
        }
        found
    }
}

impl KeySection {
    /// On failure, the key within the section, and what is wrong.
    fn add_to(&self, found: &mut FoundKeys, folder: &Path) -> Result<(), (&'static str, String)> {
        match (&self.secret, &self.file) {
            (Some(secret), None) => {
                let algorithm = self.algorithm.unwrap_or(Algorithm::Hs256);
                found.add_secret(algorithm, secret).map_err(|error| (".secret", error.to_string()))
            }
            (None, Some(file)) => {
                let path = folder.join(file);
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| (".file", format!("cannot read {}: {error}", path.display())))?;
                let keys = found.keys.clone().pem(self.algorithm, &text);
                found.keys = keys.map_err(|error| (".file", format!("{}: {error}", path.display())))?;
                Ok(())
            }
            _ => Err(("", "give either `secret`, or `file` with a public key in PEM format".into())),
        }
    }
}

impl FoundKeys {
    fn add_secret(&mut self, algorithm: Algorithm, secret: &Secret) -> Result<(), KeyError> {
        self.keys = self.keys.clone().hmac(algorithm, secret.as_bytes())?;
        if self.signing.is_none() {
            self.signing = Some(SigningKey::hmac(algorithm, secret.as_bytes())?);
        }
        Ok(())
    }
}

fn algorithm<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Algorithm>, D::Error> {
    let name = String::deserialize(deserializer)?;
    Algorithm::from_name(&name).map(Some).ok_or_else(|| {
        let names = Algorithm::ALL.map(Algorithm::name).join(", ");
        D::Error::custom(format!("{name:?} is not a supported algorithm; choose one of {names}"))
    })
}
