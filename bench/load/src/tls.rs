//! TLS in memory; the ring does the I/O.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

/// A client's TLS session.
#[derive(Debug)]
pub(crate) struct Tls {
    session: ClientConnection,
}

/// The configuration of all sessions: the certificate to trust.
pub(crate) fn config(certificate: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

impl Tls {
    pub(crate) fn new(config: Arc<ClientConfig>) -> Result<Self> {
        let mut session = ClientConnection::new(config, ServerName::try_from("localhost")?)?;
        session.set_buffer_limit(None);
        Ok(Self { session })
    }

    /// The session as a blocking stream, for the opening handshake.
    pub(crate) fn over<'s>(
        &'s mut self,
        stream: &'s mut TcpStream,
    ) -> Stream<'s, ClientConnection, TcpStream> {
        Stream::new(&mut self.session, stream)
    }

    pub(crate) fn encrypt(&mut self, plain: &[u8]) -> Result<Vec<u8>> {
        self.session.writer().write_all(plain)?;
        let mut encrypted = Vec::with_capacity(plain.len() + 64);
        while self.session.wants_write() {
            self.session.write_tls(&mut encrypted)?;
        }
        Ok(encrypted)
    }

    pub(crate) fn decrypt(&mut self, mut encrypted: &[u8]) -> Result<Vec<u8>> {
        let mut plain = Vec::with_capacity(encrypted.len());
        while !encrypted.is_empty() {
            self.session.read_tls(&mut encrypted)?;
            self.session.process_new_packets()?;
            match self.session.reader().read_to_end(&mut plain) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error).context("the TLS session ended"),
            }
        }
        Ok(plain)
    }
}
