//! Commands that are typed on a terminal.

use crate::program::{Running, echo};
use crate::terminal::Terminal;

fn terminal() -> (Running, Terminal) {
    let (server, url) = echo();
    let terminal = Terminal::connect(&url);
    terminal.expect(&format!("connected · ws://{url} · HTTP/1.1 · permessage-deflate"));
    terminal.expect("/help lists commands, Ctrl-D closes");
    terminal.expect("> ");
    (server, terminal)
}

#[test]
fn commands_are_obeyed_and_not_sent() {
    let (_server, mut terminal) = terminal();
    terminal.press("/ping\r");
    terminal.expect("pong ");
    terminal.expect(" ms");
    terminal.press("/headers\r");
    terminal.expect("> sec-websocket-version: 13");
    terminal.expect("< upgrade: websocket");
    terminal.press("//slash\r");
    terminal.expect("/slash");
    terminal.press("/stats\r");
    terminal.expect("sent      1 message, 6 bytes");
    terminal.expect("pings     1: least ");
    terminal.press("/quit\r");
    terminal.expect("longwire: there is no command /quit; /help lists them");
    terminal.press("/close 4000 see you\r");
    terminal.expect("closed by this end: 4000");
    assert_eq!(terminal.wait(), Some(1));
}

#[test]
fn json_is_shown_in_colours_with_the_time_of_its_answer() {
    let (_server, mut terminal) = terminal();
    terminal.press("{\"a\":[1,true]}\r");
    terminal.expect("{\u{1b}[34m\"a\"\u{1b}[0m:[\u{1b}[33m1\u{1b}[0m,\u{1b}[35mtrue\u{1b}[0m]}");
    terminal.expect(" ms");
    // Unlike Ctrl-D, it is read whether or not the editor has taken the terminal back.
    terminal.press("/close\r");
    assert_eq!(terminal.wait(), Some(0));
}

/// Regression: the lines were shown as one, with `\n` between them.
#[test]
fn pasted_lines_are_one_message_and_stay_lines() {
    let (_server, mut terminal) = terminal();
    terminal.press("\u{1b}[200~one\n  two\u{1b}[201~\r");
    terminal.expect("<\u{1b}[0m one ");
    terminal.expect(" ms\u{1b}[0m\r\n    two");
    terminal.press("/close\r");
    assert_eq!(terminal.wait(), Some(0));
}

#[test]
fn the_tab_key_completes_commands_and_the_names_of_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("two words.txt"), "from a file").unwrap();
    let (_server, mut terminal) = terminal();
    terminal.press("/hea\t\r");
    terminal.expect("> sec-websocket-version: 13");
    terminal.press(&format!("/te\t {}/tw\t\r", folder.path().display()));
    terminal.expect("<\u{1b}[0m from a file");
    terminal.press("/help\r");
    terminal.expect("Tab completes commands and the names of files.");
    terminal.press("/close\r");
    assert_eq!(terminal.wait(), Some(0));
}

#[test]
fn lines_of_earlier_runs_are_recalled_except_those_that_begin_with_a_space() {
    let folder = tempfile::tempdir().unwrap();
    // The folder of the file is made if it is not there.
    let path = folder.path().join("state/history");
    let (_server, url) = echo();
    let mut first = Terminal::connect_with_history(&url, &path);
    first.expect("> ");
    for line in ["open", " secret"] {
        first.press(&format!("{line}\r"));
        first.expect(&format!("<\u{1b}[0m {line}"));
        first.expect("> ");
    }
    first.press("/close\r");
    assert_eq!(first.wait(), Some(0));
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept.contains("open\n") && !kept.contains("secret"), "{kept}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "{mode:o}");

    let mut second = Terminal::connect_with_history(&url, &path);
    second.expect("> ");
    second.press("\u{1b}[A\u{1b}[A\r");
    second.expect("<\u{1b}[0m open");
    second.press("/close\r");
    assert_eq!(second.wait(), Some(0));
}
