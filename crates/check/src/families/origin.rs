//! The origin of pages.

use longwire_wire::Head;

use crate::case::{Answer, Case, Need};
use crate::rule::Rule;
use crate::step::Step;

const OTHERS: Rule = Rule::of_6455(
    "10.2",
    "A server for its own pages should refuse those of other origins. This one refuses an origin that has nothing in common \
     with its host, so it should refuse those that only look like its own, too.",
);
const OWN: Rule = Rule::of_6455("10.2", "A server that checks origins accepts its own pages.");

pub(super) fn cases() -> Vec<Case> {
    let refused = |name: &str, title: &str, origin: fn(&str) -> String| {
        let request = move |head: Head| {
            let host = head.field("Host").unwrap_or_default().to_owned();
            head.without("Origin").with("Origin", origin(&host)).encode()
        };
        Case::opening(OTHERS, name, title, request, Answer::Refused(&[403]))
            .should()
            .needing(Need::OriginChecks)
    };
    vec![
        own(),
        refused("origin-other", "the origin of another site", |_| "https://origin.invalid".into()),
        refused("origin-suffix", "a site whose name begins like the host", |host| {
            format!("http://{}.origin.invalid", name_of(host))
        }),
        refused("origin-prefix", "a site whose name ends like the host", |host| format!("http://not{host}")),
        refused("origin-user", "a site with the host as its user", |host| {
            format!("http://{}@origin.invalid", name_of(host))
        }),
        refused("origin-path", "a site with the host in its path", |host| {
            format!("http://origin.invalid/{host}")
        }),
        refused("origin-query", "a site with the host in its query", |host| {
            format!("http://origin.invalid?http://{host}")
        }),
        refused("origin-garbage", "an origin that is none", |_| "not an origin".into()),
        two_origins(),
    ]
}

/// The host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn own() -> Case {
    let request = |head: Head| {
        let host = head.field("Host").unwrap_or_default().to_owned();
        head.without("Origin").with("Origin", format!("http://{host}")).encode()
    };
    let answer = Answer::Accepted(vec![Step::StaysOpen]);
    Case::opening(OWN, "origin-own", "a page of the same host", request, answer)
        .should()
        .needing(Need::OriginChecks)
        .needing(Need::Plain)
}

fn two_origins() -> Case {
    let request = |head: Head| {
        let host = head.field("Host").unwrap_or_default().to_owned();
        let own = head.without("Origin").with("Origin", format!("http://{host}"));
        own.with("Origin", "https://origin.invalid").encode()
    };
    Case::opening(OTHERS, "origin-twice", "two origins", request, Answer::Refused(&[403, 400]))
        .should()
        .needing(Need::OriginChecks)
}
