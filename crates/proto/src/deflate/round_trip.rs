//! The inflater restores what the compressor produced: for all windows, levels and retention settings, over many
//! messages.

use super::*;

/// Lengths of the pieces that a payload is split into, in bytes.
const PIECES: [usize; 4] = [1, 7, 1_000, usize::MAX];

struct Connection {
    compressor: Compressor,
    inflater: Inflater,
    payload: Vec<u8>,
}

impl Connection {
    fn new(config: &Deflate, takeover: Takeover) -> Connection {
        let context = Context { window: config.window, takeover };
        let agreement = Agreement { compress: Some(context), inflate: context };
        Connection {
            compressor: Compressor::new(&agreement, config),
            inflater: Inflater::new(&agreement),
            payload: Vec::new(),
        }
    }

    /// Sends a message and receives it in pieces. The inflater keeps only the agreed window, so a reference beyond it
    /// is an error.
    #[track_caller]
    fn carries(&mut self, message: &[u8], piece: usize) {
        self.payload.clear();
        assert_eq!(self.compressor.compress(message, &mut self.payload), Compression::Applied);
        let mut received = Vec::new();
        for piece in self.payload.chunks(piece) {
            take(&mut self.inflater, piece, message.len(), &mut received);
        }
        self.inflater.finish().unwrap();
        assert!(received == message, "{} bytes became {}", message.len(), received.len());
    }
}

/// Receives a piece of a message.
#[track_caller]
fn take(inflater: &mut Inflater, piece: &[u8], limit: usize, received: &mut Vec<u8>) {
    let taken = inflater.push(piece, limit, |chunk| {
        received.extend_from_slice(chunk);
        Ok::<_, ()>(())
    });
    assert_eq!(taken, Ok(()));
}

/// Incompressible bytes that depend on the seed.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// Typical messages: similar, different, empty, short, and longer than any window.
fn messages() -> Vec<Vec<u8>> {
    let record = |number: usize| {
        format!(r#"{{"id":{number},"symbol":"ABC{}","price":{}.5}}"#, number % 7, number * 31 % 997)
    };
    let mut messages: Vec<Vec<u8>> = (0..12).map(|number| record(number).into_bytes()).collect();
    messages.push(Vec::new());
    messages.push((0..60).map(record).collect::<String>().into_bytes());
    messages.push(bytes(1, 300));
    messages.push(Vec::new());
    messages.push(bytes(1, 300));
    messages.push(vec![b'a'; 3_000]);
    messages.push((0..1_200).map(record).collect::<String>().into_bytes());
    messages.push(bytes(2, 40_000));
    messages.extend((0..12).map(|number| record(number).into_bytes()));
    messages
}

fn each_configuration() -> impl Iterator<Item = (Deflate, Takeover)> {
    let retains = [
        (Retain::Nothing, Takeover::No),
        (Retain::Window, Takeover::Yes),
        (Retain::Compressor, Takeover::Yes),
    ];
    (9..=15).flat_map(move |window| {
        (0..=9).flat_map(move |level| {
            retains.map(|(retain, takeover)| {
                // Alternate small and large, so that each window and each level is tested with both.
                let memory_level = if (window + level) % 2 == 0 { 1 } else { 9 };
                let config = Deflate::default().threshold(0).window(window).level(level);
                (config.memory_level(memory_level).retain(retain), takeover)
            })
        })
    })
}

#[test]
fn every_window_level_and_way_to_remember() {
    let messages = messages();
    for (number, (config, takeover)) in each_configuration().enumerate() {
        let mut connection = Connection::new(&config, takeover);
        for (message, piece) in messages.iter().zip(PIECES.iter().cycle().skip(number)) {
            connection.carries(message, *piece);
        }
    }
}

/// The end of a payload may be just before, at, or just after the end of its buffer.
#[test]
fn messages_of_every_length() {
    let noise = bytes(3, 1_500);
    for level in [0, 1, 6] {
        let mut connection = Connection::new(&Deflate::default().threshold(0).level(level), Takeover::No);
        for len in 0..noise.len() {
            connection.carries(&noise[..len], usize::MAX);
        }
    }
}

/// The thread's pool lends the same states to all connections, unnoticed.
#[test]
fn connections_in_turn() {
    let configurations: Vec<_> = each_configuration().step_by(17).collect();
    let mut connections: Vec<_> =
        configurations.iter().map(|(config, takeover)| Connection::new(config, *takeover)).collect();
    for message in messages() {
        for connection in &mut connections {
            connection.carries(&message, usize::MAX);
        }
    }
}

/// The peer's window is full of data that the compressor has forgotten. That does no harm.
#[test]
fn a_compressor_that_forgets_between_messages() {
    for retain in [Retain::Window, Retain::Compressor] {
        let mut connection = Connection::new(&Deflate::default().threshold(0).retain(retain), Takeover::Yes);
        for (number, message) in messages().iter().enumerate() {
            connection.carries(message, 7);
            if number % 3 == 0 {
                connection.compressor.forget();
            }
        }
    }
}

/// Messages that arrive in pieces on many connections at once need more inflaters than a thread keeps.
#[test]
fn messages_that_arrive_at_once() {
    let config = Deflate::default().threshold(0);
    let mut connections: Vec<_> = (0..10).map(|_| Connection::new(&config, Takeover::Yes)).collect();
    for round in 0..3 {
        let messages: Vec<_> = (0..10).map(|seed| bytes(seed * 10 + round, 500)).collect();
        let mut received = vec![Vec::new(); 10];
        for (connection, message) in connections.iter_mut().zip(&messages) {
            connection.payload.clear();
            assert_eq!(
                connection.compressor.compress(message, &mut connection.payload),
                Compression::Applied
            );
        }
        for at in 0..600 {
            for (connection, received) in connections.iter_mut().zip(&mut received) {
                let piece = connection.payload.get(at..=at).unwrap_or_default();
                take(&mut connection.inflater, piece, 500, received);
            }
        }
        for connection in &mut connections {
            connection.inflater.finish().unwrap();
        }
        assert_eq!(received, messages);
    }
}

/// Drivers move connections between threads.
#[test]
fn both_halves_may_change_threads() {
    let mut connection = Connection::new(&Deflate::dedicated().threshold(0), Takeover::Yes);
    for message in messages() {
        connection = std::thread::spawn(move || {
            connection.carries(&message, 1_000);
            connection
        })
        .join()
        .unwrap();
    }
}
