//! A trigger for the program itself.

use std::{borrow::Cow, fmt, sync::Arc};

use tokio::sync::mpsc;

use crate::memory::Memory;

/// As many triggers as there are escalations: one more could not escalate the stop any further.
pub(crate) const ESCALATIONS: usize = 3;

/// Asks for a stop from within the program. Clones share one trigger.
///
/// A handle never keeps a process alive, and may outlive its [`Triggers`](crate::Triggers).
#[derive(Clone)]
pub struct TriggerHandle {
    sender: mpsc::Sender<Cow<'static, str>>,
    memory: Arc<Memory>,
}

impl TriggerHandle {
    pub(crate) fn channel(memory: Arc<Memory>) -> (Self, mpsc::Receiver<Cow<'static, str>>) {
        let (sender, receiver) = mpsc::channel(ESCALATIONS);
        (Self { sender, memory }, receiver)
    }

    /// Asks for a stop. `name` is the cause in the log.
    ///
    /// A trigger before the first wait is kept. It has no effect if three triggers are already
    /// queued, or if the [`Triggers`](crate::Triggers) were dropped.
    pub fn trigger(&self, name: impl Into<Cow<'static, str>>) {
        // Full: the third escalation is queued. Closed: the owner is gone.
        let _ = self.sender.try_send(name.into());
    }

    /// Begins again at [`Escalation::First`](crate::Escalation::First): the stop was cancelled.
    ///
    /// The next trigger counts, also a signal that has come less than a second before.
    pub fn reset(&self) {
        self.memory.reset();
    }
}

impl fmt::Debug for TriggerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sender, memory: _ } = self;
        f.debug_struct("TriggerHandle")
            .field("has_owner", &!sender.is_closed())
            .finish_non_exhaustive()
    }
}
