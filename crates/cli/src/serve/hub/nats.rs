//! `[broker] type = "nats"`.

use std::path::Path;
use std::sync::Arc;

use longwire_hub::{BoxFuture, Store, StoreEvents};
use longwire_hub_nats::{NatsCredentials, NatsError, NatsOptions, NatsStore};

use super::late_store::{Connect, ConnectFailure};
use crate::config::BrokerSection;

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
    options.credentials = match (&section.password, &section.token, &section.credentials) {
        (Some(password), ..) => NatsCredentials::Password {
            user: section.user.clone().unwrap_or_default(),
            password: password.as_str().to_owned(),
        },
        (None, Some(token), _) => NatsCredentials::Token(token.as_str().to_owned()),
        (None, None, Some(file)) => NatsCredentials::File(folder.join(file)),
        (None, None, None) => NatsCredentials::None,
    };
    options.tls.ca_file = section.ca.as_ref().map(|file| folder.join(file));
    options.prefix.clone_from(&section.prefix);
    options.call_timeout = section.timeout.0;
    options.connect_timeout = section.connect_timeout.0;
    options.replicas = section.replicas.unwrap_or(options.replicas);
    options
}

fn failure(error: &NatsError) -> ConnectFailure {
    let text = error.to_string();
    match error {
        // JetStream begins a moment after the server.
        NatsError::Unreachable(_) | NatsError::NoJetStream => ConnectFailure::Unreachable(text),
        _ => ConnectFailure::Settings(text),
    }
}
