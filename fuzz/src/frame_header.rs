//! Frame headers, RFC 6455 §5.2.

use longwire_proto::Header;

/// Decodes the bytes as a frame header. Encoding it again must return the same bytes, and later bytes must not change
/// the decision about a prefix of the stream.
pub fn frame_header(data: &[u8]) {
    let whole = Header::decode(data);
    if let Ok(Some((header, used))) = &whole {
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(encoded, data[..*used], "{header:?}");
        assert_eq!(Header::decode(&encoded), whole);
    }
    // No header is longer than 14 bytes.
    let longest = data.len().min(14);
    let decided = (0..=longest).find_map(|len| match Header::decode(&data[..len]) {
        Ok(None) => None,
        decision => Some((len, decision)),
    });
    match decided {
        None => assert_eq!(whole, Ok(None)),
        Some((len, decision)) => {
            assert_eq!(decision, whole, "decided after {len} bytes");
            if let Ok(Some((_, used))) = decision {
                assert_eq!(used, len, "a header takes all the bytes it waited for");
            }
        }
    }
}
