//! The keys of the API.

use std::sync::{PoisonError, RwLock};

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use ring::hmac;
use ring::rand::SystemRandom;

use crate::config::Secret;
use crate::failure::Failure;

/// The keys, of which SIGHUP may bring others.
///
/// Only their HMACs are kept, under a key of this process. Two HMACs take the same time to compare, wherever they differ.
pub(crate) struct ApiKeys {
    mac: hmac::Key,
    known: RwLock<Vec<hmac::Tag>>,
}

impl ApiKeys {
    pub(crate) fn new(keys: &[Secret]) -> Result<ApiKeys, Failure> {
        let mac = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| Failure::Other("the system has no random numbers for comparing API keys".into()))?;
        let api_keys = ApiKeys { mac, known: RwLock::default() };
        api_keys.replace(keys);
        Ok(api_keys)
    }

    pub(crate) fn replace(&self, keys: &[Secret]) {
        let tags = keys.iter().map(|key| hmac::sign(&self.mac, key.as_bytes())).collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = tags;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether a request has one of the keys, as `X-API-Key: …` or `Authorization: apikey …`.
    pub(super) fn open(&self, headers: &HeaderMap) -> bool {
        let by_authorization = || {
            let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("apikey").then(|| key.trim().as_bytes())
        };
        let Some(given) = headers.get("x-api-key").map(HeaderValue::as_bytes).or_else(by_authorization)
        else {
            return false;
        };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        // Each is compared, also after one has fitted.
        known.iter().fold(false, |found, tag| found | hmac::verify(&self.mac, given, tag.as_ref()).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(keys: &[&str]) -> Vec<Secret> {
        keys.iter().map(|key| Secret::from((*key).to_owned())).collect()
    }

    fn opens(keys: &ApiKeys, name: &'static str, value: &str) -> bool {
        keys.open(&HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]))
    }

    #[test]
    fn each_key_opens_in_either_header_and_nothing_else_does() {
        let keys = ApiKeys::new(&secrets(&["first-key-of-sixteen", "second-key-of-sixteen"])).unwrap();
        assert!(opens(&keys, "x-api-key", "first-key-of-sixteen"));
        assert!(opens(&keys, "x-api-key", "second-key-of-sixteen"));
        assert!(opens(&keys, "authorization", "apikey first-key-of-sixteen"));
        for (name, value) in [
            ("x-api-key", "first-key-of-sixtee"),
            ("x-api-key", ""),
            ("x-api-key", "apikey first-key-of-sixteen"),
            ("authorization", "Bearer first-key-of-sixteen"),
            ("cookie", "first-key-of-sixteen"),
        ] {
            assert!(!opens(&keys, name, value), "{name}: {value}");
        }
        assert!(!keys.open(&HeaderMap::new()));
    }

    #[test]
    fn without_keys_nothing_opens_and_replaced_ones_open_no_more() {
        let keys = ApiKeys::new(&[]).unwrap();
        assert!(keys.is_empty() && !opens(&keys, "x-api-key", ""));
        keys.replace(&secrets(&["first-key-of-sixteen"]));
        assert!(opens(&keys, "x-api-key", "first-key-of-sixteen"));
        keys.replace(&secrets(&["second-key-of-sixteen"]));
        assert!(!opens(&keys, "x-api-key", "first-key-of-sixteen"));
    }
}
