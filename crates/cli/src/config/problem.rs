//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::terminal;

/// How alike a misspelt key and the right one must be, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Keys whose value is not shown.
const SECRETS: [&str; 6] = ["secret", "password", "api.keys", "broker.token", "broker.nkey", "broker.urls"];

/// Something wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where it is: a key such as `tokens.keys.0.file`; empty if it cannot be said.
    key: String,
    message: String,
    place: PlaceInInput,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PlaceInInput {
    /// Wherever the file has the key.
    Key,
    /// Line and column of the file, from 1.
    Position(usize, usize),
    /// An environment variable.
    Variable(String),
}

impl Problem {
    /// A key has a wrong value.
    pub(super) fn new(key: impl Into<String>, message: impl fmt::Display) -> Problem {
        Problem { key: key.into(), message: message.to_string(), place: PlaceInInput::Key }
    }

    /// What the parser says about the text.
    pub(super) fn of_file(error: &toml::de::Error, text: &str) -> Problem {
        let offset = error.span().map_or(0, |span| span.start);
        let key = DeTable::parse(text).ok().and_then(|table| path_at(table.get_ref(), offset));
        let key = key.unwrap_or_default();
        let (line, column) = position(text, offset);
        Problem { message: explain(error, &key), key, place: PlaceInInput::Position(line, column) }
    }

    /// What the parser says about an environment variable.
    pub(super) fn of_variable(error: &toml::de::Error, key: &str, variable: &str) -> Problem {
        Problem {
            key: key.to_owned(),
            message: explain(error, key),
            place: PlaceInInput::Variable(variable.to_owned()),
        }
    }

    /// A variable sets no key.
    pub(super) fn unknown_variable(variable: &str, similar: &str) -> Problem {
        let message = format!("there is no such variable; did you mean {similar}?");
        Problem { key: String::new(), message, place: PlaceInInput::Variable(variable.to_owned()) }
    }

    /// The problem at the place of its key, or of the nearest key that contains it. A key that has been set by a
    /// variable is there.
    pub(super) fn located(self, text: &str, variable: Option<String>) -> Problem {
        let place = match (variable, DeTable::parse(text)) {
            _ if self.place != PlaceInInput::Key => self.place,
            (Some(variable), _) => PlaceInInput::Variable(variable),
            (None, Ok(table)) => match find(table.get_ref(), &self.key) {
                Some(span) => {
                    let (line, column) = position(text, span.start);
                    PlaceInInput::Position(line, column)
                }
                None => PlaceInInput::Key,
            },
            (None, Err(_)) => PlaceInInput::Key,
        };
        Problem { place, ..self }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// One line: file, line, column, key and what is wrong.
    pub(crate) fn show(&self, file: &str) -> String {
        let place = match &self.place {
            PlaceInInput::Key => format!("{file}: "),
            PlaceInInput::Position(line, column) => format!("{file}:{line}:{column}: "),
            PlaceInInput::Variable(variable) => format!("{variable}: "),
        };
        let key = if self.key.is_empty() { String::new() } else { format!("{}: ", self.key) };
        terminal::escape(&format!("{place}{key}{}", self.message))
    }
}

/// The parser's message, with a hint if a key is misspelt, and without the value if it is a secret.
fn explain(error: &toml::de::Error, key: &str) -> String {
    let message = error.message();
    if SECRETS.iter().any(|secret| key.contains(secret)) {
        let parts = message.split_once('"').zip(message.rsplit_once('"'));
        if let Some(((before, _), (_, after))) = parts {
            return format!("{before}\"…\"{after}");
        }
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    match (message.strip_prefix("unknown field `"), quoted.next()) {
        (Some(_), Some(unknown)) => {
            let known: Vec<&str> = quoted.collect();
            let hint = similar(unknown, &known).map(|name| format!("; did you mean {name}?"));
            hint.map_or_else(
                || format!("there is no such key; possible here: {}", known.join(", ")),
                |hint| format!("there is no such key{hint}"),
            )
        }
        _ => message.trim_end().replace('\n', ", "),
    }
}

pub(super) fn similar<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let alike = known.iter().map(|name| (strsim::jaro_winkler(unknown, name), *name));
    let best = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    best.filter(|(alike, _)| *alike >= ALIKE).map(|(_, name)| name)
}

/// Line and column, from 1, in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// The keys that lead to a place in the text.
fn path_at(table: &DeTable<'_>, offset: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        let inner = path_in(value, offset).map(|inner| format!("{name}.{inner}"));
        let is_here = key.span().contains(&offset) || value.span().contains(&offset);
        inner.or_else(|| is_here.then(|| name.to_string()))
    })
}

fn path_in(value: &Spanned<DeValue<'_>>, offset: usize) -> Option<String> {
    match value.get_ref() {
        DeValue::Table(table) => path_at(table, offset),
        DeValue::Array(items) => items.iter().enumerate().find_map(|(index, item)| {
            let inner = path_in(item, offset).map(|inner| format!("{index}.{inner}"));
            inner.or_else(|| item.span().contains(&offset).then(|| index.to_string()))
        }),
        _ => None,
    }
}

/// Where the text has a key, or the innermost table that would contain it.
fn find(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == first)?;
    Some(find_in(value, rest).unwrap_or_else(|| key.span()))
}

fn find_in(value: &Spanned<DeValue<'_>>, path: &str) -> Option<Range<usize>> {
    match value.get_ref() {
        _ if path.is_empty() => None,
        DeValue::Table(table) => find(table, path),
        DeValue::Array(items) => {
            let (index, rest) = path.split_once('.').unwrap_or((path, ""));
            let item = items.get(index.parse::<usize>().ok()?)?;
            Some(find_in(item, rest).unwrap_or_else(|| item.span()))
        }
        _ => None,
    }
}
