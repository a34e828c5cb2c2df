//! User name and password of a URL (RFC 3986 §3.2.1). They are never shown.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;

use super::url::Url;

/// User name and password.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl Credentials {
    /// Removes them from `url`, for the Basic scheme. `None` if it has none. The error says why they cannot be sent.
    pub(super) fn take(url: &mut Url) -> Result<Option<Credentials>, &'static str> {
        // RFC 7617 §2: a colon would end the user name.
        match Credentials::take_any(url)? {
            Some(credentials) if credentials.user.contains(':') => Err("its user name contains a colon"),
            taken => Ok(taken),
        }
    }

    /// The same for a scheme that transmits user name and password separately.
    pub(super) fn take_any(url: &mut Url) -> Result<Option<Credentials>, &'static str> {
        let (user, password) = url.take_userinfo();
        if user.is_empty() && password.is_empty() {
            return Ok(None);
        }
        let (user, password) = (decoded(&user)?, decoded(&password)?);
        Ok(Some(Credentials { user, password }))
    }

    /// The value of `Authorization` or `Proxy-Authorization` in the Basic scheme (RFC 7617 §2).
    pub(super) fn basic(&self) -> HeaderValue {
        let encoded = BASE64_STANDARD.encode(format!("{}:{}", self.user, self.password));
        let value = HeaderValue::try_from(format!("Basic {encoded}"));
        // Base64 contains only valid header characters, so the fallback is never used.
        let mut value = value.unwrap_or(HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

fn decoded(text: &str) -> Result<String, &'static str> {
    let text =
        percent_decode_str(text).decode_utf8().map_err(|_| "its user name or password is not UTF-8")?;
    if text.chars().any(char::is_control) {
        return Err("its user name or password contains a control character");
    }
    Ok(text.into_owned())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// A URL for an error message. The URL may be malformed, so everything between its scheme and its last `@` is removed:
/// it may be part of a password.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let Some((before, host)) = text.rsplit_once('@') else { return text.into() };
    match before.split_once("://") {
        Some((scheme, _)) if scheme.chars().all(|char| char.is_ascii_alphanumeric()) => {
            format!("{scheme}://…@{host}").into()
        }
        _ => format!("…@{host}").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(url: &str) -> Result<Option<(String, String)>, &'static str> {
        let mut url = Url::parse(url).unwrap();
        let taken = Credentials::take(&mut url)?;
        assert!(!url.to_string().contains('@'), "{url}");
        Ok(taken.map(|Credentials { user, password }| (user, password)))
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[test]
    fn they_are_decoded_and_taken_out_of_the_url() {
        assert_eq!(taken("ws://a.example/"), Ok(None));
        assert_eq!(taken("ws://me@a.example/"), Ok(pair("me", "")));
        assert_eq!(taken("ws://:secret@a.example/"), Ok(pair("", "secret")));
        assert_eq!(taken("ws://m%40e:s%3Aec%2Fret%C3%A9@a.example/"), Ok(pair("m@e", "s:ec/reté")));
        assert_eq!(taken("socks5://me:secret@a.example"), Ok(pair("me", "secret")));
    }

    #[test]
    fn what_a_header_cannot_say_is_refused() {
        for url in ["ws://m%3Ae@a.example/", "ws://me:%0D%0A@a.example/", "ws://me:%FF@a.example/"] {
            let mut url = Url::parse(url).unwrap();
            assert!(Credentials::take(&mut url).is_err(), "{url}");
        }
    }

    /// RFC 1929 §2 precedes both with their lengths.
    #[test]
    fn what_is_not_sent_in_a_header_may_have_a_colon() {
        let mut url = Url::parse("socks5://m%3Ae:secret@a.example").unwrap();
        let taken = Credentials::take_any(&mut url).unwrap().unwrap();
        assert_eq!((taken.user.as_str(), taken.password.as_str()), ("m:e", "secret"));
    }

    #[test]
    fn the_header_is_that_of_the_rfc_and_is_not_shown() {
        let aladdin = Credentials { user: "Aladdin".into(), password: "open sesame".into() };
        assert_eq!(aladdin.basic(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(format!("{aladdin:?} {:?}", aladdin.basic()), "Credentials(…) Sensitive");
    }

    #[test]
    fn no_message_shows_a_password_however_wrong_the_url_is() {
        for (text, shown) in [
            ("ws://a.example/x?y", "ws://a.example/x?y"),
            ("ftp://me:secret@a.example/", "ftp://…@a.example/"),
            ("ws://me:sec/r@et@a.example:99999", "ws://…@a.example:99999"),
            ("me:secret@a.example", "…@a.example"),
            ("me:sec://ret@a.example", "…@a.example"),
        ] {
            assert_eq!(redacted(text), shown);
        }
    }
}
