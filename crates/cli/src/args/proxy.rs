//! The proxies in front of `longwire serve`.

use std::str::FromStr;

use clap::ValueEnum;
use longwire::TrustedProxies;
use serde::Deserialize;

/// The address of a trusted proxy, a network, or `unix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxyAddress(String);

/// The header in which proxies name the client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForwardedHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239
    Forwarded,
}

impl FromStr for ProxyAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<ProxyAddress, String> {
        TrustedProxies::new([text]).map(|_| ProxyAddress(text.to_owned())).map_err(|_| {
            format!("{text:?} is not a proxy; write an address, a network such as 10.0.0.0/8, or unix")
        })
    }
}

impl AsRef<str> for ProxyAddress {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_proxy_is_said() {
        for text in ["127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32", "unix"] {
            assert_eq!(text.parse::<ProxyAddress>().unwrap().as_ref(), text);
        }
        for text in ["", "localhost", "10.0.0.0/33", "127.0.0.1:80"] {
            let error = text.parse::<ProxyAddress>().unwrap_err();
            assert!(error.contains("10.0.0.0/8"), "{error}");
        }
    }
}
