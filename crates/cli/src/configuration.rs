//! `longwire config`.

use std::path::Path;
use std::process::ExitCode;

use crate::args::{ConfigArgs, ConfigCommand};
use crate::config::{Config, EXAMPLE};
use crate::failure::Failure;
use crate::standard_output;

pub(crate) fn run(args: &ConfigArgs) -> Result<ExitCode, Failure> {
    let text = match &args.command {
        ConfigCommand::Example => EXAMPLE.to_owned(),
        ConfigCommand::Check { file } => check(file)?,
    };
    standard_output::print(text.as_bytes())
}

fn check(file: &Path) -> Result<String, Failure> {
    let config = Config::load(Some(file))?;
    let names: Vec<&str> = config.namespaces.iter().map(|(name, _)| name).collect();
    let namespaces = if names.is_empty() { "none".into() } else { names.join(", ") };
    let tokens = match &config.document.tokens {
        tokens if tokens.insecure => "insecure: clients may claim to be any user",
        _ if config.verifier.has_keys() => "verified",
        tokens if tokens.jwks_url.is_some() => "verified with the keys of jwks_url",
        _ => "no key, so all clients are anonymous",
    };
    let (file, broker) = (file.display(), config.document.broker.shown());
    Ok(format!(
        "{file} is valid\n  namespaces  {namespaces}\n  tokens      {tokens}\n  broker      {broker}\n"
    ))
}
