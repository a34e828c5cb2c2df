use http::HeaderValue;

use super::*;

fn check_as(own: OwnPages, origins: &Origins, host: &str, origin: &[&str]) -> Result<(), Foreign> {
    let mut headers = HeaderMap::new();
    for origin in origin {
        headers.append(ORIGIN, HeaderValue::from_str(origin).unwrap());
    }
    origins.check(own, &headers, Some(host))
}

fn check(origins: &Origins, host: &str, origin: &[&str]) -> Result<(), Foreign> {
    check_as(OwnPages::Plain, origins, host, origin)
}

fn and<const N: usize>(origins: [&str; N]) -> Origins {
    Origins::Own { and: origins.map(|origin| origin.parse().unwrap()).into() }
}

#[test]
fn by_default_a_page_connects_to_its_own_server_only() {
    let own = Origins::default();
    assert!(check(&own, "example.com", &["http://example.com"]).is_ok());
    assert!(check(&own, "Example.com:80", &["http://example.com"]).is_ok());
    assert!(check(&own, "localhost:8080", &["http://localhost:8080"]).is_ok());
    assert!(check(&own, "[::1]:8080", &["http://[::1]:8080"]).is_ok());
    for foreign in [
        "http://evil.example",
        "http://example.com.evil.example",
        "http://evil-example.com",
        "http://www.example.com",
        "http://example.com:8443",
        "http://localhost",
        "http://*",
        "http://*.com",
        "null",
        "",
        "example.com",
    ] {
        assert!(check(&own, "example.com", &[foreign]).is_err(), "{foreign}");
    }
}

/// RFC 6454 §5: a different scheme is a different origin.
#[test]
fn a_page_of_another_scheme_is_not_the_servers_own() {
    let own = Origins::default();
    let (plain, secure) = ("http://example.com", "https://example.com");
    assert_eq!(check_as(OwnPages::Plain, &own, "example.com", &[plain]), Ok(()));
    assert_eq!(check_as(OwnPages::Plain, &own, "example.com", &[secure]), Err(Foreign::SecurePage));
    assert_eq!(check_as(OwnPages::Secure, &own, "example.com", &[secure]), Ok(()));
    assert_eq!(check_as(OwnPages::Secure, &own, "Example.com:443", &[secure]), Ok(()));
    let refused = check_as(OwnPages::Secure, &own, "example.com", &[plain]).unwrap_err();
    assert!(matches!(refused, Foreign::PlainPage(_)), "{refused:?}");
    // `https` on port 80 is a different origin from `http://`, and vice versa.
    assert!(check_as(OwnPages::Secure, &own, "example.com:80", &[plain]).is_err());
    assert!(check_as(OwnPages::Plain, &own, "example.com:443", &[secure]).is_err());
    assert_eq!(check_as(OwnPages::Secure, &and([plain]), "example.com", &[plain]), Ok(()));
}

#[test]
fn a_refusal_says_what_would_allow_it() {
    let said = |own, origin| {
        let foreign = check_as(own, &Origins::default(), "example.com", &[origin]).unwrap_err();
        foreign.allowed_by().unwrap_or_default()
    };
    assert!(said(OwnPages::Plain, "https://example.com").contains("--behind-tls-proxy"));
    assert!(said(OwnPages::Secure, "http://example.com").starts_with("--origin http://example.com "));
    let other = said(OwnPages::Plain, "https://app.example");
    assert!(other.starts_with("--origin https://app.example "), "{other}");
    assert!(other.contains("proxy_set_header Host $http_host"), "{other}");
    assert!(said(OwnPages::Plain, "null").contains("any_origin"));
}

#[test]
fn who_sends_no_origin_is_no_browser() {
    assert!(check(&Origins::default(), "example.com", &[]).is_ok());
}

#[test]
fn two_origins_are_refused_even_if_one_would_do() {
    let origins = ["http://example.com", "http://example.com"];
    let refused = check(&Origins::default(), "example.com", &origins).unwrap_err();
    assert_eq!((refused.reason(), refused.allowed_by()), ("there is more than one Origin", None));
}

#[test]
fn further_origins_can_be_allowed() {
    let some = and(["https://App.example/", "http://localhost:3000"]);
    assert!(check(&some, "api.example", &["https://app.example"]).is_ok());
    assert!(check(&some, "api.example", &["http://api.example"]).is_ok());
    assert!(check(&some, "api.example", &["http://localhost:3000"]).is_ok());
    assert!(check(&some, "api.example", &["http://app.example"]).is_err());
    assert!(check(&some, "api.example", &["http://localhost"]).is_err());
    assert!(check(&Origins::Any, "api.example", &["null"]).is_ok());
}

#[test]
fn a_wildcard_stands_for_the_hosts_below_and_nothing_else() {
    let below = and(["https://*.Example.com", "http://*.localhost:3000"]);
    for page in [
        "https://a.example.com",
        "https://a.b.example.com",
        "https://A.example.com:443",
        "http://x.localhost:3000",
    ] {
        assert_eq!(check(&below, "api.example", &[page]), Ok(()), "{page}");
    }
    for page in [
        "https://example.com",
        "https://evil-example.com",
        "https://evilexample.com",
        "https://a.example.com.evil.example",
        "http://a.example.com",
        "https://a.example.com:8443",
        "https://.example.com",
        "https://a..example.com",
        "https://*.example.com",
        "http://x.localhost",
    ] {
        assert!(check(&below, "api.example", &[page]).is_err(), "{page}");
    }
    assert_eq!("https://*.Example.com:443/".parse::<Origin>().unwrap().to_string(), "https://*.example.com");
    // A wildcard in the client's `Host` has no special meaning.
    assert!(check(&Origins::default(), "*.example.com", &["http://a.example.com"]).is_err());
}

#[test]
fn an_origin_is_a_scheme_and_a_host() {
    for origin in [
        "https://example.com",
        "http://localhost:3000",
        "https://[::1]:8443",
        "HTTPS://Example.com/",
        "app://x",
    ] {
        assert!(origin.parse::<Origin>().is_ok(), "{origin}");
    }
    for other in [
        "example.com",
        "https://",
        "https://a b",
        "https://a/path",
        "://a",
        "https://me@a",
        "null",
        "",
        "https://a:b",
        "https://a:65536",
        "https://caf\u{e9}.example",
    ] {
        let error = other.parse::<Origin>().unwrap_err().to_string();
        assert!(error.ends_with("such as https://example.com"), "{error}");
    }
    for wildcard in [
        "*",
        "https://*",
        "https://*.",
        "https://a.*.com",
        "https://*a.com",
        "https://*.*.com",
        "https://*.10.0.0.1",
        "https://*.[::1]",
        "*.a.com",
    ] {
        let error = wildcard.parse::<Origin>().unwrap_err().to_string();
        assert!(error.ends_with("as in https://*.example.com, and nowhere else"), "{error}");
    }
    assert_eq!(
        Origin::try_from("example.com").unwrap_err().to_string(),
        r#""example.com" is not an origin: it has a scheme and a host, such as https://example.com"#
    );
}
