use http::header::{HeaderValue, SEC_WEBSOCKET_EXTENSIONS};
use http::{Request, Uri};

use super::*;
use crate::deflate::Retain;
use crate::handshake::{self, ClientHandshake, Offer};

/// Parses extensions as written in a header.
fn extensions(text: &str) -> Vec<Extension> {
    let mut request = client_handshake().request();
    let value = HeaderValue::from_str(text).unwrap();
    request.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, value);
    Offer::read(&request).unwrap().extensions().to_vec()
}

fn client_handshake() -> ClientHandshake {
    ClientHandshake::new(HeaderValue::from_static("example.com"), &Uri::from_static("/"))
}

fn extension(text: &str) -> Extension {
    extensions(text).remove(0)
}

/// The server's response, or `-`.
fn answer(server: &Deflate, offer: &str) -> String {
    server.answer(&extension(offer)).map_or("-".to_owned(), |(answer, _)| answer.to_string())
}

fn context(bits: u8, takeover: Takeover) -> Context {
    Context { window: WindowBits::new(bits).unwrap(), takeover }
}

fn confirm(client: &Deflate, answer: &str) -> Result<Agreement, DeflateError> {
    client.confirm(&extension(answer))
}

/// The default offers of real clients, the default response, and the largest window that the client may use.
#[test]
fn what_clients_offer_by_default() {
    let server = Deflate::default();
    for (client, offer, answered, client_window) in [
        ("Firefox, Safari", "permessage-deflate", "permessage-deflate; server_max_window_bits=12", 15),
        (
            "Chrome, ws, Node.js",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            12,
        ),
        (
            "websockets",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            12,
        ),
        (
            "Gorilla",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=12",
            15,
        ),
    ] {
        assert_eq!(answer(&server, offer), answered, "{client}");
        let (_, agreement) = server.answer(&extension(offer)).unwrap();
        assert_eq!(agreement.inflate.window.get(), client_window, "{client}");
    }
}

#[test]
fn what_a_server_answers() {
    let small = Deflate::default().window(10).peer_window(11);
    let large = Deflate::dedicated();
    let forgetful = Deflate::dedicated().retain(Retain::Nothing).peer_takeover(Takeover::No);
    for (server, parameters, answered) in [
        // A requested window is always answered with the same or a smaller one.
        (&large, "server_max_window_bits=15", "server_max_window_bits=15"),
        (&large, "server_max_window_bits=9", "server_max_window_bits=9"),
        (&small, "server_max_window_bits=15", "server_max_window_bits=10"),
        (&small, "server_max_window_bits=9", "server_max_window_bits=9"),
        (&large, "server_max_window_bits=\"10\"", "server_max_window_bits=10"),
        // The client's limit on its own window binds it only if the response contains it.
        (&large, "client_max_window_bits", ""),
        (&large, "client_max_window_bits=15", ""),
        (&large, "client_max_window_bits=10", "client_max_window_bits=10"),
        (&large, "client_max_window_bits=8", "client_max_window_bits=8"),
        (&small, "client_max_window_bits", "server_max_window_bits=10; client_max_window_bits=11"),
        (&small, "client_max_window_bits=12", "server_max_window_bits=10; client_max_window_bits=11"),
        (&small, "client_max_window_bits=9", "server_max_window_bits=10; client_max_window_bits=9"),
        (&large, "server_no_context_takeover", "server_no_context_takeover"),
        (&large, "client_no_context_takeover", "client_no_context_takeover"),
        (&forgetful, "client_max_window_bits", "server_no_context_takeover; client_no_context_takeover"),
    ] {
        let answered = format!("permessage-deflate; {answered}");
        let answered = answered.trim_end_matches("; ");
        assert_eq!(answer(server, &format!("permessage-deflate; {parameters}")), answered, "{parameters}");
    }
}

