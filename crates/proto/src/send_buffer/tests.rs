use super::*;
use crate::header::{FrameKind, ReservedBits};
use crate::opcode::DataOpcode;

fn header(len: usize, masking_key: Option<[u8; 4]>) -> Header {
    let kind = FrameKind::Data { opcode: DataOpcode::Binary, fin: true, len: len as u64 };
    Header { kind, reserved: ReservedBits::NONE, masking_key }
}

/// All waiting bytes, taken with at most `slots` slices at a time, of which `step` bytes are written each time.
fn drain(buffer: &mut Outbound, slots: usize, step: usize) -> Vec<u8> {
    let mut written = Vec::new();
    while buffer.len() > 0 {
        let mut slices = vec![IoSlice::new(&[]); slots];
        let filled = buffer.slices(&mut slices);
        assert!(filled > 0, "{} bytes wait, but no slice was filled", buffer.len());
        let offered: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        let count = offered.len().min(step);
        written.extend_from_slice(&offered[..count]);
        buffer.advance(count);
    }
    written
}

/// A buffer of a driver, in use.
fn lent(memory: Vec<u8>) -> Box<Outbound> {
    let mut outbound = SendBuffer::from(memory).into_outbound();
    outbound.lent();
    outbound
}

fn mixed() -> (Outbound, Vec<u8>) {
    let mut buffer = Outbound::default();
    let mut expected = Vec::new();
    for (fill, len) in
        (1..).zip([3, LARGE_PAYLOAD, 0, LARGE_PAYLOAD + 7, LARGE_PAYLOAD, 200, LARGE_WITHOUT_BUFFER - 1])
    {
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
        for step in [4096, LARGE_PAYLOAD, LARGE_PAYLOAD + 1, usize::MAX] {
            let (mut buffer, expected) = mixed();
            assert!(drain(&mut buffer, slots, step) == expected, "{slots} slices, {step} bytes per write");
        }
    }
}

#[test]
fn all_that_waits_fits_one_write_with_enough_slices() {
    let (buffer, expected) = mixed();
    let mut slices = [IoSlice::new(&[]); 16];
    let filled = buffer.slices(&mut slices);
    // Three payloads are stored beside the buffer; nothing stands between the headers of the third and the fourth.
    assert_eq!(filled, 7);
    assert_eq!(slices[..filled].iter().map(|slice| slice.len()).sum::<usize>(), expected.len());
}

#[test]
fn a_smaller_payload_is_copied_only_into_a_buffer_that_is_there() {
    let payload = Bytes::from(vec![7; LARGE_WITHOUT_BUFFER]);
    let header = header(payload.len(), None);
    let mut slices = [IoSlice::new(&[]); 4];

    let mut without = Outbound::default();
    without.frame_bytes(&header, payload.clone());
    assert_eq!(without.slices(&mut slices), 2);
    assert_eq!(slices[1].as_ptr(), payload.as_ptr());

    let mut lent = lent(Vec::with_capacity(LARGE_PAYLOAD));
    lent.frame_bytes(&header, payload);
    assert_eq!(lent.slices(&mut slices), 1);
}

#[test]
fn a_large_payload_is_lent_not_copied() {
    let payload = Bytes::from(vec![7; LARGE_PAYLOAD]);
    let address = payload.as_ptr();
    let mut buffer = Outbound::default();
    buffer.frame_bytes(&header(LARGE_PAYLOAD, None), payload);
    let mut slices = [IoSlice::new(&[]); 4];
    assert_eq!(buffer.slices(&mut slices), 2);
    assert_eq!(slices[1].as_ptr(), address);
}

