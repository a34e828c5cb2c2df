//! Installs and starts the programs of the matrix.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::command::find_on_path;
use crate::matrix::row::told_name;
use crate::matrix::snippet::{adapted, snippet};
use crate::server::{Server, free_address};
use crate::suite::certificates;
use crate::suite::context::Context;
use crate::suite::node::{find_node, install_packages};
use crate::suite::outcome::Stop;
use crate::suite::python::find_python;

/// User and password for the forward proxies.
const USER: (&str, &str) = ("longwire", "secret");

/// Replacements in the configuration from `docs/proxies.md`, for this machine.
const NGINX: [&[(&str, &str)]; 1] = [&[
    ("127.0.0.1:8080", "127.0.0.1:@SERVER@"),
    ("listen 80;", "listen 127.0.0.1:@PLAIN@;"),
    ("listen 443 ssl;", "listen 127.0.0.1:@TLS@ ssl;"),
    ("/etc/ssl/example.com.pem", "@CERTS@/cert.pem"),
    ("/etc/ssl/example.com.key", "@CERTS@/key.pem"),
    ("example.com", "localhost"),
]];
/// Here Caddy uses our certificate instead of fetching one, and serves one site on both ports.
const CADDY: [&[(&str, &str)]; 2] = [
    &[("127.0.0.1:8080", "127.0.0.1:@SERVER@"), ("example.com {", "http://localhost:@PLAIN@ {")],
    &[
        ("127.0.0.1:8080", "127.0.0.1:@SERVER@"),
        ("example.com {", "https://localhost:@TLS@ {\n    tls @CERTS@/cert.pem @CERTS@/key.pem"),
    ],
];
const HAPROXY: [&[(&str, &str)]; 1] = [&[
    ("127.0.0.1:8080", "127.0.0.1:@SERVER@"),
    ("bind :80\n", "bind 127.0.0.1:@PLAIN@\n"),
    ("bind :443", "bind 127.0.0.1:@TLS@"),
    ("/etc/haproxy/example.com.pem", "@DIR@/haproxy.pem"),
]];
const APACHE: [&[(&str, &str)]; 1] = [&[
    ("127.0.0.1:8080", "127.0.0.1:@SERVER@"),
    ("*:80>", "127.0.0.1:@PLAIN@>"),
    ("*:443>", "127.0.0.1:@TLS@>"),
    ("/etc/ssl/example.com.pem", "@CERTS@/cert.pem"),
    ("/etc/ssl/example.com.key", "@CERTS@/key.pem"),
    ("example.com", "localhost"),
]];

/// All programs, ours and other projects'.
pub(super) struct Peers {
    longwire: PathBuf,
    longwire_interop: PathBuf,
    pub(super) certificates: PathBuf,
    /// `interop/matrix`.
    dir: PathBuf,
    /// `docs/proxies.md`.
    page: PathBuf,
    /// The directory for configurations and output of proxies.
    scratch: PathBuf,
    node: PathBuf,
    bun: PathBuf,
    chromium: PathBuf,
    python: PathBuf,
    java: PathBuf,
}

/// Another project's server.
pub(super) struct ServerPeer {
    pub(super) name: &'static str,
    program: PathBuf,
    script: PathBuf,
}

/// One of our servers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Api {
    /// The event-driven one.
    Events,
    Async,
}

/// What is between the clients and our server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Before {
    Nothing,
    /// The server's own TLS.
    Tls,
    /// A proxy that terminates TLS. Only pages of the server itself may connect.
    TlsProxy,
}

/// A proxy with its configuration.
pub(super) struct Proxy {
    pub(super) name: &'static str,
    pub(super) version: String,
    command: Vec<String>,
    /// The ports that it listens on. A forward proxy uses only the first.
    pub(super) plain: u16,
    pub(super) secure: u16,
}

/// A program that serves.
pub(super) struct Started {
    pub(super) port: u16,
    log: PathBuf,
    _server: Server,
}

/// `longwire serve` as a hub.
pub(super) struct Hub {
    pub(super) server: Started,
    /// Where back ends use the API.
    pub(super) api: SocketAddr,
}

