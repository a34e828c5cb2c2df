//! Frames that no honest client sends. None may panic, and each error says what is wrong and where.

use longwire_hub::centrifuge::{Commands, EmulationRequest, Encoding, FrameLimits, Request};
use proptest::prelude::*;

use crate::support::{read, unhex};

/// A field of protobuf with its key and its length.
fn field(key: u8, content: &[u8]) -> Vec<u8> {
    let mut field = vec![key];
    prost::encode_length_delimiter(content.len(), &mut field).unwrap();
    field.extend_from_slice(content);
    field
}

/// What the log says of a frame.
fn fault(encoding: Encoding, frame: &[u8]) -> String {
    read(encoding, frame).unwrap_err().to_string()
}

#[test]
fn malformed_json_is_named_with_its_place() {
    for (frame, expected) in [
        (&b"{"[..], "command 1, after byte 0 of the frame: EOF while parsing an object at line 1 column 1"),
        (b"{}\n{}\nx", "command 3, after byte 5 of the frame: expected value at line 3 column 1"),
        (
            b"{\"id\":-1}",
            "command 1, after byte 0 of the frame: invalid value: integer `-1`, expected u32 at line 1 column 8",
        ),
        (
            b"{\"id\":4294967296}",
            "command 1, after byte 0 of the frame: invalid value: integer `4294967296`, expected u32 at line 1 column 16",
        ),
        (
            b"{\"id\":1.5}",
            "command 1, after byte 0 of the frame: invalid type: floating point `1.5`, expected u32 at line 1 column 9",
        ),
        (
            b"{\"id\":1,\"id\":2}",
            "command 1, after byte 0 of the frame: duplicate field `id` at line 1 column 12",
        ),
        (b"{\"connect\":{}}", "command 1, after byte 0 of the frame: it needs an id, and has none"),
        (
            b"{\"id\":1,\"rpc\":{\"data\":}}",
            "command 1, after byte 0 of the frame: expected value at line 1 column 23",
        ),
        (
            b"{\"id\":1,\"history\":{\"limit\":2147483648}}",
            "command 1, after byte 0 of the frame: invalid value: integer `2147483648`, expected i32 at line 1 column 37",
        ),
    ] {
        assert_eq!(fault(Encoding::Json, frame), expected);
    }
    let invalid_utf8 = b"{\"id\":1,\"rpc\":{\"data\":\"\xff\"}}";
    assert!(fault(Encoding::Json, invalid_utf8).contains("invalid unicode code point"));
    let invalid_utf8 = b"{\"id\":1,\"rpc\":{\"method\":\"\xc3\"}}";
    assert!(fault(Encoding::Json, invalid_utf8).contains("invalid unicode code point"));
}

#[test]
fn malformed_protobuf_is_named_with_its_place() {
    for (frame, expected) in [
        ("ff", "command 1, after byte 0 of the frame: failed to decode Protobuf message: invalid varint"),
        (
            "ffffffffffffffffffff01",
            "command 1, after byte 0 of the frame: failed to decode Protobuf message: invalid varint",
        ),
        ("0003", "command 2, after byte 1 of the frame: it should have 3 bytes, but only 0 follow"),
        (
            "ffffffff0f",
            "command 1, after byte 0 of the frame: it should have 4294967295 bytes, but only 0 follow",
        ),
        (
            "ffffffffffffffffff01",
            "command 1, after byte 0 of the frame: it should have 18446744073709551615 bytes, but only 0 follow",
        ),
        ("022200", "command 1, after byte 0 of the frame: it needs an id, and has none"),
        (
            "0108",
            "command 1, after byte 0 of the frame: failed to decode Protobuf message: CommandFields.id: invalid varint",
        ),
        (
            "0408012a05",
            "command 1, after byte 0 of the frame: failed to decode Protobuf message: CommandFields.subscribe: buffer underflow",
        ),
        (
            "050801090101",
            "command 1, after byte 0 of the frame: failed to decode Protobuf message: CommandFields.id: invalid wire type: SixtyFourBit (expected Varint)",
        ),
    ] {
        assert_eq!(fault(Encoding::Protobuf, &unhex(frame)), expected, "{frame}");
    }
    let name_with_invalid_utf8 = unhex("0708012a030a01ff");
    assert!(fault(Encoding::Protobuf, &name_with_invalid_utf8).contains("not UTF-8 encoded"));
}

