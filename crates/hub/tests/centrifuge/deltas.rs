//! Fossil deltas.

use longwire_hub::centrifuge::fossil::{InvalidDelta, apply, delta};
use proptest::prelude::*;

use crate::support::{hex, unhex};

/// Contents that share pieces.
fn edited() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let piece = prop_oneof![
        "[a-zß😀]{0,60}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..60),
        (any::<u8>(), 0..200_usize).prop_map(|(byte, len)| vec![byte; len]),
    ];
    let pieces = proptest::collection::vec(piece, 1..12);
    (pieces, proptest::collection::vec(any::<prop::sample::Index>(), 0..12), any::<Vec<u8>>()).prop_map(
        |(pieces, order, extra)| {
            let mut new: Vec<u8> = order.iter().flat_map(|index| index.get(&pieces).clone()).collect();
            new.extend(extra);
            (pieces.concat(), new)
        },
    )
}

proptest! {
    #[test]
    fn a_delta_gives_the_new_content((old, new) in edited()) {
        if let Some(delta) = delta(&old, &new) {
            prop_assert!(delta.len() < new.len());
            prop_assert_eq!(apply(&old, &delta, new.len()), Ok(new.clone()));
            prop_assert_eq!(apply(&old, &delta, new.len() - 1), Err(InvalidDelta));
        }
    }

    #[test]
    fn a_delta_to_text_is_text(words in proptest::collection::vec("[äöüß€😀]{1,9}", 1..40), at in any::<prop::sample::Index>()) {
        let old = words.join("");
        let mut changed = words.clone();
        *at.get_mut(&mut changed) = "ÄÖ".into();
        let new = changed.join("");
        if let Some(delta) = delta(old.as_bytes(), new.as_bytes()) {
            prop_assert!(std::str::from_utf8(&delta).is_ok());
            prop_assert_eq!(apply(old.as_bytes(), &delta, 10_000), Ok(new.into_bytes()));
        }
    }

    #[test]
    fn hostile_deltas_are_refused(old in any::<Vec<u8>>(), delta in "[0-9A-Z~@:,;\n]{0,40}") {
        if let Ok(new) = apply(&old, delta.as_bytes(), 1_000) {
            prop_assert!(new.len() <= 1_000);
        }
    }

    #[test]
    fn damaged_deltas_are_refused((old, new) in edited(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        if let Some(mut delta) = delta(&old, &new) {
            *at.get_mut(&mut delta) = byte;
            let _ = apply(&old, &delta, new.len());
            let half = &delta[..at.index(delta.len())];
            prop_assert_eq!(apply(&old, half, new.len()), Err(InvalidDelta));
        }
    }
}

/// Content that repeats itself has many equal blocks. The time must stay in proportion to the length: without the bound
/// on tried blocks, this test takes minutes.
#[test]
fn content_that_repeats_itself_takes_no_longer() {
    let old = vec![b'x'; 512 << 10];
    let mut new = Vec::new();
    while new.len() < old.len() {
        new.extend_from_slice(&[b'x'; 30]);
        new.push(b'y');
    }
    let delta = delta(&old, &new).unwrap();
    assert_eq!(apply(&old, &delta, new.len()), Ok(new));
}

#[test]
fn a_delta_is_made_only_if_it_is_shorter() {
    let old = b"0123456789abcdefghijklmnopqrstuvwxyz";
    assert_eq!(delta(old, b""), None);
    assert_eq!(delta(b"", old), None);
    assert_eq!(delta(old, b"completely different from the other text"), None);
    assert!(delta(old, old).unwrap().starts_with(b"_\n_@0,"));
}

/// Pairs that differ as publications do, always the same.
fn pairs() -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 32).unwrap() % below
    };
    let words = [
        "Bern",
        "Zürich",
        "\"temperature\":21",
        "{\"text\":\"",
        "😀",
        "\n",
        "0123456789abcdef",
        "[null,true]",
        "Ελλάδα",
    ];
    let mut pairs = Vec::new();
    for number in 0..400 {
        let len = random(if number % 10 == 0 { 600 } else { 60 }) + 2;
        let mut old: Vec<Vec<u8>> =
            (0..len).map(|_| words[random(words.len())].as_bytes().to_vec()).collect();
        if number % 4 == 0 {
            old.iter_mut()
                .for_each(|word| word.extend((0..random(20)).map(|_| u8::try_from(random(256)).unwrap())));
        }
        let mut new = old.clone();
        for _ in 0..=random(4) {
            match random(3) {
                0 => new[random(len)] = b"changed".to_vec(),
                1 => new.rotate_left(random(len)),
                _ => new[random(len)] = Vec::new(),
            }
        }
        pairs.push((old.concat(), new.concat()));
    }
    pairs
}

/// The deltas of the pairs, one a line: the old content, the delta and the new content in hexadecimal.
fn vectors() -> String {
    let pairs = pairs().into_iter();
    let deltas = pairs.filter_map(|(old, new)| delta(&old, &new).map(|delta| (old, delta, new)));
    deltas.map(|(old, delta, new)| format!("{} {} {}\n", hex(&old), hex(&delta), hex(&new))).collect()
}

/// `recorded/fossil.cjs` has applied these deltas with the official client's own code. If the deltas change, write them
/// again with the next test, and let that script check them.
#[test]
fn the_deltas_are_those_that_the_official_client_has_applied() {
    let checked = include_str!("recorded/fossil.sum").trim();
    let vectors = vectors();
    for line in vectors.lines() {
        let [old, delta, new] = line.split(' ').map(unhex).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(apply(&old, &delta, new.len()), Ok(new));
    }
    assert_eq!(
        format!("{} deltas, FNV-1a {:016x}", vectors.lines().count(), fnv(vectors.as_bytes())),
        checked
    );
}

#[test]
#[ignore = "writes the deltas to standard output, for recorded/fossil.cjs"]
fn write_the_deltas() {
    print!("{}", vectors());
}

/// A hash that JavaScript computes as easily.
fn fnv(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
