//! Connections over TLS, with the tests' own certificate authority.

use std::sync::{Arc, Mutex};

use longwire::{Accept, By, Client, ClientTls, ConnectStep, Error, Message, Refusal, Roots, Tls, Upgrade};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig, WantsVerifier};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Serving, echo, end, run, serve};

/// A certificate authority, and an identity that it has signed.
pub(crate) struct Authority {
    pem: String,
    certificate: String,
    key: String,
    pub(crate) identity: Tls,
}

impl Authority {
    pub(crate) fn for_names(names: &[&str]) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);

        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        let identity = Tls::pem(&certificate, &key).unwrap();
        Authority { pem, certificate, key, identity }
    }

    /// An acceptor for a server of another library.
    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        self.server_config(ConfigBuilder::<ServerConfig, _>::with_no_client_auth).into()
    }

    fn server_config(
        &self,
        ask: impl FnOnce(
            ConfigBuilder<ServerConfig, WantsVerifier>,
        ) -> ConfigBuilder<ServerConfig, WantsServerCert>,
    ) -> Arc<ServerConfig> {
        let chain = vec![CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let builder = ServerConfig::builder_with_provider(provider());
        let builder = ask(builder.with_safe_default_protocol_versions().unwrap());
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }

    /// A client that trusts only this authority.
    pub(crate) fn client(&self) -> Client {
        Client::new().tls(ClientTls::new(Roots::None).add_pem(&self.pem).unwrap())
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

async fn serving(authority: &Authority) -> Serving {
    let identity = authority.identity.clone();
    serve(|server| server.tls(identity), echo).await
}

fn url(serving: &Serving, host: &str) -> String {
    format!("wss://{host}:{}/", serving.addr.port())
}

/// Anyone on the network path can modify a page of `http://`.
#[test]
fn a_page_of_http_is_not_the_servers_own() {
    run(async {
        let authority = Authority::for_names(&["localhost"]);
        let serving = serving(&authority).await;
        let authority_of_url = format!("localhost:{}", serving.addr.port());
        let url = format!("wss://{authority_of_url}/");
        let page =
            |scheme: &str| authority.client().header("origin", format!("{scheme}://{authority_of_url}"));
        page("https").connect(&url).await.unwrap();
        let refused = page("http").connect(&url).await.unwrap_err();
        assert!(matches!(&refused, Error::Refused(refused) if refused.status() == 403), "{refused}");
    });
}

#[test]
fn messages_come_back_over_tls() {
    run(async {
        let authority = Authority::for_names(&["localhost", "127.0.0.1"]);
        let serving = serving(&authority).await;
        for host in ["localhost", "127.0.0.1"] {
            let mut socket = authority.client().connect(url(&serving, host)).await.unwrap();
            for message in
                [Message::from("hello"), Message::from(vec![7; 1 << 20]), Message::from("x".repeat(1 << 20))]
            {
                socket.send(message.clone()).await.unwrap();
                assert!(socket.recv().await.unwrap() == Some(message));
            }
            let closed = socket.close(1000, "").await.unwrap();
            assert_eq!(end(&closed), (1000, "", By::Local, true));
        }
    });
}

#[test]
fn a_certificate_is_replaced_while_connections_go_on() {
    run(async {
        let (old, new) = (Authority::for_names(&["localhost"]), Authority::for_names(&["localhost"]));
        let serving = serving(&old).await;
        let url = url(&serving, "localhost");
        // The client resumes its session if the server allows it.
        let client_of_old = old.client();
        let mut before = client_of_old.connect(&url).await.unwrap();
        old.identity.replace(&new.identity);
        new.client().connect(&url).await.unwrap();
        client_of_old.connect(&url).await.unwrap_err();
        before.send("still here").await.unwrap();
        assert_eq!(before.recv().await.unwrap(), Some("still here".into()));
    });
}

/// Collects the steps that a client reports while it connects, one line each.
fn reporting(client: Client) -> (Client, Arc<Mutex<Vec<String>>>) {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&steps);
    let client = client.on_step(move |step| {
        noted.lock().unwrap().push(match step {
            ConnectStep::Connected { to, address, .. } => format!("{to} is {address}"),
            ConnectStep::Secured(secured) => {
                assert!(secured.cipher_suite.starts_with("TLS13_"), "{secured:?}");
                format!("{} with {} bytes", secured.version, secured.certificate.len())
            }
            ConnectStep::Request(request) => {
                assert!(request.headers()["authorization"].is_sensitive());
                format!("asks for {}", request.uri())
            }
            ConnectStep::Response(response) => format!("{}", response.status()),
            other => format!("{other:?}"),
        });
    });
    (client, steps)
}

#[test]
fn a_client_reports_each_step_whether_it_gets_in_or_not() {
    run(async {
        let authority = Authority::for_names(&["localhost"]);
        let identity = authority.identity.clone();
        let refuse = async |request: &Upgrade<'_>| {
            if request.path() == "/" { Ok(Accept::new()) } else { Err(Refusal::forbidden("no")) }
        };
        let serving = serve(|server| server.tls(identity).on_upgrade(refuse), echo).await;
        let certificate = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).unwrap();
        let (client, steps) = reporting(authority.client().basic_auth("me", "secret"));
        let port = serving.addr.port();
        let expected = |path: &str, status: &str| {
            [
                format!("localhost:{port} is {}", serving.addr),
                format!("TLS 1.3 with {} bytes", certificate.len()),
                format!("asks for {path}"),
                status.to_owned(),
            ]
        };
        client.connect(url(&serving, "localhost")).await.unwrap();
        assert_eq!(*steps.lock().unwrap(), expected("/", "101 Switching Protocols"));
        steps.lock().unwrap().clear();
        client.connect(url(&serving, "localhost") + "private").await.unwrap_err();
        assert_eq!(*steps.lock().unwrap(), expected("/private", "403 Forbidden"));
    });
}

