//! Lines from standard input.

use std::io::{self, BufRead, Write};

use tokio::sync::mpsc;

/// What came from standard input.
pub(super) enum Line {
    /// A line without its end.
    Read(Vec<u8>),
    Failed(io::Error),
}

/// Reads lines on a thread of its own, which a read that waits does not keep from ending with the program.
pub(super) fn read_lines(lines: mpsc::Sender<Line>, prompt: Option<&'static str>) {
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        loop {
            if let Some(prompt) = prompt {
                let mut stdout = io::stdout();
                // Without a prompt the user can still type.
                let _unseen = stdout.write_all(prompt.as_bytes()).and_then(|()| stdout.flush());
            }
            let Some(line) = read_line(&mut stdin) else { break };
            let failed = matches!(line, Line::Failed(_));
            if lines.blocking_send(line).is_err() || failed {
                break;
            }
        }
    });
}

/// The next line; `None` at the end.
fn read_line(input: &mut impl BufRead) -> Option<Line> {
    let mut line = Vec::new();
    match input.read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(_) => {
            if line.ends_with(b"\n") {
                line.pop();
                if line.ends_with(b"\r") {
                    line.pop();
                }
            }
            Some(Line::Read(line))
        }
        Err(error) => Some(Line::Failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_without_their_ends_and_the_last_needs_none() {
        let mut input: &[u8] = b"one\ntwo\r\n\n\xff\rx\nlast";
        let mut lines = Vec::new();
        while let Some(Line::Read(line)) = read_line(&mut input) {
            lines.push(line);
        }
        assert_eq!(lines, [&b"one"[..], b"two", b"", b"\xff\rx", b"last"]);
    }
}
