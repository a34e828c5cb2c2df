//! Redis servers that tests start.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use longwire_hub_redis::{Deployment, RedisOptions, RedisUrl};
use redis::{FromRedisValue, Value};
use tempfile::TempDir;

/// How long tests wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server, with a directory of its own. It ends with the value.
pub(crate) struct Server {
    pub(crate) port: u16,
    folder: TempDir,
    settings: Vec<String>,
    process: Child,
    program: &'static str,
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// A server that keeps nothing on disk, with settings as pairs of `--name value`.
    pub(crate) fn start(settings: &[&str]) -> Server {
        Server::start_program("redis-server", &[&["--save", ""], settings].concat(), "")
    }

    /// A Sentinel that watches the master at this port.
    pub(crate) fn sentinel(master: u16) -> Server {
        let config = format!(
            "sentinel monitor main 127.0.0.1 {master} 1\nsentinel down-after-milliseconds main 1000\n\
             sentinel failover-timeout main 5000\n"
        );
        Server::start_program("redis-sentinel", &[], &config)
    }

    fn start_program(program: &'static str, settings: &[&str], config: &str) -> Server {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("redis.conf"), config).unwrap();
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let mut failure = String::new();
        // Another test may have taken the port in between.
        for _attempt in 0..3 {
            let port = free_port();
            match run(program, port, &folder, &settings) {
                Ok(process) => return Server { port, folder, settings, process, program },
                Err(output) => failure = output,
            }
        }
        panic!("{program} is not ready: {failure}")
    }

    pub(crate) fn url(&self) -> RedisUrl {
        format!("redis://127.0.0.1:{}", self.port).parse().unwrap()
    }

    pub(crate) fn options(&self) -> RedisOptions {
        RedisOptions::new(Deployment::Servers(vec![self.url()]))
    }

    /// Kills the process.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts again with the same directory and port.
    pub(crate) fn start_again(&mut self) {
        self.process = run(self.program, self.port, &self.folder, &self.settings).unwrap();
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Asks the server with a connection of its own.
    pub(crate) fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        self.try_ask(command).unwrap()
    }

    pub(crate) fn try_ask<T: FromRedisValue>(&self, command: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?;
        let mut connection = client.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        let (name, arguments) = command.split_first().unwrap();
        redis::cmd(name).arg(arguments).query(&mut connection)
    }

    /// Waits until an answer is as wanted.
    pub(crate) async fn ask_until(&self, command: &[&str], is_wanted: impl Fn(&str) -> bool) {
        let start = Instant::now();
        loop {
            let answer = self.try_ask::<Value>(command).map(|answer| format!("{answer:?}"));
            match answer {
                Ok(answer) if is_wanted(&answer) => return,
                other => assert!(start.elapsed() < PATIENCE, "{command:?}: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

/// Starts a program and waits until it takes connections. The error is its output.
fn run(program: &str, port: u16, folder: &TempDir, settings: &[String]) -> Result<Child, String> {
    let mut command = Command::new(program);
    let config = folder.path().join("redis.conf");
    command.arg(config).args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--daemonize", "no"]);
    command.arg("--dir").arg(folder.path()).args(settings).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap_or_else(|failure| {
        panic!(
            "{program} cannot be started: {failure}. `cargo xtask test rust` installs it, and on Debian \
             `apt-get install redis-server redis-sentinel`"
        )
    });
    let output = BufReader::new(process.stdout.take().unwrap());
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let mut before = String::new();
        for line in output.lines().map_while(Result::ok) {
            if line.contains("Ready to accept connections") || line.contains("Sentinel ID is") {
                let _gone = ready.send(Ok(()));
            }
            before = before + &line + "\n";
        }
        let _gone = ready.send(Err(before));
    });
    match is_ready.recv_timeout(PATIENCE) {
        Ok(Ok(())) => Ok(process),
        other => {
            let _ended = process.kill();
            let _ended = process.wait();
            Err(format!("{other:?}"))
        }
    }
}
