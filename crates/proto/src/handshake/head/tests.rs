use super::super::recorded::{CHROME, REQUESTS, RESPONSES};
use super::{HeadError, HeadLimits, HeadReader, HeadStatus};
use http::StatusCode;

fn reader() -> HeadReader {
    HeadReader::new(HeadLimits::default())
}

/// Feeds `input` at once, then byte by byte, and expects the same error both times.
fn refused(input: impl AsRef<[u8]>) -> HeadError {
    let input = input.as_ref();
    let whole = reader().feed(input).expect_err("refused");
    let mut single = reader();
    let bytewise = input.chunks(1).find_map(|byte| single.feed(byte).err());
    assert_eq!(bytewise, Some(whole));
    whole
}

#[test]
fn a_head_is_the_same_however_it_is_cut() {
    for head in REQUESTS.into_iter().chain(RESPONSES) {
        let head = head.as_bytes();
        for cut in 0..head.len() {
            let (before, after) = head.split_at(cut);
            let mut reader = reader();
            assert_eq!(reader.feed(before), Ok(HeadStatus::Partial), "cut at {cut}");
            assert_eq!(
                reader.feed(after),
                Ok(HeadStatus::Complete { consumed: after.len() }),
                "cut at {cut}"
            );
            assert_eq!(reader.as_bytes(), head);
        }
    }
}

#[test]
fn what_follows_the_head_is_left() {
    let mut reader = reader();
    let input = [CHROME.as_bytes(), b"\x81\x80\0\0\0\0\r\n\r\n"].concat();
    assert_eq!(reader.feed(&input), Ok(HeadStatus::Complete { consumed: CHROME.len() }));
    assert_eq!(reader.feed(b"\x81\x80"), Ok(HeadStatus::Complete { consumed: 0 }));
    assert_eq!(reader.as_bytes(), CHROME.as_bytes());
}

#[test]
fn each_byte_is_scanned_once() {
    for chunk in [1, 2, 7, CHROME.len()] {
        let mut reader = reader();
        for input in CHROME.as_bytes().chunks(chunk) {
            reader.feed(input).unwrap();
        }
        reader.feed(b"frames").unwrap();
        assert_eq!(reader.scanned, CHROME.len(), "chunks of {chunk}");
    }
}

#[test]
fn empty_lines_before_the_start_line_are_passed_over() {
    let mut reader = reader();
    assert_eq!(reader.feed(b"\r\n\r\n\r"), Ok(HeadStatus::Partial));
    assert_eq!(reader.feed(b"\nGET / HTTP/1.1\r\n\r\n"), Ok(HeadStatus::Complete { consumed: 19 }));
    assert_eq!(reader.request().unwrap().uri(), "/");
}

#[test]
fn the_bound_on_bytes() {
    let with = |bytes| HeadReader::new(HeadLimits { bytes, ..HeadLimits::default() });
    let (head, length) = (CHROME.as_bytes(), CHROME.len());
    assert_eq!(with(length + 1).feed(head), Ok(HeadStatus::Complete { consumed: length }));
    assert_eq!(with(length).feed(head), Ok(HeadStatus::Complete { consumed: length }));
    assert_eq!(with(length).feed(&[head, b"frames"].concat()), Ok(HeadStatus::Complete { consumed: length }));
    assert_eq!(with(length - 1).feed(head), Err(HeadError::TooLarge));
    assert_eq!(with(0).feed(b"G"), Err(HeadError::TooLarge));

    let mut bytewise = with(100);
    for byte in head[..99].chunks(1) {
        assert_eq!(bytewise.feed(byte), Ok(HeadStatus::Partial));
    }
    assert_eq!(bytewise.feed(&head[99..]), Err(HeadError::TooLarge));
    assert_eq!(bytewise.feed(b"\r\n\r\n"), Err(HeadError::TooLarge));
    assert_eq!(bytewise.as_bytes().len(), 100);
}

#[test]
fn empty_lines_count_against_the_bound() {
    assert_eq!(refused("\r\n".repeat(10_000)), HeadError::TooLarge);
}

#[test]
fn the_bound_on_header_lines() {
    let head = |lines| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(lines));
    let with = |headers| HeadReader::new(HeadLimits { headers, bytes: usize::MAX });
    assert!(with(3).feed(head(2).as_bytes()).is_ok());
    assert!(with(3).feed(head(3).as_bytes()).is_ok());
    assert_eq!(with(3).feed(head(4).as_bytes()), Err(HeadError::TooManyHeaders));
    assert!(with(0).feed(head(0).as_bytes()).is_ok());
    assert_eq!(with(0).feed(head(1).as_bytes()), Err(HeadError::TooManyHeaders));
    assert_eq!(refused(head(10_000)), HeadError::TooManyHeaders);
}

