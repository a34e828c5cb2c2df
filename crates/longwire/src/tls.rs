//! TLS with rustls and its *ring* provider. The provider is named explicitly, so the process needs no default provider.

#[cfg(feature = "client")]
pub(crate) mod fault;
#[cfg(feature = "client")]
mod verifiers;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
#[cfg(feature = "client")]
use std::sync::OnceLock;
#[cfg(feature = "server")]
use std::sync::{PoisonError, RwLock};

#[cfg(feature = "server")]
use rustls::ServerConfig;
#[cfg(feature = "client")]
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
#[cfg(feature = "client")]
use rustls::sign::{CertifiedKey, SingleCertAndKey};
#[cfg(feature = "client")]
use rustls::{ClientConfig, RootCertStore};
#[cfg(feature = "client")]
use tokio::task::spawn_blocking;

use crate::error::{Error, Result};
#[cfg(feature = "client")]
use verifiers::{Anyone, AuthoritiesOrAdded};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| invalid(format!("read the certificates in {what}"), error))?;
    if certificates.is_empty() {
        return Err(invalid(format!("use {what}"), "it contains no certificate (BEGIN CERTIFICATE)"));
    }
    Ok(certificates)
}

fn private_key(pem: &[u8], what: &str) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| invalid(format!("use {what} as a private key"), error))
}

fn invalid(doing: String, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::io(doing, io::Error::new(io::ErrorKind::InvalidData, error))
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::io(format!("read {}", path.display()), error))
}

#[cfg(feature = "client")]
const NOTHING_TO_ADD: &str =
    "a certificate was added, but this client trusts anyone and checks no certificate: remove one of the two";
#[cfg(feature = "client")]
const BRINGS_ITS_OWN: &str =
    "a certificate was added to a rustls configuration, which has its own: add it to that configuration";

/// The identity of a server: its certificate and key.
///
/// All clones share one identity: [`replace`](Tls::replace) changes the certificate of a running server.
///
/// ```
/// use longwire::{Server, Tls, WebSocket};
///
/// # async fn serve() -> longwire::Result<()> {
/// let tls = Tls::pem_files("cert.pem", "key.pem")?;
/// let renewed = tls.clone();
/// let server = Server::bind("127.0.0.1:8443").await?.tls(tls);
/// tokio::spawn(server.serve(async |socket: WebSocket| Ok(drop(socket))));
///
/// // When there is a new certificate:
/// renewed.replace(&Tls::pem_files("cert.pem", "key.pem")?);
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "server")]
#[derive(Clone)]
pub struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

#[cfg(feature = "server")]
impl Tls {
    /// Creates an identity from PEM texts: a certificate chain that starts with the server's own certificate, and its
    /// private key (PKCS#8, PKCS#1 or SEC1).
    ///
    /// # Errors
    ///
    /// If the certificate or the key is invalid, or if they do not match.
    pub fn pem(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Tls> {
        Tls::from_pem(certificate.as_ref(), "the certificate", key.as_ref(), "the private key")
    }

    /// Like [`pem`](Tls::pem), but reads two files.
    ///
    /// # Errors
    ///
    /// If a file cannot be read; otherwise as for [`pem`](Tls::pem), with the name of the file.
    pub fn pem_files(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Tls> {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        Tls::from_pem(
            &read_file(certificate)?,
            &certificate.display().to_string(),
            &read_file(key)?,
            &key.display().to_string(),
        )
    }

    fn from_pem(certificate: &[u8], certificate_name: &str, key: &[u8], key_name: &str) -> Result<Tls> {
        let chain = certificates(certificate, certificate_name)?;
        let key = private_key(key, key_name)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| invalid(format!("use {certificate_name} with {key_name}"), error))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls::from_config(Arc::new(config)))
    }

    /// Uses a custom rustls configuration. If it lists ALPN protocols, they must include `http/1.1`.
    #[must_use]
    pub fn from_config(config: Arc<ServerConfig>) -> Tls {
        Tls(Arc::new(RwLock::new(config)))
    }

