//! The keys of the API.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::config::Secret;
use crate::failure::Failure;
use crate::serve::secrets::Secrets;

/// The keys, of which SIGHUP may bring others.
pub(crate) struct ApiKeys(Secrets);

impl ApiKeys {
    pub(crate) fn new(keys: &[Secret]) -> Result<ApiKeys, Failure> {
        Secrets::new(keys).map(ApiKeys)
    }

    pub(crate) fn replace(&self, keys: &[Secret]) {
        self.0.replace(keys);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a request has one of the keys, as `X-API-Key: …` or `Authorization: apikey …`.
    pub(crate) fn open(&self, headers: &HeaderMap) -> bool {
        let by_authorization = || {
            let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("apikey").then(|| key.trim().as_bytes())
        };
        let given = headers.get("x-api-key").map(HeaderValue::as_bytes).or_else(by_authorization);
        given.is_some_and(|given| self.0.has(given))
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
