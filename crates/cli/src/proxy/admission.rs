//! Which requests the proxy passes on.
//!
//! A page of another site can make a browser on this machine send requests here. A site that points its own name here may
//! even read the answers, because the browser takes proxy and site for one origin. So the proxy answers only to its own
//! names, as its page does. If it adds credentials, it also refuses requests of foreign pages: the server would take the
//! page for the user.

use std::net::SocketAddr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

use super::local_name::is_local_name;
use crate::args::PageOrigin;
use crate::args::listen::PortAddr;

/// How a browser names the relation between the page that asks and the address that is asked (Fetch Metadata).
const SEC_FETCH_SITE: &str = "sec-fetch-site";

/// Knows the names and the pages of the proxy.
pub(super) struct Admission {
    listen: PortAddr,
    /// The origins of pages that come through the proxy, except for those under the name in `listen`.
    own_origins: Vec<String>,
    pages: ForeignPages,
}

/// Which pages of others may use the proxy.
pub(super) enum ForeignPages {
    /// All: nothing is added to their requests that they could not add themselves.
    Any,
    /// These, because the proxy adds credentials.
    Only(Vec<PageOrigin>),
}

impl Admission {
    pub(super) fn new(listen: PortAddr, addresses: &[SocketAddr], pages: ForeignPages) -> Admission {
        Admission { listen, own_origins: own_origins(addresses), pages }
    }

    /// Why a request is not passed on, if it is not.
    pub(super) fn refusal(&self, headers: &HeaderMap) -> Option<String> {
        let host = text(headers, HOST.as_str()).unwrap_or_default();
        if !is_local_name(host, &self.listen) {
            return Some(format!(
                "refused Host {host:?}: the proxy answers only to IP addresses, localhost, and the name in --listen"
            ));
        }
        let ForeignPages::Only(allowed) = &self.pages else { return None };
        match text(headers, ORIGIN.as_str()) {
            Some(origin) => {
                let is_admitted =
                    self.is_own_origin(headers) || allowed.iter().any(|allowed| allowed.admits(origin));
                (!is_admitted).then(|| {
                    format!(
                        "refused Origin {origin:?}: the proxy adds headers or a certificate, which another site's page \
                         must not use; --allow-origin allows it"
                    )
                })
            }
            // An Origin that is no text is nobody's.
            None if headers.contains_key(ORIGIN) => Some("refused Origin: it is no text".to_owned()),
            // Browsers leave Origin out of simple requests, such as those for images.
            None => match text(headers, SEC_FETCH_SITE) {
                Some("cross-site" | "same-site") if !allowed.contains(&PageOrigin::Any) => Some(
                    "refused a request that another site's page makes without Origin: the proxy adds headers or a \
                     certificate; --allow-origin any allows it"
                        .to_owned(),
                ),
                _ => None,
            },
        }
    }

    /// Whether the request is one of a page that comes through the proxy.
    pub(super) fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = text(headers, ORIGIN.as_str()) else { return false };
        let of_host = text(headers, HOST.as_str()).map(|host| format!("http://{host}"));
        self.own_origins.iter().chain(&of_host).any(|own| own.eq_ignore_ascii_case(origin))
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The origins of pages that come through the proxy.
fn own_origins(addresses: &[SocketAddr]) -> Vec<String> {
    let mut origins = Vec::new();
    for address in addresses {
        let port = address.port();
        origins.push(format!("http://{address}"));
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            origins.extend(["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}")));
        }
    }
    origins
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn refusal(pages: ForeignPages, headers: &[(&str, &str)]) -> Option<String> {
        let listen = "tool.example:9000".parse().unwrap();
        let admission = Admission::new(listen, &["127.0.0.1:9000".parse().unwrap()], pages);
        let headers = headers.iter().map(|(name, value)| {
            (name.parse::<HeaderName>().unwrap(), http::HeaderValue::from_str(value).unwrap())
        });
        admission.refusal(&headers.collect())
    }

    #[test]
    fn a_host_that_anybody_can_point_here_is_refused_with_and_without_credentials() {
        for pages in [|| ForeignPages::Any, || ForeignPages::Only(vec![PageOrigin::Any])] {
            for host in ["127.0.0.1:9000", "localhost:9000", "[::1]:9000", "tool.example:9000"] {
                assert_eq!(refusal(pages(), &[("host", host)]), None, "{host}");
            }
            let why =
                refusal(pages(), &[("host", "evil.example:9000"), ("origin", "http://evil.example:9000")]);
            assert!(why.unwrap().contains("\"evil.example:9000\""));
            assert!(refusal(pages(), &[]).is_some(), "no Host");
        }
    }

    #[test]
    fn foreign_pages_do_not_use_the_credentials_of_the_proxy() {
        let only = |allowed: &[&str]| {
            ForeignPages::Only(allowed.iter().map(|origin| origin.parse().unwrap()).collect())
        };
        let foreign = [("host", "localhost:9000"), ("origin", "https://evil.example")];
        assert_eq!(refusal(ForeignPages::Any, &foreign), None);
        assert!(refusal(only(&[]), &foreign).unwrap().contains("\"https://evil.example\""));
        assert!(refusal(only(&["https://good.example"]), &foreign).is_some());
        assert_eq!(refusal(only(&["https://EVIL.example/"]), &foreign), None);
        assert_eq!(refusal(only(&["any"]), &foreign), None);
        for own in ["http://localhost:9000", "http://127.0.0.1:9000"] {
            assert_eq!(refusal(only(&[]), &[("host", "localhost:9000"), ("origin", own)]), None, "{own}");
        }
        let named = [("host", "tool.example:9000"), ("origin", "http://tool.example:9000")];
        assert_eq!(refusal(only(&[]), &named), None);
        for origin in ["null", "http://localhost:3000", "https://localhost:9000"] {
            assert!(
                refusal(only(&[]), &[("host", "localhost:9000"), ("origin", origin)]).is_some(),
                "{origin}"
            );
        }
    }

    #[test]
    fn a_foreign_page_does_not_get_through_by_asking_without_an_origin() {
        let asked = |site| {
            let only = ForeignPages::Only(Vec::new());
            refusal(only, &[("host", "localhost:9000"), ("sec-fetch-site", site)]).is_none()
        };
        assert_eq!(["none", "same-origin", "same-site", "cross-site"].map(asked), [true, true, false, false]);
        assert_eq!(refusal(ForeignPages::Only(Vec::new()), &[("host", "localhost:9000")]), None);
    }
}
