//! Asks for a stop, escalates it, cancels it.

use std::{fmt, sync::Arc};

use lameduck_core::{Phase, PhaseWatch};
use tokio::sync::{mpsc, oneshot};

use crate::watchdog::Watchdog;

pub(crate) enum Command {
    Stop { cause: String, lame_duck: bool },
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
    /// Begins the stop. Has no effect while one is under way.
    ///
    /// `cause` appears in the log and the report. `lame_duck` says whether the server first serves
    /// as a lame duck.
    pub fn stop(&self, cause: impl Into<String>, lame_duck: bool) {
        // The watchdog is armed here and not in the driver, whose runtime may be stuck.
        if self.watch.current() < Phase::LameDuck {
            self.watchdog.arm(false);
        }
        // A lifecycle that is gone has stopped already.
        drop(self.commands.send(Command::Stop { cause: cause.into(), lame_duck }));
    }

    /// A signal has come: from now on the process must end, and not only the server. Works on any
    /// thread, also if the runtime is stuck. Plumbing of lameduck's own crates.
    #[doc(hidden)]
    pub fn process_must_end(&self) {
        self.watchdog.arm(true);
    }

    /// Goes one step further at once: from lame duck or draining to cancelling, from there to
    /// forced, and past the stop hooks while they run. Has no effect before a stop.
    pub fn escalate(&self) {
        drop(self.commands.send(Command::Escalate));
    }

    /// Cancels the stop, so that the server is ready again. Waits until the lifecycle runs.
    ///
    /// # Errors
    ///
    /// A stop can be cancelled only in lame duck. In a later phase nothing changes, and the error
    /// names the phase.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the stop may be cancelled even if this future is dropped.
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

/// The stop has come too far to be cancelled.
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
        write!(f, "a stop can be cancelled only in lame_duck, and this one is in {}", self.phase)
    }
}

impl std::error::Error for TooLateToCancel {}
