//! The server's certificate, which SIGHUP reloads.

use std::path::{Path, PathBuf};

use longwire::Tls;

use crate::log::{self, Severity};

/// The certificate in use, and the files that it comes from.
pub(super) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    tls: Tls,
}

impl Certificate {
    pub(super) fn read(certificate: &Path, key: &Path) -> longwire::Result<Certificate> {
        let tls = Tls::pem_files(certificate, key)?;
        Ok(Certificate { certificate: certificate.to_owned(), key: key.to_owned(), tls })
    }

    /// The identity, which changes when the files are reloaded.
    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    pub(super) fn read_again(&self) {
        match Tls::pem_files(&self.certificate, &self.key) {
            Ok(read) => {
                self.tls.replace(&read);
                let line = format!(
                    "Reloaded {} and {}; new connections use this certificate.",
                    self.certificate.display(),
                    self.key.display()
                );
                log::notice(Severity::Info, &line);
            }
            Err(error) => tracing::error!(%error, "SIGHUP: the current certificate stays in use"),
        }
    }
}
