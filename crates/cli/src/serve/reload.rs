//! What SIGHUP reloads.

use std::sync::Arc;

use super::certificate::Certificate;
use super::hub::{Api, hub_config};
use super::service_manager;
use super::settings::configuration;
use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::log::{self, Severity};
use crate::signals::HangUp;

/// What can change while the server runs.
pub(super) struct Reload {
    pub(super) certificate: Option<Certificate>,
    pub(super) args: ServeArgs,
    pub(super) api: Arc<Api>,
}

impl Reload {
    /// Reloads at each SIGHUP. Open connections continue.
    pub(super) async fn at_hang_up(self, mut hang_up: HangUp) {
        loop {
            hang_up.next().await;
            service_manager::reloading();
            if self.certificate.is_none() && self.args.config.is_none() {
                tracing::warn!(
                    "SIGHUP: there is no certificate to reload, and no configuration; the server continues"
                );
            }
            if let Some(certificate) = &self.certificate {
                certificate.read_again();
            }
            if let Some(file) = &self.args.config {
                match self.reload() {
                    Ok(()) => {
                        let file = file.display();
                        let line = format!("Reloaded tokens, API keys, namespaces and hooks of {file}.");
                        log::notice(Severity::Info, &line);
                    }
                    Err(failure) => report(&failure),
                }
            }
            service_manager::ready();
        }
    }

    /// Reads the configuration again. If something is wrong, nothing changes.
    fn reload(&self) -> Result<(), Failure> {
        let config = configuration(&self.args)?;
        let node = &self.api.node;
        node.hooks.configure(&config)?;
        self.api.keys.replace(&config.document.api.keys);
        node.hub.configure(hub_config(&config, &node.hooks));
        Ok(())
    }
}

/// Logs each mistake of a configuration on its own line.
fn report(failure: &Failure) {
    for line in failure.to_string().lines() {
        tracing::error!("{line}");
    }
    tracing::error!("SIGHUP: the current configuration stays in use");
}
