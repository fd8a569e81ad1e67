//! `traceparent`: the trace that a request belongs to, and the span that sent it.

use std::fmt;

use http::HeaderValue;
use uuid::Uuid;

/// The flags that version 00 defines: sampled, and that the trace id is random.
const KNOWN_FLAGS: u8 = 0b11;

/// The length of version 00.
const LENGTH: usize = 55;

/// The id of a trace: 16 bytes, not all zero. As text, 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

impl TraceId {
    /// The id as a number.
    #[must_use]
    pub const fn to_u128(self) -> u128 {
        self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The id of a span: 8 bytes, not all zero. As text, 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl SpanId {
    /// The id as a number.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// Makes a random one.
    pub(super) fn fresh() -> Self {
        // Some bits of a version 4 UUID are fixed, but none in the same place of both halves.
        let (high, low) = Uuid::new_v4().as_u64_pair();
        Self((high ^ low).max(1))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The contents of `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TraceParent {
    pub(super) trace: TraceId,
    pub(super) span: SpanId,
    pub(super) flags: u8,
}

impl TraceParent {
    /// Reads `00-<32 digits>-<16 digits>-<2 digits>`, all lower case.
    ///
    /// A later version may go on after a dash. The part that version 00 defines is kept.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        let version = u8::try_from(hex(&known[..2])?).ok()?;
        let is_whole = match version {
            0 => rest.is_empty(),
            u8::MAX => false,
            _ => rest.first().is_none_or(|next| *next == b'-'),
        };
        let trace = hex(&known[3..35])?;
        let span = u64::try_from(hex(&known[36..52])?).ok()?;
        let flags = u8::try_from(hex(&known[53..])?).ok()?;
        let is_valid = dashes && is_whole && trace != 0 && span != 0;
        let parent = Self { trace: TraceId(trace), span: SpanId(span), flags };
        let parent = if version == 0 { parent } else { parent.with_known_flags() };
        is_valid.then_some(parent)
    }

    /// Without the flags that version 00 does not define: a new parent has to set them to zero.
    pub(super) const fn with_known_flags(self) -> Self {
        let Self { trace, span, flags } = self;
        Self { trace, span, flags: flags & KNOWN_FLAGS }
    }

    /// Writes version 00 with another span as the caller.
    pub(super) fn to_header(self, span: SpanId) -> Option<HeaderValue> {
        let Self { trace, span: _, flags } = self;
        HeaderValue::from_str(&format!("00-{trace}-{span}-{flags:02x}")).ok()
    }

    pub(super) const fn is_sampled(self) -> bool {
        self.flags & 1 == 1
    }
}

/// Up to 32 hexadecimal digits. Upper case is not allowed.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0_u128, |number, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}
