//! What is kept and sent of a channel's events.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use prost::Message as _;

use crate::data::Data;
use crate::publication::{ClientInfo, Publication};
use crate::time::Millis;

/// Something that has happened in a channel, as engines keep and send it. Nodes of different versions read one another's
/// records: a field is only ever added.
///
/// ```
/// use longwire_hub::{ClientInfo, Record};
///
/// let record = Record::Join(ClientInfo { user: "42".into(), client: "c1".into(), ..ClientInfo::default() });
/// assert_eq!(Record::decode(record.encode())?, record);
/// # Ok::<(), longwire_hub::UnknownRecord>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// A publication. Its offset is not part of the record.
    Publication(Publication),
    /// A client has joined.
    Join(ClientInfo),
    /// A client has left.
    Leave(ClientInfo),
}

/// Bytes that are no [`Record`], or one of a kind that this version does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownRecord;

impl fmt::Display for UnknownRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a record that this version knows")
    }
}

impl std::error::Error for UnknownRecord {}

#[derive(Clone, PartialEq, prost::Message)]
struct Written {
    #[prost(oneof = "Event", tags = "1, 2, 3")]
    event: Option<Event>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Event {
    #[prost(message, tag = "1")]
    Publication(WrittenPublication),
    #[prost(message, tag = "2")]
    Join(WrittenClient),
    #[prost(message, tag = "3")]
    Leave(WrittenClient),
}

#[derive(Clone, PartialEq, prost::Message)]
struct WrittenPublication {
    #[prost(oneof = "WrittenData", tags = "1, 2, 3")]
    content: Option<WrittenData>,
    #[prost(message, optional, tag = "4")]
    info: Option<WrittenClient>,
    #[prost(btree_map = "string, string", tag = "5")]
    tags: BTreeMap<String, String>,
    #[prost(uint64, tag = "6")]
    time: u64,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum WrittenData {
    #[prost(string, tag = "1")]
    Json(String),
    #[prost(string, tag = "2")]
    Text(String),
    #[prost(bytes = "bytes", tag = "3")]
    Binary(Bytes),
}

#[derive(Clone, PartialEq, prost::Message)]
struct WrittenClient {
    #[prost(string, tag = "1")]
    user: String,
    #[prost(string, tag = "2")]
    client: String,
    #[prost(string, optional, tag = "3")]
    conn_info: Option<String>,
    #[prost(string, optional, tag = "4")]
    chan_info: Option<String>,
}

impl Record {
    /// The bytes of the record.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let event = match self {
            Record::Publication(publication) => Event::Publication(publication.into()),
            Record::Join(client) => Event::Join(client.into()),
            Record::Leave(client) => Event::Leave(client.into()),
        };
        Written { event: Some(event) }.encode_to_vec().into()
    }

    /// The record of these bytes. A publication has the offset 0.
    ///
    /// # Errors
    ///
    /// The bytes are no record, or one of a kind that this version does not know.
    pub fn decode(bytes: Bytes) -> Result<Record, UnknownRecord> {
        let written = Written::decode(bytes).map_err(|_| UnknownRecord)?;
        Ok(match written.event.ok_or(UnknownRecord)? {
            Event::Publication(publication) => Record::Publication(publication.try_into()?),
            Event::Join(client) => Record::Join(client.into()),
            Event::Leave(client) => Record::Leave(client.into()),
        })
    }
}

impl From<&Publication> for WrittenPublication {
    fn from(publication: &Publication) -> WrittenPublication {
        WrittenPublication {
            content: Some((&publication.data).into()),
            info: publication.info.as_ref().map(WrittenClient::from),
            tags: publication.tags.clone(),
            time: publication.time.0,
        }
    }
}

impl TryFrom<WrittenPublication> for Publication {
    type Error = UnknownRecord;

    fn try_from(written: WrittenPublication) -> Result<Publication, UnknownRecord> {
        Ok(Publication {
            offset: 0,
            data: written.content.ok_or(UnknownRecord)?.try_into()?,
            info: written.info.map(ClientInfo::from),
            tags: written.tags,
            time: Millis(written.time),
        })
    }
}

impl From<&Data> for WrittenData {
    fn from(data: &Data) -> WrittenData {
        match data {
            Data::Json(text) => WrittenData::Json(text.to_string()),
            Data::Text(text) => WrittenData::Text(text.to_string()),
            Data::Binary(bytes) => WrittenData::Binary(bytes.clone()),
        }
    }
}

impl TryFrom<WrittenData> for Data {
    type Error = UnknownRecord;

    fn try_from(written: WrittenData) -> Result<Data, UnknownRecord> {
        match written {
            // The engine may hold what no node has written.
            WrittenData::Json(text) => {
                Some(Data::from_text(text)).filter(|data| matches!(data, Data::Json(_))).ok_or(UnknownRecord)
            }
            WrittenData::Text(text) => Ok(Data::Text(text.into())),
            WrittenData::Binary(bytes) => Ok(Data::Binary(bytes)),
        }
    }
}

impl From<&ClientInfo> for WrittenClient {
    fn from(info: &ClientInfo) -> WrittenClient {
        let text = |text: &Option<ByteString>| text.as_ref().map(ByteString::to_string);
        WrittenClient {
            user: info.user.to_string(),
            client: info.client.to_string(),
            conn_info: text(&info.conn_info),
            chan_info: text(&info.chan_info),
        }
    }
}

impl From<WrittenClient> for ClientInfo {
    fn from(written: WrittenClient) -> ClientInfo {
        ClientInfo {
            user: written.user.into(),
            client: written.client.into(),
            conn_info: written.conn_info.map(ByteString::from),
            chan_info: written.chan_info.map(ByteString::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written() {
        let info = ClientInfo { user: "42".into(), conn_info: Some("{}".into()), ..ClientInfo::default() };
        for data in [
            Data::from_text("{\"a\": 1}"),
            Data::from_text("plain"),
            Data::Binary(Bytes::from_static(b"\0\xff")),
        ] {
            let tags = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
            let publication = Publication {
                offset: 0,
                data,
                info: Some(info.clone()),
                tags,
                time: Millis(1_700_000_000_000),
            };
            let record = Record::Publication(publication);
            assert_eq!(Record::decode(record.encode()), Ok(record));
        }
        for record in [Record::Join(info.clone()), Record::Leave(info)] {
            assert_eq!(Record::decode(record.encode()), Ok(record));
        }
    }

    #[test]
    fn what_no_node_writes_is_refused() {
        let no_json = WrittenPublication {
            content: Some(WrittenData::Json("{".into())),
            ..WrittenPublication::default()
        };
        let no_json = Written { event: Some(Event::Publication(no_json)) }.encode_to_vec();
        for bytes in [&b""[..], b"\xff\xff", b"\x0a\x00", b"\x22\x00", &no_json] {
            assert_eq!(Record::decode(Bytes::copy_from_slice(bytes)), Err(UnknownRecord), "{bytes:?}");
        }
    }
}
