//! Which names of this machine nobody else can give it.

use std::net::IpAddr;

use crate::args::listen::PortAddr;

/// Whether a host of a request can be no name that somebody else has pointed here.
pub(super) fn is_local_name(host: &str, given: &PortAddr) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || given.to_string().rsplit_once(':').is_some_and(|(given, _)| given.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_anybody_can_point_here_is_not_local() {
        let given: PortAddr = "tool.example:9001".parse().unwrap();
        for host in
            ["127.0.0.1:9001", "[::1]:9001", "localhost", "LOCALHOST:1", "192.0.2.1", "tool.example:9001"]
        {
            assert!(is_local_name(host, &given), "{host}");
        }
        for host in ["evil.example", "evil.example:9001", "127.0.0.1.evil.example", ""] {
            assert!(!is_local_name(host, &given), "{host}");
        }
    }
}
