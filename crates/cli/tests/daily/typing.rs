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

#[test]
fn pasted_lines_are_one_message() {
    let (_server, mut terminal) = terminal();
    terminal.press("\u{1b}[200~one\ntwo\u{1b}[201~\r");
    terminal.expect("one\\ntwo");
    terminal.press("/close\r");
    assert_eq!(terminal.wait(), Some(0));
}
