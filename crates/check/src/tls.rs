//! The settings of TLS for `wss://`, of either end.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::trust::{Added, Anyone};

/// Which certificates to accept, and which one to show.
///
/// ```no_run
/// let tls = longwire_check::Tls::default().add_pem_file("ca.pem".as_ref())?.config()?;
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Default)]
pub struct Tls {
    trusts_anyone: bool,
    added: Vec<CertificateDer<'static>>,
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Tls {
    /// Accepts every certificate.
    #[must_use]
    pub fn trusting_anyone(self) -> Tls {
        Tls { trusts_anyone: true, ..self }
    }

    /// Also trusts the certificates in this file, in PEM format: authorities, or the server's own one.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or has no certificate.
    pub fn add_pem_file(mut self, file: &Path) -> Result<Tls, String> {
        self.added.extend(certificates(file)?);
        Ok(self)
    }

    /// Shows the certificate in these files, in PEM format, to servers that ask for one.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or does not have what it should have.
    pub fn identity_files(mut self, certificate: &Path, key: &Path) -> Result<Tls, String> {
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
        self.identity = Some((certificates(certificate)?, key));
        Ok(self)
    }

    /// The configuration of rustls.
    ///
    /// # Errors
    ///
    /// The certificates cannot be used.
    pub fn config(self) -> Result<Arc<ClientConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous();
        let builder = if self.trusts_anyone {
            builder.with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        } else {
            builder.with_custom_certificate_verifier(Arc::new(verifier(self.added, provider)?))
        };
        let config = match self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain, key).map_err(|error| error.to_string())?
            }
        };
        Ok(Arc::new(config))
    }
}

/// The configuration for [`Listener::tls`](crate::Listener::tls), with the certificate in these files, in PEM format.
///
/// ```no_run
/// let config = longwire_check::server_tls("cert.pem".as_ref(), "key.pem".as_ref())?;
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
///
/// A file cannot be read, or the certificate and the key do not belong together.
pub fn server_tls(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, String> {
    let private_key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(certificates(certificate)?, private_key)
        .map_err(|error| format!("{}: {error}", certificate.display()))?;
    Ok(Arc::new(config))
}

/// Accepts what the authorities of this system signed, and what was added.
fn verifier(added: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Added, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots.add_parsable_certificates(added.iter().cloned());
    if roots.is_empty() {
        return Err("this system has no certificate authorities; name one with --ca".into());
    }
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Added { authorities, added })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(file, &error))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unreadable(file, &error))?;
    if all.is_empty() { Err(format!("{}: it contains no certificate", file.display())) } else { Ok(all) }
}

fn unreadable(file: &Path, error: &rustls::pki_types::pem::Error) -> String {
    format!("cannot read {}: {error}", file.display())
}