    /// Replaces the certificate and key, or the configuration, with those of `other`, in this value and all its clones,
    /// including those in servers. New handshakes use them; existing connections are not affected. `other` does not
    /// change, and replacing it later has no effect here.
    pub fn replace(&self, other: &Tls) {
        let config = other.config();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// The configuration for a new handshake. The lock is only held while the pointer is copied.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(feature = "server")]
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// The servers that a client trusts, and the client's own identity.
///
/// ```
/// use longwire::{Client, ClientTls};
///
/// # async fn mutual() -> longwire::Result<()> {
/// let tls = ClientTls::default().add_pem_file("company-ca.pem")?.identity_files("me.pem", "me.key")?;
/// let socket = Client::new().tls(tls).connect("wss://example.com/socket").await?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "client")]
#[derive(Clone)]
pub struct ClientTls {
    trust: Trust,
    /// The client's own certificate and key.
    identity: Option<Arc<CertifiedKey>>,
    /// The resulting configuration. It is created when it is first needed. All clones share it and the sessions that
    /// can be resumed.
    config: Arc<OnceLock<Arc<ClientConfig>>>,
}

#[cfg(feature = "client")]
#[derive(Clone)]
enum Trust {
    Roots {
        base: Roots,
        extra: Vec<CertificateDer<'static>>,
    },
    /// Every server.
    Anyone,
    Config(Arc<ClientConfig>),
}

/// The certificate authorities that a client trusts, before others are added.
///
/// ```
/// use longwire::{Client, ClientTls, Roots};
///
/// // The same authorities on every machine, whatever the system trusts.
/// let client = Client::new().tls(ClientTls::new(Roots::Bundled));
/// ```
#[cfg(feature = "client")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Roots {
    /// The authorities of the operating system, or the bundled ones if it has none (as in many containers). They are
    /// read once per process.
    System,
    /// Mozilla's authorities, bundled with this library.
    Bundled,
    /// No authorities except those that are [added](ClientTls::add_pem).
    None,
}

#[cfg(feature = "client")]
impl ClientTls {
    /// Trusts these authorities.
    #[must_use]
    pub fn new(roots: Roots) -> ClientTls {
        ClientTls::trusting(Trust::Roots { base: roots, extra: Vec::new() })
    }

    /// Uses a custom rustls configuration.
    #[must_use]
    pub fn from_config(config: Arc<ClientConfig>) -> ClientTls {
        ClientTls::trusting(Trust::Config(config))
    }

    /// Trusts **every server**: no certificate is checked, so an attacker on the network can read and change
    /// everything. Use it only to test your own server. To trust a single certificate, use
    /// [`add_pem`](ClientTls::add_pem). Every connection logs a warning.
    ///
    /// ```
    /// use longwire::{Client, ClientTls};
    ///
    /// # async fn trial() -> longwire::Result<()> {
    /// let client = Client::new().tls(ClientTls::dangerously_trusting_anyone());
    /// let socket = client.connect("wss://localhost:8443/echo").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn dangerously_trusting_anyone() -> ClientTls {
        ClientTls::trusting(Trust::Anyone)
    }

    /// Whether nothing was set.
    pub(crate) fn is_default(&self) -> bool {
        matches!(&self.trust, Trust::Roots { base: Roots::System, extra } if extra.is_empty())
            && self.identity.is_none()
    }

    /// Whether no certificate is checked.
    pub(crate) fn trusts_anyone(&self) -> bool {
        matches!(self.trust, Trust::Anyone)
    }

    fn trusting(trust: Trust) -> ClientTls {
        ClientTls { trust, identity: None, config: Arc::default() }
    }

    /// Also trusts the certificates in a PEM text: authorities, and servers that present exactly one of these
    /// certificates, such as a self-signed one. Names and validity periods are still checked.
    ///
    /// # Errors
    ///
    /// If the text contains no certificate or an invalid one. [`Error::Other`] if adding would have no effect: a rustls
    /// configuration has its own authorities, and a client that trusts anyone already trusts these servers.
    pub fn add_pem(mut self, pem: impl AsRef<[u8]>) -> Result<ClientTls> {
        let added = certificates(pem.as_ref(), "the certificate authority")?;
        match &mut self.trust {
            Trust::Roots { extra, .. } => extra.extend(added),
            Trust::Anyone => return Err(Error::other(NOTHING_TO_ADD)),
            Trust::Config(_) => return Err(Error::other(BRINGS_ITS_OWN)),
        }
        self.config = Arc::default();
        Ok(self)
    }

    /// Also trusts the certificates in a PEM file, like [`add_pem`](ClientTls::add_pem).
    ///
    /// # Errors
    ///
    /// If the file cannot be read; otherwise as for [`add_pem`](ClientTls::add_pem).
    pub fn add_pem_file(self, path: impl AsRef<Path>) -> Result<ClientTls> {
        self.add_pem(read_file(path.as_ref())?)
    }

