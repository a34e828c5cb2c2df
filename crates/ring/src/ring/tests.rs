use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;

use rustix::io::Errno;

use super::*;

const SMALL: Sizes = Sizes { submissions: 64, completions: 256, buffers: 8, buffer_length: 4096 };

/// A ring, unless the kernel or a sandbox refuses it.
fn ring(sizes: Sizes) -> Option<Ring> {
    Ring::new(sizes).inspect_err(|_| crate::skipped::skipped_without("io_uring")).ok()
}

/// The next completion.
fn next(ring: &mut Ring) -> Completion {
    for _ in 0..100 {
        if let Some(completion) = ring.next_completion() {
            return completion;
        }
        ring.submit_and_wait(Some(Duration::from_millis(100))).unwrap();
    }
    panic!("no completion");
}

/// A connection: our end as a [`Socket`], and the peer's end.
fn pair(ring: &mut Ring) -> (Socket, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (ring.hold(ours.into()), theirs)
}

/// The next received bytes, and the token of their receive.
fn received(ring: &mut Ring) -> (u64, Vec<u8>) {
    match next(ring) {
        Completion::Received { token, data } => (token, data.to_vec()),
        other => panic!("{other:?}"),
    }
}

/// Why receiving ended.
fn receive_ended(ring: &mut Ring) -> ReceiveEnd {
    match next(ring) {
        Completion::ReceiveEnded { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

/// The result of a send. Its buffer must be returned empty.
fn sent(ring: &mut Ring) -> Result<(), Errno> {
    match next(ring) {
        Completion::Sent { buffer, result, .. } => {
            assert!(buffer.is_empty() && buffer.capacity() > 0);
            result.map_err(|error| Errno::from_io_error(&error).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

/// More than a socket's buffers hold, with no two equal parts.
fn much() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn a_connection_is_accepted_echoed_and_ended() {
    let Some(mut ring) = ring(SMALL) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listener = ring.hold(listener.into());
    let accept = ring.accept(listener, 0);

    let mut client = TcpStream::connect(address).unwrap();
    let Completion::Accepted { socket, .. } = next(&mut ring) else { panic!() };
    let socket = ring.hold(socket);
    ring.receive(socket, 8);
    client.write_all(b"hello").unwrap();
    assert_eq!(received(&mut ring), (8, b"hello".to_vec()));
    ring.send(socket, b"hello".to_vec(), 9);
    assert_eq!(sent(&mut ring), Ok(()));
    let mut echo = [0; 5];
    client.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"hello");

    drop(client);
    assert!(matches!(receive_ended(&mut ring), ReceiveEnd::EndOfFile));
    assert!(ring.release(socket).is_some(), "an operation is still in flight");

    let _second = TcpStream::connect(address).unwrap();
    assert!(matches!(next(&mut ring), Completion::Accepted { .. }));
    ring.cancel(accept);
    let Completion::AcceptEnded { error, .. } = next(&mut ring) else { panic!() };
    assert_eq!(Errno::from_io_error(&error), Some(Errno::CANCELED));
}

#[test]
fn what_is_received_may_be_changed_in_place_while_operations_are_put_in() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    ring.receive(ours, 0);
    theirs.write_all(b"masked").unwrap();
    let Completion::Received { mut data, .. } = next(&mut ring) else { panic!() };
    data.make_ascii_uppercase();
    ring.send(ours, data.to_vec(), 0);
    drop(data);
    assert_eq!(sent(&mut ring), Ok(()));
    let mut answer = [0; 6];
    theirs.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"MASKED");
}

#[test]
fn a_connection_that_is_dropped_while_it_sends_is_sent_to_the_end_and_closed_then() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    ring.send(ours, much(), 0);
    ring.close(ours);
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).unwrap();
        all
    });
    assert_eq!(sent(&mut ring), Ok(()));
    assert_eq!(reader.join().unwrap(), much());
}

#[test]
fn a_peer_that_goes_away_amid_a_send_makes_it_fail_and_the_buffer_comes_back() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, theirs) = pair(&mut ring);
    ring.send(ours, much(), 0);
    ring.submit_and_wait(Some(Duration::ZERO)).unwrap();
    assert!(ring.next_completion().is_none(), "the send completed without enough room");
    drop(theirs);
    // The kernel first reports a partial send, and the error only to the send of the rest.
    assert!(matches!(sent(&mut ring), Err(Errno::PIPE | Errno::CONNRESET)));
}