#[test]
fn an_authority_that_is_not_trusted_is_refused_whatever_the_roots() {
    run(async {
        let authority = Authority::for_names(&["127.0.0.1"]);
        let serving = serving(&authority).await;
        let address = serving.addr;
        for roots in [Roots::System, Roots::Bundled, Roots::None] {
            let client = Client::new().tls(ClientTls::new(roots));
            let error = client.connect(url(&serving, "127.0.0.1")).await.unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{error:?}");
            let text = error.to_string();
            let tried = format!("cannot secure the connection to {address} with TLS: ");
            assert!(
                text.starts_with(&tried) && text.contains("no trusted authority has signed the certificate"),
                "{text}"
            );
        }
        authority.client().connect(url(&serving, "127.0.0.1")).await.unwrap();
    });
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    run(async {
        let authority = Authority::for_names(&["other.example"]);
        let serving = serving(&authority).await;
        let error = authority.client().connect(url(&serving, "localhost")).await.unwrap_err().to_string();
        assert!(error.ends_with("the certificate is not for localhost, but for other.example"), "{error}");
    });
}

#[test]
fn a_plain_client_at_a_port_of_tls_is_told_so() {
    run(async {
        let serving = serving(&Authority::for_names(&["127.0.0.1"])).await;
        let error = longwire::connect(serving.url("/")).await.unwrap_err().to_string();
        assert_eq!(
            error,
            "the server does not answer as a WebSocket server: this port speaks TLS: connect with wss://"
        );
    });
}

#[test]
fn a_client_with_tls_at_a_plain_port_is_told_so() {
    run(async {
        let serving = serve(|server| server, echo).await;
        let error = longwire::connect(url(&serving, "127.0.0.1")).await.unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("cannot secure the connection to 127.0.0.1:"), "{text}");
        assert!(text.contains("ws://"), "it must say what to do: {text}");
    });
}

/// A certificate as `openssl req -x509` makes it: self-signed, and marked as an authority.
struct SelfSigned {
    pem: String,
    identity: Tls,
}

impl SelfSigned {
    fn new(name: &str, valid: std::ops::Range<i32>) -> SelfSigned {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(valid.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(valid.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let identity = Tls::pem(&pem, key.serialize_pem()).unwrap();
        SelfSigned { pem, identity }
    }

    async fn serve(&self) -> Serving {
        let identity = self.identity.clone();
        serve(|server| server.tls(identity), echo).await
    }

    fn client(&self) -> Client {
        Client::new().tls(ClientTls::new(Roots::None).add_pem(&self.pem).unwrap())
    }
}

async fn expect_echo(client: Client, url: String) {
    let mut socket = client.connect(url).await.unwrap();
    socket.send("hello").await.unwrap();
    assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
}

#[test]
fn exactly_the_certificate_that_was_added_is_trusted_for_its_names_and_times() {
    run(async {
        let own = SelfSigned::new("localhost", 2000..3000);
        let serving = own.serve().await;
        expect_echo(own.client(), url(&serving, "localhost")).await;

        let refused = async |client: Client, url: String| client.connect(url).await.unwrap_err().to_string();
        let error = refused(own.client(), url(&serving, "127.0.0.1")).await;
        assert!(error.ends_with("the certificate is not for 127.0.0.1, but for localhost"), "{error}");
        let other = SelfSigned::new("localhost", 2000..3000);
        let error = refused(other.client(), url(&serving, "localhost")).await;
        assert!(
            error.contains("it is trusted only if it is itself one of the trusted certificates"),
            "{error}"
        );
        let expired = SelfSigned::new("localhost", 2000..2001);
        let error = refused(expired.client(), url(&expired.serve().await, "localhost")).await;
        assert!(error.contains("the certificate expired ") && error.ends_with(" days ago"), "{error}");
        let early = SelfSigned::new("localhost", 2999..3000);
        let error = refused(early.client(), url(&early.serve().await, "localhost")).await;
        assert!(error.contains("the certificate becomes valid only in "), "{error}");
    });
}

/// A server certificate from an unknown authority can also be trusted directly.
#[test]
fn a_certificate_that_was_added_is_trusted_without_its_authority() {
    run(async {
        let authority = Authority::for_names(&["localhost"]);
        let serving = serving(&authority).await;
        let tls = ClientTls::new(Roots::None).add_pem(&authority.certificate).unwrap();
        expect_echo(Client::new().tls(tls), url(&serving, "localhost")).await;
    });
}

#[test]
fn a_client_that_trusts_anyone_does() {
    run(async {
        let expired = SelfSigned::new("other.example", 2000..2001);
        let serving = expired.serve().await;
        let client = Client::new().tls(ClientTls::dangerously_trusting_anyone());
        expect_echo(client, url(&serving, "127.0.0.1")).await;
    });
}

#[test]
fn a_server_that_ends_the_connection_amid_the_handshake_is_told() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 5];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut hello).await.unwrap();
            let mut rest = vec![0; usize::from(u16::from_be_bytes([hello[3], hello[4]]))];
            tokio::io::AsyncReadExt::read_exact(&mut stream, &mut rest).await.unwrap();
        });
        let error = longwire::connect(format!("wss://{address}/")).await.unwrap_err().to_string();
        assert!(error.ends_with("the other end closed the connection during the handshake"), "{error}");
    });
}

