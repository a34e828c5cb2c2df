//! `longwire token`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use longwire_hub::ChannelName;
use serde_json::{Map, Value, json};

use crate::args::TokenArgs;
use crate::config::{Config, FILE};
use crate::failure::Failure;
use crate::standard_output;

pub(crate) fn run(args: &TokenArgs) -> Result<ExitCode, Failure> {
    let file = args.config.clone().or_else(|| Path::new(FILE).exists().then(|| PathBuf::from(FILE)));
    let config = Config::load(file.as_deref())?;
    let Some(key) = &config.signing else { return Err(no_secret(file.as_deref())) };
    let token = key
        .sign(&claims(args, &config)?)
        .map_err(|error| Failure::Other(format!("cannot sign the token: {error}")))?;
    standard_output::print(format!("{token}\n").as_bytes())
}

fn no_secret(file: Option<&Path>) -> Failure {
    let file = file.map_or_else(|| FILE.into(), |file| file.display().to_string());
    Failure::Other(format!(
        "there is no secret to sign with; add hmac_secret = \"…\" to [tokens] of {file}, or set \
         LONGWIRE_TOKENS_HMAC_SECRET, with at least 32 bytes, such as the output of: openssl rand -hex 32"
    ))
}

fn claims(args: &TokenArgs, config: &Config) -> Result<Map<String, Value>, Failure> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut claims = Map::new();
    let mut claim = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    claim("sub", json!(args.user));
    claim("iat", json!(now.as_secs()));
    claim("exp", json!((now + args.ttl.0).as_secs()));
    for name in args.channels.iter().chain(&args.subscribe) {
        name.parse::<ChannelName>()
            .map_err(|error| Failure::Usage(format!("{name:?} is not a channel: {error}")))?;
    }
    if let Some(channel) = &args.subscribe {
        claim("channel", json!(channel));
    }
    if !args.channels.is_empty() {
        claim("channels", json!(args.channels));
    }
    if let Some(info) = &args.info {
        let info = serde_json::from_str(info)
            .map_err(|error| Failure::Usage(format!("the value of --info is not JSON: {error}")))?;
        claim("info", info);
    }
    if let Some(audience) = &config.document.tokens.audience {
        claim("aud", json!(audience));
    }
    if let Some(issuer) = &config.document.tokens.issuer {
        claim("iss", json!(issuer));
    }
    Ok(claims)
}
