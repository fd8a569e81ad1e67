//! JSON text, written without a library: the answers need strings, numbers and one object.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

/// A member of an answer's `data`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonValue {
    /// A string.
    Text(Cow<'static, str>),
    /// A number.
    Number(u64),
}

impl From<&'static str> for JsonValue {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for JsonValue {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u64> for JsonValue {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

/// Writes an object of values, in the order of their names.
pub(super) fn write_object(out: &mut String, members: &BTreeMap<Cow<'static, str>, JsonValue>) {
    out.push('{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(out, name);
        out.push(':');
        match value {
            JsonValue::Text(text) => write_string(out, text),
            JsonValue::Number(number) => write_number(out, *number),
        }
    }
    out.push('}');
}

/// Writes a number.
pub(super) fn write_number(out: &mut String, number: u64) {
    // Writing to a string does not fail.
    let _ = write!(out, "{number}");
}

/// Writes a string in quotes, escaped as RFC 8259 asks and as `serde_json` does.
pub(super) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}
