//! Describes TLS errors of the other end in words.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError};

/// Seconds per day.
const DAY: u64 = 24 * 60 * 60;

/// How many names of a certificate are shown.
const NAMES_SHOWN: usize = 5;

/// A TLS handshake error in words. The error itself is its source.
#[derive(Debug)]
pub(crate) struct TlsFault {
    words: String,
    source: rustls::Error,
}

impl TlsFault {
    /// Describes `error`; `None` if its own text is clear.
    pub(crate) fn of(error: &rustls::Error) -> Option<TlsFault> {
        let words = match error {
            rustls::Error::InvalidCertificate(error) => certificate(error)?,
            rustls::Error::AlertReceived(alert) => alert_words(*alert)?.to_owned(),
            rustls::Error::PeerIncompatible(_) => {
                format!("the two ends have no TLS version or cipher suite in common ({error})")
            }
            rustls::Error::NoCertificatesPresented => "the other end presented no certificate".to_owned(),
            _ => return None,
        };
        Some(TlsFault { words, source: error.clone() })
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for TlsFault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Describes what is wrong with a certificate.
fn certificate(error: &CertificateError) -> Option<String> {
    use CertificateError::{
        BadEncoding, BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext,
        NotValidYet, NotValidYetContext, Other, Revoked, UnknownIssuer,
    };
    Some(match error {
        Expired => "the certificate has expired".to_owned(),
        ExpiredContext { time, not_after } => {
            format!("the certificate expired {} ago", days(between(*not_after, *time)))
        }
        NotValidYet => "the certificate is not valid yet; is this machine's clock right?".to_owned(),
        NotValidYetContext { time, not_before } => format!(
            "the certificate becomes valid only in {}; is this machine's clock right?",
            days(between(*time, *not_before))
        ),
        NotValidForName => "the certificate is for another name".to_owned(),
        NotValidForNameContext { expected, presented } => {
            format!("the certificate is not for {}, {}", expected.to_str(), names(presented))
        }
        UnknownIssuer => "no trusted authority has signed the certificate: perhaps it is self-signed, or the server \
                          does not send an intermediate certificate; to trust it, add it or its authority to the \
                          trusted certificates"
            .to_owned(),
        BadSignature => "the certificate's signature does not match its issuer".to_owned(),
        BadEncoding => "the certificate is malformed".to_owned(),
        Revoked => "the certificate has been revoked".to_owned(),
        // rustls passes some errors of its certificate library through unchanged.
        Other(other) if other.to_string() == "CaUsedAsEndEntity" => {
            "the certificate belongs to an authority, like many self-signed ones; it is trusted only if it is itself one \
             of the trusted certificates"
                .to_owned()
        }
        _ => return None,
    })
}

/// Describes why the other end ended the handshake (RFC 8446 §6.2).
fn alert_words(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::HandshakeFailure => {
            "the other end refuses: the two ends have no TLS version or cipher suite in common, or it requires a \
             certificate from this end"
        }
        AlertDescription::ProtocolVersion => "the other end does not speak TLS 1.2 or 1.3",
        AlertDescription::UnrecognisedName => "the other end does not serve this name",
        AlertDescription::CertificateRequired => "the other end requires a certificate from this end",
        AlertDescription::BadCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => "the other end does not accept this end's certificate",
        _ => return None,
    })
}

fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}

fn days(time: Duration) -> String {
    match time.as_secs() / DAY {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// The names of a certificate. The server chose them, so they are escaped and limited.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "and names no host".to_owned();
    }
    let shown: Vec<_> = presented.iter().take(NAMES_SHOWN).map(|presented| name(presented)).collect();
    let more = if presented.len() > NAMES_SHOWN { " and others" } else { "" };
    format!("but for {}{more}", shown.join(", "))
}

/// The name without the type that rustls puts around it, as in `DnsName("a.example")`.
fn name(presented: &str) -> String {
    let inner = presented.split_once('(').and_then(|(_, name)| name.strip_suffix(')')).unwrap_or(presented);
    inner.trim_matches('"').escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::ServerName;

    use super::*;

    fn words(error: CertificateError) -> String {
        TlsFault::of(&error.into()).unwrap().to_string()
    }

    #[test]
    fn times_are_counted_in_days() {
        let at = |days: u64| UnixTime::since_unix_epoch(Duration::from_secs(days * DAY));
        let expired = CertificateError::ExpiredContext { time: at(103), not_after: at(100) };
        assert_eq!(words(expired), "the certificate expired 3 days ago");
        let early = CertificateError::NotValidYetContext { time: at(100), not_before: at(101) };
        assert!(words(early).starts_with("the certificate becomes valid only in 1 day; "));
    }

    #[test]
    fn names_are_shown_a_few_of_them_and_escaped() {
        let for_names = |presented: &[&str]| {
            let presented = presented.iter().map(|&name| name.to_owned()).collect();
            let expected = ServerName::try_from("a.example").unwrap();
            words(CertificateError::NotValidForNameContext { expected, presented })
        };
        assert_eq!(
            for_names(&["DnsName(\"b.example\")", "IpAddress(::1)", "c\u{1b}"]),
            "the certificate is not for a.example, but for b.example, ::1, c\\u{1b}"
        );
        assert_eq!(for_names(&[]), "the certificate is not for a.example, and names no host");
        assert!(for_names(&["b.example"; 9]).ends_with("b.example and others"));
    }

    #[test]
    fn what_explains_itself_is_left_alone() {
        assert!(TlsFault::of(&rustls::Error::DecryptError).is_none());
    }
}
