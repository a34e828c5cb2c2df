//! The proxy of a client's connections.

use std::ffi::OsStr;

use clap::Args;
use longwire::{Client, Proxy};

/// Which proxy to connect through.
#[derive(Debug, Args)]
pub(crate) struct ProxyChoiceArgs {
    /// Connect through this proxy: `http://`, `https://`, `socks5://` or `socks5h://`, with `user:password@` if needed
    ///
    /// Without it, the proxy comes from the environment, as for curl: `http_proxy` for ws://, `https_proxy` for wss://,
    /// `all_proxy` for both, and `no_proxy` for hosts to connect to directly.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// Connect directly, even if the environment names a proxy
    #[arg(long, conflicts_with = "proxy")]
    no_proxy: bool,
}

impl ProxyChoiceArgs {
    /// The client, with this choice.
    ///
    /// # Errors
    ///
    /// `--proxy` is not the address of a usable proxy.
    pub(crate) fn apply(&self, client: Client) -> longwire::Result<Client> {
        Ok(match &self.proxy {
            Some(proxy) => client.proxy(Proxy::new(proxy)?),
            None if self.no_proxy => client.proxy(None),
            None => client,
        })
    }

    /// Whether `--proxy` names one.
    pub(crate) fn is_named(&self) -> bool {
        self.proxy.is_some()
    }

    /// Whether the proxy may speak TLS: one of https://, or one that the environment names.
    pub(crate) fn may_speak_tls(&self) -> bool {
        match &self.proxy {
            Some(proxy) => proxy.starts_with("https:"),
            None => {
                !self.no_proxy
                    && std::env::vars_os().any(|(name, value)| names_proxy(&name) && !value.is_empty())
            }
        }
    }

    /// The flag that was given, for the command that repeats a run. The URL may have a password, and is left out.
    pub(crate) fn flag(&self) -> Option<&'static str> {
        match self {
            ProxyChoiceArgs { proxy: Some(_), .. } => Some("--proxy …"),
            ProxyChoiceArgs { no_proxy: true, .. } => Some("--no-proxy"),
            ProxyChoiceArgs { proxy: None, no_proxy: false } => None,
        }
    }
}

/// Whether a variable of this name can name a proxy. `no_proxy` names hosts without one.
fn names_proxy(variable: &OsStr) -> bool {
    let name = variable.to_string_lossy().to_lowercase();
    name.ends_with("_proxy") && name != "no_proxy"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_without_a_proxy_name_none() {
        for name in ["http_proxy", "HTTPS_PROXY", "all_proxy"] {
            assert!(names_proxy(OsStr::new(name)), "{name}");
        }
        for name in ["no_proxy", "NO_PROXY", "PROXY"] {
            assert!(!names_proxy(OsStr::new(name)), "{name}");
        }
    }
}
