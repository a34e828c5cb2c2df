//! Cuts a stream into pieces, as if it arrived over a network.

/// Cuts streams at places that depend only on a seed, so the same input is always cut the same way.
#[derive(Debug, Clone)]
pub(crate) struct Cuts {
    state: u64,
    /// The maximum length of a piece, in bytes.
    longest: usize,
}

impl Cuts {
    pub(crate) fn new(seed: [u8; 3]) -> Cuts {
        let [longest, high, low] = seed;
        // From single bytes to pieces with many frames.
        let longest = [1, 2, 5, 16, 64, 1 << 10, 16 << 10, 128 << 10][usize::from(longest % 8)];
        Cuts { state: u64::from(u16::from_be_bytes([high, low])) << 1 | 1, longest }
    }

    /// The pieces of `stream` in order, none of them empty.
    pub(crate) fn of<'s>(&self, mut stream: &'s [u8]) -> impl Iterator<Item = &'s [u8]> + use<'s> {
        let mut cuts = self.clone();
        std::iter::from_fn(move || {
            let (piece, rest) = stream.split_at(cuts.next_len().min(stream.len()));
            stream = rest;
            (!piece.is_empty()).then_some(piece)
        })
    }

    fn next_len(&mut self) -> usize {
        // Xorshift (Marsaglia, 2003), which never reaches zero from an odd seed.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 16) as usize % self.longest + 1
    }
}