#[test]
fn a_send_that_is_cancelled_half_way_ends_there() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    let send = ring.send(ours, much(), 0);
    ring.submit_and_wait(Some(Duration::ZERO)).unwrap();
    ring.cancel(send);
    assert_eq!(sent(&mut ring), Err(Errno::CANCELED));
    ring.close(ours);
    let mut part = Vec::new();
    theirs.read_to_end(&mut part).unwrap();
    assert!(!part.is_empty() && part.len() < much().len() && much().starts_with(&part));
}

#[test]
fn receiving_is_cancelled_and_begun_again_without_losing_bytes() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    for round in 0..3_u8 {
        let receive = ring.receive(ours, 0);
        theirs.write_all(&[round]).unwrap();
        assert_eq!(received(&mut ring).1, [round]);
        ring.cancel(receive);
        assert!(matches!(receive_ended(&mut ring), ReceiveEnd::Cancelled));
        assert_eq!(ring.in_flight_for(ours), 0);
    }
}

#[test]
fn cancelling_what_has_ended_cancels_nothing_that_took_its_place() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    let ended = ring.poll_writable(ours, 0);
    assert!(matches!(next(&mut ring), Completion::Writable { .. }));
    ring.receive(ours, 1);
    ring.cancel(ended);
    theirs.write_all(b"still here").unwrap();
    assert_eq!(received(&mut ring), (1, b"still here".to_vec()));
}

#[test]
fn polls_tell_once_and_can_be_cancelled() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    ring.poll_readable(ours, 3);
    ring.submit_and_wait(Some(Duration::ZERO)).unwrap();
    assert!(ring.next_completion().is_none(), "the poll completed with nothing to read");
    theirs.write_all(b"once").unwrap();
    theirs.write_all(b"twice").unwrap();
    assert!(matches!(next(&mut ring), Completion::Readable { token: 3 }));
    assert!(ring.next_completion().is_none());

    let (full, _theirs) = pair(&mut ring);
    ring.send(full, much(), 0);
    ring.submit_and_wait(Some(Duration::ZERO)).unwrap();
    let waiting = ring.poll_writable(full, 4);
    ring.cancel(waiting);
    assert!(matches!(next(&mut ring), Completion::Writable { token: 4 }));
}

#[test]
fn a_full_socket_takes_a_large_send_as_the_peer_reads() {
    let Some(mut ring) = ring(SMALL) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size(&server, 4096).unwrap();
    let server = ring.hold(server.into());
    ring.send(server, much(), 0);
    ring.submit_and_wait(Some(Duration::ZERO)).unwrap();
    assert!(ring.next_completion().is_none(), "the send completed although the peer does not read");

    let reader = thread::spawn(move || {
        let mut all = vec![0; much().len()];
        client.read_exact(&mut all).unwrap();
        all
    });
    assert_eq!(sent(&mut ring), Ok(()));
    assert!(reader.join().unwrap() == much());
}

#[test]
fn what_one_round_of_a_send_leaves_over_the_next_one_sends() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    let operation = ring.operations.begin(ours.0, 5, Work::Send, Some(b"hello".to_vec())).unwrap();
    ring.close(ours);
    // As if the kernel had sent a part, which it does only beyond 2 GiB or when interrupted.
    assert!(ring.round_of_sending(operation, 5, Ok(3)).is_none());
    assert_eq!(sent(&mut ring), Ok(()));
    let mut rest = Vec::new();
    theirs.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"lo");
}

