//! Reads JSON in which placeholders stand for binary attachments.

use std::cell::RefCell;
use std::fmt;

use bytes::Bytes;
use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// The key that marks a placeholder.
const MARK: &str = "_placeholder";

/// The attachments of a packet. Each is taken once, as the client's library sends each once: with many placeholders for
/// one attachment, a small packet would become a large value.
pub(super) struct Slots(RefCell<Vec<Option<Bytes>>>);

impl Slots {
    pub(super) fn new(attachments: &[Bytes]) -> Slots {
        Slots(RefCell::new(attachments.iter().cloned().map(Some).collect()))
    }

    fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    fn take<E: Error>(&self, number: usize) -> Result<Vec<u8>, E> {
        let taken = self.0.borrow_mut().get_mut(number).and_then(Option::take);
        taken.map(Vec::from).ok_or_else(|| E::custom("a placeholder has no attachment of its own"))
    }

    /// Reads the rest of a placeholder, behind its mark.
    fn take_marked<'de, A: MapAccess<'de>>(&self, map: &mut A) -> Result<Vec<u8>, A::Error> {
        let is_placeholder = map.next_value::<bool>()?;
        let mut number = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "num" {
                number = Some(map.next_value::<usize>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        match number {
            Some(number) if is_placeholder => self.take(number),
            _ => Err(A::Error::custom("a placeholder of binary data is malformed")),
        }
    }
}

/// A deserializer, or a part of one (an access, a seed, a visitor), in which placeholders are byte buffers.
pub(super) struct WithBinary<'s, D> {
    pub(super) inner: D,
    pub(super) slots: &'s Slots,
}

macro_rules! forward {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($name,)* WithBinary { inner: visitor, slots: self.slots })
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for WithBinary<'_, D> {
    type Error = D::Error;

    forward! {
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_any(Anything(WithBinary { inner: visitor, slots: self.slots }))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! forward_visits {
    ($($method:ident($type:ty);)*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for WithBinary<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    forward_visits! {
        visit_bool(bool);
        visit_i64(i64);
        visit_i128(i128);
        visit_u64(u64);
        visit_u128(u128);
        visit_f64(f64);
        visit_str(&str);
        visit_borrowed_str(&'de str);
        visit_string(String);
        visit_bytes(&[u8]);
        visit_borrowed_bytes(&'de [u8]);
        visit_byte_buf(Vec<u8>);
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(WithBinary { inner, slots: self.slots })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(WithBinary { inner, slots: self.slots })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(WithBinary { inner, slots: self.slots })
    }

    fn visit_map<A: MapAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_map(KeyRead { map: WithBinary { inner, slots: self.slots }, first: None })
    }

    fn visit_enum<A: EnumAccess<'de>>(self, inner: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(WithBinary { inner, slots: self.slots })
    }
}

/// A visitor that takes what it gets. A map that begins like a placeholder is one.
struct Anything<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Anything<WithBinary<'_, V>> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.0.visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.0.visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.0.visit_u64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.0.visit_f64(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        self.0.visit_str(value)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<V::Value, E> {
        self.0.visit_borrowed_str(value)
    }

    fn visit_string<E: Error>(self, value: String) -> Result<V::Value, E> {
        self.0.visit_string(value)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<V::Value, A::Error> {
        let WithBinary { inner: visitor, slots } = self.0;
        if slots.is_empty() {
            return visitor.visit_map(map);
        }
        let first = map.next_key::<String>()?;
        if first.as_deref() == Some(MARK) {
            return visitor.visit_byte_buf(slots.take_marked(&mut map)?);
        }
        visitor.visit_map(KeyRead { map: WithBinary { inner: map, slots }, first })
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for WithBinary<'_, A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let seed = WithBinary { inner: seed, slots: self.slots };
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for WithBinary<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(WithBinary { inner, slots: self.slots })
    }
}

/// A map whose first key may have been read already.
struct KeyRead<A> {
    map: A,
    first: Option<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for KeyRead<WithBinary<'_, A>> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(first) => seed.deserialize(StringDeserializer::new(first)).map(Some),
            None => self.map.inner.next_key_seed(seed),
        }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        let seed = WithBinary { inner: seed, slots: self.map.slots };
        self.map.inner.next_value_seed(seed)
    }
}

impl<'s, 'de, A: EnumAccess<'de>> EnumAccess<'de> for WithBinary<'s, A> {
    type Error = A::Error;
    type Variant = WithBinary<'s, A::Variant>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self::Variant), A::Error> {
        let (value, inner) = self.inner.variant_seed(seed)?;
        Ok((value, WithBinary { inner, slots: self.slots }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for WithBinary<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.newtype_variant_seed(WithBinary { inner: seed, slots: self.slots })
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, WithBinary { inner: visitor, slots: self.slots })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, WithBinary { inner: visitor, slots: self.slots })
    }
}
