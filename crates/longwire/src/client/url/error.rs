//! Why a text is not a URL.

use std::fmt;

/// Why a text is not a supported URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParseError {
    /// Its scheme is not supported.
    Scheme,
    /// It has no scheme.
    Relative,
    EmptyHost,
    Port,
    Ipv4,
    Ipv6,
    DomainCharacter,
    #[cfg(feature = "idn")]
    InternationalName,
    #[cfg(not(feature = "idn"))]
    NoInternationalNames,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParseError::Scheme => "unsupported scheme",
            ParseError::Relative => "relative URL without a base",
            ParseError::EmptyHost => "empty host",
            ParseError::Port => "invalid port number",
            ParseError::Ipv4 => "invalid IPv4 address",
            ParseError::Ipv6 => "invalid IPv6 address",
            ParseError::DomainCharacter => "invalid domain character",
            #[cfg(feature = "idn")]
            ParseError::InternationalName => "invalid international domain name",
            #[cfg(not(feature = "idn"))]
            ParseError::NoInternationalNames => {
                "the name is not ASCII, and this build lacks the feature `idn`"
            }
        })
    }
}
