//! The content of a close frame.

use std::{borrow::Cow, fmt};

/// The longest text, in bytes: a control frame has 125, of which the code takes two.
const LONGEST: usize = 123;

/// The content of a close frame: a code for programs, and a text for people.
///
/// The usual client libraries connect again after any code but 1000.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    code: u16,
    text: Cow<'static, str>,
}

impl CloseReason {
    /// 1001, going away: the server is going down.
    pub const GOING_AWAY: Self = Self { code: 1001, text: Cow::Borrowed("server is stopping") };

    /// 1012, service restart: the client may come back, after a pause of its own choice.
    pub const SERVICE_RESTART: Self =
        Self { code: 1012, text: Cow::Borrowed("server is restarting") };

    /// Makes a reason of your own.
    ///
    /// # Errors
    ///
    /// The code must be one that may be sent: 1000 to 1014 but for 1004, 1005 and 1006, or 3000 to
    /// 4999. The text may have 123 bytes.
    pub fn new(code: u16, text: impl Into<Cow<'static, str>>) -> Result<Self, InvalidCloseReason> {
        let text = text.into();
        if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            return Err(InvalidCloseReason { kind: Kind::Code(code) });
        }
        if text.len() > LONGEST {
            return Err(InvalidCloseReason { kind: Kind::Text(text.len()) });
        }
        Ok(Self { code, text })
    }

    /// The code, for programs.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The text, for people.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// By default [`GOING_AWAY`](CloseReason::GOING_AWAY).
impl Default for CloseReason {
    fn default() -> Self {
        Self::GOING_AWAY
    }
}

/// A close frame that may not be sent. Says why, and what may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCloseReason {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Code(u16),
    Text(usize),
}

impl fmt::Display for InvalidCloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Code(code) => write!(
                f,
                "a close frame may not carry the code {code}; use 1001 (going away), 1012 (service \
                 restart) or one of your own from 4000 to 4999"
            ),
            Kind::Text(len) => write!(
                f,
                "the text of a close frame has {len} bytes, and a control frame has room for \
                 {LONGEST}; shorten it"
            ),
        }
    }
}

impl std::error::Error for InvalidCloseReason {}