#[test]
fn who_finds_no_buffer_is_told_and_goes_on_when_one_was_given_back() {
    let Some(mut ring) = ring(Sizes { buffers: 2, buffer_length: 4, ..SMALL }) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    ring.receive(ours, 0);
    theirs.write_all(b"aaaabbbbccccdd").unwrap();
    let mut held = VecDeque::new();
    for expected in [b"aaaa", b"bbbb"] {
        let Completion::Received { data, .. } = next(&mut ring) else { panic!() };
        assert_eq!(*data, *expected);
        held.push_back(data);
    }
    assert!(matches!(receive_ended(&mut ring), ReceiveEnd::NoBuffers));

    held.pop_front();
    ring.receive(ours, 0);
    assert_eq!(received(&mut ring).1, b"cccc");
    assert_eq!(**held.front().unwrap(), *b"bbbb", "a leased buffer was written to");
    drop(theirs);
    let mut rest = Vec::new();
    loop {
        match next(&mut ring) {
            Completion::Received { data, .. } => rest.extend_from_slice(&data),
            Completion::ReceiveEnded { why: ReceiveEnd::EndOfFile, .. } => break,
            Completion::ReceiveEnded { why: ReceiveEnd::NoBuffers, .. } => drop(ring.receive(ours, 0)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rest, b"dd");
}

#[test]
fn every_buffer_is_used_again_and_again() {
    let Some(mut ring) = ring(SMALL) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    ring.receive(ours, 0);
    // The counter of given buffers, 16 bits wide, wraps.
    for round in 0..70_000_u32 {
        theirs.write_all(&round.to_le_bytes()).unwrap();
        assert_eq!(received(&mut ring).1, round.to_le_bytes());
    }
}

#[test]
fn ten_thousand_sends_pass_through_eight_places() {
    const SENDS: usize = 10_000;
    let Some(mut ring) = ring(Sizes { submissions: 8, completions: 16, ..SMALL }) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    for token in 0..SENDS {
        ring.send(ours, vec![1], token as u64);
    }
    ring.close(ours);
    let reader = thread::spawn(move || {
        let mut all = Vec::new();
        theirs.read_to_end(&mut all).unwrap();
        all.len()
    });
    let mut tokens: Vec<u64> = (0..SENDS)
        .map(|_| match next(&mut ring) {
            Completion::Sent { token, result: Ok(()), .. } => token,
            other => panic!("{other:?}"),
        })
        .collect();
    tokens.sort_unstable();
    assert!(tokens.into_iter().eq(0..SENDS as u64), "not every send completed exactly once");
    assert!(ring.backlog.capacity() < 2 * IDLE_BACKLOG, "it keeps room for {}", ring.backlog.capacity());
    assert_eq!(reader.join().unwrap(), SENDS);
}

#[test]
fn what_the_submission_queue_does_not_hold_is_submitted_before_the_wait() {
    let Some(mut ring) = ring(Sizes { submissions: 8, completions: 16, ..SMALL }) else { return };
    let (ours, mut theirs) = pair(&mut ring);
    for _ in 0..100 {
        ring.send(ours, vec![1], 0);
    }
    ring.submit_and_wait(Some(Duration::ZERO)).unwrap();
    theirs.set_nonblocking(true).unwrap();
    theirs.read_exact(&mut [0; 100]).unwrap();
}

#[test]
fn more_than_the_completion_queue_holds_is_received() {
    const CONNECTIONS: u64 = 100;
    let sizes = Sizes { submissions: 8, completions: 16, buffers: 128, buffer_length: 64 };
    let Some(mut ring) = ring(sizes) else { return };
    let mut pairs: Vec<_> = (0..CONNECTIONS).map(|_| pair(&mut ring)).collect();
    for (token, (ours, _)) in pairs.iter().enumerate() {
        ring.receive(*ours, token as u64);
    }
    for round in 0..3_u8 {
        for (_, theirs) in &mut pairs {
            theirs.write_all(&[round]).unwrap();
        }
        let mut tokens: Vec<u64> = (0..CONNECTIONS)
            .map(|_| {
                let (token, bytes) = received(&mut ring);
                assert_eq!(bytes, [round]);
                token
            })
            .collect();
        tokens.sort_unstable();
        assert!(tokens.into_iter().eq(0..CONNECTIONS));
    }
}

#[test]
fn a_loop_that_waits_is_woken_by_every_thread_that_has_something_for_it() {
    const THREADS: u64 = 2;
    const ITEMS: u64 = 10_000;
    let Some(mut ring) = ring(SMALL) else { return };
    let (queue, items) = mpsc::channel();
    for _ in 0..THREADS {
        let (queue, waker) = (queue.clone(), ring.waker());
        thread::spawn(move || {
            for item in 0..ITEMS {
                queue.send(item).unwrap();
                waker.wake();
            }
        });
    }
    let mut sum = 0;
    while sum < THREADS * ITEMS * (ITEMS - 1) / 2 {
        assert!(matches!(next(&mut ring), Completion::Woken));
        sum += items.try_iter().sum::<u64>();
    }
}

#[test]
fn being_woken_often_is_told_once_until_it_is_noticed() {
    let Some(mut ring) = ring(SMALL) else { return };
    let waker = ring.waker();
    for _ in 0..2 {
        (0..1000).for_each(|_| waker.wake());
        assert!(matches!(next(&mut ring), Completion::Woken));
        ring.submit_and_wait(Some(Duration::ZERO)).unwrap();
        assert!(ring.next_completion().is_none());
    }
    drop(ring);
    waker.wake();
}

#[test]
fn a_ring_that_is_dropped_gives_back_all_it_held() {
    let Some(mut ring) = ring(Sizes { buffers: 256, ..SMALL }) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let listener = ring.hold(listener.into());
    ring.accept(listener, 0);
    let mut peers = Vec::new();
    for token in 0..200 {
        let (ours, mut theirs) = pair(&mut ring);
        ring.receive(ours, token);
        ring.poll_readable(ours, token);
        ring.send(ours, vec![7; 1 << 20], token);
        theirs.write_all(b"unread").unwrap();
        peers.push(theirs);
    }
    ring.submit_and_wait(Some(Duration::ZERO)).unwrap();
    let lease = loop {
        if let Completion::Received { data, .. } = next(&mut ring) {
            break data;
        }
    };
    // Some are not submitted, and one accepted connection is not handled.
    let (ours, theirs) = pair(&mut ring);
    ring.send(ours, vec![0; 100], 0);
    peers.push(theirs);
    ring.close(ours);
    let mut accepted = TcpStream::connect(address).unwrap();

    drop(ring);
    assert_eq!(*lease, *b"unread", "the lease did not outlive the ring");
    for mut peer in peers {
        // Returns only once our end is closed, however much was sent before.
        let ended = peer.read_to_end(&mut Vec::new());
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset));
    }
    let ended = accepted.read(&mut [0]);
    assert!(matches!(ended, Ok(0)) || ended.is_err());
    assert!(TcpStream::connect(address).is_err(), "the listener is still open");
}

