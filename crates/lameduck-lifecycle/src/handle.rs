//! Asking for a stop, and calling it off.

use std::{fmt, sync::Arc};

use lameduck_core::{Phase, PhaseWatch};
use tokio::sync::{mpsc, oneshot};

use crate::exit::Watchdog;

pub(crate) enum Command {
    Stop { cause: String, lame_duck: bool, insist: bool },
    Escalate,
    CancelStop { done: oneshot::Sender<Phase> },
}

/// Asks a [`Lifecycle`](crate::Lifecycle) to stop. Clones ask the same one.
#[derive(Clone)]
pub struct StopHandle {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) watch: PhaseWatch,
    pub(crate) watchdog: Arc<Watchdog>,
}

impl StopHandle {
    /// Begins the stop. While one is under way this does nothing.
    ///
    /// `cause` stands in the log and the report. `lame_duck` says whether to go on serving for the
    /// lame-duck window first.
    pub fn stop(&self, cause: impl Into<String>, lame_duck: bool) {
        self.send_stop(cause.into(), lame_duck, false);
    }

    /// Begins the stop, or goes one step further if one is under way: what a signal means.
    ///
    /// The first asking is [`stop`](Self::stop), each one after it [`escalate`](Self::escalate).
    pub fn ask(&self, cause: impl Into<String>, lame_duck: bool) {
        self.send_stop(cause.into(), lame_duck, true);
    }

    fn send_stop(&self, cause: String, lame_duck: bool, insist: bool) {
        // Here and not in the driver, which runs on the runtime that may be stuck.
        if self.watch.current() < Phase::LameDuck {
            self.watchdog.arm();
        }
        // A lifecycle that is gone has stopped; that is what was asked for.
        drop(self.commands.send(Command::Stop { cause, lame_duck, insist }));
    }

    /// Goes one step further, now: from lame duck or draining to cancelling, from there to forced,
    /// and while the hooks run past them. Before a stop this does nothing.
    pub fn escalate(&self) {
        drop(self.commands.send(Command::Escalate));
    }

    /// Calls the stop off, so that the server is ready again. Waits until the lifecycle runs.
    ///
    /// # Errors
    ///
    /// Only lame duck can be undone. In a later phase nothing changes, and the error names it.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the stop may be called off even if this future is dropped.
    pub async fn cancel_stop(&self) -> Result<(), TooLateToCancel> {
        let (done, answer) = oneshot::channel();
        drop(self.commands.send(Command::CancelStop { done }));
        let phase = answer.await.unwrap_or(Phase::Stopped);
        if phase <= Phase::Running { Ok(()) } else { Err(TooLateToCancel { phase }) }
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { commands: _, watch, watchdog: _ } = self;
        f.debug_struct("StopHandle").field("phase", &watch.current()).finish_non_exhaustive()
    }
}

/// A stop that has come too far to be called off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLateToCancel {
    phase: Phase,
}

impl TooLateToCancel {
    /// The phase that the stop has reached.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }
}

impl fmt::Display for TooLateToCancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stop can only be undone in lame_duck, and has reached {}", self.phase)
    }
}

impl std::error::Error for TooLateToCancel {}
