//! Ends a process whose stop takes too long.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::Outcome;

/// Ends the process when a stop takes longer than all of its timeouts and half of the margin.
///
/// It has a thread of its own, because it is for a runtime that does not run its tasks any more.
/// Off until it knows how long a stop may take.
#[derive(Debug, Default)]
pub(crate) struct Watchdog {
    limit: OnceLock<Duration>,
    /// Odd while a stop is under way. Each stop has its own number.
    stop: AtomicU64,
}

impl Watchdog {
    /// Sets how long a stop may take.
    pub(crate) fn enable(&self, limit: Duration) {
        // Set once: a lifecycle is spawned once.
        let _ = self.limit.set(limit);
    }

    /// A stop begins. Has no effect while one is under way.
    pub(crate) fn arm(self: &Arc<Self>) {
        let Some(limit) = self.limit.get() else { return };
        // Relaxed, here and below: nothing but the number is published.
        let before = self.stop.fetch_or(1, Ordering::Relaxed);
        if before % 2 == 1 {
            return;
        }
        let (this, at) = (Arc::clone(self), after(*limit));
        let is_late = move || this.stop.load(Ordering::Relaxed) == before + 1;
        end_process_at(at, Outcome::Forced.exit_code(), is_late);
    }

    /// The stop is over, or cancelled.
    pub(crate) fn disarm(&self) {
        let stop = self.stop.load(Ordering::Relaxed);
        if stop % 2 == 1 {
            self.stop.store(stop + 1, Ordering::Relaxed);
        }
    }
}

/// Ends the process at this time, if `is_late` then says that it should end.
pub(crate) fn end_process_at(
    at: Instant,
    code: u8,
    is_late: impl FnOnce() -> bool + Send + 'static,
) {
    let end = move || {
        thread::sleep(at.saturating_duration_since(now()));
        if !is_late() {
            return;
        }
        tracing::error!(
            target: "lameduck",
            event = "exit.forced",
            "blocking calls kept the runtime busy beyond every stop timeout: ending the process"
        );
        #[expect(clippy::disallowed_methods, reason = "the user asked for the exit; main cannot")]
        std::process::exit(i32::from(code));
    };
    // If the system has no thread left, the process stays, and nothing here can change that.
    drop(thread::Builder::new().name("lameduck-watchdog".to_owned()).spawn(end));
}

fn after(time: Duration) -> Instant {
    let now = now();
    now.checked_add(time).unwrap_or(now)
}

#[expect(clippy::disallowed_methods, reason = "the runtime and its clock may be stuck, or gone")]
fn now() -> Instant {
    Instant::now()
}
