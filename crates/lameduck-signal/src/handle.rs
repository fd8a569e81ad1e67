//! A trigger for the program itself.

use std::{borrow::Cow, fmt};

use tokio::sync::mpsc;

/// As many triggers as there are escalations: one more could not escalate the stop any further.
const ESCALATIONS: usize = 3;

/// Asks for a stop from within the program. Clones share one trigger.
///
/// A handle never keeps a process alive, and may outlive its [`Triggers`](crate::Triggers).
#[derive(Clone)]
pub struct TriggerHandle {
    sender: mpsc::Sender<Cow<'static, str>>,
}

impl TriggerHandle {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Cow<'static, str>>) {
        let (sender, receiver) = mpsc::channel(ESCALATIONS);
        (Self { sender }, receiver)
    }

    /// Asks for a stop. `name` is the cause in the log.
    ///
    /// A trigger before the first wait is kept. It has no effect if three triggers are already
    /// queued, or if the [`Triggers`](crate::Triggers) were dropped.
    pub fn trigger(&self, name: impl Into<Cow<'static, str>>) {
        // Full: the third escalation is queued. Closed: the owner is gone.
        let _ = self.sender.try_send(name.into());
    }
}

impl fmt::Debug for TriggerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sender } = self;
        f.debug_struct("TriggerHandle").field("is_heard", &!sender.is_closed()).finish()
    }
}
