//! The settings of the server: those of the command line before the configuration's.

use std::path::{Path, PathBuf};
use std::time::Duration;

use longwire::{Engine, Origin, TrustedProxies, UringRefusal};

use super::demo::switch::Demos;
use super::hub::BrokerChoice;
use crate::args::proxy::{ForwardedHeader, ProxyAddress};
use crate::args::{ListenAddr, ServeArgs};
use crate::config::{BrokerKind, Config, EngineName, LimitsSection};
use crate::failure::Failure;
use crate::log::LogSettings;
use crate::values::{Period, Size};

/// How long a shutdown may take.
pub(super) const SHUTDOWN_TIME: Duration = Duration::from_secs(10);

/// What is set, whether by a flag, a variable, the file or a default.
pub(super) struct Settings {
    /// Empty if nothing says where.
    pub(super) listen: Vec<ListenAddr>,
    /// The certificate and its key.
    pub(super) tls: Option<(PathBuf, PathBuf)>,
    pub(super) origins: Vec<Origin>,
    pub(super) behind_tls_proxy: bool,
    pub(super) trusted_proxies: Option<TrustedProxies>,
    pub(super) compression: bool,
    pub(super) engine: Engine,
    pub(super) workers: Option<u16>,
    pub(super) metrics: bool,
    pub(super) demos: Demos,
    /// Whether clients of Socket.IO are answered.
    pub(super) socketio: bool,
    pub(super) log: LogSettings,
    pub(super) limits: LimitsSection,
    pub(super) config: Config,
    /// From which the configuration names files.
    folder: PathBuf,
}

impl Settings {
    pub(super) fn of(args: &ServeArgs) -> Result<Settings, Failure> {
        args.limits.check()?;
        let config = configuration(args)?;
        let document = &config.document;
        let given = |flag: &str| args.given.contains(flag);
        let folder = args.config.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let in_file = document.tls.certificate.as_ref().zip(document.tls.key.as_ref());
        let in_file = in_file.map(|(certificate, key)| (folder.join(certificate), folder.join(key)));
        let tls = args.tls_cert.clone().zip(args.tls_key.clone()).or(in_file);
        let listen = document.listen.iter().map(|address| address.0.clone());
        let origins = document.origins.iter().map(|origin| origin.0.clone());
        Ok(Settings {
            listen: if given("listen") { args.listen.clone() } else { listen.collect() },
            trusted_proxies: trusted_proxies(args, &config)?,
            behind_tls_proxy: (args.behind_tls_proxy || document.behind_tls_proxy) && tls.is_none(),
            tls,
            origins: if given("origin") { args.origin.clone() } else { origins.collect() },
            compression: document.compression && !args.no_compression,
            engine: if given("engine") { args.engine.into() } else { engine(document.engine) },
            workers: args.workers.or(document.workers),
            metrics: args.metrics || document.metrics,
            demos: demos(args, &config),
            socketio: document.socketio && !args.no_socketio,
            log: LogSettings {
                format: args.log_format.unwrap_or(document.log.format),
                filter: document.log.level.0.clone(),
                access: args.access_log || document.log.access,
            },
            limits: document.limits.clone(),
            folder: folder.to_owned(),
            config,
        })
    }
}

impl Settings {
    /// Puts the engine that the system allows in the place of the one that is set. Returns why that is not io_uring, if it
    /// could have been.
    pub(super) fn resolve_engine(&mut self) -> Option<UringRefusal> {
        let wanted = self.engine;
        self.engine = wanted.resolve();
        if wanted == Engine::Readiness || self.engine == Engine::Uring {
            return None;
        }
        Engine::why_not_uring().filter(|refusal| *refusal != UringRefusal::NotLinux)
    }

    /// The broker of the configuration.
    pub(super) fn broker(&self) -> Result<BrokerChoice, Failure> {
        BrokerChoice::of(&self.config.document.broker, &self.folder)
    }
}

/// Reads the file and the variables. It is read again at SIGHUP.
pub(super) fn configuration(args: &ServeArgs) -> Result<Config, Failure> {
    let mut config = Config::load(args.config.as_deref())?;
    config.document.tokens.insecure |= args.insecure;
    config.document.limits = limits(args, config.document.limits);
    let admin = &mut config.document.admin;
    admin.enabled |= args.admin;
    if admin.enabled && admin.secrets().is_empty() && !config.document.tokens.insecure {
        return Err(Failure::Other(
            "--admin needs a password: set LONGWIRE_ADMIN_PASSWORD, or `password` in [admin] of the configuration; \
             --insecure serves the page without one"
                .into(),
        ));
    }
    Ok(config)
}

