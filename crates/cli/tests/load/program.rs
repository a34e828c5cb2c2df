//! The program, and a server to load.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

/// The program with these arguments.
pub(crate) fn longwire(args: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_longwire"));
    program.args(args).env_remove("LONGWIRE_LOG").env("NO_PROXY", "*").env("no_proxy", "*");
    program
}

/// A server that is killed at the end of the test.
pub(crate) struct Serving {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}

/// `longwire serve` on its own port.
pub(crate) fn serve(flags: &[&str]) -> Serving {
    let mut program = longwire(&[&["serve", "--workers", "1", "--listen", "127.0.0.1:0"], flags].concat());
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let page = lines.by_ref().map(Result::unwrap).find(|line| line.contains("  page ")).unwrap();
    // The server may go on writing.
    thread::spawn(move || lines.for_each(drop));
    let port = page.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
    Serving { child, port }
}

/// Runs `longwire load`.
pub(crate) fn load(args: &[&str]) -> Output {
    longwire(&[&["load"], args].concat()).stdin(Stdio::null()).output().unwrap()
}

/// Runs `longwire load` to a report. The generator may be a bottleneck: the machine may be slow.
pub(crate) fn report(args: &[&str]) -> Value {
    let output = load(&[args, &["--json", "-"]].concat());
    let code = output.status.code();
    assert!([Some(0), Some(3)].contains(&code), "{code:?} {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
