//! What asked for the stop.

use std::{borrow::Cow, fmt};

use crate::Signal;

/// What asked for the stop: a signal, or a trigger with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopCause {
    kind: Kind,
    interactive: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Signal(Signal),
    Named(Cow<'static, str>),
}

impl StopCause {
    pub(crate) const fn of_signal(signal: Signal, has_terminal: bool) -> Self {
        let interactive = has_terminal && matches!(signal, Signal::Interrupt);
        Self { kind: Kind::Signal(signal), interactive }
    }

    pub(crate) const fn named(name: Cow<'static, str>) -> Self {
        Self { kind: Kind::Named(name), interactive: false }
    }

    /// The name in logs: that of the signal, or that of the trigger.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Signal(signal) => signal.name(),
            Kind::Named(name) => name,
        }
    }

    /// The signal, if it was one.
    #[must_use]
    pub const fn signal(&self) -> Option<Signal> {
        match self.kind {
            Kind::Signal(signal) => Some(signal),
            Kind::Named(_) => None,
        }
    }

    /// Whether a person pressed Ctrl-C. Such a stop needs no lame duck.
    ///
    /// True for [`Signal::Interrupt`] in a process that has a terminal. Without a terminal, SIGINT
    /// comes from a supervisor (the `STOPSIGNAL` of a container, for example), which expects the
    /// whole stop.
    #[must_use]
    pub const fn is_interactive(&self) -> bool {
        self.interactive
    }
}

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
