//! Environment variables that set keys of the configuration: `LONGWIRE_LIMITS_MAX_MESSAGE` sets `limits.max_message`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::problem::{Problem, similar};

/// Begins the names of all variables.
const PREFIX: &str = "LONGWIRE_";

/// What the text of a variable becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A number; anything else is a string, for keys that take both.
    Number,
    /// `true`, `false`, `1` or `0`.
    Switch,
    /// Strings, separated by commas.
    List,
}

use Kind::{List, Number, Switch, Text};

/// Every key that a variable can set. Keys of `[namespaces.…]` and `[[tokens.keys]]` are only in the file.
pub(super) const KEYS: &[(&str, Kind)] = &[
    ("listen", List),
    ("origins", List),
    ("behind_tls_proxy", Switch),
    ("trusted_proxies", List),
    ("forwarded_header", Text),
    ("proxy_protocol", Switch),
    ("compression", Switch),
    ("engine", Text),
    ("workers", Number),
    ("node_name", Text),
    ("metrics", Switch),
    ("demo", Switch),
    ("socketio", Switch),
    ("limits.max_message", Number),
    ("limits.max_fragments", Number),
    ("limits.max_connections", Number),
    ("limits.max_connections_per_ip", Number),
    ("limits.ipv6_prefix", Number),
    ("limits.max_buffered", Number),
    ("limits.max_head", Number),
    ("limits.max_headers", Number),
    ("limits.handshake_timeout", Text),
    ("limits.close_timeout", Text),
    ("limits.idle_timeout", Text),
    ("limits.keepalive", Text),
    ("limits.keepalive_timeout", Text),
    ("limits.high_water", Number),
    ("limits.low_water", Number),
    ("limits.max_control_replies", Number),
    ("limits.max_channels_per_client", Number),
    ("limits.max_subscribes_per_minute", Number),
    ("limits.max_connections_per_user", Number),
    ("limits.single_connection", Switch),
    ("limits.max_publication", Number),
    ("tls.certificate", Text),
    ("tls.key", Text),
    ("tokens.insecure", Switch),
    ("tokens.hmac_secret", Text),
    ("tokens.jwks_url", Text),
    ("tokens.jwks_interval", Text),
    ("tokens.jwks_timeout", Text),
    ("tokens.audience", Text),
    ("tokens.issuer", Text),
    ("tokens.leeway", Text),
    ("broker.type", Text),
    ("broker.urls", List),
    ("broker.user", Text),
    ("broker.password", Text),
    ("broker.token", Text),
    ("broker.nkey", Text),
    ("broker.credentials", Text),
    ("broker.cluster", Switch),
    ("broker.sentinel_master", Text),
    ("broker.ca", Text),
    ("broker.certificate", Text),
    ("broker.key", Text),
    ("broker.prefix", Text),
    ("broker.replicas", Number),
    ("broker.storage", Text),
    ("broker.stream_bytes", Number),
    ("broker.ping_interval", Text),
    ("broker.check_interval", Text),
    ("broker.timeout", Text),
    ("broker.connect_timeout", Text),
    ("broker.start_timeout", Text),
    ("broker.when_down", Text),
    ("broker.alone_after", Text),
    ("api.listen", List),
    ("api.keys", List),
    ("admin.enabled", Switch),
    ("admin.listen", List),
    ("admin.password", Text),
    ("admin.token", Text),
    ("hooks.connect", Text),
    ("hooks.refresh", Text),
    ("hooks.subscribe", Text),
    ("hooks.publish", Text),
    ("hooks.rpc", Text),
    ("hooks.sub_refresh", Text),
    ("hooks.timeout", Text),
    ("hooks.max_answer", Number),
    ("hooks.max_concurrent", Number),
    ("hooks.max_waiting", Number),
    ("hooks.headers", List),
    ("shutdown.spread", Text),
    ("log.level", Text),
    ("log.format", Text),
    ("log.access", Switch),
];

/// Environment variables by name.
pub(super) type Variables = BTreeMap<String, String>;

/// The variables of this process that begin as ours do.
pub(super) fn variables() -> Variables {
    let text = |text: OsString| text.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| name.starts_with(PREFIX)).collect()
}

/// The variables whose name is nearly that of a key. Others are not ours, such as those that Kubernetes sets.
fn misspelt(variables: &Variables) -> Vec<Problem> {
    let known: Vec<String> = KEYS.iter().map(|(key, _)| variable(key)).collect();
    let known: Vec<&str> = known.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect();
    let problem = |name: &String| {
        let rest = name.strip_prefix(PREFIX).filter(|rest| !known.contains(rest) && *rest != "LOG")?;
        let meant = similar(rest, &known).filter(|meant| meant.contains('_') == rest.contains('_'))?;
        Some(Problem::unknown_variable(name, &format!("{PREFIX}{meant}")))
    };
    variables.keys().filter_map(problem).collect()
}

/// The name of the variable that sets a key.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_uppercase())
}

/// Sets the keys of the variables that are set. Returns these keys.
///
/// # Errors
///
/// The variables with a value that `T` cannot have.
pub(super) fn apply<T: DeserializeOwned>(
    table: &mut Table,
    variables: &Variables,
) -> Result<Vec<&'static str>, Vec<Problem>> {
    let (mut set, mut problems) = (Vec::new(), misspelt(variables));
    for (key, kind) in KEYS {
        let name = variable(key);
        let Some(text) = variables.get(&name) else { continue };
        let value = value(text, *kind);
        let mut alone = Table::new();
        insert(&mut alone, key, value.clone());
        match T::deserialize(alone) {
            Ok(_) => {
                insert(table, key, value);
                set.push(*key);
            }
            Err(error) => problems.push(Problem::of_variable(&error, key, &name)),
        }
    }
    if problems.is_empty() { Ok(set) } else { Err(problems) }
}

fn value(text: &str, kind: Kind) -> Value {
    let string = || Value::String(text.to_owned());
    match kind {
        Text => string(),
        Number => text.parse().map_or_else(|_| string(), Value::Integer),
        Switch => match text {
            "true" | "1" => Value::Boolean(true),
            "false" | "0" => Value::Boolean(false),
            _ => string(),
        },
        List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
    }
}

fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first.to_owned()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    /// The keys of the example, including commented lines. Keys that only the file has are left out.
    fn keys_of_the_example() -> Vec<String> {
        let (mut section, mut keys) = (String::new(), Vec::new());
        for line in EXAMPLE.lines() {
            let line = line.strip_prefix('#').unwrap_or(line);
            if let Some(name) = line.strip_prefix('[') {
                section = format!("{}.", name.trim_matches(['[', ']']));
            } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
                keys.push(format!("{section}{key}"));
            }
        }
        keys.retain(|key| {
            !["tokens.keys.", "channels.", "namespaces."].iter().any(|only| key.starts_with(only))
        });
        keys
    }

    #[test]
    fn the_example_has_every_key_that_a_variable_sets() {
        let keys: Vec<&str> = KEYS.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys_of_the_example(), keys);
    }
}
