//! `[broker] type = "redis"`.

use std::path::Path;
use std::sync::Arc;

use longwire_hub::{BoxFuture, Store, StoreEvents};
use longwire_hub_redis::{
    ConnectError, Deployment, RedisOptions, RedisStore, RedisUrl, SentinelServer, TlsFiles,
};

use super::late_store::{Connect, ConnectFailure};
use crate::config::BrokerSection;
use crate::failure::Failure;

pub(super) fn connect(section: &BrokerSection, folder: &Path) -> Result<Connect, Failure> {
    let options = options(section, folder)?;
    Ok(Box::new(move |events: Arc<dyn StoreEvents>| -> BoxFuture<_> {
        let options = options.clone();
        Box::pin(async move {
            let store = RedisStore::connect(options, events).await.map_err(|error| failure(&error))?;
            Ok(Arc::new(store) as Arc<dyn Store>)
        })
    }))
}

fn options(section: &BrokerSection, folder: &Path) -> Result<RedisOptions, Failure> {
    let urls = section.urls.iter().map(|url| url.as_str().parse());
    let urls: Vec<RedisUrl> =
        urls.collect::<Result<_, _>>().map_err(|error| Failure::Other(format!("[broker] urls: {error}")))?;
    let deployment = match &section.sentinel_master {
        Some(master) => {
            let mut server = SentinelServer::default();
            server.tls = section.urls.iter().any(|url| url.as_str().starts_with("rediss://"));
            Deployment::Sentinel { sentinels: urls, master: master.clone(), server }
        }
        None if section.cluster => Deployment::Cluster(urls),
        None => Deployment::Servers(urls),
    };
    let mut options = RedisOptions::new(deployment);
    options.user.clone_from(&section.user);
    options.password = section.password.as_ref().map(|password| password.as_str().to_owned());
    options.prefix.clone_from(&section.prefix);
    options.timeout = section.timeout.0;
    options.connect_timeout = section.connect_timeout.0;
    options.replicas = section.replicas.unwrap_or(options.replicas);
    options.silence = section.ping_interval.map_or(options.silence, |interval| interval.0);
    let mut files = TlsFiles::default();
    files.ca = section.ca.as_ref().map(|file| folder.join(file));
    files.client_certificate = section.client_certificate(folder);
    if files != TlsFiles::default() {
        let config = files.config().map_err(|error| Failure::Other(format!("[broker]: {error}")))?;
        options.tls = Some(config);
    }
    Ok(options)
}

fn failure(error: &ConnectError) -> ConnectFailure {
    let text = error.to_string();
    match error {
        ConnectError::Options(_)
        | ConnectError::Authentication { .. }
        | ConnectError::Version { .. }
        | ConnectError::Deployment { .. } => ConnectFailure::Settings(text),
        // Sentinels may be about to name another master.
        _ => ConnectFailure::Unreachable(text),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::values::Period;

    #[test]
    fn the_ping_interval_is_that_of_the_section() {
        let silence = |ping_interval| {
            let section = BrokerSection { ping_interval, ..BrokerSection::default() };
            options(&section, Path::new("")).unwrap().silence
        };
        assert_eq!(silence(Some(Period::seconds(7))), Duration::from_secs(7));
        assert_eq!(silence(None), RedisOptions::new(Deployment::Servers(Vec::new())).silence);
    }
}