/// With the demos, everybody may use their channels: they are off on a server that knows its users or has its own channels.
pub(super) fn demos(args: &ServeArgs, config: &Config) -> Demos {
    let is_wanted = config.document.demo && !args.no_demo;
    let has_users = config.has_keys || config.document.hooks.connect.is_some();
    // Each node would sign tokens with a key of its own, and publish what the demos show.
    let is_alone = config.document.broker.kind == BrokerKind::Memory;
    if is_wanted && is_alone && !has_users && !config.has_channels { Demos::On } else { Demos::Off }
}

/// The proxies that name the address of clients. `None` if nobody does.
fn trusted_proxies(args: &ServeArgs, config: &Config) -> Result<Option<TrustedProxies>, Failure> {
    let document = &config.document;
    let in_file = document.trusted_proxies.iter().map(|proxy| &proxy.0);
    let trusted: Vec<&ProxyAddress> =
        if args.trusted_proxy.is_empty() { in_file.collect() } else { args.trusted_proxy.iter().collect() };
    let speak_first = args.proxy_protocol || document.proxy_protocol;
    let header = args.forwarded_header.or(document.forwarded_header);
    if trusted.is_empty() {
        return match speak_first || args.forwarded_header.is_some() {
            true => Err(Failure::Usage("say which proxies are trusted: --trusted-proxy".into())),
            false => Ok(None),
        };
    }
    let mut proxies = TrustedProxies::new(trusted)?;
    if header == Some(ForwardedHeader::Forwarded) {
        proxies = proxies.forwarded();
    }
    if speak_first {
        proxies = proxies.proxy_protocol();
    }
    Ok(Some(proxies))
}

fn engine(name: EngineName) -> Engine {
    match name {
        EngineName::Auto => Engine::Auto,
        EngineName::Uring => Engine::Uring,
        EngineName::Readiness => Engine::Readiness,
    }
}

/// The limits of the configuration, except those that have a flag.
fn limits(args: &ServeArgs, mut limits: LimitsSection) -> LimitsSection {
    let flags = &args.limits;
    for flag in &args.given {
        match flag.as_str() {
            "max_message" => limits.max_message = Size(flags.max_message),
            "max_fragments" => limits.max_fragments = flags.max_fragments,
            "max_connections" => limits.max_connections = flags.max_connections,
            "max_connections_per_ip" => limits.max_connections_per_ip = flags.max_connections_per_ip,
            "ipv6_prefix" => limits.ipv6_prefix = flags.ipv6_prefix,
            "max_buffered" => limits.max_buffered = Size(flags.max_buffered),
            "max_head" => limits.max_head = Size(flags.max_head),
            "max_headers" => limits.max_headers = flags.max_headers,
            "handshake_timeout" => limits.handshake_timeout = Period(flags.handshake_timeout),
            "close_timeout" => limits.close_timeout = Period(flags.close_timeout),
            "idle_timeout" => limits.idle_timeout = flags.idle_timeout.map(Period),
            "keepalive" => limits.keepalive = Period(flags.keepalive),
            "keepalive_timeout" => limits.keepalive_timeout = Period(flags.keepalive_timeout),
            "high_water" => limits.high_water = Size(flags.high_water),
            "low_water" => limits.low_water = flags.low_water.map(Size),
            "max_control_replies" => limits.max_control_replies = Size(flags.max_control_replies),
            _ => {}
        }
    }
    limits
}

#[cfg(test)]
mod tests {

    use longwire::{Keepalive, Limits};

    use super::*;
    use crate::args::{Args, Command};

    fn serve_args(args: &[&str]) -> ServeArgs {
        match Args::of(["longwire", "serve"].iter().chain(args)).unwrap().command {
            Command::Serve(args) => args,
            other => panic!("{other:?}"),
        }
    }

    fn with_flags(args: &[&str]) -> Limits {
        limits(&serve_args(args), LimitsSection::default()).connection()
    }

    #[test]
    fn without_flags_the_limits_are_those_of_the_library() {
        assert_eq!(with_flags(&[]), Limits::default());
    }

    #[test]
    fn each_flag_sets_its_own_limit() {
        let second = Duration::from_secs(1);
        for (args, expected) in [
            (["--max-message", "1"], Limits::default().message(1)),
            (["--max-fragments", "1"], Limits::default().fragments(1)),
            (["--max-head", "129"], Limits::default().handshake_bytes(129).handshake_headers(100)),
            (["--max-headers", "5"], Limits::default().handshake_bytes(16 << 10).handshake_headers(5)),
            (["--handshake-timeout", "1"], Limits::default().handshake_time(second)),
            (["--close-timeout", "1"], Limits::default().close_time(second)),
            (["--idle-timeout", "1"], Limits::default().idle_time(second)),
            (["--keepalive", "1"], Limits::default().keepalive(Keepalive::every(second))),
            (
                ["--keepalive-timeout", "1"],
                Limits::default().keepalive(Keepalive::every(30 * second).within(second)),
            ),
            (["--high-water", "65537"], Limits::default().low_water(64 << 10).high_water(65537)),
            (["--high-water", "1"], Limits::default().low_water(1).high_water(1)),
            (["--low-water", "1"], Limits::default().low_water(1).high_water(256 << 10)),
            (["--max-control-replies", "1"], Limits::default().control_replies(1)),
        ] {
            assert_eq!(with_flags(&args), expected, "{args:?}");
        }
    }

