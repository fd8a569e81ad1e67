//! The signals that can begin a stop, under one name on every system.

use std::fmt;

/// A signal, by its Unix name. Each variant says what it is on Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGTERM`: what supervisors send. On Windows: the console is closed, or the system is
    /// shut down.
    Terminate,
    /// `SIGINT`: Ctrl-C. On Windows: the same.
    Interrupt,
    /// `SIGQUIT`: Ctrl-\\. On Windows: Ctrl-Break.
    Quit,
    /// `SIGHUP`: the terminal is gone, or "read your configuration again". On Windows: never.
    Hangup,
}

impl Signal {
    pub(crate) const ALL: [Self; 4] = [Self::Terminate, Self::Interrupt, Self::Quit, Self::Hangup];

    /// The name in logs: that of the Unix signal, also on Windows.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Hangup => "SIGHUP",
        }
    }

    /// The number that POSIX gives the signal: 15, 2, 3 or 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Terminate => 15,
            Self::Interrupt => 2,
            Self::Quit => 3,
            Self::Hangup => 1,
        }
    }

    /// The exit code that a shell reports for a process that the signal ended: 128 plus the number.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        128 + self.number()
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
