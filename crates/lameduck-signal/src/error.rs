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
    FourthSignal { source: io::Error },
    NoRuntime,
}

impl SignalError {
    pub(crate) const fn listen(signal: Signal, source: io::Error) -> Self {
        Self { kind: Kind::Listen { signal, source } }
    }

    pub(crate) const fn fourth_signal(source: io::Error) -> Self {
        Self { kind: Kind::FourthSignal { source } }
    }

    pub(crate) const fn no_runtime() -> Self {
        Self { kind: Kind::NoRuntime }
    }

    /// Whether the cause is a missing tokio runtime.
    #[must_use]
    pub const fn is_no_runtime(&self) -> bool {
        matches!(self.kind, Kind::NoRuntime)
    }

    /// The signal whose handler could not be installed, if it was one.
    #[must_use]
    pub const fn signal(&self) -> Option<Signal> {
        match self.kind {
            Kind::Listen { signal, .. } => Some(signal),
            Kind::FourthSignal { .. } | Kind::NoRuntime => None,
        }
    }
}

impl fmt::Display for SignalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Listen { signal, .. } => write!(f, "cannot listen for {signal}"),
            Kind::FourthSignal { .. } => f.write_str("cannot start the thread that ends the process at the fourth signal"),
            Kind::NoRuntime => f.write_str("signal handlers are installed outside of a tokio runtime; call `install` inside of one"),
        }
    }
}

impl Error for SignalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Listen { source, .. } | Kind::FourthSignal { source } => Some(source),
            Kind::NoRuntime => None,
        }
    }
}
