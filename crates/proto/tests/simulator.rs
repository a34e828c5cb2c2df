//! Two peers, a network that splits and delays, and a simulated clock.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::{Duration, Instant};

use longwire_proto::{
    By, CloseFrame, Config, Event, Keepalive, Last, Limits, MaskingKeys, MessageKind, Protocol, Received,
    Role,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// One direction of the network: the bytes sent, when they arrive, and finally the end of file.
#[derive(Default)]
struct Wire {
    in_flight: VecDeque<(Instant, Vec<u8>)>,
    end: Option<Instant>,
}

struct Peer {
    protocol: Protocol,
    said: Vec<Message>,
    heard: Vec<Message>,
    outbound: Wire,
    shut_down: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Message {
    Text(String),
    Binary(Vec<u8>),
}

struct World {
    random: StdRng,
    now: Instant,
    client: Peer,
    server: Peer,
}

impl World {
    fn new(seed: u64) -> World {
        let limits = Limits::default()
            .close_time(Duration::from_secs(5))
            .keepalive(Keepalive::every(Duration::from_millis(200)));
        let config = Arc::new(Config::new(limits));
        let peer = |role| Peer {
            protocol: Protocol::new(role, Arc::clone(&config)).with_masking_keys(MaskingKeys::seeded(seed)),
            said: Vec::new(),
            heard: Vec::new(),
            outbound: Wire::default(),
            shut_down: false,
        };
        World {
            random: StdRng::seed_from_u64(seed),
            now: Instant::now(),
            client: peer(Role::Client),
            server: peer(Role::Server),
        }
    }

    fn peer(&mut self, role: Role) -> &mut Peer {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    /// Sends a message of a random kind and length, whole or in fragments with pings between.
    fn say(&mut self, role: Role) {
        let len = match self.random.random_range(0..10) {
            0 => 0,
            1..=6 => self.random.random_range(1..300),
            7 | 8 => self.random.random_range(300..70_000),
            _ => self.random.random_range(70_000..300_000),
        };
        let letter = ['a', 'é', '€', '𐍈'][self.random.random_range(0..4)];
        let fragments = self.random.random_range(1..5);
        let text = self.random.random_bool(0.5);
        let peer = self.peer(role);
        let (kind, message, bytes) = if text {
            let content: String = std::iter::repeat_n(letter, len / letter.len_utf8()).collect();
            (MessageKind::Text, Message::Text(content.clone()), content.into_bytes())
        } else {
            let content: Vec<u8> = (0..=250).cycle().take(len).collect();
            (MessageKind::Binary, Message::Binary(content.clone()), content)
        };
        let sent = if fragments == 1 {
            peer.protocol.send_bytes(kind, bytes.into())
        } else {
            // Fragments may be split inside a character.
            let size = bytes.len() / fragments + 1;
            let count = bytes.chunks(size).count().max(1);
            (0..count).try_for_each(|index| {
                let piece = bytes.chunks(size).nth(index).unwrap_or_default();
                peer.protocol.send_ping(b"between")?;
                let last = if index + 1 == count { Last::Yes } else { Last::No };
                peer.protocol.send_fragment(kind, piece, last)
            })
        };
        if sent.is_ok() {
            peer.said.push(message);
        }
    }

    /// Writes some of the waiting bytes. The network takes a random amount and delivers it at a random time.
    fn write(&mut self, role: Role) {
        let share = self.random.random_range(1..=100);
        let delay = Duration::from_millis(self.random.random_range(0..50));
        let now = self.now;
        let peer = self.peer(role);
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = peer.protocol.transmit(&mut slices);
        let mut bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        bytes.truncate((bytes.len() * share).div_ceil(100));
        peer.protocol.transmitted(bytes.len());
        let arrival = peer.outbound.in_flight.back().map_or(now, |(last, _)| *last).max(now + delay);
        if !bytes.is_empty() {
            peer.outbound.in_flight.push_back((arrival, bytes));
        }
        if (peer.protocol.wants_shutdown() || peer.protocol.is_over()) && !peer.shut_down {
            peer.shut_down = true;
            peer.outbound.end = Some(arrival);
        }
    }

    /// Delivers what has arrived for `role`, in pieces of any size.
    fn read(&mut self, role: Role) {
        let now = self.now;
        let piece_len = self.random.random_range(1..100_000);
        let wire = &mut self.peer(role.peer()).outbound;
        let mut arrived = Vec::new();
        while wire.in_flight.front().is_some_and(|(arrival, _)| *arrival <= now) {
            arrived.extend(wire.in_flight.pop_front().map(|(_, bytes)| bytes).unwrap_or_default());
        }
        let ended = wire.in_flight.is_empty() && wire.end.is_some_and(|end| end <= now);
        let peer = self.peer(role);
        if !arrived.is_empty() {
            peer.protocol.heard(now);
        }
        for piece in arrived.chunks_mut(piece_len) {
            let mut received = Received::new(piece);
            while let Some(event) =
                peer.protocol.next_event(&mut received).expect("both peers follow the protocol")
            {
                match event {
                    Event::Text(text) => peer.heard.push(Message::Text(text.into_owned())),
                    Event::Binary(payload) => peer.heard.push(Message::Binary(payload.into_owned())),
                    _ => {}
                }
            }
            assert!(received.is_empty());
        }
        if ended {
            peer.protocol.receive_eof();
        }
    }

    fn step(&mut self) {
        self.now += Duration::from_millis(self.random.random_range(0..30));
        let now = self.now;
        for role in [Role::Client, Role::Server] {
            self.write(role);
            self.read(role);
            let peer = self.peer(role);
            peer.protocol.poll_timeout(now);
            peer.protocol.handle_timeout(now);
        }
    }

    fn run_until_both_are_over(&mut self) {
        let limit = self.now + Duration::from_secs(3600);
        while !(self.client.protocol.is_over() && self.server.protocol.is_over()) {
            self.step();
            assert!(self.now < limit, "an hour has passed, and the connection has not ended");
        }
    }
}

#[test]
fn messages_of_all_kinds_arrive_whole_and_in_order_over_any_network() {
    for seed in 0..40 {
        let mut world = World::new(seed);
        for _ in 0..30 {
            world.say(Role::Client);
            world.say(Role::Server);
            world.step();
        }
        world.client.protocol.close(CloseFrame::new(1000, "done").ok());
        world.run_until_both_are_over();
        // The server had sent everything before it saw the Close frame, and the client received everything while it
        // waited.
        assert_eq!(world.server.heard, world.client.said, "seed {seed}");
        assert!(world.client.heard.len() <= world.server.said.len());
        assert_eq!(world.client.heard, world.server.said[..world.client.heard.len()], "seed {seed}");
        for (peer, by) in [(&world.client, By::Local), (&world.server, By::Peer)] {
            let closed = peer.protocol.closed().unwrap();
            assert_eq!((closed.code.get(), closed.by, closed.clean), (1000, by, true), "seed {seed}");
        }
    }
}

#[test]
fn two_ends_that_close_at_once_both_end_clean() {
    for seed in 0..40 {
        let mut world = World::new(seed);
        world.say(Role::Client);
        world.say(Role::Server);
        world.client.protocol.close(CloseFrame::new(4001, "").ok());
        world.server.protocol.close(CloseFrame::new(4002, "").ok());
        world.run_until_both_are_over();
        let code = |peer: &Peer| peer.protocol.closed().map(|closed| (closed.code.get(), closed.clean));
        assert_eq!(code(&world.client), Some((4002, true)), "seed {seed}");
        assert_eq!(code(&world.server), Some((4001, true)), "seed {seed}");
        assert_eq!((world.client.heard, world.server.heard), (world.server.said, world.client.said));
    }
}

#[test]
fn a_peer_that_never_answers_a_close_is_given_up_after_the_time_for_it() {
    let mut world = World::new(1);
    world.client.protocol.close(None);
    let start = world.now;
    while !world.client.protocol.is_over() {
        world.now += Duration::from_millis(10);
        let now = world.now;
        world.write(Role::Client);
        world.client.protocol.poll_timeout(now);
        world.client.protocol.handle_timeout(now);
    }
    let waited = world.now - start;
    assert!(waited >= Duration::from_secs(5) && waited < Duration::from_secs(6), "{waited:?}");
    assert_eq!(
        world.client.protocol.closed().map(|closed| (closed.by, closed.clean)),
        Some((By::Local, false))
    );
}
