use std::net::{TcpListener, TcpStream};

use socket2::{Domain, Socket, Type};

use super::*;

fn each_engine(test: impl Fn(Io)) {
    test(Io::new(Engine::Readiness).unwrap());
    if let Ok(io) = Io::new(Engine::Uring) {
        test(io);
    }
}

fn next(io: &mut Io) -> Happened {
    for _ in 0..60 {
        if let Some(happened) = io.next() {
            return happened;
        }
        io.wait(Some(Duration::from_secs(1))).unwrap();
    }
    panic!("nothing happened for a minute");
}

fn connect(io: &mut Io, to: std::net::SocketAddr) -> Token {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    if let Err(error) = socket.connect(&to.into()) {
        assert!(is_in_progress(&error), "{error}");
    }
    io.connecting(socket).unwrap()
}

#[test]
fn what_is_sent_arrives_and_an_end_is_seen() {
    each_engine(|mut io| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connecting = connect(&mut io, listener.local_addr().unwrap());
        let (peer, _) = listener.accept().unwrap();
        let Happened::Connected(token, Ok(())) = next(&mut io) else { panic!("not connected") };
        assert_eq!(token, connecting);
        let other = io.adopt(peer).unwrap();
        // More than a socket takes at once, so that it takes several steps.
        let large = vec![7; 8 << 20];
        io.send(token, large.clone());
        let (mut received, mut sent) = (Vec::new(), false);
        while received.len() < large.len() || !sent {
            match next(&mut io) {
                Happened::Received(from, data) => {
                    assert_eq!(from, other);
                    received.extend_from_slice(&data);
                    io.recycle(data);
                }
                Happened::Sent(to, buffer, Ok(())) => {
                    assert_eq!(to, token);
                    sent = buffer.is_empty();
                }
                unexpected => panic!("{unexpected:?}"),
            }
        }
        assert!(received == large, "the bytes differ");
        io.release(token, Dropping::Gently);
        let Happened::Ended(ended, Ok(())) = next(&mut io) else { panic!("no end") };
        assert_eq!(ended, other);
    });
}

#[test]
fn a_reset_is_an_error_and_a_closed_port_refuses() {
    each_engine(|mut io| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ours = io.adopt(TcpStream::connect(address).unwrap()).unwrap();
        let (peer, _) = listener.accept().unwrap();
        let theirs = io.adopt(peer).unwrap();
        io.release(ours, Dropping::WithReset);
        let Happened::Ended(ended, Err(error)) = next(&mut io) else { panic!("no error") };
        assert_eq!((ended, error.kind()), (theirs, io::ErrorKind::ConnectionReset));
        drop(listener);
        let refused = connect(&mut io, address);
        let Happened::Connected(token, Err(error)) = next(&mut io) else { panic!("it is connected") };
        assert_eq!((token, error.kind()), (refused, io::ErrorKind::ConnectionRefused));
    });
}
