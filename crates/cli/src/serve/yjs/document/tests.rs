use super::*;

/// A generator of random numbers that a seed repeats (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % count
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap()
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.index(list.len())]
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// Bytes of an update, written down.
struct Bytes(Vec<u8>);

impl Bytes {
    fn new() -> Bytes {
        Bytes(Vec::new())
    }

    fn number(mut self, number: u64) -> Bytes {
        write_number(&mut self.0, number);
        self
    }

    fn byte(mut self, byte: u8) -> Bytes {
        self.0.push(byte);
        self
    }

    fn text(mut self, text: &str) -> Bytes {
        write_count(&mut self.0, text.len());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// The head of an update of one client.
    fn client(client: u64, blocks: u64, clock: u64) -> Bytes {
        Bytes::new().number(1).number(blocks).number(client).number(clock)
    }

    /// Text at the beginning of the root `a`.
    fn first_text(self, text: &str) -> Bytes {
        self.number(4).number(1).text("a").text(text)
    }

    /// Text behind a change of a client.
    fn text_after(self, client: u64, clock: u64, text: &str) -> Bytes {
        self.byte(0x84).number(client).number(clock).text(text)
    }

    fn deleted(self, client: u64, ranges: &[(u64, u64)]) -> Bytes {
        let head = self.number(1).number(client).number(ranges.len() as u64);
        ranges.iter().fold(head, |bytes, (start, len)| bytes.number(*start).number(*len))
    }

    fn nothing_deleted(self) -> Bytes {
        self.number(0)
    }
}

fn apply(document: &mut MergedDocument, update: &Bytes) -> bool {
    document.apply(Update::read(&update.0).unwrap())
}

fn whole(document: &MergedDocument) -> Vec<u8> {
    document.since(&StateVector::default())
}

#[test]
fn what_is_typed_one_by_one_is_one_block() {
    let mut document = MergedDocument::default();
    assert!(apply(&mut document, &Bytes::client(7, 1, 0).first_text("h").nothing_deleted()));
    for (clock, letter) in ["e", "l", "l", "o"].into_iter().enumerate() {
        let clock = clock as u64;
        let update = Bytes::client(7, 1, clock + 1).text_after(7, clock, letter).nothing_deleted();
        assert!(apply(&mut document, &update));
        assert!(!apply(&mut document, &update), "it is known");
    }
    assert_eq!(whole(&document), Bytes::client(7, 1, 0).first_text("hello").nothing_deleted().0);
    assert_eq!(document.state(), [1, 7, 5]);
    let since = document.since(&StateVector::read(&mut Lib0Reader::new(&[1, 7, 3])).unwrap());
    assert_eq!(since, Bytes::client(7, 1, 3).text_after(7, 2, "lo").nothing_deleted().0);
}

#[test]
fn what_was_deleted_is_dropped_and_its_place_stays() {
    let mut document = MergedDocument::default();
    let update = Bytes::client(7, 1, 0).first_text("hello").deleted(7, &[(1, 3)]);
    apply(&mut document, &update);
    let expected = Bytes::client(7, 3, 0).first_text("h").byte(0x81).number(7).number(0).number(3);
    let expected = expected.text_after(7, 3, "o").deleted(7, &[(1, 3)]);
    assert_eq!(whole(&document), expected.0);
    assert_eq!(document.blocks(), 3);
    apply(&mut document, &Bytes::new().number(0).deleted(7, &[(0, 1), (4, 1)]));
    assert_eq!(document.blocks(), 1);
}

#[test]
fn a_deletion_may_come_before_what_it_deletes() {
    let mut document = MergedDocument::default();
    assert!(apply(&mut document, &Bytes::new().number(0).deleted(7, &[(1, 1)])));
    apply(&mut document, &Bytes::client(7, 1, 0).first_text("abc").nothing_deleted());
    assert_eq!(document.blocks(), 3);
    assert!(!whole(&document).contains(&b'b'));
}

#[test]
fn a_gap_is_kept_until_it_is_filled() {
    let mut document = MergedDocument::default();
    apply(&mut document, &Bytes::client(7, 1, 0).first_text("ab").nothing_deleted());
    apply(&mut document, &Bytes::client(7, 1, 4).text_after(7, 3, "ef").nothing_deleted());
    assert_eq!(document.state(), [1, 7, 2]);
    let expected = Bytes::client(7, 3, 0).first_text("ab").number(10).number(2).text_after(7, 3, "ef");
    assert_eq!(whole(&document), expected.nothing_deleted().0);
    apply(&mut document, &Bytes::client(7, 1, 1).text_after(7, 0, "bcde").nothing_deleted());
    assert_eq!(whole(&document), Bytes::client(7, 1, 0).first_text("abcdef").nothing_deleted().0);
}

#[test]
fn impossible_clocks_are_refused() {
    for clock in [u64::from(u32::MAX), 1 << 40] {
        let update = Bytes::client(7, 1, clock).first_text("a").nothing_deleted();
        assert!(Update::read(&update.0).is_err());
    }
    let collected = Bytes::client(7, 1, 0).number(0).number(0).nothing_deleted();
    assert!(Update::read(&collected.0).is_err(), "a block has a length");
}

/// A random update that is well formed, whatever it means.
fn random_update(random: &mut Random) -> Vec<u8> {
    let clients = 1 + random.below(2);
    let mut bytes = Bytes::new().number(clients);
    for _ in 0..clients {
        let count = 1 + random.below(4);
        bytes = bytes.number(count).number(random.below(3)).number(random.below(30));
        for _ in 0..count {
            bytes = random_block(random, bytes);
        }
    }
    let ranges: Vec<_> = (0..random.below(3)).map(|_| (random.below(30), random.below(6))).collect();
    bytes.deleted(random.below(3), &ranges).0
}

fn random_block(random: &mut Random, bytes: Bytes) -> Bytes {
    let (has_origin, has_right) = (random.one_in(2), random.one_in(3));
    let kind = random.of(&[0, 1, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9, 10]);
    if kind == 0 || kind == 10 {
        return bytes.byte(kind).number(1 + random.below(5));
    }
    let mut bytes = bytes.byte(kind | if has_origin { 0x80 } else { 0 } | if has_right { 0x40 } else { 0 });
    for _ in 0..u64::from(has_origin) + u64::from(has_right) {
        bytes = bytes.number(random.below(3)).number(random.below(30));
    }
    if !has_origin && !has_right {
        bytes =
            if random.one_in(2) { bytes.number(1).text("a") } else { bytes.number(0).number(1).number(2) };
    }
    match u64::from(kind) {
        1 => bytes.number(1 + random.below(5)),
        2 => bytes.number(2).text("1").text("{}"),
        3 | 5 => bytes.text("bytes"),
        4 => bytes.text(random.of(&["a", "bcd", "😀😀", "ä😀b"])),
        6 => bytes.text("bold").text("true"),
        7 => bytes.number(random.below(3)),
        8 => bytes.number(3).number(126).number(120).number(121),
        _ => bytes.text("guid").number(118).number(0),
    }
}

#[test]
fn all_that_come_from_one_server_have_the_same_whatever_is_sent() {
    for seed in 1..=500 {
        let mut random = Random(seed);
        let mut server = MergedDocument::default();
        // One gets everything as it comes; others come at some time, and once more at the end.
        let mut follower = MergedDocument::default();
        let mut guests: Vec<MergedDocument> = Vec::new();
        for _ in 0..random.below(40) {
            let mut update = random_update(&mut random);
            if random.one_in(10) {
                let at = random.index(update.len());
                update[at] = u8::try_from(random.below(256)).unwrap();
            }
            let Ok(read) = Update::read(&update) else { continue };
            if server.apply(read) {
                follower.apply(Update::read(&update).unwrap());
            }
            if random.one_in(8) {
                let mut guest = MergedDocument::default();
                guest.apply(Update::read(&whole(&server)).unwrap());
                guests.push(guest);
            }
        }
        assert_eq!(whole(&follower), whole(&server), "seed {seed}");
        for mut guest in guests {
            let state = StateVector::read(&mut Lib0Reader::new(&guest.state())).unwrap();
            guest.apply(Update::read(&server.since(&state)).unwrap());
            assert_eq!(guest.state(), server.state(), "seed {seed}");
            assert_eq!(guest.deleted.0, server.deleted.0, "seed {seed}");
        }
        let weight = server.weight();
        let mut again = MergedDocument::default();
        again.apply(Update::read(&whole(&server)).unwrap());
        assert!(again.weight() <= weight * 2 + 1_000, "seed {seed}");
    }
}

#[test]
fn an_update_is_known_to_grow_by_what_it_cuts() {
    let mut document = MergedDocument::default();
    apply(&mut document, &Bytes::client(7, 1, 0).first_text(&"x".repeat(20_000)).nothing_deleted());
    let ranges: Vec<_> = (0..10_000).map(|index| (2 * index, 1)).collect();
    let update = Bytes::new().number(0).deleted(7, &ranges);
    let read = || Update::read(&update.0).unwrap();
    let (before, growth) = (document.weight(), document.growth(&read()));
    assert!(document.apply(read()));
    let grown = document.weight() - before;
    assert!(grown > 1_000_000 && grown <= growth, "{grown} of {growth}");
    assert!(document.growth(&read()) < 1_000, "all of it is known");
}
