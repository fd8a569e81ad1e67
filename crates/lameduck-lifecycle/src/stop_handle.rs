//! Asks for a stop, escalates it, cancels it.

use std::{fmt, sync::Arc};

use lameduck_core::{Phase, PhaseWatch};
use tokio::sync::{mpsc, oneshot};

use crate::watchdog::Watchdog;

pub(crate) enum Command {
    Stop(StopCommand),
    Escalate,
    CancelStop { done: oneshot::Sender<Phase> },
}

/// What asks for a stop.
pub(crate) struct StopCommand {
    pub(crate) cause: String,
    pub(crate) lame_duck: bool,
    /// Whether the process must end, and not only the server.
    pub(crate) for_process: bool,
    /// Whether it escalates a stop that is under way.
    pub(crate) escalates: bool,
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
        let cause = cause.into();
        self.send(StopCommand { cause, lame_duck, for_process: false, escalates: false });
    }

    /// Begins the stop, or escalates the one under way. The process must end with it if
    /// `for_process`. Plumbing of lameduck's own crates.
    #[doc(hidden)]
    pub fn stop_or_escalate(&self, cause: String, lame_duck: bool, for_process: bool) {
        self.send(StopCommand { cause, lame_duck, for_process, escalates: true });
    }

    /// As [`stop`](Self::stop), and the process must end with it. Plumbing of lameduck's own
    /// crates.
    #[doc(hidden)]
    pub fn stop_process(&self, cause: String, lame_duck: bool) {
        self.send(StopCommand { cause, lame_duck, for_process: true, escalates: false });
    }

    fn send(&self, command: StopCommand) {
        // The watchdog must know of it before the driver, whose runtime may be stuck.
        if command.for_process {
            self.watchdog.asked();
        } else {
            self.watchdog.asked_of_driver();
        }
        if self.commands.send(Command::Stop(command)).is_err() {
            // A lifecycle that is gone has stopped already.
            self.watchdog.answered();
        }
    }

    /// What to call on any thread when a signal comes, before it becomes a command: it works also
    /// if the runtime is stuck. Plumbing of lameduck's own crates.
    #[doc(hidden)]
    pub fn signal_observer(&self) -> impl Fn() + Send + Sync + 'static + use<> {
        // Weak, so that the thread of the watchdog ends with the last handle.
        let watchdog = Arc::downgrade(&self.watchdog);
        move || {
            if let Some(watchdog) = watchdog.upgrade() {
                watchdog.asked();
            }
        }
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
