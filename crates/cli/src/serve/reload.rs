//! What SIGHUP reloads.

use std::sync::Arc;

use super::admin::Admin;
use super::certificate::Certificate;
use super::demo::{Demos, Visitors};
use super::hub::{Api, hub_config};
use super::service_manager;
use super::settings::{configuration, demos};
use crate::args::ServeArgs;
use crate::config::Url;
use crate::failure::Failure;
use crate::log::{self, Severity};
use crate::signals::HangUp;

/// What can change while the server runs.
pub(super) struct Reload {
    pub(super) certificate: Option<Certificate>,
    pub(super) args: ServeArgs,
    pub(super) api: Arc<Api>,
    /// Where keys of tokens are fetched now.
    pub(super) jwks_url: Option<Url>,
    pub(super) admin: Option<Arc<Admin>>,
    /// Those of the demos, if there were any at the start.
    pub(super) visitors: Option<Arc<Visitors>>,
}

impl Reload {
    /// Reloads at each SIGHUP. Open connections continue.
    pub(super) async fn at_hang_up(mut self, mut hang_up: HangUp) {
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
            if let Some(file) = self.args.config.clone() {
                match self.reload() {
                    Ok(()) => {
                        let file = file.display();
                        let line = format!("Reloaded tokens, secrets, namespaces and hooks of {file}.");
                        log::notice(Severity::Info, &line);
                    }
                    Err(failure) => report(&failure),
                }
            }
            service_manager::ready();
        }
    }

    /// Reads the configuration again. If something is wrong, nothing changes.
    fn reload(&mut self) -> Result<(), Failure> {
        let config = configuration(&self.args)?;
        let node = &self.api.node;
        node.hooks.configure(&config)?;
        self.api.keys.replace(&config.document.api.keys);
        if let Some(admin) = &self.admin {
            admin.replace_secrets(&config.document.admin.secrets());
        }
        let mut hub = hub_config(&config, &node.hooks);
        if let (Some(visitors), Demos::On) = (&self.visitors, demos(&self.args, &config)) {
            visitors.welcome(&mut hub);
        }
        let jwks_url = config.document.tokens.jwks_url;
        if jwks_url == self.jwks_url {
            hub.tokens = hub.tokens.keep_fetched(&node.hub.config().tokens);
        }
        node.hub.configure(hub);
        self.jwks_url = jwks_url;
        Ok(())
    }
}

/// Logs each mistake of a configuration on its own line.
fn report(failure: &Failure) {
    tracing::error!("SIGHUP: the current configuration stays in use");
    for line in failure.to_string().lines() {
        tracing::error!("{line}");
    }
}