#[test]
fn a_large_payload_is_masked_in_place_if_nobody_else_holds_it() {
    let key = [1, 2, 3, 4];
    let masked: Vec<u8> = key.iter().map(|byte| byte ^ 7).cycle().take(LARGE_PAYLOAD).collect();

    let alone = Bytes::from(vec![7; LARGE_PAYLOAD]);
    let address = alone.as_ptr();
    let mut buffer = Outbound::default();
    buffer.frame_bytes(&header(LARGE_PAYLOAD, Some(key)), alone);
    let mut slices = [IoSlice::new(&[]); 4];
    buffer.slices(&mut slices);
    assert_eq!((&*slices[1], slices[1].as_ptr()), (&*masked, address));

    let shared = Bytes::from(vec![7; LARGE_PAYLOAD]);
    let mut buffer = Outbound::default();
    buffer.frame_bytes(&header(LARGE_PAYLOAD, Some(key)), shared.clone());
    buffer.slices(&mut slices);
    assert_eq!(&*slices[1], &*masked);
    assert!(shared.iter().all(|byte| *byte == 7), "a shared payload was changed");
}

#[test]
fn small_payloads_are_masked_behind_their_header() {
    let mut buffer = Outbound::default();
    buffer.frame(&header(3, Some([1, 1, 1, 1])), b"\0\x01\x02");
    assert_eq!(drain(&mut buffer, 1, usize::MAX), b"\x82\x83\x01\x01\x01\x01\x01\x00\x03");
}

#[test]
fn a_buffer_that_never_runs_empty_does_not_grow() {
    let mut buffer = Outbound::default();
    for _ in 0..10_000 {
        buffer.frame(&header(1000, None), &[0; 1000]);
        buffer.frame(&header(1000, None), &[0; 1000]);
        buffer.advance(buffer.len() - 500);
    }
    assert!(buffer.encoded.capacity() < 4 * COMPACT, "{} bytes", buffer.encoded.capacity());
    buffer.advance(usize::MAX);
    assert_eq!((buffer.len(), buffer.encoded.capacity()), (0, 0), "an idle connection holds a buffer");
}

#[test]
fn a_lent_buffer_keeps_its_memory_until_it_is_reclaimed() {
    let memory = b"left over".to_vec();
    let address = memory.as_ptr();
    let mut buffer = lent(memory);
    buffer.frame(&header(3, None), b"abc");
    assert!(!buffer.is_reclaimable(), "a frame waits in it");
    assert_eq!(drain(&mut buffer, 1, usize::MAX), b"\x82\x03abc");
    buffer.frame(&header(1, None), b"d");
    assert_eq!(drain(&mut buffer, 1, usize::MAX), b"\x82\x01d");
    assert!(buffer.is_reclaimable() && !buffer.is_used_up());
    assert_eq!((buffer.encoded.as_ptr(), buffer.encoded.len()), (address, 0));
}

#[test]
fn a_buffer_with_memory_of_its_own_takes_no_other_and_is_freed_when_it_is_empty() {
    let mut buffer = Outbound::default();
    buffer.frame(&header(3, None), b"abc");
    let mut lent = SendBuffer::from(vec![7]);
    buffer.borrow_memory(&mut lent);
    assert_eq!(lent.capacity(), 1);
    assert!(!buffer.is_used_up());
    assert_eq!(drain(&mut buffer, 1, usize::MAX), b"\x82\x03abc");
    assert!(buffer.is_used_up() && !buffer.is_reclaimable());
    assert_eq!(buffer.encoded.capacity(), 0, "an idle connection holds a buffer");
}

#[test]
fn a_lent_buffer_whose_memory_was_taken_goes_back_without_memory_or_gets_new_memory() {
    let mut buffer = lent(Vec::with_capacity(64));
    buffer.frame(&header(3, None), b"abc");
    assert_eq!(buffer.take().as_deref(), Some(&b"\x82\x03abc"[..]));
    assert!(!buffer.is_reclaimable(), "the taken bytes are not written yet");
    buffer.frame(&header(1, None), b"d");
    buffer.advance(5);
    assert_eq!(drain(&mut buffer, 1, usize::MAX), b"\x82\x01d");
    assert!(buffer.is_reclaimable());
    assert_eq!(buffer.encoded.capacity(), 0, "that memory was the connection's");

    let mut other = SendBuffer::from(Vec::with_capacity(64));
    buffer.borrow_memory(&mut other);
    assert_eq!((buffer.encoded.capacity(), other.capacity()), (64, 0));
}

