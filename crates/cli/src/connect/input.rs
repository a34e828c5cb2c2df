//! Standard input, cut into messages.

use std::io::{self, BufRead, Read};
use std::num::NonZeroUsize;
use std::sync::Arc;

use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config, Editor, ExternalPrinter};
use tokio::sync::{Notify, mpsc};

use super::completion::TabCompletion;
use super::history_file;
use crate::terminal;

/// The prompt of the line editor.
const PROMPT: &str = "> ";

/// The length of the history, in lines.
const HISTORY: usize = 1000;

/// What was read from standard input.
pub(super) enum Input {
    /// The content of a message.
    Piece(Vec<u8>),
    /// A line that was edited on a terminal, or pasted lines.
    Typed(String),
    /// Ctrl-D on a terminal.
    EofKey,
    Failed(io::Error),
}

/// How standard input is cut into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// After each line; line endings are not sent.
    TextLines,
    /// After each line; line endings are sent.
    BinaryLines,
    /// Not cut: one message.
    Whole,
    /// After this many bytes.
    Chunks(NonZeroUsize),
}

/// Reads standard input on its own thread, so that a blocked read does not keep the program from exiting. The channel
/// closes at the end of the input.
pub(super) fn read(pieces: mpsc::Sender<Input>, cut: Cut) {
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        while let Some(input) = next(&mut stdin, cut) {
            let failed = matches!(input, Input::Failed(_));
            if pieces.blocking_send(input).is_err() || failed {
                break;
            }
        }
    });
}

/// The next piece, or `None` at the end of the input.
fn next(input: &mut impl BufRead, cut: Cut) -> Option<Input> {
    let mut piece = Vec::new();
    let read = match cut {
        Cut::TextLines | Cut::BinaryLines => input.read_until(b'\n', &mut piece),
        Cut::Whole => input.read_to_end(&mut piece),
        Cut::Chunks(len) => {
            let most = u64::try_from(len.get()).unwrap_or(u64::MAX);
            input.take(most).read_to_end(&mut piece)
        }
    };
    match read {
        Ok(0) => None,
        Ok(_) => {
            if cut == Cut::TextLines && piece.ends_with(b"\n") {
                piece.pop();
                if piece.ends_with(b"\r") {
                    piece.pop();
                }
            }
            Some(Input::Piece(piece))
        }
        Err(error) => Some(Input::Failed(error)),
    }
}

/// Starts a line editor with a history, on its own thread. Output is printed above the edited line. Ctrl-C is a key for
/// the editor, and is passed to `interrupts`. Returns `false` if this terminal does not support editing. The caller
/// then reads plain lines.
pub(super) fn edit(lines: &mpsc::Sender<Input>, interrupts: Arc<Notify>) -> bool {
    let Ok(mut editor) = editor() else { return false };
    let history = history_file::path();
    if let Some(path) = &history {
        let _none_yet = editor.load_history(path);
    }
    let Ok(mut printer) = editor.create_external_printer() else { return false };
    terminal::begin_editing(move |line| printer.print(line).is_ok());
    let lines = lines.clone();
    std::thread::spawn(move || {
        loop {
            let input = match editor.readline(PROMPT) {
                Ok(line) => Input::Typed(line),
                Err(ReadlineError::Interrupted) => {
                    interrupts.notify_one();
                    continue;
                }
                Err(ReadlineError::Eof) => Input::EofKey,
                Err(ReadlineError::Io(error)) => Input::Failed(error),
                Err(error) => Input::Failed(io::Error::other(error)),
            };
            if let Some(path) = &history {
                // A run without a history is better than none.
                let _unkept = editor.append_history(path);
            }
            let is_last = matches!(input, Input::EofKey | Input::Failed(_));
            if lines.blocking_send(input).is_err() || is_last {
                break;
            }
        }
    });
    true
}

fn editor() -> rustyline::Result<Editor<TabCompletion, FileHistory>> {
    // Pasted lines are one message, which is sent with the Enter key. As in shells, a line that begins with a space is
    // not kept.
    let config = Config::builder()
        .bracketed_paste(true)
        .completion_type(CompletionType::List)
        .auto_add_history(true)
        .history_ignore_space(true)
        .max_history_size(HISTORY)?
        .build();
    let mut editor = Editor::with_config(config)?;
    editor.set_helper(Some(TabCompletion));
    Ok(editor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(mut input: &[u8], cut: Cut) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        while let Some(Input::Piece(piece)) = next(&mut input, cut) {
            pieces.push(piece);
        }
        pieces
    }

    const INPUT: &[u8] = b"one\ntwo\r\n\n\xff\rx\nlast";

    #[test]
    fn lines_of_text_come_without_their_ends_and_the_last_needs_none() {
        assert_eq!(pieces(INPUT, Cut::TextLines), [&b"one"[..], b"two", b"", b"\xff\rx", b"last"]);
    }

    /// Regression: a CR before the LF was left out.
    #[test]
    fn of_what_is_binary_nothing_is_left_out() {
        let chunk = |len| Cut::Chunks(NonZeroUsize::new(len).unwrap());
        assert_eq!(
            pieces(INPUT, Cut::BinaryLines),
            [&b"one\n"[..], b"two\r\n", b"\n", b"\xff\rx\n", b"last"]
        );
        assert_eq!(pieces(INPUT, Cut::Whole), [INPUT]);
        assert_eq!(pieces(INPUT, chunk(8)), [&INPUT[..8], &INPUT[8..16], &INPUT[16..]]);
        for cut in [Cut::BinaryLines, Cut::Whole, chunk(1), chunk(INPUT.len()), chunk(1000)] {
            assert_eq!(pieces(INPUT, cut).concat(), INPUT, "{cut:?}");
        }
        assert!(pieces(b"", Cut::Whole).is_empty());
    }
}
