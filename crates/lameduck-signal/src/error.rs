//! Why the signal handlers could not be installed.

use std::{error::Error, fmt, io};

use crate::Signal;

/// A signal handler could not be installed. The message names the signal, the source says why.
#[derive(Debug)]
pub struct SignalError {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Listen { signal: Signal, source: io::Error },
    Thread { source: io::Error },
}

impl SignalError {
    pub(crate) const fn listen(signal: Signal, source: io::Error) -> Self {
        Self { kind: Kind::Listen { signal, source } }
    }

    pub(crate) const fn thread(source: io::Error) -> Self {
        Self { kind: Kind::Thread { source } }
    }

    /// The signal whose handler could not be installed, if it was one.
    #[must_use]
    pub const fn signal(&self) -> Option<Signal> {
        match self.kind {
            Kind::Listen { signal, .. } => Some(signal),
            Kind::Thread { .. } => None,
        }
    }
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Listen { signal, .. } => write!(f, "cannot listen for {signal}"),
            Kind::Thread { .. } => f.write_str("cannot start the thread that listens for signals"),
        }
    }
}

impl Error for SignalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Listen { source, .. } | Kind::Thread { source } => Some(source),
        }
    }
}
