//! `docs/interop.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::row::{CELLS, Table, Verdict};

const HEAD: &str = "\
# Interoperation

Written by `cargo xtask interop`, which runs every program named here; `cargo xtask test interop` fails when a cell does.
The programs and configurations are in `interop/matrix`.

- **text**, **binary**, **1 MiB**: a message comes back as it was sent.
- **fragments**: a client sends a message in several frames (our client, `ws` and Java with a ping between them), and gets
  one that the server sends so. Clients of others get theirs from our async server; all else they do with the event-driven
  one, which sends whole messages only.
- **compressed**: permessage-deflate is agreed on, and 20 KB of text come back. **not compressed**: it is not agreed on.
- **subprotocol**: two are offered, the second is chosen.
- **client closes**, **server closes**: the code arrives, and the reason where it has to; the closing handshake is done.
- **ping**: the client's ping is answered by a pong with its payload, and the server's is.

Reverse proxies are configured as `docs/proxies.md` has it. Over `wss`, our client comes as a page that the proxy serves,
and the server lets no other page in.

`✓` works · `(✓)` works as far as the peer can, see below the table · `–` the peer cannot do it, see there · `✗` fails
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
    let names: Vec<&str> = CELLS.iter().map(|(_, name)| *name).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(page, "\n## {}\n\n| | {} |", table.title, names.join(" | "));
    let _ = writeln!(page, "|---{}|", "|:-:".repeat(CELLS.len()));
    let mut reasons: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for row in &table.rows {
        let mut marks = Vec::new();
        for (cell, name) in CELLS {
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
