//! `[broker] type = "nats"`.

use std::path::Path;
use std::sync::Arc;

use longwire_hub::{BoxFuture, Store, StoreEvents};
use longwire_hub_nats::{NatsCredentials, NatsError, NatsOptions, NatsStorage, NatsStore};

use super::late_store::{Connect, ConnectFailure};
use crate::config::{BrokerSection, StorageKind};

pub(super) fn connect(section: &BrokerSection, folder: &Path) -> Connect {
    let options = options(section, folder);
    Box::new(move |events: Arc<dyn StoreEvents>| -> BoxFuture<_> {
        let options = options.clone();
        Box::pin(async move {
            let store = NatsStore::connect(options, events).await.map_err(|error| failure(&error))?;
            Ok(Arc::new(store) as Arc<dyn Store>)
        })
    })
}

fn options(section: &BrokerSection, folder: &Path) -> NatsOptions {
    let mut options = NatsOptions::new("");
    options.servers = section.urls.iter().map(|url| url.as_str().to_owned()).collect();
    options.credentials = credentials(section, folder);
    options.tls.ca_file = section.ca.as_ref().map(|file| folder.join(file));
    options.tls.client_certificate = section.client_certificate(folder);
    options.prefix.clone_from(&section.prefix);
    options.call_timeout = section.timeout.0;
    options.connect_timeout = section.connect_timeout.0;
    options.replicas = section.replicas.unwrap_or(options.replicas);
    options.storage = match section.storage {
        None | Some(StorageKind::File) => NatsStorage::File,
        Some(StorageKind::Memory) => NatsStorage::Memory,
    };
    options.stream_bytes = section.stream_bytes.and_then(|bytes| u64::try_from(bytes.0).ok());
    options.ping_interval = section.ping_interval.map_or(options.ping_interval, |interval| interval.0);
    options
}

/// The configuration has at most one of them.
fn credentials(section: &BrokerSection, folder: &Path) -> NatsCredentials {
    if let Some(password) = &section.password {
        let (user, password) = (section.user.clone().unwrap_or_default(), password.as_str().to_owned());
        NatsCredentials::Password { user, password }
    } else if let Some(token) = &section.token {
        NatsCredentials::Token(token.as_str().to_owned())
    } else if let Some(seed) = &section.nkey {
        NatsCredentials::NkeySeed(seed.as_str().to_owned())
    } else if let Some(file) = &section.credentials {
        NatsCredentials::File(folder.join(file))
    } else {
        NatsCredentials::None
    }
}

fn failure(error: &NatsError) -> ConnectFailure {
    let text = error.to_string();
    match error {
        // JetStream begins a moment after the server.
        NatsError::Unreachable(_) | NatsError::NoJetStream => ConnectFailure::Unreachable(text),
        _ => ConnectFailure::Settings(text),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::values::Period;

    #[test]
    fn the_ping_interval_is_that_of_the_section() {
        let interval = |ping_interval| {
            let section = BrokerSection { ping_interval, ..BrokerSection::default() };
            options(&section, Path::new("")).ping_interval
        };
        assert_eq!(interval(Some(Period::seconds(7))), Duration::from_secs(7));
        assert_eq!(interval(None), NatsOptions::new("").ping_interval);
    }
}
