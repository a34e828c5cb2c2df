use super::*;
use crate::header::{FrameKind, ReservedBits};
use crate::opcode::DataOpcode;

fn header(len: usize, masking_key: Option<[u8; 4]>) -> Header {
    let kind = FrameKind::Data { opcode: DataOpcode::Binary, fin: true, len: len as u64 };
    Header { kind, reserved: ReservedBits::NONE, masking_key }
}

/// Everything that waits, by way of at most `slots` slices at a time and `step` bytes written of each.
fn drain(buffer: &mut SendBuffer, slots: usize, step: usize) -> Vec<u8> {
    let mut written = Vec::new();
    while buffer.len() > 0 {
        let mut slices = vec![IoSlice::new(&[]); slots];
        let filled = buffer.slices(&mut slices);
        assert!(filled > 0, "{} bytes wait, but nothing is to be written", buffer.len());
        let offered: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        let count = offered.len().min(step);
        written.extend_from_slice(&offered[..count]);
        buffer.advance(count);
    }
    written
}

fn mixed() -> (SendBuffer, Vec<u8>) {
    let mut buffer = SendBuffer::default();
    let mut expected = Vec::new();
    for (fill, len) in (1..).zip([3, LARGE, 0, LARGE + 7, LARGE, 200, LARGE - 1]) {
        let payload = vec![fill; len];
        header(len, None).encode(&mut expected);
        expected.extend_from_slice(&payload);
        buffer.frame_bytes(&header(len, None), payload.into());
    }
    assert_eq!(buffer.len(), expected.len());
    (buffer, expected)
}

#[test]
fn frames_leave_in_the_order_they_came_whatever_the_writes_take() {
    for slots in [1, 2, 3, 16] {
        for step in [4096, LARGE, LARGE + 1, usize::MAX] {
            let (mut buffer, expected) = mixed();
            assert!(drain(&mut buffer, slots, step) == expected, "{slots} slices, {step} bytes a write");
        }
    }
}

#[test]
fn all_that_waits_fits_one_write_with_enough_slices() {
    let (buffer, expected) = mixed();
    let mut slices = [IoSlice::new(&[]); 16];
    let filled = buffer.slices(&mut slices);
    // Three payloads go beside the buffer; the headers of the third and fourth are joined by nothing else.
    assert_eq!(filled, 7);
    assert_eq!(slices[..filled].iter().map(|slice| slice.len()).sum::<usize>(), expected.len());
}

#[test]
fn a_large_payload_is_lent_not_copied() {
    let payload = Bytes::from(vec![7; LARGE]);
    let address = payload.as_ptr();
    let mut buffer = SendBuffer::default();
    buffer.frame_bytes(&header(LARGE, None), payload);
    let mut slices = [IoSlice::new(&[]); 4];
    assert_eq!(buffer.slices(&mut slices), 2);
    assert_eq!(slices[1].as_ptr(), address);
}

#[test]
fn a_large_payload_is_masked_in_place_if_nobody_else_holds_it() {
    let key = [1, 2, 3, 4];
    let masked: Vec<u8> = key.iter().map(|byte| byte ^ 7).cycle().take(LARGE).collect();

    let alone = Bytes::from(vec![7; LARGE]);
    let address = alone.as_ptr();
    let mut buffer = SendBuffer::default();
    buffer.frame_bytes(&header(LARGE, Some(key)), alone);
    let mut slices = [IoSlice::new(&[]); 4];
    buffer.slices(&mut slices);
    assert_eq!((&*slices[1], slices[1].as_ptr()), (&*masked, address));

    let shared = Bytes::from(vec![7; LARGE]);
    let mut buffer = SendBuffer::default();
    buffer.frame_bytes(&header(LARGE, Some(key)), shared.clone());
    buffer.slices(&mut slices);
    assert_eq!(&*slices[1], &*masked);
    assert!(shared.iter().all(|byte| *byte == 7), "what others hold has been changed");
}

#[test]
fn small_payloads_are_masked_behind_their_header() {
    let mut buffer = SendBuffer::default();
    buffer.frame(&header(3, Some([1, 1, 1, 1])), b"\0\x01\x02");
    assert_eq!(drain(&mut buffer, 1, usize::MAX), b"\x82\x83\x01\x01\x01\x01\x01\x00\x03");
}

#[test]
fn a_buffer_that_never_runs_empty_does_not_grow() {
    let mut buffer = SendBuffer::default();
    for _ in 0..10_000 {
        buffer.frame(&header(1000, None), &[0; 1000]);
        buffer.frame(&header(1000, None), &[0; 1000]);
        buffer.advance(buffer.len() - 500);
    }
    assert!(buffer.encoded.capacity() < 4 * COMPACT, "{} bytes", buffer.encoded.capacity());
    buffer.advance(usize::MAX);
    assert_eq!((buffer.len(), buffer.encoded.capacity()), (0, 0), "an idle connection holds a buffer");
}
