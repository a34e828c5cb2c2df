//! A connection as `AsyncRead` and `AsyncWrite`.

use std::io::ErrorKind;

use longwire::{By, ByteStream, Limits, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, copy_bidirectional, duplex};

use crate::support::{
    BINARY, CLOSE, Frame, PING, PONG, ROOMY, TEXT, against_raw, close, end, masked, pair, poll_once, run,
    run_paused, server_and_raw, settle, tcp_pair,
};

#[test]
fn bytes_are_read_across_messages() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let mut stream = ByteStream::new(socket);
        let messages = [masked(BINARY, "one"), masked(BINARY, ""), masked(PING, ""), masked(BINARY, "two")];
        raw.send([messages.concat(), masked(CLOSE, "")].concat()).await;
        let mut first = [0; 2];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"on");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "etwo");
        assert_eq!(stream.read(&mut first).await.unwrap(), 0, "it must stay at its end");
        assert_eq!(raw.frame().await, Frame::new(PONG, ""));
    });
}

#[test]
fn what_is_written_leaves_at_once_as_binary_messages() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let mut stream = ByteStream::new(socket);
        stream.write_all(b"one").await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(BINARY, "one"));
        assert_eq!(stream.write(b"").await.unwrap(), 0);
        stream.write_all(&[7; 70_000]).await.unwrap();
        assert_eq!(raw.frame().await.payload.len(), 65_536);
        assert_eq!(raw.frame().await.payload.len(), 70_000 - 65_536);
        stream.flush().await.unwrap();
    });
}

#[test]
fn a_shutdown_is_a_close_frame_and_what_was_on_its_way_is_read() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let mut stream = ByteStream::new(socket);
        stream.write_all(b"last").await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(raw.frame().await, Frame::new(BINARY, "last"));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
        assert_eq!(stream.write(b"late").await.unwrap_err().kind(), ErrorKind::BrokenPipe);

        raw.send([masked(BINARY, "on its way"), masked(CLOSE, close(1000, ""))].concat()).await;
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "on its way");
        assert_eq!(end(&stream.closed()), (1000, "", By::Local, true));
        stream.shutdown().await.unwrap();
    });
}

#[test]
fn text_is_invalid_data() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let mut stream = ByteStream::new(socket);
        raw.send([masked(BINARY, "bytes"), masked(TEXT, "text")].concat()).await;
        let mut read = Vec::new();
        let error = stream.read_to_end(&mut read).await.unwrap_err();
        assert_eq!((read.as_slice(), error.kind()), (&b"bytes"[..], ErrorKind::InvalidData));
        assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1003, "only binary messages are accepted")));
    });
}

/// A truncated stream must not look complete.
#[test]
fn only_a_normal_close_is_the_end_of_the_stream() {
    run_paused(async {
        for (last, outcome) in [
            (masked(CLOSE, close(1000, "")), Ok(3)),
            (masked(CLOSE, close(1001, "")), Ok(3)),
            (masked(CLOSE, ""), Ok(3)),
            (masked(CLOSE, close(1011, "out of memory")), Err(ErrorKind::ConnectionAborted)),
            (vec![], Err(ErrorKind::UnexpectedEof)),
            (vec![0xff, 0xff], Err(ErrorKind::InvalidData)),
        ] {
            let (socket, mut raw) = server_and_raw();
            let mut stream = ByteStream::from(socket);
            raw.send([masked(BINARY, "one"), last].concat()).await;
            raw.finish().await;
            let read = stream.read_to_end(&mut Vec::new()).await;
            assert_eq!(read.map_err(|error| error.kind()), outcome);
        }
    });
}

/// A Close frame with 1000 in the middle of a message does not end the stream cleanly, whether or not it arrives
/// together with the rest.
#[test]
fn a_message_that_is_cut_off_is_not_the_end_of_the_stream() {
    run_paused(async {
        for comes_later in [false, true] {
            let (socket, mut raw) = server_and_raw();
            let mut stream = ByteStream::new(socket);
            raw.send(masked(0x02, "half")).await;
            let mut half = [0; 4];
            if comes_later {
                stream.read_exact(&mut half).await.unwrap();
                assert_eq!(&half, b"half");
            }
            raw.send(masked(CLOSE, close(1000, ""))).await;
            if !comes_later {
                stream.read_exact(&mut half).await.unwrap();
                assert_eq!(&half, b"half");
            }
            let error = stream.read(&mut half).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
        }
    });
}

