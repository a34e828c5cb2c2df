//! The texts that a person reads after an error.

use longwire_proto::deflate::{Agreement, Compressor, Context, Corrupt, Deflate, InflateFailure, Inflater};
use longwire_proto::deflate::{Retain, Takeover, WindowBits};
use longwire_proto::handshake::HeadError;
use longwire_proto::{Closed, SendError};

#[test]
fn what_the_caller_did_wrong_says_what_to_do() {
    let cases = [
        (SendError::Closed, "the connection is closed or closing"),
        (SendError::ControlTooLong, "a ping or pong carries at most 125 bytes"),
        (SendError::MessageUnfinished, "the message in fragments must be finished first"),
    ];
    for (error, words) in cases {
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn a_peer_that_vanished_is_not_said_to_have_closed() {
    assert_eq!(Closed::lost().to_string(), "connection lost: 1006 (no closing handshake)");
}

#[test]
fn a_compressed_message_that_fails_says_why() {
    let failures: [(InflateFailure<SendError>, &str); 3] = [
        (InflateFailure::TooBig, "a compressed message is longer than its limit"),
        (Corrupt.into(), "a compressed message cannot be inflated"),
        (InflateFailure::Sink(SendError::Closed), "the connection is closed or closing"),
    ];
    for (failure, words) in failures {
        assert_eq!(failure.to_string(), words);
    }
}

/// The working state of zlib is thousands of numbers, which are useless in a log.
#[test]
fn compression_is_shown_in_a_line() {
    let config = Deflate::default();
    let context = |takeover| Context { window: WindowBits::MAX, takeover };
    let agreement = |compress| Agreement { compress, inflate: context(Takeover::Yes) };
    let cases = [
        (agreement(None), Retain::Window, "unable"),
        (agreement(Some(context(Takeover::No))), Retain::Window, "no takeover"),
        (agreement(Some(context(Takeover::Yes))), Retain::Window, "window"),
        (agreement(Some(context(Takeover::Yes))), Retain::Compressor, "compressor"),
    ];
    for (agreement, retain, state) in cases {
        let shown = format!("{:?}", Compressor::new(&agreement, &config.clone().retain(retain)));
        assert!(shown.contains(&format!("state: {state:?}")), "{shown}");
    }
    let inflater = Inflater::new(&agreement(None));
    assert_eq!(format!("{inflater:?}"), "Inflater { takeover: true, is_inside_message: false }");
}

/// The head reader rejects most of this itself, so `httparse` hardly ever has to; its texts are tested all the same.
#[test]
fn a_head_that_is_not_http_says_where() {
    let cases = [
        (httparse::Error::HeaderName, "malformed HTTP head: a header name is not a token"),
        (httparse::Error::HeaderValue, "malformed HTTP head: a header value holds a forbidden character"),
        (httparse::Error::NewLine, "malformed HTTP head: a line does not end with CR LF"),
        (httparse::Error::TooManyHeaders, "the HTTP head has too many header lines"),
    ];
    for (error, words) in cases {
        assert_eq!(HeadError::from(error).to_string(), words);
    }
}