impl Peers {
    pub(super) fn install(context: &Context<'_>) -> Result<Self, Stop> {
        let interop = context.workspace.root.join("interop");
        let node = find_node(context)?;
        install_packages(context, &interop)?;
        context.apt_install_missing(&[
            ("nginx", "nginx"),
            ("haproxy", "haproxy"),
            ("caddy", "caddy"),
            ("apache2", "apache2"),
            ("tinyproxy", "tinyproxy"),
            ("squid", "squid"),
            ("microsocks", "microsocks"),
            ("danted", "dante-server"),
        ])?;
        let scratch = context.workspace.target.join("interop-matrix");
        fs::create_dir_all(&scratch).with_context(|| format!("creating {}", scratch.display()))?;
        Ok(Self {
            longwire: context.longwire()?,
            longwire_interop: context.longwire_interop()?,
            certificates: certificates::make(&context.workspace.target)?,
            dir: interop.join("matrix"),
            page: context.workspace.root.join("docs/proxies.md"),
            scratch,
            node,
            bun: interop.join("node_modules/@oven/bun-linux-x64/bin/bun"),
            chromium: context.find_or_install(&["chromium", "chromium-browser"], &["chromium"])?,
            python: find_python(context, "interop-python", &interop.join("matrix/requirements.txt"))?,
            java: context.find_or_install(&["java"], &["openjdk-17-jdk-headless"])?,
        })
    }

