//! TLS from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// PEM files for TLS.
///
/// ```
/// let files = longwire_hub_redis::TlsFiles::default();
/// assert!(files.config().is_ok());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The authorities of the servers. `None` trusts those that the operating system trusts.
    pub ca: Option<PathBuf>,
    /// The certificate of this node with its chain, and its key, for servers that ask for one.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

/// A file has not what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidTlsFile {
    file: Option<PathBuf>,
    reason: String,
}

impl fmt::Display for InvalidTlsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "cannot use {}: {}", file.display(), self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

impl std::error::Error for InvalidTlsFile {}

impl TlsFiles {
    /// Reads the files, for [`RedisOptions::tls`](crate::RedisOptions::tls).
    ///
    /// # Errors
    ///
    /// A file cannot be read, or has not what it should, or the key is not that of the certificate.
    pub fn config(&self) -> Result<Arc<ClientConfig>, InvalidTlsFile> {
        let mut roots = RootCertStore::empty();
        match &self.ca {
            Some(file) => {
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(|error| invalid(file, error))?;
                }
            }
            None => {
                let _count = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let unusable = |error: rustls::Error| InvalidTlsFile { file: None, reason: error.to_string() };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_root_certificates(roots);
        let config = match &self.client_certificate {
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let of_key = PrivateKeyDer::from_pem_file(key).map_err(|error| invalid(key, error))?;
                builder.with_client_auth_cert(chain, of_key).map_err(|error| invalid(certificate, error))?
            }
            None => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, InvalidTlsFile> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(invalid(file, "it has no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(invalid(file, error)),
    }
}

fn invalid(file: &Path, reason: impl fmt::Display) -> InvalidTlsFile {
    InvalidTlsFile { file: Some(file.to_owned()), reason: reason.to_string() }
}
