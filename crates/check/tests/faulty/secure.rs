//! The cases over TLS, against a server and a client that keep all rules and against ones that do not.

use std::sync::Arc;

use longwire_check::{
    Case, CaseReport, ClientRun, Dial, Dialing, Ending, Family, Pace, Target, Tls, Verdict, client_cases,
    measure, run, server_cases,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::PATIENCE;
use crate::client::attend;
use crate::fault::Fault;
use crate::server::{BUFFER, serve};

/// The name in the certificate.
fn own_name() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// Connections to a server in the same process, over TLS.
#[derive(Clone)]
struct SecureServer {
    fault: Option<Fault>,
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl std::fmt::Debug for SecureServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecureServer").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl SecureServer {
    fn new() -> SecureServer {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .unwrap();
        SecureServer {
            fault: None,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            connector: TlsConnector::from(Tls::default().trusting_anyone().config().unwrap()),
        }
    }

    fn with(&self, fault: Option<Fault>) -> Arc<SecureServer> {
        Arc::new(SecureServer { fault, ..self.clone() })
    }
}

impl Dial for SecureServer {
    fn dial(&self) -> Dialing<'_> {
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let (acceptor, fault) = (self.acceptor.clone(), self.fault);
        tokio::spawn(async move { serve(acceptor.accept(theirs).await?, fault).await });
        Box::pin(async { Ok(Box::new(self.connector.connect(own_name(), ours).await?) as _) })
    }
}

/// Each case of the family `tls`, a fault that it finds in a server or in a client, and the verdict.
const FOUND_BY: &[(Fault, &str, Verdict)] = &[
    (Fault::TakesReadsForFrames, "6455/10.6/tls-one-byte-records", Verdict::Fail),
    (Fault::TakesReadsForFrames, "6455/10.6/tls-frames-in-a-record", Verdict::Fail),
    (Fault::TakesReadsForFrames, "6455/10.6/tls-message-over-records", Verdict::Fail),
    (Fault::TakesReadsForFrames, "6455/10.6/tls-close", Verdict::Pass),
    (Fault::NeverEnds, "6455/10.6/tls-close", Verdict::Should),
    (Fault::NeverEnds, "6455/10.6/tls-half-close", Verdict::Fail),
    (Fault::Silent, "6455/10.6/tls-close", Verdict::Fail),
];

fn expect_a_fault_for_each(passed: &[(String, Verdict)]) {
    for (id, _) in passed {
        let fails = |(_, other, verdict): &(Fault, &str, Verdict)| other == id && *verdict != Verdict::Pass;
        assert!(FOUND_BY.iter().any(fails), "nothing fails {id}");
    }
}

async fn verdicts(server: Arc<SecureServer>) -> Vec<(String, Verdict)> {
    let right = server.with(None);
    let target = Target::new("wss://localhost/echo").unwrap();
    let endpoint = measure(&*right, &target, PATIENCE).await.unwrap();
    let cases = server_cases().into_iter().filter(|case| case.family() == Family::Tls);
    let pace = Pace::default().patience(PATIENCE);
    let report = run(cases.collect(), server, &target, &endpoint, pace, |_| {}).await;
    report.cases().iter().map(|case: &CaseReport| (case.id().to_owned(), case.verdict())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_case_over_tls_passes_and_finds_its_fault() {
    let server = SecureServer::new();
    let passed = verdicts(server.with(None)).await;
    assert!(passed.len() >= 5 && passed.iter().all(|(_, verdict)| *verdict == Verdict::Pass), "{passed:#?}");
    expect_a_fault_for_each(&passed);
    for (fault, id, expected) in FOUND_BY {
        let verdicts = verdicts(server.with(Some(*fault))).await;
        let found = verdicts.iter().find(|(other, _)| other == id).map(|(_, verdict)| *verdict);
        assert_eq!(found, Some(*expected), "{fault:?}: {id}");
    }
}

/// The cases of the family for clients, behind one that finds out that the client sends messages back.
fn cases_for_clients() -> Vec<Case> {
    let all = client_cases().into_iter();
    let (mut first, rest): (Vec<Case>, Vec<Case>) = all
        .filter(|case| case.family() == Family::Tls || case.id() == "6455/5.2/text-1")
        .partition(|case| case.family() != Family::Tls);
    first.extend(rest);
    first
}

/// The verdicts on a client that has this fault in the cases of the family, and keeps all rules in the one before them.
async fn verdicts_on_client(tls: &SecureServer, fault: Option<Fault>) -> Vec<(String, Verdict)> {
    let run = ClientRun::new(Target::new("wss://localhost/").unwrap(), cases_for_clients(), PATIENCE);
    for number in 1..=run.total() {
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let (connector, fault) = (tls.connector.clone(), fault.filter(|_| number > 1));
        let client = tokio::spawn(async move {
            let connection = connector.connect(own_name(), ours).await?;
            attend(connection, format!("/runCase?case={number}"), fault).await
        });
        run.connection(Box::new(tls.acceptor.accept(theirs).await.unwrap())).await;
        client.abort();
    }
    let report = run.report(Ending::Finished);
    report.cases().iter().map(|case| (case.id().to_owned(), case.verdict())).collect()
}

#[tokio::test(start_paused = true)]
async fn each_case_for_clients_over_tls_passes_and_finds_its_fault() {
    let tls = SecureServer::new();
    let passed = verdicts_on_client(&tls, None).await;
    assert!(passed.len() >= 6 && passed.iter().all(|(_, verdict)| *verdict == Verdict::Pass), "{passed:#?}");
    expect_a_fault_for_each(&passed[1..]);
    for (fault, id, expected) in FOUND_BY {
        let verdicts = verdicts_on_client(&tls, Some(*fault)).await;
        let found = verdicts.iter().find(|(other, _)| other == id).map(|(_, verdict)| *verdict);
        assert_eq!(found, Some(*expected), "{fault:?}: {id}");
    }
}