/// A server that accepts only clients with a certificate from the authority in this PEM.
async fn exclusive(authority: &Authority, of_clients: &str) -> Serving {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(of_clients.as_bytes()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider()).build().unwrap();
    let config = authority.server_config(|builder| builder.with_client_cert_verifier(verifier));
    serve(|server| server.tls(Tls::from_config(config)), echo).await
}

#[test]
fn a_client_shows_its_certificate_to_a_server_that_asks() {
    run(async {
        let (authority, of_clients) = (Authority::for_names(&["localhost"]), Authority::for_names(&["me"]));
        let serving = exclusive(&authority, &of_clients.pem).await;
        let trust = || ClientTls::new(Roots::None).add_pem(&authority.pem).unwrap();
        let with = |me: &Authority| Client::new().tls(trust().identity(&me.certificate, &me.key).unwrap());

        let mut socket = with(&of_clients).connect(url(&serving, "localhost")).await.unwrap();
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
        let stranger = Authority::for_names(&["me"]);
        for client in [with(&stranger), Client::new().tls(trust())] {
            client.connect(url(&serving, "localhost")).await.unwrap_err();
        }
    });
}

#[test]
fn a_redirect_from_wss_to_ws_is_not_followed() {
    run(async {
        let authority = Authority::for_names(&["localhost"]);
        let refuse = async |_: &Upgrade<'_>| {
            let moved = Refusal::new(http::StatusCode::FOUND, "moved");
            Err(moved
                .header(http::header::LOCATION, http::HeaderValue::from_static("ws://me:secret@a.example/")))
        };
        let identity = authority.identity.clone();
        let serving = serve(|server| server.tls(identity).on_upgrade(refuse), echo).await;
        let client = authority.client().max_redirects(5);
        let error = client.connect(url(&serving, "localhost")).await.unwrap_err();
        assert!(matches!(error, Error::Handshake(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            "the server redirects to ws://…@a.example/, which is not encrypted; insecure redirects are not followed"
        );
    });
}

/// A tunnel to `server` that vanishes on command, without a closing message from either end.
async fn tunnel(server: std::net::SocketAddr) -> (u16, tokio::sync::oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (cut, is_cut) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(server).await.unwrap();
        tokio::select! {
            _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
            _ = is_cut => {}
        }
    });
    (port, cut)
}

/// Without `close_notify`, anyone could have cut the connection; `clean` reports that.
#[test]
fn a_peer_that_vanishes_without_a_word_of_tls_is_no_error() {
    run(async {
        let authority = Authority::for_names(&["localhost"]);
        let serving = serving(&authority).await;
        let (port, cut) = tunnel(serving.addr).await;
        let mut socket = authority.client().connect(format!("wss://localhost:{port}/")).await.unwrap();
        socket.send("hello").await.unwrap();
        assert_eq!(socket.recv().await.unwrap(), Some("hello".into()));
        cut.send(()).unwrap();
        assert_eq!(socket.recv().await.unwrap(), None);
        assert_eq!(end(&socket.closed()), (1006, "", By::Nobody, false));
    });
}

/// Such a setting once changed nothing, silently.
#[test]
fn what_is_added_where_it_would_have_no_effect_is_refused() {
    let pem = Authority::for_names(&["localhost"]);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let given = ClientTls::from_config(Arc::new(config));
    let said = [
        given.clone().add_pem(&pem.pem).unwrap_err().to_string(),
        given.identity(&pem.pem, "").unwrap_err().to_string(),
        ClientTls::dangerously_trusting_anyone().add_pem(&pem.pem).unwrap_err().to_string(),
    ];
    let (own, anyone) =
        ("a rustls configuration, which has its own", "trusts anyone and checks no certificate");
    for (said, expected) in said.iter().zip([own, own, anyone]) {
        assert!(said.contains(expected), "{said}");
    }
}
