//! The program, and servers for it to connect to.

use std::future::Future;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread;

use longwire::{Server, WebSocket};

/// The program with these arguments, without proxies or log settings from the environment, and without a history.
pub(crate) fn longwire(args: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_longwire"));
    program.args(args).env_remove("LONGWIRE_LOG").env("NO_PROXY", "*").env("no_proxy", "*");
    program.env("LONGWIRE_HISTORY", "");
    program
}

/// A program that is killed at the end of the test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.0.kill().and_then(|()| self.0.wait().map(drop));
    }
}

impl Running {
    pub(crate) fn start(args: &[&str]) -> Running {
        let mut program = longwire(args);
        let program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(program.spawn().unwrap())
    }

    /// Starts the program with an empty input.
    pub(crate) fn start_without_input(args: &[&str]) -> Running {
        let mut running = Running::start(args);
        drop(running.stdin());
        running
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().unwrap()
    }

    pub(crate) fn stdout(&mut self) -> Lines<BufReader<ChildStdout>> {
        BufReader::new(self.0.stdout.take().unwrap()).lines()
    }

    pub(crate) fn stderr(&mut self) -> Lines<BufReader<ChildStderr>> {
        BufReader::new(self.0.stderr.take().unwrap()).lines()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// The exit code, and the remaining output on standard output and standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        let stderr = self.0.stderr.take().map(text_of);
        let stdout = self.0.stdout.take().map(text_of);
        let code = self.0.wait().unwrap().code();
        let text = |reading: Option<thread::JoinHandle<String>>| reading.map(|text| text.join().unwrap());
        (code, text(stdout).unwrap_or_default(), text(stderr).unwrap_or_default())
    }
}

fn text_of(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    })
}

/// `longwire serve` with these flags, and the line that names its page.
pub(crate) fn serve(flags: &[&str]) -> (Running, String) {
    let mut server = Running::start(&[&["serve", "--workers", "1"], flags].concat());
    let page = server.stdout().map(Result::unwrap).find(|line| line.contains("  page "));
    (server, page.unwrap())
}

/// The port in the line that names the page.
pub(crate) fn port(page: &str) -> u16 {
    page.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
}

/// `longwire serve` on its own port, and its `/echo` as `host:port/echo`.
pub(crate) fn echo() -> (Running, String) {
    let (server, page) = serve(&["--listen", "127.0.0.1:0"]);
    (server, format!("127.0.0.1:{}/echo", port(&page)))
}

/// A server in the test's process, which lives as long as the process.
pub(crate) fn serve_with<F, Fut>(handler: F) -> SocketAddr
where
    F: Fn(WebSocket) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = longwire::Result<()>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::bind("127.0.0.1:0")).unwrap();
    let address = server.local_addr();
    let handler = move |socket| {
        let handling = handler(socket);
        async move { Ok(handling.await?) }
    };
    thread::spawn(move || runtime.block_on(server.serve(handler)));
    address
}

/// Runs the program to completion with this input.
pub(crate) fn run(args: &[&str], input: &[u8]) -> Output {
    let mut program = longwire(args);
    let program = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = program.spawn().unwrap();
    let mut stdin = program.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = thread::spawn(move || stdin.write_all(&input));
    let output = program.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    output
}
