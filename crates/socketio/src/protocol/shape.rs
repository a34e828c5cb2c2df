//! Whether a type stands for one argument or for several.

use std::convert::Infallible;
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde::ser::{Impossible, Serialize, Serializer};

/// How many arguments a type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `()`
    None,
    /// Anything but a tuple.
    One,
    /// A tuple of this length.
    Several(usize),
}

/// The shape of a type that is deserialized: that of its first request to the deserializer.
pub(super) fn shape_of_type<T: DeserializeOwned>() -> Shape {
    match T::deserialize(Probe) {
        Ok(_) => Shape::One,
        Err(Found(shape)) => shape,
    }
}

/// The shape of a value that is serialized.
pub(super) fn shape_of_value<T: Serialize + ?Sized>(value: &T) -> Shape {
    match value.serialize(Probe) {
        Ok(never) => match never {},
        Err(Found(shape)) => shape,
    }
}

/// Answers the first request with the shape, as an error, so that nothing is read or written.
struct Probe;

#[derive(Debug)]
struct Found(Shape);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Found {}

impl serde::de::Error for Found {
    fn custom<T: fmt::Display>(_: T) -> Found {
        Found(Shape::One)
    }
}

impl serde::ser::Error for Found {
    fn custom<T: fmt::Display>(_: T) -> Found {
        Found(Shape::One)
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Found;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Found> {
        Err(Found(Shape::One))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, _: V) -> Result<V::Value, Found> {
        Err(Found(Shape::Several(len)))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        _: V,
    ) -> Result<V::Value, Found> {
        Err(Found(Shape::Several(len)))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Found> {
        Err(Found(Shape::None))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct
        newtype_struct seq map struct enum identifier ignored_any
    }
}

/// Methods of a serializer that answer [`Shape::One`].
macro_rules! one {
    ($($method:ident($($argument:ty),*) $(-> $compound:ident)?;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<one!(@ $($compound)?), Found> {
            Err(Found(Shape::One))
        })*
    };
    (@) => { Infallible };
    (@ $compound:ident) => { Self::$compound };
}

impl Serializer for Probe {
    type Ok = Infallible;
    type Error = Found;
    type SerializeSeq = Impossible<Infallible, Found>;
    type SerializeTuple = Impossible<Infallible, Found>;
    type SerializeTupleStruct = Impossible<Infallible, Found>;
    type SerializeTupleVariant = Impossible<Infallible, Found>;
    type SerializeMap = Impossible<Infallible, Found>;
    type SerializeStruct = Impossible<Infallible, Found>;
    type SerializeStructVariant = Impossible<Infallible, Found>;

    one! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_f32(f32);
        serialize_f64(f64);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }

    fn serialize_unit(self) -> Result<Infallible, Found> {
        Err(Found(Shape::None))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Infallible, Found> {
        Err(Found(Shape::One))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<Infallible, Found> {
        Err(Found(Shape::One))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Infallible, Found> {
        Err(Found(Shape::One))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, Found> {
        Err(Found(Shape::Several(len)))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, Found> {
        Err(Found(Shape::Several(len)))
    }
}