#[test]
fn what_is_taken_out_waits_until_it_is_written_and_what_is_queued_then_comes_after() {
    let mut buffer = Outbound::default();
    assert_eq!(buffer.take(), None, "nothing waits");
    buffer.frame(&header(3, None), b"abc");
    buffer.advance(1);
    let taken = buffer.take().unwrap();
    assert_eq!(taken, b"\x03abc");
    buffer.frame(&header(1, None), b"d");
    assert_eq!(buffer.len(), 4 + 3);
    assert_eq!(buffer.take(), None, "bytes are taken already");
    assert_eq!(buffer.slices(&mut [IoSlice::new(&[]); 2]), 0, "the taken bytes come first");

    buffer.advance(3);
    assert_eq!((buffer.len(), buffer.take()), (1 + 3, None));
    buffer.advance(1);
    assert_eq!(buffer.take().unwrap(), b"\x82\x01d");
    buffer.advance(3);
    assert_eq!(buffer.len(), 0);
}

#[test]
fn a_large_payload_cannot_be_taken_out_and_waits_behind_what_is() {
    let mut buffer = Outbound::default();
    buffer.frame(&header(1, None), b"a");
    assert_eq!(buffer.take().unwrap(), b"\x82\x01a");
    buffer.frame_bytes(&header(LARGE_PAYLOAD, None), vec![7; LARGE_PAYLOAD].into());
    buffer.advance(3);
    assert_eq!(buffer.take(), None, "a large payload waits");
    assert_eq!(drain(&mut buffer, 4, 4096).len(), 10 + LARGE_PAYLOAD);
}

#[test]
fn a_shared_frame_leaves_before_what_is_queued_behind_it_however_it_is_written() {
    let frame = Bytes::from_static(b"\x82\x04news");
    for step in 1..12 {
        for slots in 1..4 {
            let mut buffer = Outbound::default();
            assert!(buffer.share(&frame));
            buffer.raw(b"own");
            buffer.frame_bytes(&header(LARGE_PAYLOAD, None), vec![7; LARGE_PAYLOAD].into());
            let len = buffer.len();
            let written = drain(&mut buffer, slots, step * 1_000 / 7);
            assert_eq!((written.len(), &written[..9]), (len, &b"\x82\x04newsown"[..]), "{slots} slots");
        }
    }
}

#[test]
fn a_shared_frame_is_copied_only_for_a_driver_that_owns_what_it_writes() {
    let frame = Bytes::from_static(b"\x82\x04news");
    let mut buffer = Outbound::default();
    assert!(buffer.share(&frame) && !buffer.share(&frame));
    let mut slices = [IoSlice::new(&[]); 2];
    assert_eq!(buffer.slices(&mut slices), 1);
    assert!(std::ptr::eq(&raw const slices[0][..], &raw const frame[..]));
    assert_eq!(buffer.encoded.capacity(), 0);

    buffer.raw(b"own");
    buffer.advance(2);
    assert_eq!((buffer.take().as_deref(), buffer.len()), (Some(&b"newsown"[..]), 7));
    assert!(!buffer.share(&frame), "taken bytes wait");
    buffer.advance(7);
    assert!(buffer.is_used_up() && buffer.share(&frame));
}

#[test]
fn a_shared_frame_is_copied_into_memory_that_the_driver_lends() {
    let frame = Bytes::from_static(b"\x82\x04news");
    let mut buffer = lent(Vec::new());
    assert!(buffer.share(&frame) && buffer.is_sharing());
    let mut memory = SendBuffer::from(Vec::with_capacity(4_000));
    let address = memory.0.encoded.as_ptr();
    buffer.borrow_memory(&mut memory);
    let taken = buffer.take().unwrap();
    assert_eq!((taken.as_slice(), taken.as_ptr(), memory.capacity()), (&frame[..], address, 0));
    assert!(!buffer.is_sharing());
}
