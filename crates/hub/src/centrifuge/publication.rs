//! The fast way to encode a publication, which is done once for all subscriptions of one kind.

use std::borrow::Cow;

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::encoding::{Encoded, Encoding, Wrapping};
use super::push::PushTarget;
use super::shared::{Form, WireClient, WirePublication};
use crate::json::{push, push_string};
use crate::publication::{ClientInfo, Publication};

/// Encodes the push of a publication. It equals what [`Reply::encode`](super::Reply::encode) gives, with fewer copies.
///
/// ```
/// use longwire_hub::centrifuge::{Encoding, Form, PushTarget, Wrapping, encode_publication};
/// use longwire_hub::{Data, Millis, Publication};
///
/// let data = Data::from_text("{\"text\":\n\"hello\"}");
/// let publication = Publication { offset: 3, data, info: None, tags: Default::default(), time: Millis(0) };
/// let news = PushTarget::Channel("news".parse()?);
/// let encoded = encode_publication(Encoding::Json, Wrapping::Reply, &news, &publication, Form::Plain);
/// assert_eq!(
///     encoded.as_bytes(),
///     r#"{"push":{"channel":"news","pub":{"data":{"text":"hello"},"offset":3}}}"#,
/// );
/// # Ok::<(), longwire_hub::InvalidChannelName>(())
/// ```
#[must_use]
pub fn encode_publication(
    encoding: Encoding,
    wrapping: Wrapping,
    target: &PushTarget,
    publication: &Publication,
    form: Form<'_>,
) -> Encoded {
    match encoding {
        Encoding::Json => Encoded::Text(json(wrapping, target, publication, form).into()),
        Encoding::Protobuf => {
            let publication = WirePublication::new(encoding, publication, form);
            Encoded::Binary(protobuf(wrapping, target, &publication).into())
        }
    }
}

/// The push in JSON.
fn json(wrapping: Wrapping, target: &PushTarget, publication: &Publication, form: Form<'_>) -> String {
    const FIELD_NAMES: usize = 192;
    let (data, delta) = form.json(&publication.data);
    let channel_len = match target {
        PushTarget::Channel(name) => name.len(),
        PushTarget::Client | PushTarget::ChannelId(_) => 0,
    };
    let mut out = String::with_capacity(FIELD_NAMES + data.len() + channel_len);
    out.push_str(match wrapping {
        Wrapping::Reply => "{\"push\":{",
        Wrapping::Bare => "{",
    });
    match target {
        PushTarget::Client => {}
        PushTarget::Channel(name) => {
            out.push_str("\"channel\":");
            push_string(&mut out, name);
            out.push(',');
        }
        PushTarget::ChannelId(id) => push(&mut out, format_args!("\"id\":{id},")),
    }
    out.push_str("\"pub\":{\"data\":");
    out.push_str(&data);
    if let Some(info) = &publication.info {
        out.push_str(",\"info\":");
        push_client(&mut out, info);
    }
    if publication.offset > 0 {
        push(&mut out, format_args!(",\"offset\":{}", publication.offset));
    }
    for (number, (key, value)) in publication.tags.iter().enumerate() {
        out.push_str(if number == 0 { ",\"tags\":{" } else { "," });
        push_string(&mut out, key);
        out.push(':');
        push_string(&mut out, value);
    }
    if !publication.tags.is_empty() {
        out.push('}');
    }
    if delta {
        out.push_str(",\"delta\":true");
    }
    if publication.time.0 > 0 {
        let time = i64::try_from(publication.time.0).unwrap_or(i64::MAX);
        push(&mut out, format_args!(",\"time\":{time}"));
    }
    out.push_str(match wrapping {
        Wrapping::Reply => "}}}",
        Wrapping::Bare => "}}",
    });
    out
}

/// What others see of a client, as JSON writes it.
fn push_client(out: &mut String, info: &ClientInfo) {
    if info.conn_info.is_some() || info.chan_info.is_some() {
        let json = serde_json::to_string(&WireClient::from(info));
        out.push_str(&json.map_or(Cow::Borrowed("null"), Cow::Owned));
        return;
    }
    out.push_str("{\"user\":");
    push_string(out, &info.user);
    out.push_str(",\"client\":");
    push_string(out, &info.client);
    out.push('}');
}

/// The push in protobuf, with its length. Only the fields around the publication are written by hand.
fn protobuf(wrapping: Wrapping, target: &PushTarget, publication: &WirePublication) -> Vec<u8> {
    /// The numbers of `Push.id`, `Push.channel`, `Push.pub` and `Reply.push`.
    const ID: u32 = 1;
    const CHANNEL: u32 = 2;
    const PUB: u32 = 4;
    const PUSH: u32 = 4;

    let pub_len = publication.encoded_len();
    let target_len = match target {
        PushTarget::Client | PushTarget::ChannelId(0) => 0,
        PushTarget::Channel(name) => field_len(CHANNEL, name.len()),
        PushTarget::ChannelId(id) => key_len(ID) + encoded_len_varint(*id),
    };
    let push_len = target_len + field_len(PUB, pub_len);
    let message_len = match wrapping {
        Wrapping::Reply => field_len(PUSH, push_len),
        Wrapping::Bare => push_len,
    };
    let mut out = Vec::with_capacity(message_len + encoded_len_varint(wide(message_len)));
    encode_varint(wide(message_len), &mut out);
    if wrapping == Wrapping::Reply {
        start_field(&mut out, PUSH, push_len);
    }
    match target {
        PushTarget::Client | PushTarget::ChannelId(0) => {}
        PushTarget::Channel(name) => {
            start_field(&mut out, CHANNEL, name.len());
            out.extend_from_slice(name.as_bytes());
        }
        PushTarget::ChannelId(id) => {
            encode_key(ID, WireType::Varint, &mut out);
            encode_varint(*id, &mut out);
        }
    }
    start_field(&mut out, PUB, pub_len);
    publication.encode_raw(&mut out);
    out
}

/// The length of a field with so many bytes in it.
fn field_len(number: u32, len: usize) -> usize {
    key_len(number) + encoded_len_varint(wide(len)) + len
}

/// Begins a field with so many bytes in it.
fn start_field(out: &mut Vec<u8>, number: u32, len: usize) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(wide(len), out);
}

/// A length as a varint holds it.
fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
