//! The program on a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use nix::pty::{Winsize, openpty};
use nix::sys::termios::{LocalFlags, tcgetattr};

use crate::program::{Running, longwire, port, serve};

/// Generous, because the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal with a client.
pub(crate) struct Terminal {
    client: Running,
    keys: File,
    /// The other end of the terminal, to read its settings.
    line: File,
    screen: Arc<(Mutex<String>, Condvar)>,
}

impl Terminal {
    pub(crate) fn connect(url: &str) -> Terminal {
        Terminal::connect_with(url, &[])
    }

    fn connect_with(url: &str, flags: &[&str]) -> Terminal {
        Terminal::start(longwire(&[&["connect", url], flags].concat()))
    }

    /// With a history in this file.
    pub(crate) fn connect_with_history(url: &str, history: &Path) -> Terminal {
        let mut program = longwire(&["connect", url]);
        program.env("LONGWIRE_HISTORY", history);
        Terminal::start(program)
    }

    fn start(mut program: Command) -> Terminal {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let (keys, line) = (File::from(pty.master), File::from(pty.slave));
        let end = || Stdio::from(line.try_clone().unwrap());
        program.env("TERM", "xterm").stdin(end()).stdout(end()).stderr(end());
        let client = Running(program.spawn().unwrap());
        let screen = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let (shown, mut seen) = (Arc::clone(&screen), keys.try_clone().unwrap());
        thread::spawn(move || {
            let mut bytes = [0; 1024];
            // Reading fails when the client has ended.
            while let Ok(count @ 1..) = seen.read(&mut bytes) {
                shown.0.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
                shown.1.notify_all();
            }
        });
        Terminal { client, keys, line, screen }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `text` is on the screen, and discards everything up to it.
    pub(crate) fn expect(&self, text: &str) {
        let (screen, changed) = &*self.screen;
        let is_to_come = |screen: &mut String| !screen.contains(text);
        let (mut screen, waited) =
            changed.wait_timeout_while(screen.lock().unwrap(), PATIENCE, is_to_come).unwrap();
        assert!(!waited.timed_out(), "there is no {text:?} in {screen:?}");
        let end = screen.find(text).unwrap() + text.len();
        screen.drain(..end);
    }

    /// Waits until the next line can be typed. Before that, the system would interpret keys differently.
    pub(crate) fn expect_prompt_after(&self, line: &str) {
        self.expect(line);
        self.expect("\r\n");
        self.expect("> ");
    }

    pub(crate) fn wait(&mut self) -> Option<i32> {
        let child: &mut Child = &mut self.client.0;
        child.wait().unwrap().code()
    }
}

/// A channel with a client on a terminal and another one in pipes.
fn channel() -> (Running, Terminal, Running) {
    let (server, page) = serve(&["--listen", "127.0.0.1:0"]);
    let url = format!("ws://127.0.0.1:{}/channel/demo:a", port(&page));
    let terminal = Terminal::connect(&url);
    terminal.expect("connected");
    terminal.expect("> ");
    // Its message is received once both are in the channel.
    let other = Running::start(&["connect", &url, "-v"]);
    (server, terminal, other)
}

/// Regression: a message overwrote the line, and the arrow key was sent to the server.
#[test]
fn a_half_typed_line_survives_a_message_and_the_arrow_recalls_a_line() {
    let (_server, mut terminal, mut other) = channel();
    let mut told = other.stderr();
    assert!(told.any(|line| line.unwrap().contains("* open")));
    let (mut says, mut hears) = (other.stdin(), other.stdout());

    terminal.press("hel");
    terminal.expect("hel");
    writeln!(says, "news\u{61c}").unwrap();
    terminal.expect("news\\u{61c}");
    assert_eq!(hears.next().unwrap().unwrap(), "news\u{61c}", "its own message comes back");
    // The edited line reappears below the message.
    terminal.expect("> hel");
    terminal.press("lo\r");
    assert_eq!(hears.next().unwrap().unwrap(), "hello");
    terminal.expect_prompt_after("lo");
    terminal.press("\x1b[A\r");
    assert_eq!(hears.next().unwrap().unwrap(), "hello");
    terminal.expect_prompt_after("> hello");
    terminal.press("\x1b[A, world\r");
    assert_eq!(hears.next().unwrap().unwrap(), "hello, world");
    terminal.expect_prompt_after(", world");

    terminal.press("\x04");
    terminal.expect("closed by this end: 1000");
    assert_eq!(terminal.wait(), Some(0));
}

#[test]
fn ctrl_c_closes_with_1001_and_gives_the_terminal_back() {
    let (_server, mut terminal, _other) = channel();
    terminal.press("half a line\x03");
    terminal.expect("closed by this end: 1001");
    assert_eq!(terminal.wait(), Some(0));
    let settings = tcgetattr(&terminal.line).unwrap().local_flags;
    assert!(settings.contains(LocalFlags::ICANON | LocalFlags::ECHO), "{settings:?}");
}

#[test]
fn a_server_that_ends_gives_the_terminal_back_amid_a_line() {
    let (server, mut terminal, _other) = channel();
    terminal.press("half a line");
    terminal.expect("half a line");
    server.signal("TERM");
    terminal.expect("closed by peer: 1001");
    assert_eq!(terminal.wait(), Some(0));
    let settings = tcgetattr(&terminal.line).unwrap().local_flags;
    assert!(settings.contains(LocalFlags::ICANON | LocalFlags::ECHO), "{settings:?}");
}

/// A format for binary messages is no wish to let text steer the terminal.
#[test]
fn text_is_escaped_whatever_the_form_of_binary_messages() {
    let (_server, page) = serve(&["--listen", "127.0.0.1:0"]);
    let url = format!("ws://127.0.0.1:{}/echo", port(&page));
    for format in ["hex", "raw"] {
        let text = "\u{1b}[31mred\u{9b}0m";
        let terminal = Terminal::connect_with(&url, &["--binary-format", format, "-x", text, "--count", "1"]);
        terminal.expect("\\u{1b}[31mred\\u{9b}0m\r\n");
    }
}