#[test]
fn a_server_declines_what_it_cannot_do_or_does_not_know() {
    for parameters in [
        "server_max_window_bits=8",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=09",
        "server_max_window_bits",
        "client_max_window_bits=16",
        "client_max_window_bits; client_max_window_bits",
        "server_no_context_takeover=1",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover=true",
        "unheard_of",
        "server_max_window_bits=10; level=9",
    ] {
        let offer = format!("permessage-deflate; {parameters}");
        assert_eq!(answer(&Deflate::dedicated(), &offer), "-", "{parameters}");
    }
    assert_eq!(answer(&Deflate::dedicated(), "permessage-bzip2"), "-");
}

#[test]
fn of_several_offers_the_first_that_a_server_can_meet_is_taken() {
    let server = Deflate::dedicated();
    let answered = |offers| {
        let accepted = handshake::negotiate(&extensions(offers), |offer| Some(server.answer(offer)?.0));
        accepted.iter().map(Extension::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        answered("x-other, permessage-deflate; server_max_window_bits=8, permessage-deflate"),
        ["permessage-deflate"]
    );
    assert_eq!(
        answered("permessage-deflate; server_max_window_bits=10, permessage-deflate"),
        ["permessage-deflate; server_max_window_bits=10"]
    );
    assert_eq!(answered("permessage-deflate; mode=fast"), [""; 0]);
}

#[test]
fn what_a_client_offers() {
    let offers =
        |client: &Deflate| client.offers().iter().map(Extension::to_string).collect::<Vec<_>>().join(", ");
    assert_eq!(
        offers(&Deflate::default()),
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12, \
         permessage-deflate; client_max_window_bits=12"
    );
    assert_eq!(offers(&Deflate::dedicated()), "permessage-deflate; client_max_window_bits");
    assert_eq!(
        offers(&Deflate::dedicated().retain(Retain::Nothing).peer_takeover(Takeover::No)),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits"
    );
}

#[test]
fn what_an_answer_means_to_a_client() {
    use Takeover::{No, Yes};
    let small = Deflate::default().window(10).peer_window(11);
    let large = Deflate::dedicated();
    let forgetful = Deflate::dedicated().retain(Retain::Nothing);
    for (client, parameters, compress, inflate) in [
        (&large, "", (15, Yes), (15, Yes)),
        (&large, "; server_max_window_bits=8", (15, Yes), (8, Yes)),
        (&large, "; server_max_window_bits=\"15\"", (15, Yes), (15, Yes)),
        (&large, "; client_max_window_bits=9", (9, Yes), (15, Yes)),
        (&large, "; server_no_context_takeover", (15, Yes), (15, No)),
        (&large, "; client_no_context_takeover", (15, No), (15, Yes)),
        (&small, "; server_max_window_bits=11; client_max_window_bits=10", (10, Yes), (11, Yes)),
        // The server chose the second offer: it could not limit its window.
        (&small, "", (10, Yes), (15, Yes)),
        (&small, "; client_max_window_bits=9", (9, Yes), (15, Yes)),
        (&forgetful, "", (15, No), (15, Yes)),
    ] {
        let expected = Agreement {
            compress: Some(context(compress.0, compress.1)),
            inflate: context(inflate.0, inflate.1),
        };
        assert_eq!(confirm(client, &format!("permessage-deflate{parameters}")), Ok(expected), "{parameters}");
    }
}

/// zlib does not compress with 8 bits. A client may fail the connection over this, but nobody would benefit.
#[test]
fn a_client_that_is_bound_to_256_bytes_agrees_and_compresses_nothing() {
    let agreement = confirm(&Deflate::default(), "permessage-deflate; client_max_window_bits=8").unwrap();
    assert_eq!(agreement.compress, None);
    assert_eq!(agreement.inflate, context(15, Takeover::Yes));
}

#[test]
fn a_server_may_allow_a_larger_client_window_than_was_offered() {
    // Autobahn's server responds with 15 whatever the offer says (cases 13.4 and 13.6). That is a maximum for what this
    // end sends, and this end stays below it.
    let small = Deflate::default().window(10);
    let agreement = confirm(&small, "permessage-deflate; client_max_window_bits=15").unwrap();
    assert_eq!(agreement.compress, context(10, Takeover::Yes).into());
}

#[test]
fn answers_that_do_not_fit_the_offer() {
    let not_offered = |param| Err(DeflateError::NotOffered { param });
    let bound = Deflate::default().window(10).peer_takeover(Takeover::No);
    assert_eq!(
        confirm(&bound, "permessage-deflate; client_max_window_bits=10"),
        not_offered("server_no_context_takeover")
    );
    let unasked = "permessage-deflate; client_max_window_bits=10";
    let wide = Deflate::default().window(15).peer_takeover(Takeover::Yes);
    assert!(confirm(&wide, unasked).is_ok(), "any window was offered");
    assert!(matches!(
        confirm(&Deflate::default(), "permessage-deflate; client_max_window_bits"),
        Err(DeflateError::InvalidValue { .. })
    ));
    assert!(matches!(
        confirm(&Deflate::default(), "permessage-deflate; server_max_window_bits=16"),
        Err(DeflateError::InvalidValue { .. })
    ));
    assert!(matches!(
        confirm(&Deflate::default(), "permessage-deflate; mode=fast"),
        Err(DeflateError::UnknownParam(_))
    ));
    assert!(matches!(confirm(&Deflate::default(), "x"), Err(DeflateError::OtherExtension(_))));
}

/// This client offers every parameter that it supports; the rule also holds for offers with fewer ones.
#[test]
fn answers_to_offers_with_fewer_parameters() {
    let plain = Params::default();
    let answer = |text| Params::read(&extension(text)).unwrap();
    assert_eq!(plain.check_answer(&answer("permessage-deflate; server_max_window_bits=9")), Ok(()));
    assert_eq!(
        plain.check_answer(&answer("permessage-deflate; client_max_window_bits=15")),
        Err(DeflateError::NotOffered { param: "client_max_window_bits" })
    );
    let bound = Params { server_window: WindowBits::new(10), ..plain };
    for text in ["permessage-deflate", "permessage-deflate; server_max_window_bits=11"] {
        let not_offered = Err(DeflateError::NotOffered { param: "server_max_window_bits" });
        assert_eq!(bound.check_answer(&answer(text)), not_offered);
    }
    assert_eq!(bound.check_answer(&answer("permessage-deflate; server_max_window_bits=8")), Ok(()));
}

#[test]
fn both_ends_come_to_the_same_agreement() {
    let variants = [
        Deflate::default(),
        Deflate::dedicated(),
        Deflate::default().window(9).peer_window(15).retain(Retain::Nothing),
        Deflate::dedicated().peer_window(10).peer_takeover(Takeover::No),
    ];
    for client in &variants {
        for server in &variants {
            for offer in client.offers() {
                let (answer, of_server) = server.answer(&offer).unwrap();
                let of_client = client.confirm(&answer).unwrap();
                assert!(of_client.compress.unwrap().window <= of_server.inflate.window, "{offer} {answer}");
                assert!(of_server.compress.unwrap().window <= of_client.inflate.window, "{offer} {answer}");
                // An endpoint that drops its context unasked does no harm to the other.
                let keeps = |takeover| takeover == Takeover::Yes;
                let (sends, receives) = (of_client.compress.unwrap().takeover, of_server.inflate.takeover);
                assert!(keeps(receives) || !keeps(sends), "{offer} {answer}");
                let (sends, receives) = (of_server.compress.unwrap().takeover, of_client.inflate.takeover);
                assert!(keeps(receives) || !keeps(sends), "{offer} {answer}");
            }
        }
    }
}

#[test]
fn an_opening_handshake_with_compression() {
    let deflate = Deflate::default();
    let client = client_handshake().extensions(deflate.offers()).unwrap();
    let request: Request<()> = client.request();

    let offer = Offer::read(&request).unwrap();
    let answers = handshake::negotiate(offer.extensions(), |offer| Some(deflate.answer(offer)?.0));
    let (response, _) = offer.accept(None, &answers).unwrap();

    let agreed = client.verify(&response).unwrap();
    let agreement = deflate.confirm(&agreed.extensions[0]).unwrap();
    assert_eq!(agreement.compress, Some(context(12, Takeover::Yes)));
    assert_eq!(agreement.inflate, context(12, Takeover::Yes));
}