    /// Other projects' clients. The caller appends the URLs of a server, and of one that can send fragments.
    pub(super) fn clients(&self) -> [(&'static str, Command); 7] {
        let script = |program: &Path, name: &str| {
            let mut command = Command::new(program);
            command.arg(self.dir.join("clients").join(name)).env("CHROMIUM", &self.chromium);
            command
        };
        let mut java = Command::new(&self.java);
        java.arg("-Dfile.encoding=UTF-8").arg(self.dir.join("clients/JavaClient.java"));
        [
            ("Chromium", script(&self.node, "chromium.mjs")),
            ("ws", script(&self.node, "ws.mjs")),
            ("undici", script(&self.node, "undici.mjs")),
            ("Bun", script(&self.bun, "bun.mjs")),
            ("websockets", script(&self.python, "websockets_client.py")),
            ("aiohttp", script(&self.python, "aiohttp_client.py")),
            ("java.net.http", java),
        ]
    }

    pub(super) fn servers(&self) -> [ServerPeer; 4] {
        let peer = |name, program: &Path, script: &str| ServerPeer {
            name,
            program: program.to_owned(),
            script: self.dir.join("servers").join(script),
        };
        [
            peer("ws-server", &self.node, "ws.mjs"),
            peer("Bun-server", &self.bun, "bun.mjs"),
            peer("websockets-server", &self.python, "websockets_server.py"),
            peer("uvicorn-server", &self.python, "uvicorn_server.py"),
        ]
    }

    /// Our client, connecting to `url`.
    pub(super) fn our_client(&self, url: &str) -> Command {
        let mut command = Command::new(&self.longwire_interop);
        command.args(["client", url]);
        command
    }

    /// Our server.
    pub(super) fn our_server(&self, context: &Context<'_>, api: Api, before: Before) -> Result<Started> {
        let address = free_address()?;
        let mut command = Command::new(&self.longwire_interop);
        command.args(["server", api.name(), &address.to_string()]);
        match before {
            Before::Nothing => {}
            Before::Tls => {
                command.args(["cert.pem", "key.pem"].map(|file| self.certificates.join(file)));
            }
            Before::TlsProxy => {
                command.arg("--behind-tls-proxy");
            }
        }
        Started::wait_for(context, &format!("interop-{}-server", api.name()), command, address)
    }

    /// `longwire serve` behind a proxy that terminates TLS.
    pub(super) fn hub(&self, context: &Context<'_>) -> Result<Hub> {
        let (address, api) = (free_address()?, free_address()?);
        let mut command = Command::new(&self.longwire);
        command
            .args(["serve", "--behind-tls-proxy", "--listen", &address.to_string(), "--config"])
            .arg(self.dir.join("hub.toml"))
            .env("LONGWIRE_API_LISTEN", api.to_string());
        Ok(Hub { server: Started::wait_for(context, "interop-hub", command, address)?, api })
    }

    /// The official client of Centrifugo, connecting to `url`. The back end uses the API at `api`.
    pub(super) fn hub_client(&self, url: &str, api: SocketAddr) -> Command {
        let mut command = Command::new(&self.node);
        command
            .arg(self.dir.join("clients/hub.mjs"))
            .args([url, &format!("http://{api}/")])
            .env("NODE_EXTRA_CA_CERTS", self.certificates.join("ca.pem"));
        command
    }

    /// Proxies in front of the server at port `server`, configured as in `docs/proxies.md`.
    pub(super) fn reverse_proxies(&self, server: u16) -> Result<[Proxy; 4]> {
        // HAProxy requires the certificate and its key in one file.
        let read = |name: &str| fs::read_to_string(self.certificates.join(name));
        fs::write(self.scratch.join("haproxy.pem"), read("cert.pem")? + &read("key.pem")?)?;
        let [nginx, caddy] = self.streaming_proxies(server)?;
        let haproxy = self.documented("HAProxy", "haproxy.cfg", server, &HAPROXY, |config| {
            ["haproxy", "-f", config].map(str::to_owned).into()
        })?;
        let apache = self.documented("Apache", "apache.conf", server, &APACHE, |config| {
            ["apache2", "-D", "FOREGROUND", "-f", config].map(str::to_owned).into()
        })?;
        Ok([nginx, caddy, haproxy.version(&["haproxy", "-v"]), apache.version(&["apache2", "-v"])])
    }

    /// Those that end a stream as soon as its client has left. Others notice it when they next write to the client.
    pub(super) fn streaming_proxies(&self, server: u16) -> Result<[Proxy; 2]> {
        let nginx = self.documented("nginx", "nginx.conf", server, &NGINX, |config| {
            ["nginx", "-c", config].map(str::to_owned).into()
        })?;
        let caddy = self.documented("Caddy", "Caddyfile", server, &CADDY, |config| {
            ["caddy", "run", "--adapter", "caddyfile", "--config", config].map(str::to_owned).into()
        })?;
        Ok([nginx.version(&["nginx", "-v"]), caddy.version(&["caddy", "version"])])
    }

    /// A proxy with its configuration from `docs/proxies.md`, with one or more lists of replacements for this machine.
    /// Each list makes one configuration.
    fn documented(
        &self,
        name: &'static str,
        file: &str,
        server: u16,
        here: &[&[(&str, &str)]],
        command: impl Fn(&str) -> Vec<String>,
    ) -> Result<Proxy> {
        let page = fs::read_to_string(&self.page).with_context(|| self.page.display().to_string())?;
        let documented = snippet(&page, name).and_then(|snippet| {
            let adapted: Result<Vec<String>> = here.iter().map(|here| adapted(snippet, here)).collect();
            Ok(adapted?.join("\n"))
        });
        let documented = documented.with_context(|| self.page.display().to_string())?;
        self.configured_with(name, file, &documented, server, command)
    }

    /// Forward proxies, each with its URL for the client.
    pub(super) fn forward_proxies(&self) -> Result<[(Proxy, String); 4]> {
        let tinyproxy = self.configured("tinyproxy", "tinyproxy.conf", 0, |config| {
            ["tinyproxy", "-d", "-c", config].map(str::to_owned).into()
        })?;
        let squid = self.configured("squid", "squid.conf", 0, |config| {
            ["squid", "-N", "-d", "1", "-n", "longwire", "-f", config].map(str::to_owned).into()
        })?;
        let dante = self.configured("dante", "danted.conf", 0, |config| {
            let pid = self.scratch.join("danted.pid");
            ["danted", "-f", config, "-p", &pid.to_string_lossy()].map(str::to_owned).into()
        })?;
        let port = free_address()?.port();
        let listen = ["microsocks", "-i", "127.0.0.1", "-p", &port.to_string(), "-u", USER.0, "-P", USER.1];
        let microsocks = Proxy {
            name: "microsocks",
            version: "microsocks".to_owned(),
            command: listen.map(str::to_owned).into(),
            plain: port,
            secure: port,
        };
        let (user, password) = USER;
        let http = |proxy: Proxy| {
            let url = format!("http://{user}:{password}@127.0.0.1:{}", proxy.plain);
            (proxy.labelled("CONNECT, with a password"), url)
        };
        let socks = format!("socks5h://{user}:{password}@127.0.0.1:{}", microsocks.plain);
        let open_socks = format!("socks5h://127.0.0.1:{}", dante.plain);
        Ok([
            http(tinyproxy.version(&["tinyproxy", "-v"])),
            http(squid.version(&["squid", "-v"])),
            (microsocks.labelled("SOCKS 5, with a password"), socks),
            (dante.version(&["danted", "-v"]).labelled("SOCKS 5"), open_socks),
        ])
    }

    /// A proxy with a configuration from `interop/matrix/proxies`, with ports and directories filled in.
    fn configured(
        &self,
        name: &'static str,
        file: &str,
        server: u16,
        command: impl Fn(&str) -> Vec<String>,
    ) -> Result<Proxy> {
        self.configured_with(name, file, "", server, command)
    }

    /// Like `configured`, with `snippet` inserted.
    fn configured_with(
        &self,
        name: &'static str,
        file: &str,
        snippet: &str,
        server: u16,
        command: impl Fn(&str) -> Vec<String>,
    ) -> Result<Proxy> {
        let template = self.dir.join("proxies").join(file);
        let template = fs::read_to_string(&template).with_context(|| template.display().to_string())?;
        let (plain, secure) = (free_address()?.port(), free_address()?.port());
        let config = template
            .replace("@SNIPPET@", snippet)
            .replace("@PLAIN@", &plain.to_string())
            .replace("@TLS@", &secure.to_string())
            .replace("@SERVER@", &server.to_string())
            .replace("@DIR@", &self.scratch.to_string_lossy())
            .replace("@CERTS@", &self.certificates.to_string_lossy());
        let path = self.scratch.join(file);
        fs::write(&path, config).with_context(|| format!("writing {}", path.display()))?;
        let command = command(&path.to_string_lossy());
        Ok(Proxy { name, version: name.to_owned(), command, plain, secure })
    }
}

impl Api {
    fn name(self) -> &'static str {
        match self {
            Api::Events => "events",
            Api::Async => "async",
        }
    }
}

