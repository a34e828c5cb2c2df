//! Writes `docs/interop.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::row::{Table, Verdict};

const HEAD: &str = "\
# Interoperation

Written by `cargo xtask interop`, which runs all programs named here. `cargo xtask test interop` fails if a cell fails.
The programs and configurations are in `interop/matrix`.

- **text**, **binary**, **1 MiB**: a message comes back as it was sent.
- **fragments**: the client sends a fragmented message (our client, `ws` and Java with a ping between the fragments) and
  receives one. Other clients receive theirs from our async server. For all other checks they use the event-driven server,
  which sends only whole messages.
- **compressed**: permessage-deflate is negotiated, and 20 KB of text come back. **not compressed**: it is not negotiated.
- **subprotocol**: the client offers two, and the server chooses the second.
- **client closes**, **server closes**: the closing handshake completes, and the peer receives the code and the reason.
- **ping**: client and server each send a ping and receive a pong with the same payload.

Reverse proxies use the configuration in `docs/proxies.md`. Over `wss`, our client sends the origin of a page served by
the proxy, and the server accepts no other origin.

In front of the hub, npm `centrifuge` uses each transport. Publications of the client and of the API arrive as soon as they are
published, and the hub notices at once that the client leaves. **origin**: the hub accepts pages that the proxy serves, and
refuses others. **API**: it cannot be reached through the proxy, because it has an address of its own.

Our Socket.IO server is tested with the official clients, unchanged: npm `socket.io-client` in Node and in Chromium, and PyPI
`python-socketio`; and with the crate `rust_socketio`. Each polls, uses WebSocket, and upgrades from one to the other, the first
two with io_uring and with readiness. The tests cover events, acknowledgements, namespaces, rooms and the reasons of
disconnections. They cut the network, with the official client at each stage of an upgrade, and the client gets each event once
(`cargo xtask test node browser python interop`).

`✓` works · `(✓)` works as far as the peer supports it, see below the table · `–` the peer does not support it · `✗` fails
";

/// Writes the page.
///
/// # Errors
///
/// The file cannot be written.
pub(super) fn write(path: &Path, tables: &[Table]) -> Result<()> {
    std::fs::write(path, page(tables)).with_context(|| format!("writing {}", path.display()))
}

fn page(tables: &[Table]) -> String {
    let mut page = HEAD.to_owned();
    for table in tables {
        table_of(&mut page, table);
    }
    page
}

fn table_of(page: &mut String, table: &Table) {
    let names: Vec<&str> = table.cells.iter().map(|(_, name)| *name).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(page, "\n## {}\n\n| | {} |", table.title, names.join(" | "));
    let _ = writeln!(page, "|---{}|", "|:-:".repeat(table.cells.len()));
    let mut reasons: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for row in &table.rows {
        let mut marks = Vec::new();
        for (cell, name) in table.cells {
            let (mark, reason) = match row.verdict(cell) {
                Verdict::Works => ("✓", None),
                Verdict::WorksInPart(why) => ("(✓)", Some(why)),
                Verdict::DoesNotApply(why) => ("–", Some(why)),
                Verdict::Fails(why) => ("✗", Some(why)),
            };
            marks.push(mark);
            if let Some(why) = reason {
                reasons.entry((name, why)).or_default().push(&row.peer);
            }
        }
        let _ = writeln!(page, "| {} | {} |", row.peer, marks.join(" | "));
    }
    if !reasons.is_empty() {
        page.push('\n');
    }
    for ((name, why), peers) in reasons {
        let _ = writeln!(page, "- {name}: {why} ({}).", peers.join("; "));
    }
}
