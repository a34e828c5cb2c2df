//! Chooses the proxy of a connection.

use super::server::{Proxy, ProxyServer};
use crate::client::address::Address;
use crate::error::Result;

/// How a client chooses its proxy.
#[derive(Debug, Clone, Default)]
pub(in crate::client) enum ProxyChoice {
    /// The proxy that the environment names.
    #[default]
    Environment,
    Given(Proxy),
    Direct,
}

impl ProxyChoice {
    /// The proxy for a connection to `address`.
    pub(in crate::client) fn server_for(&self, address: &Address) -> Result<Option<ProxyServer>> {
        let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let named;
        let proxy = match self {
            ProxyChoice::Direct => None,
            ProxyChoice::Given(proxy) => Some(proxy),
            ProxyChoice::Environment => {
                named = proxy_for(address, variable)?;
                named.as_ref()
            }
        };
        Ok(proxy.and_then(|proxy| proxy.server_for(address.destination())).cloned())
    }
}

/// The proxy that the environment names for `address`, by curl's rules. `variable` looks up a variable.
fn proxy_for(address: &Address, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Proxy>> {
    // An empty variable counts as unset.
    let first =
        |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let own = if address.is_secure() {
        first(&["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY"])
    } else if variable("REQUEST_METHOD").is_some() {
        // In a CGI program, HTTP_PROXY is the request header `Proxy` (CVE-2016-5385).
        first(&["ws_proxy", "WS_PROXY", "http_proxy"])
    } else {
        first(&["ws_proxy", "WS_PROXY", "http_proxy", "HTTP_PROXY"])
    };
    let Some(url) = own.or_else(|| first(&["all_proxy", "ALL_PROXY"])) else { return Ok(None) };
    let except = first(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    Ok(Some(Proxy::new(url)?.except(&except)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    /// The proxy for `url` if these variables are set.
    fn chosen(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let address = Address::parse(url).unwrap();
        let variable =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        let proxy = proxy_for(&address, variable).unwrap()?;
        proxy.server_for(address.destination()).map(|server| server.destination.to_string())
    }

    fn some(proxy: &str) -> Option<String> {
        Some(proxy.to_owned())
    }

    #[test]
    fn ws_goes_the_way_of_http_and_wss_that_of_https() {
        let both = [("http_proxy", "http://plain:1"), ("HTTPS_PROXY", "http://secure:2")];
        assert_eq!(chosen("ws://a.example", &both), some("plain:1"));
        assert_eq!(chosen("wss://a.example", &both), some("secure:2"));
        assert_eq!(chosen("wss://a.example", &both[..1]), None);
        let all = [("http_proxy", "http://plain:1"), ("ALL_PROXY", "http://all:3")];
        assert_eq!(chosen("ws://a.example", &all), some("plain:1"));
        assert_eq!(chosen("wss://a.example", &all), some("all:3"));
        let own = [("http_proxy", "http://plain:1"), ("ws_proxy", "http://own:4")];
        assert_eq!(chosen("ws://a.example", &own), some("own:4"));
    }

    #[test]
    fn lower_case_comes_first_and_empty_is_none() {
        let both = [("HTTP_PROXY", "http://upper:1"), ("http_proxy", "http://lower:2")];
        assert_eq!(chosen("ws://a.example", &both), some("lower:2"));
        assert_eq!(chosen("ws://a.example", &both[..1]), some("upper:1"));
        let empty = [("HTTP_PROXY", "http://upper:1"), ("http_proxy", "")];
        assert_eq!(chosen("ws://a.example", &empty), some("upper:1"));
        assert_eq!(chosen("ws://a.example", &[]), None);
    }

    #[test]
    fn a_cgi_program_is_not_told_its_proxy_by_a_header() {
        let cgi = [("REQUEST_METHOD", "GET"), ("HTTP_PROXY", "http://attacker:1")];
        assert_eq!(chosen("ws://a.example", &cgi), None);
        let cgi = [("REQUEST_METHOD", "GET"), ("http_proxy", "http://own:1")];
        assert_eq!(chosen("ws://a.example", &cgi), some("own:1"));
    }

    #[test]
    fn no_proxy_names_the_exceptions() {
        let set = [("all_proxy", "http://all:1"), ("NO_PROXY", "localhost,.internal")];
        assert_eq!(chosen("ws://a.example", &set), some("all:1"));
        assert_eq!(chosen("ws://localhost:8080", &set), None);
        assert_eq!(chosen("wss://db.internal", &set), None);
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_told_and_not_gone_past() {
        let address = Address::parse("ws://a.example").unwrap();
        let error = proxy_for(&address, |name| (name == "http_proxy").then(|| "socks4://a:1".to_owned()));
        assert!(matches!(error, Err(Error::Proxy(_))), "{error:?}");
    }
}
