use http::HeaderValue;

use super::*;

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
    decide: impl Fn(&Upgrade<'_>) -> Result<Accept<Attached>, Refusal> + Send + Sync + 'static,
) -> AdmissionPolicy {
    AdmissionPolicy { decide: Some(Arc::new(decide)), ..AdmissionPolicy::default() }
}

#[test]
fn a_request_is_accepted_with_the_preferred_subprotocol() {
    let admission = AdmissionPolicy {
        subprotocols: vec!["chat.v2".into(), "chat.v1".into()],
        ..AdmissionPolicy::default()
    };
    let admitted = admission.admit(&request("/chat?x=1"), peer(), None).unwrap();
    assert_eq!(admitted.response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(admitted.response.headers()["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(admitted.response.headers()["sec-websocket-protocol"], "chat.v2");
    assert_eq!(admitted.opening.subprotocol.as_deref(), Some("chat.v2"));
    assert_eq!(
        (admitted.opening.uri.to_string(), admitted.opening.peer_addr),
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
        assert_eq!((request.subprotocols().len(), request.peer_addr()), (2, peer()));
        Ok(Accept::new().subprotocol("chat.v1").header("x-room", "7").attach(7u32))
    });
    let admitted = admission.admit(&request("/room?name=J%C3%BC+rgen&x"), peer(), None).unwrap();
    assert_eq!(admitted.response.headers()["x-room"], "7");
    assert_eq!(admitted.opening.subprotocol.as_deref(), Some("chat.v1"));
    assert_eq!(admitted.opening.attached.get::<u32>(), Some(&7));
}

#[test]
fn the_application_may_refuse_with_any_status() {
    let refused = admission(|_| Err(Refusal::new(StatusCode::IM_A_TEAPOT, "no coffee")));
    let refusal = refused.admit(&request("/"), peer(), None).err().unwrap();
    assert_eq!((refusal.status(), refusal.reason()), (StatusCode::IM_A_TEAPOT, "no coffee"));
}

#[test]
fn terms_that_cannot_be_had_are_the_servers_fault() {
    let wrong = admission(|_| Ok(Accept::new().subprotocol("other")));
    let refusal = wrong.admit(&request("/"), peer(), None).err().unwrap();
    assert_eq!(refusal.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

/// It was left out, without a word.
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
        let refusal = wrong.admit(&request("/"), peer(), None).err().unwrap();
        assert_eq!(refusal.status(), StatusCode::INTERNAL_SERVER_ERROR, "{name}");
    }
    let right = admission(|_| Ok(Accept::new().header("x-room", "7").header("x-room", 8)));
    let response = right.admit(&request("/"), peer(), None).ok().unwrap().response;
    assert!(response.headers().get_all("x-room").iter().eq(["7", "8"]));
}

/// Those that were named had no effect.
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
    assert_eq!(asked.admit(&foreign, peer(), None).err().unwrap().status(), StatusCode::FORBIDDEN);
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

    let admitted = admission.admit(&offering, peer(), Some(&wanted)).ok().unwrap();
    assert!(admitted.deflate.is_some());
    let answer = admitted.response.headers()["sec-websocket-extensions"].to_str().unwrap();
    assert!(answer.starts_with("permessage-deflate"), "{answer}");
    assert_eq!(admitted.opening.agreed, answer);

    for (request, wanted) in [(&offering, None), (&request("/"), Some(&wanted))] {
        let admitted = admission.admit(request, peer(), wanted).ok().unwrap();
        assert!(admitted.deflate.is_none());
        assert!(!admitted.response.headers().contains_key("sec-websocket-extensions"));
    }
}
