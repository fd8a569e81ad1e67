//! Why the signals could not be listened for.

use std::{error::Error, fmt, io};

use crate::Signal;

/// The signals cannot be listened for. Says which one, and the source says why.
#[derive(Debug)]
pub struct SignalError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Listen { signal: Signal, source: io::Error },
    LastResort { source: io::Error },
    NoRuntime,
}

impl SignalError {
    pub(crate) const fn listen(signal: Signal, source: io::Error) -> Self {
        Self { kind: Kind::Listen { signal, source } }
    }

    pub(crate) const fn last_resort(source: io::Error) -> Self {
        Self { kind: Kind::LastResort { source } }
    }

    pub(crate) const fn no_runtime() -> Self {
        Self { kind: Kind::NoRuntime }
    }

    /// Whether there was no tokio runtime to listen on.
    #[must_use]
    pub const fn is_no_runtime(&self) -> bool {
        matches!(self.kind, Kind::NoRuntime)
    }

    /// The signal that could not be listened for, if it was one.
    #[must_use]
    pub const fn signal(&self) -> Option<Signal> {
        match self.kind {
            Kind::Listen { signal, .. } => Some(signal),
            Kind::LastResort { .. } | Kind::NoRuntime => None,
        }
    }
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Listen { signal, .. } => write!(f, "cannot listen for {signal}"),
            Kind::LastResort { .. } => f.write_str("cannot start the last resort's thread"),
            Kind::NoRuntime => f.write_str("signals are installed outside of a tokio runtime"),
        }
    }
}

impl Error for SignalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Listen { source, .. } | Kind::LastResort { source } => Some(source),
            Kind::NoRuntime => None,
        }
    }
}
