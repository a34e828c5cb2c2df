//! Where the server listens: for clients, and apart from them for the API and the admin page.

use std::sync::Arc;

use longwire::Server;

use super::endpoints::NoSockets;
use super::hub::{Api, api_router};
use super::listen::given::Given;
use super::listen::{Listening, Place, SocketFiles};
use super::settings::Settings;
use crate::args::ListenAddr;
use crate::args::listen::DEFAULT_LISTEN;
use crate::config::Listen;
use crate::failure::Failure;

/// Listeners that serve nobody yet.
pub(super) struct Places {
    clients: Listening,
    api: Listening,
    pub(super) admin: Listening,
}

impl Places {
    pub(super) async fn open(settings: &Settings) -> Result<Places, Failure> {
        let mut given = Given::take();
        let document = &settings.config.document;
        // Of the sockets that the program was started with, the API and the admin page have those that they name.
        let api = apart(&document.api.listen, &mut given).await?;
        let admin = if document.admin.enabled { &document.admin.listen[..] } else { &[] };
        let admin = apart(admin, &mut given).await?;
        let by_default = match given.count() {
            0 => ListenAddr::Port(DEFAULT_LISTEN),
            _ => ListenAddr::Given(None),
        };
        let places = if settings.listen.is_empty() { &[by_default][..] } else { &settings.listen };
        Ok(Places { clients: Listening::on(places, &mut given).await?, api, admin })
    }

    /// The server for clients, once.
    pub(super) fn server(&mut self) -> Result<Server, Failure> {
        self.clients.server().ok_or_else(|| Failure::Other("there is nowhere to listen".into()))
    }

    /// Serves the API on its own addresses, if it has some, until the program ends. Says whether it has.
    pub(super) fn serve_api(&mut self, api: Arc<Api>) -> bool {
        let Some(server) = self.api.server() else { return false };
        tokio::spawn(async move {
            let served = server.http(api_router(api)).workers(1).run(NoSockets).await;
            if let Err(error) = served {
                tracing::error!(%error, "the API has ended");
            }
        });
        true
    }

    pub(super) fn of_clients(&self) -> &[Place] {
        &self.clients.places
    }

    pub(super) fn of_api(&self) -> &[Place] {
        &self.api.places
    }

    /// The files of Unix sockets, which are removed when they are dropped.
    pub(super) fn into_files(self) -> [SocketFiles; 3] {
        [self.clients.files, self.api.files, self.admin.files]
    }
}

/// Listens where something has its own addresses.
async fn apart(places: &[Listen], given: &mut Given) -> Result<Listening, Failure> {
    Listening::on(&places.iter().map(|place| place.0.clone()).collect::<Vec<_>>(), given).await
}
