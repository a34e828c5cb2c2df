//! The route of `longwire connect` to the server.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use http::HeaderValue;
use longwire::{Client, Timeouts};

use super::certificates::CertificateArgs;
use super::proxy_choice::ProxyChoiceArgs;
use crate::values::parse_time_above_0;

/// How to reach the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Route to the server")]
pub(crate) struct RouteArgs {
    #[command(flatten)]
    proxy: ProxyChoiceArgs,

    /// Connect to this Unix socket; the URL still sets the request's Host and path
    #[cfg(unix)]
    #[arg(long, value_name = "PATH", conflicts_with_all = ["proxy", "no_proxy", "lookup_timeout", "proxy_timeout"])]
    unix_socket: Option<PathBuf>,

    /// Follow redirects, at most --max-redirects of them
    #[arg(long, short = 'L')]
    location: bool,

    /// How many redirects --location follows
    #[arg(long, value_name = "N", default_value_t = 10, requires = "location")]
    max_redirects: usize,

    /// Send user and password as Basic authorization
    ///
    /// Other users of this machine may see them in the process list; `--header` and a URL are no safer.
    #[arg(long, short = 'u', value_name = "USER:PASSWORD", value_parser = parse_user)]
    user: Option<(String, String)>,

    #[command(flatten)]
    certificates: CertificateArgs,

    /// How long the name lookup may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0)]
    lookup_timeout: Duration,

    /// How long connecting may take, over all addresses of the name
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0)]
    connect_timeout: Duration,

    /// How long a proxy may take to connect to the server
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0)]
    proxy_timeout: Duration,

    /// How long the TLS handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0)]
    tls_timeout: Duration,

    /// How long the opening handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time_above_0)]
    handshake_timeout: Duration,
}

impl RouteArgs {
    /// A client that takes this route.
    pub(crate) fn client(&self) -> longwire::Result<Client> {
        let timeouts = Timeouts::default()
            .lookup(self.lookup_timeout)
            .connect(self.connect_timeout)
            .proxy(self.proxy_timeout)
            .tls(self.tls_timeout)
            .handshake(self.handshake_timeout);
        let client = Client::new().timeouts(timeouts).tls(self.certificates.client_tls()?);
        let mut client = self.proxy.apply(client)?;
        #[cfg(unix)]
        if let Some(path) = &self.unix_socket {
            client = client.unix_socket(path);
        }
        if self.location {
            client = client.max_redirects(self.max_redirects);
        }
        if let Some((user, password)) = &self.user {
            client = client.basic_auth(user, password);
        }
        Ok(client)
    }

    /// Whether the client shows a certificate.
    pub(crate) fn has_identity(&self) -> bool {
        self.certificates.cert.is_some()
    }

    /// The value of Authorization that --user stands for.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let (user, password) = self.user.as_ref()?;
        // A space and base64 are characters that a header can have.
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))).ok()
    }
}

impl RouteArgs {
    /// Reports flags that would have no effect on a connection to `url`.
    ///
    /// # Errors
    ///
    /// What to leave out, or to write instead.
    pub(crate) fn check(&self, url: &str) -> Result<(), String> {
        let Some(flag) = self.certificates.given() else { return Ok(()) };
        let is_plain = ["ws:", "http:"].into_iter().any(|scheme| {
            url.split_at_checked(scheme.len()).is_some_and(|(begin, _)| begin.eq_ignore_ascii_case(scheme))
        });
        // A redirect may lead to wss://, and an https:// proxy speaks TLS, including one from the environment.
        if !is_plain || self.location || self.may_have_secure_proxy() {
            return Ok(());
        }
        Err(format!("{flag} has no effect on {url}, which is not encrypted; use wss:// instead"))
    }

    fn may_have_secure_proxy(&self) -> bool {
        #[cfg(unix)]
        if self.unix_socket.is_some() {
            return false;
        }
        self.proxy.may_speak_tls()
    }
}

/// User and password, separated by the first colon. Without a colon, the password is empty.
fn parse_user(text: &str) -> Result<(String, String), String> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    if text.chars().any(char::is_control) {
        return Err("it contains a control character".into());
    }
    Ok((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        route: RouteArgs,
    }

    fn parse(args: &[&str]) -> Result<RouteArgs, clap::Error> {
        Program::try_parse_from([&["longwire"], args].concat()).map(|program| program.route)
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let route = parse(&[]).unwrap();
        let times = Timeouts::default();
        assert_eq!(route.lookup_timeout, times.lookup);
        assert_eq!(route.connect_timeout, times.connect);
        assert_eq!(route.proxy_timeout, times.proxy);
        assert_eq!(route.tls_timeout, times.tls);
        assert_eq!(route.handshake_timeout, longwire::Limits::default().handshake_time);
        assert!(!route.location && route.proxy.flag().is_none());
    }

    #[test]
    fn what_contradicts_itself_or_lacks_its_other_half_is_refused() {
        for args in [
            &["--proxy", "http://p:1", "--no-proxy"][..],
            &["--unix-socket", "/run/x", "--proxy", "http://p:1"],
            &["--unix-socket", "/run/x", "--no-proxy"],
            &["--unix-socket", "/run/x", "--lookup-timeout", "1"],
            &["--unix-socket", "/run/x", "--proxy-timeout", "1"],
            &["--max-redirects", "3"],
            &["--cert", "me.pem"],
            &["--key", "me.key"],
            &["--insecure", "--ca", "ca.pem"],
            &["--tls-timeout", "0"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
        assert!(parse(&["--location", "--max-redirects", "3"]).is_ok());
    }

    /// These flags were accepted and ignored.
    #[test]
    fn flags_for_tls_are_refused_where_there_is_none() {
        let check = |args: &[&str], url| parse(&[&["--no-proxy"], args].concat()).unwrap().check(url);
        for args in [&["--ca", "ca.pem"][..], &["--insecure"], &["--cert", "me.pem", "--key", "me.key"]] {
            let said = check(args, "ws://a.example/").unwrap_err();
            assert_eq!(
                said,
                format!(
                    "{} has no effect on ws://a.example/, which is not encrypted; use wss:// instead",
                    args[0]
                )
            );
            assert!(check(args, "HTTP://a.example/").is_err());
            assert!(check(args, "wss://a.example/").is_ok());
            assert!(check(&[args, &["--location"]].concat(), "ws://a.example/").is_ok());
        }
        assert!(check(&[], "ws://a.example/").is_ok());
        let proxied = parse(&["--proxy", "https://p:1", "--ca", "ca.pem"]).unwrap();
        assert!(proxied.check("ws://a.example/").is_ok());
    }

    #[test]
    fn a_user_ends_at_the_first_colon() {
        let pair = |user: &str, password: &str| Ok((user.to_owned(), password.to_owned()));
        assert_eq!(parse_user("me:se:cret"), pair("me", "se:cret"));
        assert_eq!(parse_user("me"), pair("me", ""));
        assert!(parse_user("me:\n").is_err());
    }
}
