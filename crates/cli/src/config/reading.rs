//! Reading and checking a configuration.

use std::path::{Path, PathBuf};

use longwire_hub::{Namespaces, SigningKey, TokenVerifier};
use serde::Deserialize;
use toml::Table;

use super::document::Document;
use super::environment;
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
    /// Verifies tokens with the keys of the configuration. The keys of `tokens.jwks_url` are not among them.
    pub(crate) verifier: TokenVerifier,
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
        Config::read(&text, &folder, |name| std::env::var(name).ok()).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(|problem| problem.show(&name)).collect();
            Failure::Other(format!("the configuration is wrong\n{}", lines.join("\n")))
        })
    }

    /// Reads a text. `variable` gives the environment variables.
    pub(crate) fn read(
        text: &str,
        folder: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Config, Vec<Problem>> {
        let of_file = |error: &toml::de::Error| vec![Problem::of_file(error, text)];
        // By itself, since only then errors have a position.
        toml::from_str::<Document>(text).map_err(|error| of_file(&error))?;
        let mut table: Table = toml::from_str(text).map_err(|error| of_file(&error))?;
        let set = environment::apply::<Document>(&mut table, variable)?;
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
            document.admin.problems(),
            document.hooks.problems(),
        ]
        .concat();
        if document.behind_tls_proxy && document.tls.certificate.is_some() {
            problems
                .push(Problem::new("behind_tls_proxy", "has no effect with tls.certificate: leave it out"));
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
        let verifier = document.tokens.verifier(found.keys);
        Ok(Config { document, namespaces, verifier, signing: found.signing })
    }
}
