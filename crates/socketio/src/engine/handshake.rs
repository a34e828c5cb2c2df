//! The packet that opens a session.

use longwire::{Message, Utf8Bytes};
use serde::Serialize;

use super::config::EngineConfig;
use super::sid::Sid;
use super::transport_kind::TransportKind;

/// "If the server accepts the connection, then it MUST respond with an `open` packet with the following JSON-encoded
/// payload."
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Handshake<'a> {
    sid: &'a str,
    upgrades: &'a [&'a str],
    /// In milliseconds.
    ping_interval: u64,
    /// In milliseconds.
    ping_timeout: u64,
    /// In bytes.
    max_payload: usize,
}

/// The `open` packet of a session that begins with this transport.
pub(crate) fn open_packet(config: &EngineConfig, sid: &Sid, transport: TransportKind) -> Message {
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let handshake = Handshake {
        sid: sid.as_str(),
        upgrades: if transport == TransportKind::Polling { &["websocket"] } else { &[] },
        ping_interval: millis(config.ping_interval),
        ping_timeout: millis(config.ping_timeout),
        max_payload: config.max_payload,
    };
    let json = serde_json::to_string(&handshake).unwrap_or_default();
    Message::Text(Utf8Bytes::from(format!("0{json}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_packet_has_the_settings() {
        let sid = Sid::parse("lv_VI97HAXpY6yYWAAAC").unwrap();
        let config = EngineConfig::default();
        let settings = r#""pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        assert_eq!(
            open_packet(&config, &sid, TransportKind::Polling),
            format!(r#"0{{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],{settings}"#).as_str()
        );
        assert_eq!(
            open_packet(&config, &sid, TransportKind::WebSocket),
            format!(r#"0{{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],{settings}"#).as_str()
        );
    }
}