#[test]
fn sizes_that_cannot_be_are_refused_with_a_reason() {
    if ring(SMALL).is_none() {
        return;
    }
    let error = Ring::new(Sizes { buffers: 3, ..SMALL }).err().unwrap();
    assert!(error.to_string().contains("power of two"), "{error}");
    let error = Ring::new(Sizes { completions: 1 << 30, ..SMALL }).err().unwrap();
    assert!(error.to_string().contains("the kernel refuses io_uring"), "{error}");
}

/// The purpose of this engine: all connections share their system calls.
#[test]
fn a_sweep_over_64_connections_takes_few_system_calls() {
    const CONNECTIONS: usize = 64;
    const ROUNDS: usize = 50;
    let Some(mut ring) = ring(Sizes { buffers: 64, ..SMALL }) else { return };
    let mut pairs: Vec<_> = (0..CONNECTIONS).map(|_| pair(&mut ring)).collect();
    for (token, (ours, _)) in pairs.iter().enumerate() {
        ring.receive(*ours, token as u64);
    }
    let mut enters = 0;
    for _ in 0..ROUNDS {
        for (_, theirs) in &mut pairs {
            theirs.write_all(b"0123456789abcdef").unwrap();
        }
        let mut echoed = 0;
        while echoed < CONNECTIONS {
            ring.submit_and_wait(None).unwrap();
            enters += 1;
            while let Some(completion) = ring.next_completion() {
                match completion {
                    Completion::Received { token, data } => {
                        let (ours, _) = &pairs[usize::try_from(token).unwrap()];
                        ring.send(*ours, data.to_vec(), token);
                    }
                    Completion::Sent { result, .. } => {
                        result.unwrap();
                        echoed += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        for (_, theirs) in &mut pairs {
            theirs.read_exact(&mut [0; 16]).unwrap();
        }
    }
    let per_message = f64::from(enters) / (CONNECTIONS * ROUNDS) as f64;
    println!("{per_message:.3} system calls per message");
    assert!(per_message < 0.1, "{per_message}");
}