/// The rest of a message that was already being received does not belong to the stream.
#[test]
fn the_stream_begins_with_the_next_message() {
    run_paused(async {
        let (mut socket, mut raw) = server_and_raw();
        raw.send(masked(0x01, "begun")).await;
        drop(socket.recv_stream().await.unwrap().unwrap());
        let mut stream = ByteStream::new(socket);
        raw.send([masked(0x80, "ended"), masked(0x02, "from here"), masked(0x80, " on")].concat()).await;
        raw.send(masked(CLOSE, "")).await;
        let mut read = String::new();
        stream.read_to_string(&mut read).await.unwrap();
        assert_eq!(read, "from here on");
    });
}

#[test]
fn a_write_waits_for_a_peer_that_does_not_read() {
    run_paused(async {
        let limits = Limits::default().low_water(50_000).high_water(60_000);
        let (socket, mut raw) = against_raw(Role::Server, 1000, limits);
        let mut stream = ByteStream::new(socket);
        let sending = tokio::spawn(async move {
            stream.write_all(&vec![1; 1_000_000]).await.unwrap();
            stream
        });
        settle().await;
        assert!(!sending.is_finished(), "a million bytes do not fit into the buffers");
        let mut total = 0;
        while total < 1_000_000 {
            total += raw.frame().await.payload.len();
        }
        sending.await.unwrap();
    });
}

#[test]
fn a_read_that_is_given_up_loses_nothing() {
    run_paused(async {
        let (socket, mut raw) = server_and_raw();
        let mut stream = ByteStream::new(socket);
        let mut buffer = [0; 8];
        assert!(poll_once(&mut Box::pin(stream.read(&mut buffer))).await.is_pending());
        raw.send(&masked(BINARY, "kept")[..4]).await;
        assert!(poll_once(&mut Box::pin(stream.read(&mut buffer))).await.is_pending());
        raw.send(&masked(BINARY, "kept")[4..]).await;
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer[..4], b"kept");
    });
}

#[test]
fn bytes_are_copied_both_ways_at_once() {
    run(async {
        let (client, server) = tcp_pair(Limits::default()).await;
        let (near, mut far) = duplex(1 << 16);
        let tunnel = tokio::spawn(async move {
            let (mut near, mut client) = (near, ByteStream::new(client));
            copy_bidirectional(&mut near, &mut client).await.unwrap()
        });
        let echoing = tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(ByteStream::new(server));
            let copied = copy(&mut reader, &mut writer).await.unwrap();
            writer.shutdown().await.unwrap();
            copied
        });
        let sent: Vec<u8> = (0..3_000_000u32).map(|at| at.to_le_bytes()[at as usize % 3]).collect();
        let expected = sent.clone();
        let (mut reader, mut writer) = tokio::io::split(&mut far);
        let mut back = vec![0; sent.len()];
        let (written, read) = tokio::join!(writer.write_all(&sent), reader.read_exact(&mut back));
        written.unwrap();
        read.unwrap();
        assert!(back == expected);
        far.shutdown().await.unwrap();
        assert_eq!(tunnel.await.unwrap(), (3_000_000, 3_000_000));
        assert_eq!(echoing.await.unwrap(), 3_000_000);
    });
}

/// A task that waits on one half of the stream wakes when the other half shuts it down.
#[test]
fn a_half_that_reads_is_woken_by_the_end() {
    run_paused(async {
        let (client, server) = pair(ROOMY, Limits::default());
        let (mut reader, mut writer) = tokio::io::split(ByteStream::new(client));
        let reading = tokio::spawn(async move { reader.read_to_end(&mut Vec::new()).await });
        let echoing = tokio::spawn(async move { ByteStream::new(server).read_to_end(&mut Vec::new()).await });
        settle().await;
        writer.shutdown().await.unwrap();
        assert_eq!(reading.await.unwrap().unwrap(), 0);
        assert_eq!(echoing.await.unwrap().unwrap(), 0);
    });
}

#[test]
fn a_read_of_nothing_waits_for_nothing() {
    run_paused(async {
        let (client, _server) = pair(ROOMY, Limits::default());
        let mut stream = ByteStream::new(client);
        assert_eq!(stream.read(&mut []).await.unwrap(), 0);
    });
}
