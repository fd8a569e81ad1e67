//! Text from outside, made safe for one line of a log.

use std::fmt::{self, Write as _};

/// Shows at most `limit` characters, then `...`; all but printable ASCII is escaped.
pub(super) struct Escaped<'a> {
    pub(super) text: &'a str,
    pub(super) limit: usize,
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room = self.limit;
        for character in self.text.chars() {
            // Other scripts are escaped too: some of their characters reverse a line.
            let plain = matches!(character, ' '..='~') && character != '\\';
            let width = if plain { 1 } else { character.escape_default().len() };
            let Some(left) = room.checked_sub(width) else { return f.write_str("...") };
            room = left;
            if plain {
                f.write_char(character)?;
            } else {
                write!(f, "{}", character.escape_default())?;
            }
        }
        Ok(())
    }
}
