//! Durations as header values. Reading is strict and saturates, writing rounds down.

use std::time::Duration;

use http::HeaderValue;

/// More digits than any useful number has. Zeros in front count.
const MOST_DIGITS: usize = 20;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The largest number of eight digits.
const GRPC_MOST: u128 = 99_999_999;

/// The units of `grpc-timeout`, the finest first: its letter, and its length in nanoseconds.
const GRPC_UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', MINUTE as u128 * 1_000_000_000),
    (b'H', HOUR as u128 * 1_000_000_000),
];

/// One to eight digits and a unit.
pub(super) fn grpc(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.len() > 8 {
        return None;
    }
    let number = number(digits)?;
    Some(match unit {
        // Eight digits of hours fit into the seconds of a `Duration` many times over.
        b'H' => Duration::from_secs(number.saturating_mul(HOUR)),
        b'M' => Duration::from_secs(number.saturating_mul(MINUTE)),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

/// Whole milliseconds.
pub(super) fn millis(value: &[u8]) -> Option<Duration> {
    number(value).map(Duration::from_millis)
}

/// Seconds, whole or with up to nine digits after a point.
pub(super) fn seconds(value: &[u8]) -> Option<Duration> {
    let Some(point) = value.iter().position(|byte| *byte == b'.') else {
        return number(value).map(Duration::from_secs);
    };
    let (whole, fraction) = (&value[..point], &value[point + 1..]);
    if fraction.len() > 9 {
        return None;
    }
    let scale = 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?);
    let nanos = u32::try_from(number(fraction)?).ok()?.checked_mul(scale)?;
    Some(Duration::new(number(whole)?, nanos))
}

/// One to twenty digits. A number that does not fit becomes the largest one.
fn number(digits: &[u8]) -> Option<u64> {
    let is_number =
        (1..=MOST_DIGITS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| {
        digits.iter().fold(0_u64, |number, digit| {
            number.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        })
    })
}

/// In the finest unit for which eight digits are enough: off by at most one part in 100,000.
pub(super) fn to_grpc(left: Duration) -> Option<HeaderValue> {
    let nanos = left.as_nanos();
    let fits = GRPC_UNITS.iter().find(|(_, length)| nanos / length <= GRPC_MOST);
    let (unit, number) = match fits {
        Some((unit, length)) => (*unit, nanos / length),
        None => (b'H', GRPC_MOST),
    };
    (number > 0).then(|| value(&format!("{number}{}", char::from(unit)))).flatten()
}

pub(super) fn to_millis(left: Duration) -> Option<HeaderValue> {
    match u64::try_from(left.as_millis()).unwrap_or(u64::MAX) {
        0 => None,
        millis => Some(HeaderValue::from(millis)),
    }
}

/// In milliseconds, as seconds with three digits after the point.
pub(super) fn to_seconds(left: Duration) -> Option<HeaderValue> {
    let millis = left.subsec_millis();
    match left.as_secs() {
        0 if millis == 0 => None,
        secs => value(&format!("{secs}.{millis:03}")),
    }
}

fn value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(text).ok()
}
