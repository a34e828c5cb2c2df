//! What was inserted into a document. Only what has to be cut and joined is understood; the rest is kept as it came.

use super::lib0::{Lib0Reader, MalformedUpdate, write_bytes, write_count, write_number};

const DELETED: u8 = 1;
const JSON: u8 = 2;
const BINARY: u8 = 3;
const STRING: u8 = 4;
const EMBED: u8 = 5;
const FORMAT: u8 = 6;
const TYPE: u8 = 7;
const ANY: u8 = 8;
const DOCUMENT: u8 = 9;

/// The types of Yjs are numbered from 0. Those of XML elements and hooks have a name.
const LAST_TYPE: u8 = 6;
const XML_ELEMENT: u8 = 3;
const XML_HOOK: u8 = 5;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Deleted(u32),
    /// Its length is that in UTF-16.
    String(String),
    /// Elements of an array, or values of a map, as they came.
    Values {
        is_json: bool,
        values: Vec<Box<[u8]>>,
    },
    /// What cannot be cut: bytes, an embedded object, a format, a type or a document, as it came.
    Whole {
        kind: u8,
        bytes: Box<[u8]>,
    },
}

impl Content {
    /// Reads it, and its length.
    pub(super) fn read(reader: &mut Lib0Reader<'_>, kind: u8) -> Result<(u32, Content), MalformedUpdate> {
        Ok(match kind {
            DELETED => {
                let len = reader.small()?;
                (len, Content::Deleted(len))
            }
            STRING => {
                let text = reader.text()?;
                (to_len(text.chars().map(char::len_utf16).sum())?, Content::String(text.to_owned()))
            }
            JSON | ANY => {
                let is_json = kind == JSON;
                let values = (0..reader.count()?).map(|_| {
                    let raw =
                        reader.raw(|value| if is_json { value.text().map(drop) } else { value.value() });
                    Ok(Box::from(raw?))
                });
                let values: Vec<_> = values.collect::<Result<_, _>>()?;
                (to_len(values.len())?, Content::Values { is_json, values })
            }
            _ => (1, Content::Whole { kind, bytes: reader.raw(|reader| skip_whole(reader, kind))?.into() }),
        })
    }

    pub(super) fn kind(&self) -> u8 {
        match self {
            Content::Deleted(_) => DELETED,
            Content::String(_) => STRING,
            Content::Values { is_json: true, .. } => JSON,
            Content::Values { is_json: false, .. } => ANY,
            Content::Whole { kind, .. } => *kind,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Content::Deleted(len) => write_number(out, u64::from(*len)),
            Content::String(text) => write_bytes(out, text.as_bytes()),
            Content::Values { values, .. } => {
                write_count(out, values.len());
                out.extend(values.iter().flatten());
            }
            Content::Whole { bytes, .. } => out.extend_from_slice(bytes),
        }
    }

    /// Cuts it into pieces of these lengths, which are together its own. They are copies, so that a small piece does not
    /// keep much alive.
    pub(super) fn cut(&self, lens: &[u32]) -> Vec<Content> {
        match self {
            Content::Deleted(_) => lens.iter().copied().map(Content::Deleted).collect(),
            Content::String(text) => {
                let mut rest = Rest { text, begins_amid: false };
                lens.iter().map(|len| Content::String(rest.take(*len))).collect()
            }
            Content::Values { is_json, values } => {
                let mut rest = &values[..];
                let pieces = lens.iter().map(|len| {
                    let at = usize::try_from(*len).unwrap_or(usize::MAX).min(rest.len());
                    let (piece, after) = rest.split_at(at);
                    rest = after;
                    Content::Values { is_json: *is_json, values: piece.to_vec() }
                });
                pieces.collect()
            }
            // It has the length 1, so it is one piece.
            Content::Whole { .. } => vec![self.clone()],
        }
    }