#[test]
fn fields_that_come_twice_are_merged_in_protobuf() {
    let commands = read(Encoding::Protobuf, &unhex("0e080108022a030a01612a030a0162")).unwrap();
    assert_eq!(commands[0].id, 2);
    assert!(matches!(&commands[0].request, Request::Subscribe(request) if request.channel == "b"));
}

#[test]
fn nesting_has_a_bound() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let publish = |data: &str| format!("{{\"id\":1,\"publish\":{{\"channel\":\"c\",\"data\":{data}}}}}");
    assert!(read(Encoding::Json, publish(&nested(128)).as_bytes()).is_ok());
    let too_deep = publish(&nested(129));
    assert!(fault(Encoding::Json, too_deep.as_bytes()).contains("data is nested more than 128 levels deep"));
    assert!(read(Encoding::Json, publish(&nested(500_000)).as_bytes()).is_err());
    // Where fields are skipped, depth costs nothing.
    let unknown = format!("{{\"id\":1,\"unknown\":{}}}", nested(500_000));
    assert_eq!(read(Encoding::Json, unknown.as_bytes()).unwrap()[0].request, Request::Unknown);
    // Protobuf groups (wire type 3) nest, too.
    let mut groups = vec![0xf3, 0x01];
    groups.resize(200_000, 0xf3);
    let mut frame = Vec::new();
    prost::encode_length_delimiter(groups.len(), &mut frame).unwrap();
    frame.extend(groups);
    assert!(read(Encoding::Protobuf, &frame).is_err());
    // A filter is skipped however deep it is.
    let filter = (0..3_000).fold(Vec::new(), |inner, _| field(0x32, &inner));
    let command = [vec![0x08, 0x01], field(0x2a, &field(0x6a, &filter))].concat();
    let frame = field(0, &command).split_off(1);
    assert_eq!(read(Encoding::Protobuf, &frame).unwrap()[0].request.declined(), Some("filters by tags"));
}

#[test]
fn the_number_of_commands_has_a_bound() {
    let limits = FrameLimits { commands: 3 };
    for (encoding, pong) in [(Encoding::Json, &b"{}\n"[..]), (Encoding::Protobuf, b"\0")] {
        let at_most = |frame: &[u8]| Commands::new(encoding, frame, limits).collect::<Result<Vec<_>, _>>();
        assert_eq!(at_most(&pong.repeat(3)).unwrap().len(), 3);
        let error = at_most(&pong.repeat(1_000_000)).unwrap_err().to_string();
        assert!(error.starts_with("command 4, "), "{error}");
        assert!(error.ends_with("a frame may have no more than 3 commands"), "{error}");
    }
}

#[test]
fn nothing_follows_an_error() {
    let mut commands = Commands::new(Encoding::Json, b"{} ] {}", FrameLimits::default());
    assert!(commands.next().unwrap().is_ok() && commands.next().unwrap().is_err());
    assert!(commands.next().is_none() && commands.next().is_none());
}

#[test]
fn long_names_are_read_and_not_quoted_in_full() {
    let name = "n".repeat(1 << 20);
    let frame = format!("{{\"id\":1,\"subscribe\":{{\"channel\":\"{name}\"}}}}");
    let commands = read(Encoding::Json, frame.as_bytes()).unwrap();
    assert!(matches!(&commands[0].request, Request::Subscribe(request) if request.channel == name));
    let frame = format!("{{\"id\":\"{name}\"}}");
    assert!(fault(Encoding::Json, frame.as_bytes()).len() < 300);
}

#[test]
fn an_empty_frame_has_no_commands() {
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        assert_eq!(read(encoding, b"").unwrap(), []);
    }
    assert_eq!(read(Encoding::Json, b" \r\n\n").unwrap(), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_bytes_panic(frame in any::<Vec<u8>>()) {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let _ = read(encoding, &frame);
            let _ = EmulationRequest::decode(encoding, &frame);
        }
    }

    #[test]
    fn no_damaged_record_panics(line in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let json: Vec<_> = include_str!("recorded/json.txt").lines().map(|line| line.replace('⏎', "\n").into_bytes()).collect();
        let protobuf = include_str!("recorded/protobuf.txt").lines().filter(|line| !line.starts_with('#'));
        let protobuf: Vec<_> = protobuf.map(unhex).collect();
        for (encoding, frames) in [(Encoding::Json, json), (Encoding::Protobuf, protobuf)] {
            let mut frame = line.get(&frames).clone();
            *at.get_mut(&mut frame) = byte;
            if cut {
                frame.truncate(at.index(frame.len()));
            }
            let _ = read(encoding, &frame);
        }
    }
}
