//! The parameters of a request.

use super::fault::Fault;
use super::sid::Sid;
use super::transport_kind::TransportKind;

/// The version of the protocol.
const VERSION: &str = "4";

/// What a request asks for by its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) transport: TransportKind,
    /// The session, unless the request opens one.
    pub(crate) sid: Option<Sid>,
}

impl Asked {
    /// Reads a query. "If a mandatory query parameter is missing, then the server MUST respond with an HTTP 400 error
    /// status."
    pub(crate) fn read(query: Option<&str>) -> Result<Asked, Fault> {
        let query = query.unwrap_or_default().as_bytes();
        let parameter = |name: &str| {
            form_urlencoded::parse(query).find_map(|(key, value)| (key == name).then_some(value))
        };
        let transport = match parameter("transport").as_deref() {
            Some("polling") => TransportKind::Polling,
            Some("websocket") => TransportKind::WebSocket,
            _ => return Err(Fault::UnknownTransport),
        };
        if parameter("EIO").as_deref() != Some(VERSION) {
            return Err(Fault::UnsupportedVersion);
        }
        let sid = match parameter("sid") {
            Some(sid) => Some(Sid::parse(&sid).ok_or(Fault::UnknownSid)?),
            None => None,
        };
        Ok(Asked { transport, sid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "The following query parameters are used: EIO, `4`, mandatory; transport, mandatory; sid, mandatory once the session
    /// is established."
    #[test]
    fn version_and_transport_are_mandatory() {
        let new = |transport| Ok(Asked { transport, sid: None });
        for (query, expected) in [
            ("EIO=4&transport=polling", new(TransportKind::Polling)),
            ("transport=websocket&EIO=4&t=abc", new(TransportKind::WebSocket)),
            ("EIO=4&transport=%70olling", new(TransportKind::Polling)),
            ("transport=polling", Err(Fault::UnsupportedVersion)),
            ("EIO=3&transport=polling", Err(Fault::UnsupportedVersion)),
            ("EIO=abc&transport=websocket", Err(Fault::UnsupportedVersion)),
            ("EIO=4", Err(Fault::UnknownTransport)),
            ("EIO=4&transport=webtransport", Err(Fault::UnknownTransport)),
            ("EIO=4&transport=polling&sid=", Err(Fault::UnknownSid)),
            ("EIO=4&transport=polling&sid=../../etc/passwd", Err(Fault::UnknownSid)),
            ("", Err(Fault::UnknownTransport)),
        ] {
            assert_eq!(Asked::read(Some(query)), expected, "{query}");
        }
        assert_eq!(Asked::read(None), Err(Fault::UnknownTransport));
        let sid = Sid::random();
        let query = format!("EIO=4&transport=polling&sid={sid}");
        assert_eq!(
            Asked::read(Some(&query)),
            Ok(Asked { transport: TransportKind::Polling, sid: Some(sid) })
        );
    }
}
