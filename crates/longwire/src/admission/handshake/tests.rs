use futures_util::FutureExt;
use http::{HeaderValue, Request, StatusCode, Version};
use longwire_proto::deflate::Deflate;
use longwire_proto::handshake::ConnectProtocol;

use super::*;
use crate::admission::hook;

fn request(target: &str) -> Request<()> {
    Request::builder()
        .uri(target)
        .header("host", "example.com")
        .header("upgrade", "websocket")
        .header("connection", "Upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "chat.v1, chat.v2")
        .body(())
        .unwrap()
}

fn peer() -> SocketAddr {
    ([127, 0, 0, 1], 5000).into()
}

fn admission(
    decide: impl Fn(&Upgrade<'_>) -> Result<Accept<Attached>, Refusal> + Clone + Send + Sync + 'static,
) -> AdmissionPolicy {
    let mut policy = AdmissionPolicy::default();
    policy.decide = Some(hook::erase(async move |request: &Upgrade<'_>| decide(request)).into());
    policy
}

/// The outcome of a request: the response, the connection and its attached values.
fn answer(
    policy: &AdmissionPolicy,
    request: &Request<()>,
    deflate: Option<Deflate>,
) -> Result<(Response<()>, Established), Refusal> {
    let mut config = Config::default();
    config.deflate = deflate;
    let config = Arc::new(config);
    let terms = ServerTerms { policy, config: &config, serves_http: false };
    let asked = UpgradeRequest::read(request.clone()).map_err(|refused| refused.refusal)?;
    let pending = terms.admit(asked, Some(peer()))?;
    let request = pending.upgrade();
    let decision = policy.ask(&request).now_or_never().unwrap();
    let (response, agreed) = pending.decide(decision, terms, Instant::now())?;
    Ok((response, agreed.attach()))
}

#[test]
fn a_request_is_accepted_with_the_preferred_subprotocol() {
    let mut admission = AdmissionPolicy::default();
    admission.subprotocols = vec!["chat.v2".into(), "chat.v1".into()];
    let (response, established) = answer(&admission, &request("/chat?x=1"), None).unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat.v2");
    assert_eq!(established.negotiated.subprotocol.as_deref(), Some("chat.v2"));
    assert_eq!(
        (established.negotiated.uri.to_string(), established.negotiated.peer_addr),
        ("/chat?x=1".into(), Some(peer()))
    );
}

#[test]
fn the_application_sees_the_request_and_sets_the_terms() {
    let admission = admission(|request| {
        assert_eq!((request.path(), request.uri().query()), ("/room", Some("name=J%C3%BC+rgen&x")));
        assert_eq!(request.query("name").as_deref(), Some("Jü rgen"));
        assert_eq!((request.query("x").as_deref(), request.query("y")), (Some(""), None));
        assert_eq!((request.header("HOST"), request.headers().len()), (Some("example.com"), 6));
        assert_eq!((request.subprotocols().len(), request.peer_addr()), (2, Some(peer())));
        Ok(Accept::new().subprotocol("chat.v1").header("x-room", "7").attach(7u32))
    });
    let (response, established) = answer(&admission, &request("/room?name=J%C3%BC+rgen&x"), None).unwrap();
    assert_eq!(response.headers()["x-room"], "7");
    assert_eq!(established.negotiated.subprotocol.as_deref(), Some("chat.v1"));
    assert_eq!(established.negotiated.attached.get::<u32>(), Some(&7));
}

#[test]
fn the_application_may_refuse_with_any_status() {
    let refused = admission(|_| Err(Refusal::new(StatusCode::IM_A_TEAPOT, "no coffee")));
    let refusal = answer(&refused, &request("/"), None).err().unwrap();
    assert_eq!((refusal.status(), refusal.reason()), (StatusCode::IM_A_TEAPOT, "no coffee"));
}

#[test]
fn terms_that_cannot_be_had_are_the_servers_fault() {
    let wrong = admission(|_| Ok(Accept::new().subprotocol("other")));
    let refusal = answer(&wrong, &request("/"), None).err().unwrap();
    assert_eq!(refusal.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

/// The header was once silently left out.
#[test]
fn a_header_that_cannot_be_sent_or_is_the_handshakes_is_the_servers_fault() {
    for (name, value) in [
        ("sec-websocket-accept", "forged"),
        ("Sec-WebSocket-Protocol", "chat.v1"),
        ("connection", "close"),
        ("a name", "1"),
        ("x-room", "1\r\nx-more: 2"),
    ] {
        let wrong = admission(move |_| Ok(Accept::new().header(name, value)));
        let refusal = answer(&wrong, &request("/"), None).err().unwrap();
        assert_eq!(refusal.status(), StatusCode::INTERNAL_SERVER_ERROR, "{name}");
    }
    let right = admission(|_| Ok(Accept::new().header("x-room", "7").header("x-room", 8)));
    let response = answer(&right, &request("/"), None).ok().unwrap().0;
    assert!(response.headers().get_all("x-room").iter().eq(["7", "8"]));
}

/// The listed origins once had no effect.
#[test]
fn origins_beside_any_origin_contradict_it() {
    let mut both = AdmissionPolicy::default();
    both.allow_origin(Ok("https://example.com".parse().unwrap()));
    assert!(both.check().is_ok());
    both.allow_any_origin();
    let said = both.check().unwrap_err().to_string();
    assert_eq!(
        said,
        "`origins` cannot be set beside `any_origin`: it can be left out, since pages of any origin may connect"
    );
}

#[test]
fn foreign_origins_are_forbidden_before_the_application_is_asked() {
    let asked = admission(|_| panic!("it was asked"));
    let mut foreign = request("/");
    foreign.headers_mut().insert("origin", HeaderValue::from_static("https://evil.example"));
    assert_eq!(answer(&asked, &foreign, None).err().unwrap().status(), StatusCode::FORBIDDEN);
}

#[test]
fn settings_that_make_no_sense_are_told() {
    let mut admission = AdmissionPolicy::default();
    admission.allow_origin("https://fine.example".parse());
    assert!(admission.check().is_ok());
    admission.allow_origin("example.com".parse());
    let error = admission.check().unwrap_err().to_string();
    assert_eq!(
        error,
        r#""example.com" is not an origin: it has a scheme and a host, such as https://example.com"#
    );
}

#[test]
fn compression_is_agreed_on_if_both_ends_want_it() {
    let mut offering = request("/");
    let offer = HeaderValue::from_static("x-other, permessage-deflate; client_max_window_bits");
    offering.headers_mut().insert("sec-websocket-extensions", offer);
    let admission = AdmissionPolicy::default();
    let wanted = Deflate::default();

    let (response, established) = answer(&admission, &offering, Some(wanted.clone())).ok().unwrap();
    assert!(established.deflate.is_some());
    let header = response.headers()["sec-websocket-extensions"].to_str().unwrap();
    assert!(header.starts_with("permessage-deflate"), "{header}");
    assert_eq!(established.negotiated.agreed, header);

    for (request, wanted) in [(&offering, None), (&request("/"), Some(wanted))] {
        let (response, established) = answer(&admission, request, wanted).ok().unwrap();
        assert!(established.deflate.is_none());
        assert!(!response.headers().contains_key("sec-websocket-extensions"));
    }
}

/// The check of the server's own origin uses the authority of the request: `Host`, or the target of an extended
/// CONNECT.
#[test]
fn the_own_origin_is_that_of_the_authority_over_any_version_of_http() {
    let policy = AdmissionPolicy::default();
    for (origin, status) in [("http://example.com", 200), ("http://evil.example", 403)] {
        let request = Request::connect("http://example.com/chat")
            .version(Version::HTTP_2)
            .extension(ConnectProtocol::WEBSOCKET)
            .header("sec-websocket-version", "13")
            .header("origin", origin)
            .body(())
            .unwrap();
        let answered = match answer(&policy, &request, None) {
            Ok((response, _)) => response.status(),
            Err(refusal) => refusal.status(),
        };
        assert_eq!(answered, status, "{origin}");
    }
}
