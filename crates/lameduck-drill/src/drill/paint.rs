//! Colour, where somebody can see it.

use std::fmt;

/// Whether to paint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    is_on: bool,
}

/// A text with a colour.
pub(crate) struct Painted<T> {
    text: T,
    code: Option<&'static str>,
}

impl Paint {
    pub(crate) const fn plain() -> Self {
        Self { is_on: false }
    }

    pub(crate) const fn when(is_on: bool) -> Self {
        Self { is_on }
    }

    pub(crate) const fn good<T>(self, text: T) -> Painted<T> {
        self.paint(text, "1;32")
    }

    pub(crate) const fn bad<T>(self, text: T) -> Painted<T> {
        self.paint(text, "1;31")
    }

    pub(crate) const fn faint<T>(self, text: T) -> Painted<T> {
        self.paint(text, "2")
    }

    const fn paint<T>(self, text: T, code: &'static str) -> Painted<T> {
        Painted { text, code: if self.is_on { Some(code) } else { None } }
    }
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            // The width is of the text, so it is padded inside of the colour.
            Some(code) => {
                write!(f, "\x1b[{code}m")?;
                self.text.fmt(f)?;
                f.write_str("\x1b[0m")
            }
            None => self.text.fmt(f),
        }
    }
}
