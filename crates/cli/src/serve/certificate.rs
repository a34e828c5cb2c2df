//! The certificate of the server, which is read again at SIGHUP.

use std::path::PathBuf;

use longwire::Tls;

use crate::signals::HangUp;
use crate::terminal;

/// The files of a certificate and its key, and what is used of them.
pub(super) struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    tls: Tls,
}

impl Certificate {
    pub(super) fn read(certificate: PathBuf, key: PathBuf) -> longwire::Result<Certificate> {
        let tls = Tls::pem_files(&certificate, &key)?;
        Ok(Certificate { certificate, key, tls })
    }

    /// The identity that changes with the files.
    pub(super) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    fn read_again(&self) {
        match Tls::pem_files(&self.certificate, &self.key) {
            Ok(read) => {
                self.tls.replace(&read);
                terminal::complain(&format!(
                    "Read {} and {} again; new connections get this certificate.",
                    self.certificate.display(),
                    self.key.display()
                ));
            }
            Err(error) => tracing::error!(%error, "SIGHUP: the certificate that is in use stays"),
        }
    }
}

/// Reads the certificate again at each SIGHUP. No connection ends by it.
pub(super) async fn read_at_hang_up(certificate: Option<Certificate>, mut hang_up: HangUp) {
    loop {
        hang_up.next().await;
        match &certificate {
            Some(certificate) => certificate.read_again(),
            None => tracing::warn!("SIGHUP: there is no certificate to be read again; the server goes on"),
        }
    }
}
