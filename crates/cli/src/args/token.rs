//! The arguments of `longwire token`.

use std::path::PathBuf;

use clap::Parser;

use crate::values::Period;

/// Print a token for a client, signed with the secret of the configuration: for development
///
/// In production, the back end signs tokens, with the same secret or with a private key of its own.
#[derive(Debug, Parser)]
#[command(after_help = "\
Examples:
  longwire token --user 42 --ttl 1h
  longwire token --user 42 --channels news,chat:tea --ttl 30m --info '{\"name\": \"Ann\"}'
  longwire token --user 42 --subscribe '$dialogs:7' --config /etc/longwire.toml
  LONGWIRE_TOKENS_HMAC_SECRET=$(cat secret) longwire token --user ''

The secret is the first one in [tokens] of the configuration: `hmac_secret`, or a `secret` in [[tokens.keys]]. The file is \
longwire.toml in this directory if there is one and --config does not name another. If [tokens] demands an audience or \
an issuer, the token has it.")]
pub(crate) struct TokenArgs {
    /// The user; an empty one is anonymous
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,

    /// Channels that the server subscribes the client to, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) channels: Vec<String>,

    /// Make a subscription token instead, with which the user may subscribe to this channel
    #[arg(long, value_name = "CHANNEL", conflicts_with = "channels")]
    pub(crate) subscribe: Option<String>,

    /// JSON that others in the client's channels see
    #[arg(long, value_name = "JSON")]
    pub(crate) info: Option<String>,

    /// How long the token is valid, such as 90s, 30m or 1h
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub(crate) ttl: Period,

    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}
