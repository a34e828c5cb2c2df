use super::*;

fn data(opcode: DataOpcode, fin: bool, len: u64) -> FrameKind {
    FrameKind::Data { opcode, fin, len }
}

fn control(opcode: ControlOpcode, len: usize) -> FrameKind {
    FrameKind::Control { opcode, len: ControlLen::new(len).unwrap() }
}

fn plain(kind: FrameKind) -> Header {
    Header { kind, reserved: ReservedBits::NONE, masking_key: None }
}

#[test]
fn the_examples_of_rfc_6455_section_5_7() {
    let cases: [(&[u8], Header); 7] = [
        (b"\x81\x05", plain(data(DataOpcode::Text, true, 5))),
        (
            b"\x81\x85\x37\xfa\x21\x3d",
            Header { masking_key: Some([0x37, 0xfa, 0x21, 0x3d]), ..plain(data(DataOpcode::Text, true, 5)) },
        ),
        (b"\x01\x03", plain(data(DataOpcode::Text, false, 3))),
        (b"\x80\x02", plain(data(DataOpcode::Continuation, true, 2))),
        (b"\x89\x05", plain(control(ControlOpcode::Ping, 5))),
        (b"\x82\x7e\x01\x00", plain(data(DataOpcode::Binary, true, 256))),
        (b"\x82\x7f\0\0\0\0\0\x01\0\0", plain(data(DataOpcode::Binary, true, 65536))),
    ];
    for (bytes, header) in cases {
        assert_eq!(Header::decode(bytes), Ok(Some((header, bytes.len()))), "{bytes:x?}");
        let mut encoded = Vec::new();
        header.encode(&mut encoded);
        assert_eq!(encoded, bytes);
    }
}

#[test]
fn every_header_survives_the_wire_and_no_prefix_of_it_is_a_header() {
    let lengths = [0, 1, 125, 126, 127, 255, 256, 65535, 65536, 1 << 32, (1 << 63) - 1];
    let reserved = [ReservedBits::NONE, ReservedBits::RSV1, ReservedBits::RSV2 | ReservedBits::RSV3];
    for len in lengths {
        for opcode in [DataOpcode::Continuation, DataOpcode::Text, DataOpcode::Binary] {
            for fin in [true, false] {
                for reserved in reserved {
                    for masking_key in [None, Some([1, 2, 3, 4])] {
                        let header = Header { kind: data(opcode, fin, len), reserved, masking_key };
                        let mut bytes = Vec::new();
                        header.encode(&mut bytes);
                        assert!(bytes.len() <= MAX_HEADER_LEN);
                        assert_eq!(Header::decode(&bytes), Ok(Some((header, bytes.len()))));
                        for cut in 0..bytes.len() {
                            assert_eq!(Header::decode(&bytes[..cut]), Ok(None), "{bytes:x?} cut at {cut}");
                        }
                        assert_eq!(
                            (header.opcode(), header.payload_len(), header.fin()),
                            (opcode.into(), len, fin)
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_length_must_be_minimal_and_positive() {
    let not_minimal: [&[u8]; 4] = [
        b"\x82\x7e\x00\x7d",
        b"\x82\x7e\x00\x00",
        b"\x82\x7f\0\0\0\0\0\0\xff\xff",
        b"\x82\xff\0\0\0\0\0\0\0\0",
    ];
    for bytes in not_minimal {
        assert_eq!(Header::decode(bytes), Err(ProtocolError::LengthNotMinimal), "{bytes:x?}");
    }
    assert_eq!(Header::decode(b"\x82\x7f\x80\0\0\0\0\0\0\0"), Err(ProtocolError::LengthTooLarge));
    assert_eq!(
        Header::decode(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"),
        Err(ProtocolError::LengthTooLarge)
    );
}

#[test]
fn reserved_opcodes_fail_whatever_follows() {
    for bits in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_eq!(Header::decode(&[0x80 | bits, 0]), Err(ProtocolError::ReservedOpcode(bits)));
    }
}

#[test]
fn control_frames_are_whole_and_short_or_fail_before_their_length_has_arrived() {
    for opcode in [0x8, 0x9, 0xa] {
        assert_eq!(Header::decode(&[opcode, 0]), Err(ProtocolError::ControlFragmented));
        assert_eq!(Header::decode(&[0x80 | opcode, 126]), Err(ProtocolError::ControlTooLong));
        assert_eq!(Header::decode(&[0x80 | opcode, 0xff]), Err(ProtocolError::ControlTooLong));
        let (header, used) = Header::decode(&[0x80 | opcode, 125]).unwrap().unwrap();
        assert_eq!((header.payload_len(), header.fin(), used), (125, true, 2));
    }
}

#[test]
fn a_control_length_is_at_most_125() {
    assert_eq!(ControlLen::new(125).map(ControlLen::get), Some(125));
    assert_eq!(ControlLen::new(126), None);
    assert_eq!(ControlLen::new(usize::MAX), None);
}

#[test]
fn reserved_bits_are_compared_as_sets() {
    let both = ReservedBits::RSV1 | ReservedBits::RSV2;
    assert!(
        ReservedBits::NONE.within(ReservedBits::NONE) && ReservedBits::RSV1.within(both) && both.within(both)
    );
    assert!(!both.within(ReservedBits::RSV1) && !ReservedBits::RSV3.within(both));
    assert_eq!(Header::decode(b"\xf1\x00").unwrap().unwrap().0.reserved, both | ReservedBits::RSV3);
}