impl ServerPeer {
    pub(super) fn start(&self, context: &Context<'_>) -> Result<Started> {
        let address = free_address()?;
        let mut command = Command::new(&self.program);
        command.arg(&self.script).arg(address.port().to_string());
        Started::wait_for(context, &format!("interop-{}", self.name), command, address)
    }
}

impl Proxy {
    /// Adds the version, as reported by the program.
    fn version(mut self, call: &[&str]) -> Self {
        let Some((program, arguments)) = call.split_first() else { return self };
        if let Ok(output) = Command::new(program).args(arguments).output() {
            let told = [output.stdout, output.stderr].concat();
            let told = String::from_utf8_lossy(&told);
            let number = told
                .split([' ', '/', '\n'])
                .find(|word| word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit()));
            if let Some(number) = number {
                let number = number.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
                self.version = format!("{} {}", self.name, number.trim_end_matches('.'));
            }
        }
        self
    }

    /// Adds text after the version in the table.
    fn labelled(mut self, what: &str) -> Self {
        self.version = format!("{} ({what})", self.version);
        self
    }

    pub(super) fn start(&self, context: &Context<'_>) -> Result<Started> {
        let (program, arguments) = self.command.split_first().context("a proxy without a program")?;
        // Proxies may be installed in a directory that is only on root's PATH.
        let program = find_on_path(program).unwrap_or_else(|| Path::new("/usr/sbin").join(program));
        let mut command = Command::new(program);
        command.args(arguments);
        let address = SocketAddr::from(([127, 0, 0, 1], self.plain));
        Started::wait_for(context, &format!("interop-{}", self.name), command, address)
    }
}

impl Started {
    fn wait_for(context: &Context<'_>, name: &str, command: Command, address: SocketAddr) -> Result<Self> {
        let log = context.workspace.log(name);
        let server = Server::start(command, address, log.clone()).with_context(|| name.to_owned())?;
        Ok(Self { port: address.port(), log, _server: server })
    }

    pub(super) fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }

    /// The server's own name and version.
    pub(super) fn name(&self) -> Result<String> {
        let log = fs::read_to_string(&self.log).with_context(|| self.log.display().to_string())?;
        told_name(&log).with_context(|| format!("{} does not contain the server's name", self.log.display()))
    }
}
