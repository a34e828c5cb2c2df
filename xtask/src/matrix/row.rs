//! The results of the matrix.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::command::Finished;
use crate::suite::outcome::Outcome;

/// The cells of a table: the name in the programs' output, and the title in the table.
pub(super) type Cells = &'static [(&'static str, &'static str)];

/// The cells of a client and an echo server.
pub(super) const ECHO: Cells = &[
    ("text", "text"),
    ("binary", "binary"),
    ("megabyte", "1 MiB"),
    ("fragments", "fragments"),
    ("deflate", "compressed"),
    ("plain", "not compressed"),
    ("subprotocol", "subprotocol"),
    ("closes", "client closes, 4000"),
    ("closed", "server closes, 4321"),
    ("ping", "ping"),
];

/// The cells of a client of the hub.
pub(super) const HUB: Cells = &[
    ("websocket-json", "WebSocket, JSON"),
    ("websocket-protobuf", "WebSocket, protobuf"),
    ("http-stream-json", "HTTP stream, JSON"),
    ("http-stream-protobuf", "HTTP stream, protobuf"),
    ("sse", "SSE"),
    ("origin", "origin"),
    ("api", "API"),
];

/// A table of the matrix.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) cells: Cells,
    pub(super) rows: Vec<Row>,
}

/// The results of all cells with one peer.
#[derive(Debug)]
pub(super) struct Row {
    /// The peer, with its version.
    pub(super) peer: String,
    cells: BTreeMap<String, Verdict>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Works,
    /// Works as far as the peer supports it. Contains the reason for the missing part.
    WorksInPart(String),
    /// The peer does not support it. Contains the reason.
    DoesNotApply(String),
    Fails(String),
}

/// A line of a program's output.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Peer {
        peer: String,
    },
    Cell {
        cell: String,
        ok: Option<bool>,
        #[serde(default)]
        why: String,
    },
}

impl Row {
    /// Reads the output of a program.
    ///
    /// # Errors
    ///
    /// There is no line with the peer's name or a result.
    pub(super) fn read(name: &str, finished: &Finished) -> Result<Self> {
        let mut row = Self { peer: name.to_owned(), cells: BTreeMap::new() };
        for line in &finished.lines {
            match serde_json::from_str(line) {
                Ok(Line::Peer { peer }) => row.peer = peer,
                Ok(Line::Cell { cell, ok, why }) => {
                    let verdict = match ok {
                        Some(true) if why.is_empty() => Verdict::Works,
                        Some(true) => Verdict::WorksInPart(why),
                        Some(false) => Verdict::Fails(why),
                        None => Verdict::DoesNotApply(why),
                    };
                    row.cells.insert(cell, verdict);
                }
                // Other output is only for the log.
                Err(_) => {}
            }
        }
        if row.cells.is_empty() {
            bail!("{name}: {}", finished.explain());
        }
        Ok(row)
    }

    /// The same row with another name for the peer.
    pub(super) fn of(self, peer: &str) -> Self {
        Self { peer: peer.to_owned(), ..self }
    }

    /// The result of a cell. A cell that the program did not reach has failed.
    pub(super) fn verdict(&self, cell: &str) -> Verdict {
        let missing = || Verdict::Fails("it was not reached".to_owned());
        self.cells.get(cell).cloned().unwrap_or_else(missing)
    }

    pub(super) fn count(&self, cells: Cells, outcome: &mut Outcome) {
        for (cell, _) in cells {
            match self.verdict(cell) {
                Verdict::Works | Verdict::WorksInPart(_) => outcome.passed += 1,
                Verdict::DoesNotApply(_) => {}
                Verdict::Fails(why) => {
                    outcome.failed += 1;
                    outcome.notes.push(format!("{}, {cell}: {why}", self.peer));
                }
            }
        }
    }
}

/// The name in the first lines of a program's output.
pub(super) fn told_name(log: &str) -> Option<String> {
    log.lines().find_map(|line| match serde_json::from_str(line) {
        Ok(Line::Peer { peer }) => Some(peer),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use crate::command::End;

    use super::*;

    fn finished(lines: &[&str]) -> Finished {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        Finished { end: End::Exited(ExitStatus::from_raw(0)), lines, log: "log".into() }
    }

    #[test]
    fn a_cell_that_was_not_reached_has_failed() {
        let row = Row::read(
            "ws",
            &finished(&[
                r#"{"peer":"ws 8"}"#,
                "something else",
                r#"{"cell":"text","ok":true}"#,
                r#"{"cell":"binary","ok":false,"why":"lost"}"#,
                r#"{"cell":"deflate","ok":null,"why":"not offered"}"#,
                r#"{"cell":"ping","ok":true,"why":"it sends none"}"#,
            ]),
        );
        let row = row.unwrap();
        assert_eq!(row.peer, "ws 8");
        let mut outcome = Outcome::default();
        row.count(ECHO, &mut outcome);
        assert_eq!((outcome.passed, outcome.failed), (2, 7));
        assert_eq!(outcome.notes[0], "ws 8, binary: lost");
        assert_eq!(row.verdict("deflate"), Verdict::DoesNotApply("not offered".to_owned()));
        assert_eq!(row.verdict("ping"), Verdict::WorksInPart("it sends none".to_owned()));
    }

    #[test]
    fn a_program_that_says_nothing_is_an_error() {
        assert!(Row::read("ws", &finished(&["Error: no such module"])).is_err());
    }
}
