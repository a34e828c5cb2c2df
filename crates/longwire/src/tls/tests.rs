use super::*;

fn identity() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn a_certificate_and_its_key_make_an_identity() {
    let (certificate, key) = identity();
    assert!(Tls::pem(&certificate, &key).is_ok());
}

#[test]
fn what_is_wrong_with_an_identity_is_said() {
    let (certificate, key) = identity();
    let (_, other_key) = identity();
    let error = |certificate: &str, key: &str| Tls::pem(certificate, key).unwrap_err().to_string();
    assert!(error("", &key).contains("no certificate (BEGIN CERTIFICATE)"));
    assert!(error(&certificate, "").starts_with("cannot use the private key as a private key"));
    assert!(error(&certificate, &other_key).starts_with("cannot use the certificate with the private key"));
    let error = |certificate: &str, key: &str| {
        ClientTls::default().identity(certificate, key).unwrap_err().to_string()
    };
    assert!(error("", &key).contains("no certificate (BEGIN CERTIFICATE)"));
    assert!(error(&certificate, &other_key).starts_with("cannot use the certificate with the private key"));
    let missing = Tls::pem_files("/nonexistent/cert.pem", "/nonexistent/key.pem").unwrap_err().to_string();
    assert!(missing.starts_with("cannot read /nonexistent/cert.pem: "), "{missing}");
}

/// Reading the system's authorities takes longer than connecting, and sessions are resumed only within one
/// configuration.
#[tokio::test]
async fn a_configuration_is_made_once_and_again_when_something_changes() {
    let (certificate, key) = identity();
    let config = async |tls: &ClientTls| tls.config().await.unwrap();
    let default = ClientTls::default();
    assert!(Arc::ptr_eq(&config(&default).await, &config(&ClientTls::default().clone()).await));
    let added = default.clone().add_pem(&certificate).unwrap();
    assert!(!Arc::ptr_eq(&config(&default).await, &config(&added).await));
    let identified = added.clone().identity(&certificate, &key).unwrap();
    assert!(!Arc::ptr_eq(&config(&added).await, &config(&identified).await));
    assert!(config(&identified).await.client_auth_cert_resolver.has_certs());
}

#[tokio::test]
async fn every_choice_of_roots_gives_a_configuration() {
    let (certificate, _) = identity();
    for roots in [Roots::System, Roots::Bundled, Roots::None] {
        let tls = ClientTls::new(roots).add_pem(&certificate).unwrap();
        assert!(tls.config().await.is_ok());
    }
    assert!(!system_roots().is_empty() && !bundled_roots().is_empty());
    assert!(ClientTls::default().add_pem("nothing").is_err());
}
