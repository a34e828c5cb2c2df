//! The certificates of a connection with TLS: those that are trusted, and the client's own.

use std::path::PathBuf;

use clap::Args;
use longwire::ClientTls;

use crate::terminal;

/// Which certificates are trusted, and which one the client shows.
#[derive(Debug, Args)]
pub(crate) struct CertificateArgs {
    /// Also trust the certificates in this file: authorities, or the server's own self-signed certificate
    #[arg(long, value_name = "PEM")]
    pub(crate) ca: Option<PathBuf>,

    /// Check no certificate: anybody between here and the server can read and change everything
    #[arg(long, short = 'k', conflicts_with = "ca")]
    pub(crate) insecure: bool,

    /// The client certificate, for servers that ask for one, in PEM format
    #[arg(long, value_name = "PEM", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// The private key of the client certificate, in PEM format
    #[arg(long, value_name = "PEM", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
}

impl CertificateArgs {
    /// The first of these flags that is given, and would have no effect without TLS.
    pub(crate) fn given(&self) -> Option<&'static str> {
        match self {
            CertificateArgs { ca: Some(_), .. } => Some("--ca"),
            CertificateArgs { insecure: true, .. } => Some("--insecure"),
            CertificateArgs { cert: Some(_), .. } => Some("--cert"),
            _ => None,
        }
    }

    /// The TLS of a client. With --insecure, it warns on standard error.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or has no certificates or keys.
    pub(crate) fn client_tls(&self) -> longwire::Result<ClientTls> {
        let mut tls = ClientTls::default();
        if self.insecure {
            terminal::complain(
                "longwire: --insecure: no certificate is checked; anybody on the path can read and change everything",
            );
            tls = ClientTls::dangerously_trusting_anyone();
        }
        if let Some(ca) = &self.ca {
            tls = tls.add_pem_file(ca)?;
        }
        if let Some((certificate, key)) = self.cert.as_ref().zip(self.key.as_ref()) {
            tls = tls.identity_files(certificate, key)?;
        }
        Ok(tls)
    }
}
