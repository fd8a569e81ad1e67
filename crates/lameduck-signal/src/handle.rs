//! A trigger that is pulled by the program itself.

use std::{borrow::Cow, fmt};

use tokio::sync::mpsc;

/// As many triggers as there are stages: what does not fit could not raise the stage any more.
const STAGES: usize = 3;

/// Asks for the stop from within the program. Clones pull the same trigger.
///
/// A handle never keeps a process alive, and may outlive its [`Triggers`](crate::Triggers).
#[derive(Clone)]
pub struct TriggerHandle {
    sender: mpsc::Sender<Cow<'static, str>>,
}

impl TriggerHandle {
    pub(crate) fn channel() -> (Self, mpsc::Receiver<Cow<'static, str>>) {
        let (sender, receiver) = mpsc::channel(STAGES);
        (Self { sender }, receiver)
    }

    /// Asks for the stop; `name` says in the log who asked.
    ///
    /// A trigger that is pulled before the first wait is kept. Nothing happens if three wait
    /// already, or if nobody can wait any more.
    pub fn trigger(&self, name: impl Into<Cow<'static, str>>) {
        // Full means that the third stage is on its way, closed that the owner is gone.
        let _ = self.sender.try_send(name.into());
    }
}

impl fmt::Debug for TriggerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sender } = self;
        f.debug_struct("TriggerHandle").field("is_heard", &!sender.is_closed()).finish()
    }
}
