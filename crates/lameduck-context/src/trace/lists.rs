//! `tracestate` and `baggage`: lists that are validated and propagated, but not interpreted.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The most members of `tracestate` (W3C Trace Context, section 3.3.1).
const MOST_STATES: usize = 32;
/// The most bytes of `tracestate`. The specification asks for 512 at the least.
const LONGEST_STATE: usize = 4096;
/// The most members and bytes of `baggage` (W3C Baggage, section 3.3.2).
const MOST_BAGGAGE: usize = 64;
const LONGEST_BAGGAGE: usize = 8192;

/// `tracestate`, if it is valid as a whole.
pub(super) fn state(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let value = joined(headers, name, LONGEST_STATE)?;
    let mut keys: Vec<&[u8]> = Vec::new();
    for member in members(value.as_bytes()) {
        let equals = member.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&member[..equals], &member[equals + 1..]);
        if !is_state_key(key) || !is_state_value(value) || keys.contains(&key) {
            return None;
        }
        keys.push(key);
    }
    (1..=MOST_STATES).contains(&keys.len()).then_some(value)
}

/// `baggage`, if it is valid as a whole.
pub(super) fn baggage(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let value = joined(headers, name, LONGEST_BAGGAGE)?;
    let mut count = 0;
    for member in members(value.as_bytes()) {
        let mut parts = member.split(|byte| *byte == b';').map(trimmed);
        let (key, value) = pair(parts.next()?);
        let is_valid = is_token(key)
            && is_baggage_value(value?)
            && parts.all(|property| {
                let (key, value) = pair(property);
                is_token(key) && value.is_none_or(is_baggage_value)
            });
        if !is_valid {
            return None;
        }
        count += 1;
    }
    (1..=MOST_BAGGAGE).contains(&count).then_some(value)
}

/// All lines of a header as one list. `None` if that is too long.
fn joined(headers: &HeaderMap, name: &HeaderName, longest: usize) -> Option<HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    let length = headers.get_all(name).iter().map(|line| line.len() + 1).sum::<usize>() - 1;
    if length > longest {
        return None;
    }
    // Usually there is one line, whose bytes are shared.
    let Some(second) = lines.next() else { return Some(first.clone()) };
    let mut all = Vec::with_capacity(length);
    all.extend_from_slice(first.as_bytes());
    for line in std::iter::once(second).chain(lines) {
        all.push(b',');
        all.extend_from_slice(line.as_bytes());
    }
    HeaderValue::from_maybe_shared(Bytes::from(all)).ok()
}

/// The members of a list. Empty ones are allowed and do not count.
fn members(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(trimmed).filter(|member| !member.is_empty())
}

/// Key and value, without the space around the equals sign.
fn pair(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|byte| *byte == b'=') {
        Some(equals) => (trimmed(&text[..equals]), Some(trimmed(&text[equals + 1..]))),
        None => (text, None),
    }
}

fn trimmed(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// As level 2 of the specification defines it, where `@` is a character like others.
fn is_state_key(key: &[u8]) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= 256
        && key.first().is_some_and(is_first)
        && key.iter().all(|byte| is_first(byte) || b"_-*/@".contains(byte))
}

fn is_state_value(value: &[u8]) -> bool {
    (1..=256).contains(&value.len())
        && value.iter().all(|byte| matches!(byte, b' '..=b'~') && !b",=".contains(byte))
}

fn is_token(key: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !key.is_empty() && key.iter().all(is_token)
}

fn is_baggage_value(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'!'..=b'~') && !b"\",;\\".contains(byte))
}
