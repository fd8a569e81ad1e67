//! The way out of the process.

use std::{
    process::ExitCode,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{Outcome, Report};

impl From<Report> for ExitCode {
    /// The outcome's exit code.
    ///
    /// Also logs why the server was not started, if it was not, and starts the last resort, see
    /// [`Report`].
    fn from(report: Report) -> Self {
        let code = report.outcome.exit_code();
        if let Some(error) = report.error() {
            tell(error);
        }
        if let Some(at) = report.exit_by {
            end_at(at, code, || true);
        }
        Self::from(code)
    }
}

fn tell(error: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::error!(target: "lameduck", event = "start.failed", error, "not started");
    } else {
        #[expect(clippy::print_stderr, reason = "without a subscriber nobody else would say it")]
        {
            eprintln!("not started: {error}");
        }
    }
}

/// Ends the process when a stop takes longer than all of its windows and half of the margin.
///
/// A thread of its own, because what it is there for is a runtime that does not get to its tasks.
/// Off until it is told how long a stop may take.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    limit: OnceLock<Duration>,
    /// Odd while a stop is under way. Each stop has its own number.
    stop: AtomicU64,
}

impl Watchdog {
    /// Sets how long a stop may take.
    pub(crate) fn enable(&self, limit: Duration) {
        // Set once, by the spawn of its lifecycle, which there is one of.
        let _ = self.limit.set(limit);
    }

    /// A stop is asked for. Does nothing while one is under way.
    pub(crate) fn arm(self: &Arc<Self>) {
        let Some(limit) = self.limit.get() else { return };
        // Relaxed, here and below: the number is all that is told.
        let before = self.stop.fetch_or(1, Ordering::Relaxed);
        if before % 2 == 1 {
            return;
        }
        let (this, at) = (Arc::clone(self), after(*limit));
        let is_late = move || this.stop.load(Ordering::Relaxed) == before + 1;
        end_at(at, Outcome::Forced.exit_code(), is_late);
    }

    /// The stop is over, or called off.
    pub(crate) fn disarm(&self) {
        let stop = self.stop.load(Ordering::Relaxed);
        if stop % 2 == 1 {
            self.stop.store(stop + 1, Ordering::Relaxed);
        }
    }
}

/// Ends the process at that time, if it still should be by then.
fn end_at(at: Instant, code: u8, should_be: impl FnOnce() -> bool + Send + 'static) {
    let end = move || {
        thread::sleep(until(at));
        if !should_be() {
            return;
        }
        tracing::error!(
            target: "lameduck",
            event = "exit.forced",
            "blocking calls kept the runtime busy beyond every window: ending the process"
        );
        #[expect(clippy::disallowed_methods, reason = "the user asked for the exit; main cannot")]
        std::process::exit(i32::from(code));
    };
    // Without a thread to spare the process may stay; there is nobody left to tell.
    drop(thread::Builder::new().name("lameduck-last-resort".to_owned()).spawn(end));
}

fn until(at: Instant) -> Duration {
    at.saturating_duration_since(now())
}

fn after(time: Duration) -> Instant {
    let now = now();
    now.checked_add(time).unwrap_or(now)
}

#[expect(clippy::disallowed_methods, reason = "the runtime and its clock may be stuck, or gone")]
fn now() -> Instant {
    Instant::now()
}
