//! The scripts that Redis runs, each one atomic step.

use std::sync::OnceLock;

use redis::{Cmd, Pipeline, Script};

/// A script, and its arguments in one call.
#[derive(Debug, Clone)]
pub(crate) struct ScriptCall {
    script: &'static StoredScript,
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
}

/// The first argument of scripts that compare the generation of the server: the one that was learned last, or `-` not to
/// compare it. Others do without.
pub(crate) type KnownGeneration<'a> = Option<&'a str>;

/// A script's text with its hash, under which Redis keeps it.
#[derive(Debug)]
pub(crate) struct StoredScript {
    text: &'static str,
    prepared: OnceLock<Script>,
}

macro_rules! scripts {
    ($($name:ident = $($part:expr),+;)+) => {
        $(pub(crate) static $name: StoredScript = StoredScript::new(concat!($($part),+));)+
    };
}

/// For scripts that don't make anything grow: they run also while memory is full.
macro_rules! allow_oom {
    () => {
        "#!lua flags=allow-oom\n"
    };
}

scripts! {
    PUBLISH = include_str!("scripts/stream.lua"), include_str!("scripts/publish.lua");
    HISTORY = include_str!("scripts/stream.lua"), include_str!("scripts/history.lua");
    ADD_PRESENCE = include_str!("scripts/presence.lua"), include_str!("scripts/add_presence.lua");
    RENEW_PRESENCE =
        allow_oom!(), include_str!("scripts/presence.lua"), include_str!("scripts/renew_presence.lua");
    REMOVE_PRESENCE =
        allow_oom!(), include_str!("scripts/presence.lua"), include_str!("scripts/remove_presence.lua");
    READ_PRESENCE =
        allow_oom!(), include_str!("scripts/presence.lua"), include_str!("scripts/read_presence.lua");
    PRESENCE_STATS =
        allow_oom!(), include_str!("scripts/presence.lua"), include_str!("scripts/presence_stats.lua");
}

impl StoredScript {
    const fn new(text: &'static str) -> StoredScript {
        StoredScript { text, prepared: OnceLock::new() }
    }

    pub(crate) fn call(&'static self, keys: Vec<Vec<u8>>) -> ScriptCall {
        ScriptCall { script: self, keys, arguments: Vec::new() }
    }

    fn hash(&self) -> &str {
        self.prepared.get_or_init(|| Script::new(self.text)).get_hash()
    }
}

impl ScriptCall {
    pub(crate) fn arg(mut self, argument: impl Into<Vec<u8>>) -> ScriptCall {
        self.arguments.push(argument.into());
        self
    }

    /// The command by the script's hash, which Redis refuses with `NOSCRIPT` if it has forgotten the script.
    pub(crate) fn by_hash(&self, known: KnownGeneration<'_>) -> Cmd {
        self.command("EVALSHA", self.script.hash(), known)
    }

    /// The command with the script's text.
    pub(crate) fn by_text(&self, known: KnownGeneration<'_>) -> Cmd {
        self.command("EVAL", self.script.text, known)
    }

    fn command(&self, name: &str, script: &str, known: KnownGeneration<'_>) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(script).arg(self.keys.len()).arg(&self.keys).arg(known).arg(&self.arguments);
        command
    }
}

/// A command for a server that is about to get the keys of a hash slot.
pub(crate) fn asking(command: Cmd) -> Pipeline {
    let mut pipeline = redis::pipe();
    pipeline.cmd("ASKING").ignore().add_command(command);
    pipeline
}