    /// The flags and the library have the same limits.
    #[test]
    fn what_the_flags_allow_the_library_allows() {
        let smallest = ["--max-head=129", "--max-headers=5", "--max-fragments=1", "--high-water=0"];
        assert_eq!(with_flags(&smallest).check(), Ok(()));
        assert!(with_flags(&["--max-head=129"]).handshake_bytes(128).handshake_headers(5).check().is_err());
        assert!(with_flags(&["--max-headers=5"]).handshake_bytes(129).handshake_headers(4).check().is_err());
    }

    fn shown(places: &[ListenAddr]) -> String {
        places.iter().map(ListenAddr::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_proxies_do_needs_proxies_that_are_trusted() {
        for flags in [&["--proxy-protocol"][..], &["--forwarded-header", "forwarded"]] {
            let Err(Failure::Usage(problem)) = Settings::of(&serve_args(flags)) else { panic!("{flags:?}") };
            assert!(problem.contains("--trusted-proxy"), "{problem}");
            let settings = Settings::of(&serve_args(&[flags, &["--trusted-proxy", "::1"]].concat())).unwrap();
            assert!(settings.trusted_proxies.is_some());
        }
        assert!(Settings::of(&serve_args(&[])).unwrap().trusted_proxies.is_none());
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("longwire.toml");
        let text = "listen = ['127.0.0.1:9001', 'unix:/x']\nengine = 'readiness'\nworkers = 3\ncompression = false\n\
                    [limits]\nmax_message = 7\nmax_headers = 9\nmax_connections = 5\n";
        std::fs::write(&file, text).unwrap();
        let file = file.to_str().unwrap();
        let settings = Settings::of(&serve_args(&["--config", file])).unwrap();
        assert_eq!((shown(&settings.listen), settings.workers), ("127.0.0.1:9001 unix:/x".into(), Some(3)));
        assert_eq!((settings.engine, settings.compression), (Engine::Readiness, false));
        assert_eq!((settings.limits.max_message.0, settings.limits.max_connections), (7, 5));
        let flags = [
            "--listen",
            "9002",
            "--listen",
            "[::1]:9003",
            "--engine",
            "auto",
            "--workers",
            "1",
            "--max-message",
            "8",
        ];
        let settings = Settings::of(&serve_args(&[&["--config", file], &flags[..]].concat())).unwrap();
        assert_eq!(
            (shown(&settings.listen), settings.workers),
            ("127.0.0.1:9002 [::1]:9003".into(), Some(1))
        );
        assert_eq!(settings.engine, Engine::Auto);
        assert_eq!((settings.limits.max_message.0, settings.limits.max_headers), (8, 9));
    }

    #[test]
    fn the_demos_are_off_on_a_server_with_users_or_channels_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("longwire.toml");
        let with = |text: &str, flags: &[&str]| {
            std::fs::write(&file, text).unwrap();
            Settings::of(&serve_args(&[&["--config", file.to_str().unwrap()], flags].concat())).unwrap().demos
        };
        assert_eq!(with("", &[]), Demos::On);
        assert_eq!(with("[api]\nkeys = ['an-api-key-of-the-tests']", &[]), Demos::On);
        assert_eq!(with("", &["--no-demo"]), Demos::Off);
        for text in [
            "demo = false",
            "[tokens]\nhmac_secret = 'a secret of the tests that has at least 32 bytes'",
            "[tokens]\njwks_url = 'https://example.com/keys'",
            "[hooks]\nconnect = 'http://127.0.0.1:1/'",
            "[channels]\npresence = true",
            "[namespaces.demo]\npresence = true",
        ] {
            assert_eq!(with(text, &[]), Demos::Off, "{text}");
        }
    }

    #[test]
    fn the_admin_page_needs_a_password_or_insecure() {
        let Err(Failure::Other(problem)) = Settings::of(&serve_args(&["--admin"])) else {
            panic!("it is accepted")
        };
        assert!(problem.contains("LONGWIRE_ADMIN_PASSWORD"), "{problem}");
        let settings = Settings::of(&serve_args(&["--admin", "--insecure"])).unwrap();
        assert!(settings.config.document.admin.enabled);
    }
}
