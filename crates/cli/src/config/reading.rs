//! Reading and checking a configuration.

use std::path::{Path, PathBuf};

use longwire_hub::{Namespaces, SigningKey, TokenVerifier};
use serde::Deserialize;
use toml::Table;

use super::document::Document;
use super::environment::{self, Variables};
use super::namespaces::{Asked, namespaces};
use super::problem::Problem;
use crate::failure::Failure;

/// The file that is read if none is named.
pub(crate) const FILE: &str = "longwire.toml";

/// A configuration that has been checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// What is written, and the defaults of the rest.
    pub(crate) document: Document,
    /// The namespaces of the hub.
    pub(crate) namespaces: Namespaces,
    /// Whether the file has options of channels, which replace the defaults.
    pub(crate) has_channels: bool,
    /// Verifies tokens with the keys of the configuration. The keys of `tokens.jwks_url` are not among them.
    pub(crate) verifier: TokenVerifier,
    /// Whether there is any key for tokens.
    pub(crate) has_keys: bool,
    /// Signs tokens, if there is a shared secret.
    pub(crate) signing: Option<SigningKey>,
}

impl Config {
    /// Reads a file, or the environment variables alone.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or something in it or in a variable is wrong: one line for each.
    pub(crate) fn load(file: Option<&Path>) -> Result<Config, Failure> {
        let text = match file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|error| Failure::Other(format!("cannot read {}: {error}", file.display())))?,
            None => String::new(),
        };
        let name = file.map_or_else(|| FILE.into(), |file| file.display().to_string());
        let folder = file.and_then(Path::parent).map(PathBuf::from).unwrap_or_default();
        Config::read(&text, &folder, &environment::variables()).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(|problem| problem.show(&name)).collect();
            Failure::Other(format!("the configuration is wrong\n{}", lines.join("\n")))
        })
    }

    /// Reads a text. `variables` are those of the environment.
    pub(crate) fn read(text: &str, folder: &Path, variables: &Variables) -> Result<Config, Vec<Problem>> {
        let of_file = |error: &toml::de::Error| vec![Problem::of_file(error, text)];
        // By itself, since only then errors have a position.
        toml::from_str::<Document>(text).map_err(|error| of_file(&error))?;
        let mut table: Table = toml::from_str(text).map_err(|error| of_file(&error))?;
        let set = environment::apply::<Document>(&mut table, variables)?;
        let document = Document::deserialize(table).map_err(|error| of_file(&error))?;
        Config::check(document, folder).map_err(|problems| {
            let located = |problem: Problem| {
                let variable = set.iter().find(|key| **key == problem.key());
                let variable = variable.map(|key| environment::variable(key));
                problem.located(text, variable)
            };
            problems.into_iter().map(located).collect()
        })
    }

    fn check(document: Document, folder: &Path) -> Result<Config, Vec<Problem>> {
        let mut problems = [
            document.limits.problems(),
            document.tls.problems(),
            document.api.problems(),
            document.admin.problems(document.tokens.insecure),
            document.hooks.problems(),
            document.broker.problems(),
        ]
        .concat();
        if document.behind_tls_proxy && document.tls.certificate.is_some() {
            problems
                .push(Problem::new("behind_tls_proxy", "has no effect with tls.certificate: leave it out"));
        }
        if document.trusted_proxies.is_empty() && document.proxy_protocol {
            problems.push(Problem::new("proxy_protocol", "needs trusted_proxies"));
        }
        if !document.workers.is_none_or(|workers| (1..=1024).contains(&workers)) {
            problems.push(Problem::new("workers", "is a number from 1 to 1024"));
        }
        let hooks = Asked {
            subscribe: document.hooks.subscribe.is_some(),
            publish: document.hooks.publish.is_some(),
        };
        let namespaces = namespaces(document.channels.as_ref(), &document.namespaces, hooks, &mut problems);
        let found = document.tokens.keys(folder, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let has_keys = !found.keys.is_empty() || document.tokens.jwks_url.is_some();
        let has_channels = document.channels.is_some() || !document.namespaces.is_empty();
        let verifier = document.tokens.verifier(found.keys);
        Ok(Config { document, namespaces, has_channels, verifier, has_keys, signing: found.signing })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use longwire_hub::{
        Access, ChannelRefusal, NamespaceOptions, PublishRate, RecoveryMode, RecoveryPolicy, SlowPolicy,
    };

    use super::*;
    use crate::config::EXAMPLE;

    fn read(text: &str) -> Config {
        Config::read(text, Path::new(""), &Variables::new()).unwrap()
    }

    fn options(config: &Config, channel: &str) -> Result<NamespaceOptions, ChannelRefusal> {
        config.namespaces.find(&channel.parse().unwrap()).map(|options| NamespaceOptions::clone(options))
    }

    /// The values in the example's commented lines are the defaults, as it promises.
    #[test]
    fn the_defaults_in_the_example_are_those_of_the_hub() {
        let channels = EXAMPLE.split("[channels]\n").nth(1).and_then(|rest| rest.split("[namespaces").next());
        let text: Vec<&str> = channels.unwrap().lines().filter_map(|line| line.strip_prefix('#')).collect();
        let text: Vec<&str> = text.into_iter().filter(|line| line.starts_with(char::is_alphabetic)).collect();
        assert_eq!(text.len(), 14);
        let config = read(&format!("[channels]\n{}", text.join("\n")));
        assert_eq!(options(&config, "news"), Ok(NamespaceOptions::default()));
        let limits = EXAMPLE.split("[limits]\n").nth(1).and_then(|rest| rest.split("[tls]").next());
        let limits = limits.unwrap().replace("#idle_timeout", "# idle_timeout");
        let limits = limits.replace("\n#", "\n").replace("\n ", "\n# ");
        let config = read(&format!("[limits]\n{limits}"));
        assert_eq!(config.document.limits.connection(), longwire::Limits::default());
    }

    #[test]
    fn each_option_of_a_namespace_reaches_the_hub() {
        let mut expected = NamespaceOptions::default();
        expected.presence = true;
        expected.join_leave = true;
        expected.force_push_join_leave = true;
        expected.history.size = 1;
        expected.history.ttl = Duration::from_secs(2);
        expected.history.bytes = 3;
        expected.history.meta_ttl = Duration::from_secs(4);
        expected.history.idempotency = Duration::from_secs(5);
        expected.recovery = RecoveryPolicy::Forced;
        expected.recovery_mode = RecoveryMode::Cache;
        expected.max_page = 6;
        expected.subscribe = Access::ANONYMOUS | Access::TOKEN;
        expected.publish = Access::SUBSCRIBER;
        expected.read_presence = Access::USER;
        expected.read_history = Access::TOKEN;
        expected.user_limited = true;
        expected.name = Some("[a-z]+".parse().unwrap());
        expected.slow = SlowPolicy::DropOldest(NonZeroU32::new(7).unwrap());
        let count = NonZeroU32::new(8).unwrap();
        expected.publish_rate = Some(PublishRate { count, per: Duration::from_secs(9) });
        expected.delta = true;
        let config = read(
            "[namespaces.chat]\npresence = true\njoin_leave = true\nforce_push_join_leave = true\n\
             history = { size = 1, ttl = '2s', bytes = 3, meta_ttl = '4s', idempotency = '5s' }\n\
             recovery = 'forced'\nrecovery_mode = 'cache'\nmax_page = 6\n\
             subscribe = ['anonymous', 'token']\npublish = ['subscriber']\nread_presence = ['user']\n\
             read_history = ['token']\nuser_limited = true\nname = '[a-z]+'\nslow = { drop_oldest = 7 }\n\
             publish_rate = { count = 8, per = '9s' }\ndelta = true\n",
        );
        assert_eq!(options(&config, "chat:tea"), Ok(expected));
    }

    #[test]
    fn the_demo_exists_until_a_file_names_namespaces() {
        assert_eq!(options(&read(""), "demo:tea"), Ok(NamespaceOptions::demo()));
        let config = read("[namespaces.chat]\npresence = true");
        assert_eq!(options(&config, "demo:tea"), Err(ChannelRefusal::Unknown));
        assert_eq!(options(&config, "news"), Ok(NamespaceOptions::default()));
    }
}
