//! The form of messages between nodes.
//!
//! A message of a channel is `1`, the kind, the offset, `:`, the epoch, `:`, and a [`Record`]. The kind is `P` for a
//! publication, `J` for a join, and `L` for a leave, whose record is that of the join. Scripts write it; here it is read.

use std::sync::Arc;

use bytes::Bytes;
use longwire_hub::{Record, StreamPosition, UnknownRecord};

/// The format that this version writes and reads.
pub(crate) const FORMAT: u8 = b'1';

/// What has arrived in a channel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) record: Record,
    pub(crate) position: Option<StreamPosition>,
}

/// Reads a message of a channel.
pub(crate) fn read(message: &Bytes) -> Result<Arrival, UnknownRecord> {
    let [FORMAT, kind, rest @ ..] = &**message else { return Err(UnknownRecord) };
    let mut parts = rest.splitn(3, |byte| *byte == b':');
    let (Some(offset), Some(epoch), Some(record)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(UnknownRecord);
    };
    let position = position(offset, epoch)?;
    let record = match (kind, Record::decode(message.slice_ref(record))?) {
        (b'P', record @ Record::Publication(_)) | (b'J', record @ Record::Join(_)) => record,
        (b'L', Record::Join(info)) => Record::Leave(info),
        _ => return Err(UnknownRecord),
    };
    Ok(Arrival { record, position })
}

/// A position as scripts write it: an empty offset for none.
pub(crate) fn position(offset: &[u8], epoch: &[u8]) -> Result<Option<StreamPosition>, UnknownRecord> {
    if offset.is_empty() {
        return Ok(None);
    }
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| UnknownRecord);
    let offset = text(offset)?.parse().map_err(|_| UnknownRecord)?;
    Ok(Some(StreamPosition { offset, epoch: Arc::from(text(epoch)?) }))
}

/// A message to all nodes.
pub(crate) fn to_nodes(message: &[u8]) -> Vec<u8> {
    [&[FORMAT], message].concat()
}

/// Reads a message to all nodes.
pub(crate) fn from_node(message: &Bytes) -> Result<Bytes, UnknownRecord> {
    match message.split_first() {
        Some((&FORMAT, rest)) => Ok(message.slice_ref(rest)),
        _ => Err(UnknownRecord),
    }
}

#[cfg(test)]
mod tests {
    use longwire_hub::ClientInfo;

    use super::*;

    fn joined() -> ClientInfo {
        ClientInfo { user: "42".into(), client: "c:1".into(), ..ClientInfo::default() }
    }

    fn message(head: &str, record: &Record) -> Bytes {
        [head.as_bytes(), &record.encode()].concat().into()
    }

    #[test]
    fn joins_and_leaves_are_told_apart_by_their_kind() {
        let record = Record::Join(joined());
        let join = read(&message("1J::", &record)).unwrap();
        assert_eq!(join, Arrival { record: record.clone(), position: None });
        let leave = read(&message("1L::", &record)).unwrap();
        assert_eq!(leave.record, Record::Leave(joined()));
    }

    #[test]
    fn a_position_is_read() {
        let arrival = read(&message("1J7:abc:", &Record::Join(joined()))).unwrap();
        assert_eq!(arrival.position, Some(StreamPosition { offset: 7, epoch: "abc".into() }));
    }

    #[test]
    fn what_another_version_writes_is_refused() {
        let record = Record::Join(joined());
        let heads = ["2J::", "1X::", "1P::", "1Jx:abc:", "1J-1:abc:", "1J", ""];
        for head in heads {
            assert_eq!(read(&message(head, &record)), Err(UnknownRecord), "{head}");
        }
        assert_eq!(read(&Bytes::from_static(b"1J7:abc:\xff")), Err(UnknownRecord));
        assert_eq!(from_node(&Bytes::from_static(b"2hello")), Err(UnknownRecord));
        assert_eq!(from_node(&to_nodes(b"hello").into()), Ok(Bytes::from_static(b"hello")));
    }
}