    /// Appends the next content, if both can be one.
    pub(super) fn join(&mut self, next: Content) -> Result<(), Content> {
        match (self, next) {
            (Content::Deleted(len), Content::Deleted(more)) => *len += more,
            (Content::String(text), Content::String(more)) => text.push_str(&more),
            (Content::Values { is_json, values }, Content::Values { is_json: same, values: more })
                if *is_json == same =>
            {
                values.extend(more);
            }
            (_, next) => return Err(next),
        }
        Ok(())
    }

    pub(super) fn weight(&self) -> usize {
        match self {
            Content::Deleted(_) => 0,
            Content::String(text) => text.capacity(),
            Content::Values { values, .. } => {
                let each = values.iter().map(|value| value.len() + 2 * size_of::<Box<[u8]>>());
                each.sum()
            }
            Content::Whole { bytes, .. } => bytes.len(),
        }
    }
}

fn skip_whole(reader: &mut Lib0Reader<'_>, kind: u8) -> Result<(), MalformedUpdate> {
    match kind {
        BINARY => drop(reader.bytes()?),
        EMBED => drop(reader.text()?),
        FORMAT => {
            reader.text()?;
            reader.text()?;
        }
        TYPE => match reader.byte()? {
            XML_ELEMENT | XML_HOOK => drop(reader.text()?),
            0..=LAST_TYPE => {}
            _ => return Err(MalformedUpdate("a type is unknown")),
        },
        DOCUMENT => {
            reader.text()?;
            reader.value()?;
        }
        _ => return Err(MalformedUpdate("a content is unknown")),
    }
    Ok(())
}

/// What is left of a string while it is cut at positions in UTF-16.
struct Rest<'a> {
    text: &'a str,
    /// The last cut was in the middle of a character. Both halves become U+FFFD, as in Yjs.
    begins_amid: bool,
}

impl Rest<'_> {
    fn take(&mut self, len: u32) -> String {
        let mut units = 0;
        let mut taken = String::new();
        if self.begins_amid && len > 0 {
            taken.push(char::REPLACEMENT_CHARACTER);
            units = 1;
            self.begins_amid = false;
        }
        let end = self.text.char_indices().find_map(|(index, char)| {
            let before = units;
            units += if char.len_utf16() == 2 { 2 } else { 1 };
            (units > len).then_some((index, char, before))
        });
        let Some((index, char, before)) = end else {
            taken.push_str(std::mem::take(&mut self.text));
            return taken;
        };
        let (head, tail) = self.text.split_at(index);
        taken.push_str(head);
        self.text = tail;
        if before < len {
            taken.push(char::REPLACEMENT_CHARACTER);
            self.text = tail.strip_prefix(char).unwrap_or(tail);
            self.begins_amid = true;
        }
        taken
    }
}

fn to_len(len: usize) -> Result<u32, MalformedUpdate> {
    u32::try_from(len).map_err(|_| MalformedUpdate("a content is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_cut_where_javascript_cuts_them() {
        let pieces = |text: &str, lens: &[u32]| -> Vec<String> {
            let pieces = Content::String(text.to_owned()).cut(lens);
            let text = |piece| if let Content::String(text) = piece { text } else { panic!("a string") };
            pieces.into_iter().map(text).collect()
        };
        assert_eq!(pieces("abcd", &[1, 2, 1]), ["a", "bc", "d"]);
        assert_eq!(pieces("äöü", &[1, 2]), ["ä", "öü"]);
        assert_eq!(pieces("a😀b", &[1, 2, 1]), ["a", "😀", "b"]);
        assert_eq!(pieces("a😀b", &[2, 2]), ["a\u{fffd}", "\u{fffd}b"]);
        assert_eq!(pieces("😀😀", &[1, 1, 1, 1]), ["\u{fffd}"; 4]);
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for (kind, bytes) in
            [(11, &[0, 1, 1][..]), (TYPE, &[7]), (STRING, &[1, 0xff]), (ANY, &[1, 3]), (JSON, &[2, 0])]
        {
            assert!(Content::read(&mut Lib0Reader::new(bytes), kind).is_err(), "{kind} {bytes:?}");
        }
    }
}