#[test]
fn more_headers_than_a_map_holds_do_not_panic() {
    let mut reader = HeadReader::new(HeadLimits { bytes: usize::MAX, headers: usize::MAX });
    reader.feed(format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(10_000)).as_bytes()).unwrap();
    assert_eq!(reader.request().unwrap().headers().len(), 10_000);

    let mut reader = HeadReader::new(HeadLimits { bytes: usize::MAX, headers: usize::MAX });
    let lines: String = (0..40_000).map(|number| format!("A{number}: b\r\n")).collect();
    reader.feed(format!("GET / HTTP/1.1\r\n{lines}\r\n").as_bytes()).unwrap();
    assert_eq!(reader.request().unwrap_err(), HeadError::TooManyHeaders);
}

#[test]
fn tls_is_told_apart_by_its_first_byte() {
    let client_hello = refused(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    assert_eq!(client_hello, HeadError::LooksLikeTls);
    assert_eq!(client_hello.to_string(), "this port speaks plain ws://; the client tried TLS");

    let alert = refused(b"\x15\x03\x03\x00\x02\x02\x46");
    assert_eq!(alert, HeadError::TlsAlert);
    assert_eq!(alert.to_string(), "this port speaks TLS: connect with wss://");
}

#[test]
fn what_cannot_be_http_is_refused_at_once() {
    for first in [b"\0", b" ", b"\n", b"\x7f", b"\x80", b"\x81"] {
        assert_eq!(refused(first), HeadError::Malformed("this is not HTTP"), "{first:?}");
    }
    for (input, reason) in [
        ("GET / HTTP/1.1\r\nA: \0", "the head holds a control character"),
        ("GET / HTTP/1.1\r\nA: \x1b", "the head holds a control character"),
        ("GET / HTTP/1.1\r\nA: \x7f", "the head holds a control character"),
        ("GET / HTTP/1.1\r\n\0", "the head holds a control character"),
        ("GET / HTTP/1.1\n", "a line feed stands without a carriage return"),
        ("GET / HTTP/1.1\r\n\n", "a line feed stands without a carriage return"),
        ("GET / HTTP/1.1\rH", "a carriage return stands without a line feed"),
        ("GET / HTTP/1.1\r\n\rH", "a carriage return stands without a line feed"),
        ("\rG", "a carriage return stands without a line feed"),
        ("GET / HTTP/1.1\r\nA: b\r\n c", "a header line is folded"),
        ("GET / HTTP/1.1\r\n\tc", "a header line is folded"),
    ] {
        assert_eq!(refused(input), HeadError::Malformed(reason), "{input:?}");
    }
}

/// Lines are scanned in chunks, so the place of a byte in its line must not matter.
#[test]
fn a_forbidden_byte_is_found_at_any_place_of_a_line() {
    let is_allowed = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte) || byte >= 0x80;
    for before in 0..40 {
        for byte in (0..=u8::MAX).filter(|&byte| byte != b'\r') {
            let line = [b"GET / HTTP/1.1\r\nA".as_slice(), &vec![b'b'; before], &[byte], b"cdef"].concat();
            if is_allowed(byte) {
                assert_eq!(reader().feed(&line), Ok(HeadStatus::Partial), "{byte} after {before}");
            } else {
                refused(&line);
            }
        }
    }
}

#[test]
fn a_failure_is_final() {
    let mut reader = reader();
    assert!(reader.feed(b"GET / HTTP/1.1\n").is_err());
    let again = reader.feed(CHROME.as_bytes()).unwrap_err();
    assert_eq!(again.to_string(), "malformed HTTP head: a line feed stands without a carriage return");
    assert_eq!(reader.request().unwrap_err(), again);
    assert_eq!(reader.response().unwrap_err(), again);
}

#[test]
fn an_incomplete_head_is_not_parsed() {
    let mut reader = reader();
    reader.feed(b"GET / HTTP/1.1\r\n").unwrap();
    assert_eq!(reader.request().unwrap_err(), HeadError::Incomplete);
    assert_eq!(reader.response().unwrap_err(), HeadError::Incomplete);
}

#[test]
fn each_error_has_a_status_and_a_text() {
    for (error, status, text) in [
        (HeadError::TooLarge, 431, "the HTTP head is too large"),
        (HeadError::TooManyHeaders, 431, "the HTTP head has too many header lines"),
        (HeadError::OtherVersion, 505, "this port speaks HTTP/1.1, not another version"),
        (HeadError::Malformed("why"), 400, "malformed HTTP head: why"),
        (HeadError::LooksLikeTls, 400, "this port speaks plain ws://; the client tried TLS"),
        (HeadError::TlsAlert, 400, "this port speaks TLS: connect with wss://"),
        (HeadError::Incomplete, 400, "the HTTP head is incomplete"),
    ] {
        assert_eq!(error.status(), StatusCode::from_u16(status).unwrap());
        assert_eq!(error.to_string(), text);
    }
}