    /// Sets the client's certificate chain, starting with its own certificate, and its private key (PKCS#8, PKCS#1 or
    /// SEC1), both as PEM, for servers that require a client certificate.
    ///
    /// # Errors
    ///
    /// If the certificate or the key is invalid, or if they do not match. [`Error::Other`] for a rustls configuration,
    /// which has its own identity.
    pub fn identity(self, certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<ClientTls> {
        self.with_identity(certificate.as_ref(), "the certificate", key.as_ref(), "the private key")
    }

    /// Like [`identity`](ClientTls::identity), but reads two files.
    ///
    /// # Errors
    ///
    /// If a file cannot be read; otherwise as for [`identity`](ClientTls::identity), with the name of the file.
    pub fn identity_files(self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<ClientTls> {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        self.with_identity(
            &read_file(certificate)?,
            &certificate.display().to_string(),
            &read_file(key)?,
            &key.display().to_string(),
        )
    }

    fn with_identity(
        mut self,
        certificate: &[u8],
        certificate_name: &str,
        key: &[u8],
        key_name: &str,
    ) -> Result<ClientTls> {
        if matches!(self.trust, Trust::Config(_)) {
            return Err(Error::other(BRINGS_ITS_OWN));
        }
        let chain = certificates(certificate, certificate_name)?;
        let identity = CertifiedKey::from_der(chain, private_key(key, key_name)?, &provider())
            .map_err(|error| invalid(format!("use {certificate_name} with {key_name}"), error))?;
        self.identity = Some(Arc::new(identity));
        self.config = Arc::default();
        Ok(self)
    }

    /// The resulting configuration of rustls, which connections use. Other programs of TLS may use it, too.
    ///
    /// # Errors
    ///
    /// If an added certificate cannot be trusted, or the system's authorities cannot be read.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, reading the system's authorities continues in the background, for the next caller.
    pub async fn config(&self) -> Result<Arc<ClientConfig>> {
        if let Some(made) = self.config.get() {
            return Ok(Arc::clone(made));
        }
        let made = match &self.trust {
            // Hundreds of files may have to be read, possibly from a sleeping disk or over the network.
            Trust::Roots { base: Roots::System, .. } => {
                let tls = self.clone();
                let made = spawn_blocking(move || tls.make_config()).await;
                made.map_err(|error| {
                    Error::io("read the certificate authorities of the system", error.into())
                })?
            }
            Trust::Roots { .. } | Trust::Anyone | Trust::Config(_) => self.make_config(),
        }?;
        // All callers share the configuration of the first one.
        Ok(Arc::clone(self.config.get_or_init(|| made)))
    }

    fn make_config(&self) -> Result<Arc<ClientConfig>> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid("set up TLS".into(), error))?;
        let builder = match &self.trust {
            Trust::Config(config) => return Ok(Arc::clone(config)),
            Trust::Anyone => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider())))
            }
            Trust::Roots { base, extra } if extra.is_empty() => builder.with_root_certificates(base.load()),
            Trust::Roots { base, extra } => {
                builder.dangerous().with_custom_certificate_verifier(verifier(*base, extra)?)
            }
        };
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let resolver = SingleCertAndKey::from(CertifiedKey::clone(identity));
                builder.with_client_cert_resolver(Arc::new(resolver))
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

#[cfg(feature = "client")]
impl Roots {
    fn load(self) -> RootCertStore {
        match self {
            Roots::System => system_roots(),
            Roots::Bundled => bundled_roots(),
            Roots::None => RootCertStore::empty(),
        }
    }
}

/// Accepts servers whose certificate is signed by `base` or an added certificate, or is an added certificate itself.
#[cfg(feature = "client")]
fn verifier(base: Roots, added: &[CertificateDer<'static>]) -> Result<Arc<AuthoritiesOrAdded>> {
    let mut roots = base.load();
    for certificate in added {
        roots
            .add(certificate.clone())
            .map_err(|error| invalid("trust an added certificate".into(), error))?;
    }
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| invalid("set up TLS".into(), error))?;
    Ok(Arc::new(AuthoritiesOrAdded::new(authorities, added.to_vec())))
}

/// The system's certificate authorities. They are read once, because reading them takes longer than connecting.
#[cfg(feature = "client")]
fn system_roots() -> RootCertStore {
    static LOADED: OnceLock<RootCertStore> = OnceLock::new();
    let mut errors = Vec::new();
    let load = || {
        let found = rustls_native_certs::load_native_certs();
        errors = found.errors;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() { bundled_roots() } else { roots }
    };
    let roots = LOADED.get_or_init(load).clone();
    // Only now that they are loaded: the log itself may be sent over TLS.
    for error in &errors {
        tracing::warn!(%error, "cannot use a certificate authority of the system");
    }
    roots
}

#[cfg(feature = "client")]
fn bundled_roots() -> RootCertStore {
    RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }
}

#[cfg(feature = "client")]
impl Default for ClientTls {
    /// The system's authorities. All clients with this default share one configuration.
    fn default() -> ClientTls {
        static DEFAULT: OnceLock<ClientTls> = OnceLock::new();
        DEFAULT.get_or_init(|| ClientTls::new(Roots::System)).clone()
    }
}

#[cfg(feature = "client")]
impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trust {
            Trust::Roots { base, extra } => {
                let identity = if self.identity.is_some() { "given" } else { "none" };
                let mut shown = f.debug_struct("ClientTls");
                shown.field("roots", base).field("added", &extra.len()).field("identity", &identity).finish()
            }
            Trust::Anyone => f.write_str("ClientTls(trusting anyone)"),
            Trust::Config(_) => f.write_str("ClientTls(rustls)"),
        }
    }
}

#[cfg(test)]
#[cfg(all(feature = "client", feature = "server"))]
mod tests;
