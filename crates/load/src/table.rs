//! Values under tokens, of which no two are ever equal: an outdated token finds nothing.

/// The name of a connection in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    place: u32,
    /// How many values the place had before.
    generation: u32,
}

#[derive(Debug)]
pub(crate) struct Table<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl Token {
    /// The place in the table, which a later value may take over.
    #[must_use]
    pub fn place(self) -> usize {
        self.place as usize
    }

    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.place)
    }

    pub(crate) fn from_bits(bits: u64) -> Token {
        let [high, low] =
            [bits >> 32, bits & u64::from(u32::MAX)].map(|half| u32::try_from(half).unwrap_or(0));
        Token { place: low, generation: high }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Table<T> {
    pub(crate) fn insert(&mut self, value: T) -> Token {
        if let Some(number) = self.free.pop()
            && let Some(place) = self.places.get_mut(number as usize)
        {
            place.value = Some(value);
            return Token { place: number, generation: place.generation };
        }
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push(Place { generation: 0, value: Some(value) });
        Token { place: number, generation: 0 }
    }

    pub(crate) fn get(&self, token: Token) -> Option<&T> {
        let place = self.places.get(token.place()).filter(|place| place.generation == token.generation)?;
        place.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, token: Token) -> Option<&mut T> {
        let place =
            self.places.get_mut(token.place()).filter(|place| place.generation == token.generation)?;
        place.value.as_mut()
    }

    pub(crate) fn remove(&mut self, token: Token) -> Option<T> {
        let place =
            self.places.get_mut(token.place()).filter(|place| place.generation == token.generation)?;
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(token.place);
        Some(value)
    }

    /// The token of the value that is now at this place.
    pub(crate) fn at(&self, place: usize) -> Option<Token> {
        let found = self.places.get(place).filter(|found| found.value.is_some())?;
        Some(Token { place: u32::try_from(place).ok()?, generation: found.generation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_removed_value_finds_nothing() {
        let mut table = Table::default();
        let first = table.insert("first");
        assert_eq!(table.remove(first), Some("first"));
        let second = table.insert("second");
        assert_eq!((first.place(), table.get(first)), (second.place(), None));
        assert_eq!(Token::from_bits(second.to_bits()), second);
        assert_eq!(table.at(second.place()), Some(second));
        assert_eq!((table.remove(first), table.get(second)), (None, Some(&"second")));
    }
}
