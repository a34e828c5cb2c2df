use super::*;

const PASSWORD: &str = "the password of the tests";

fn access(secrets: &[&str], schemes: PageSchemes) -> Access {
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::from((*secret).to_owned())).collect();
    Access::new(&secrets, schemes, Ipv6Prefix(64)).unwrap()
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
}

fn client(number: u8) -> Option<SocketAddr> {
    Some(([192, 0, 2, number], 4_711).into())
}

fn judge(access: &Access, fields: &[(&'static str, &str)]) -> Result<Operator, Denied> {
    access.judge(client(1), &Uri::from_static("/admin/api/overview"), &headers(fields))
}

/// Signs in at the page `http://hub.example:8080`, and returns the cookie.
fn sign_in(access: &Access, secret: &str) -> Result<String, Denied> {
    sign_in_from(access, 1, secret)
}

fn sign_in_from(access: &Access, number: u8, secret: &str) -> Result<String, Denied> {
    let fields = [("host", "hub.example:8080"), ("origin", "http://hub.example:8080")];
    let signed_in =
        access.sign_in(client(number), &Uri::from_static("/admin/api/sign_in"), &headers(&fields), secret)?;
    Ok(signed_in.cookie)
}

fn pair(cookie: &str) -> &str {
    cookie.split(';').next().unwrap()
}

#[test]
fn a_cookie_is_good_for_our_own_page_only() {
    let access = access(&[PASSWORD], PageSchemes::Http);
    let cookie = sign_in(&access, PASSWORD).unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict") && !cookie.contains("Secure"), "{cookie}");
    let with = |host, origin: Option<&'static str>| {
        let mut fields = vec![("host", host), ("cookie", pair(&cookie))];
        fields.extend(origin.map(|origin| ("origin", origin)));
        judge(&access, &fields)
    };
    let own = with("hub.example:8080", Some("http://HUB.example:8080"));
    assert!(matches!(own, Ok(Operator::SignedIn(_))), "{own:?}");
    for (host, origin) in [
        ("hub.example:8080", None),
        ("hub.example:8080", Some("http://evil.example")),
        ("hub.example:8080", Some("https://hub.example:8080")),
        ("hub.example:8080", Some("http://hub.example")),
        ("hub.example:8080", Some("null")),
    ] {
        assert_eq!(with(host, origin), Err(Denied::Foreign), "{host} {origin:?}");
    }
    let own = [("host", "a"), ("origin", "http://a")];
    let other = [("host", "a"), ("origin", "http://a"), ("cookie", "longwire_admin=0; b=c")];
    assert_eq!(judge(&access, &own), Err(Denied::SignIn));
    assert_eq!(judge(&access, &other), Err(Denied::SignIn));
}

#[test]
fn a_page_over_tls_gets_a_secure_cookie() {
    for schemes in [PageSchemes::Https, PageSchemes::Either] {
        let access = access(&[PASSWORD], schemes);
        let fields = headers(&[("host", "a"), ("origin", "https://a")]);
        let signed_in = access.sign_in(client(1), &Uri::from_static("/"), &fields, PASSWORD).ok().unwrap();
        assert!(signed_in.cookie.ends_with("; Secure"), "{}", signed_in.cookie);
    }
}

#[test]
fn a_token_needs_no_page_and_wrong_ones_are_tries() {
    let access = access(&[PASSWORD, "the token of the tests"], PageSchemes::Http);
    let with = |token: &str| judge(&access, &[("authorization", &format!("Bearer {token}"))]);
    for _ in 0..20 {
        assert_eq!(with("the token of the tests"), Ok(Operator::Program));
    }
    let denied: Vec<_> = (0..11).map(|_| with("another token").unwrap_err()).collect();
    assert_eq!(denied[..10], [Denied::SignIn; 10]);
    assert!(matches!(denied[10], Denied::TooManyTries(_)));
    assert!(matches!(sign_in(&access, PASSWORD), Err(Denied::TooManyTries(_))), "not even the right one");
    assert!(sign_in_from(&access, 2, PASSWORD).is_ok(), "another address has tries of its own");
}

#[test]
fn without_a_password_only_addresses_and_localhost_open_the_page() {
    let access = access(&[], PageSchemes::Http);
    for (host, expected) in [
        ("localhost:8080", Ok(Operator::Anybody)),
        ("127.0.0.1:8080", Ok(Operator::Anybody)),
        ("[::1]:8080", Ok(Operator::Anybody)),
        ("hub.example:8080", Err(Denied::Name)),
    ] {
        let origin = format!("http://{host}");
        assert_eq!(judge(&access, &[("host", host), ("origin", &origin)]), expected, "{host}");
        assert_eq!(judge(&access, &[("host", host)]), Err(Denied::Foreign), "{host}");
    }
}

#[test]
fn other_secrets_end_all_sessions() {
    let access = access(&[PASSWORD], PageSchemes::Http);
    sign_in(&access, PASSWORD).unwrap();
    assert_eq!(access.replace(&[Secret::from(PASSWORD.to_owned())]), []);
    assert_eq!(access.replace(&[Secret::from("another password".to_owned())]).len(), 1);
    assert_eq!(sign_in(&access, PASSWORD), Err(Denied::SignIn));
}
