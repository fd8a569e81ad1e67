//! Ends a process whose stop takes too long.

use std::{
    fmt,
    process::{abort, exit},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use lameduck_core::plumbing::outbox;

use crate::Outcome;

/// No limit, or no deadline.
const NONE: u64 = u64::MAX;
/// How long the end of the process waits for its log line.
const LOG: Duration = Duration::from_millis(100);
/// How long the exit may take: it runs the exit handlers of the program, and flushes its output.
const EXIT: Duration = Duration::from_millis(500);

/// Ends the process when a stop takes longer than all of its timeouts and half of the margin.
///
/// It has a thread of its own, because it is for a runtime that does not run its tasks any more.
/// The thread needs no lock and no log. Off until it knows how long a stop may take.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    thread: OnceLock<Thread>,
}

/// What the thread reads. All is relaxed: nothing but the values themselves is published.
struct Shared {
    origin: Instant,
    /// How long a stop may take, in nanoseconds.
    limit: AtomicU64,
    /// When the process ends, in nanoseconds after `origin`.
    deadline: AtomicU64,
    /// The exit code then.
    code: AtomicU8,
    /// Whether a signal asked for the stop, so that the process must end and not only the server.
    for_process: AtomicBool,
    /// Whether the watchdog was dropped.
    is_dropped: AtomicBool,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        let shared = Shared {
            origin: now(),
            limit: NONE.into(),
            deadline: NONE.into(),
            code: Outcome::Forced.exit_code().into(),
            for_process: false.into(),
            is_dropped: false.into(),
        };
        Self { shared: Arc::new(shared), thread: OnceLock::new() }
    }

    /// Starts the thread. A stop may take this long.
    pub(crate) fn enable(&self, limit: Duration) {
        self.shared.limit.store(nanos(limit), Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("lameduck-watchdog".to_owned());
        // If the system has no thread left, the process stays, and nothing here can change that.
        if let Ok(thread) = thread.spawn(move || shared.watch()) {
            let _ = self.thread.set(thread.thread().clone());
        }
    }

    /// A stop begins. Has no effect while one is under way, except that it may be `for_process`.
    pub(crate) fn arm(&self, for_process: bool) {
        let Shared { origin, limit, deadline, code, for_process: all, .. } = &*self.shared;
        if for_process {
            all.store(true, Ordering::Relaxed);
        }
        let limit = limit.load(Ordering::Relaxed);
        if limit == NONE {
            return;
        }
        let at = nanos(origin.elapsed()).saturating_add(limit);
        let is_first =
            deadline.compare_exchange(NONE, at, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if is_first {
            code.store(Outcome::Forced.exit_code(), Ordering::Relaxed);
            self.wake();
        }
    }

    /// The stop is cancelled.
    pub(crate) fn disarm(&self) {
        self.shared.for_process.store(false, Ordering::Relaxed);
        // The thread looks at the old deadline, and finds this.
        self.shared.deadline.store(NONE, Ordering::Relaxed);
    }

    /// The stop is over. The process must still end if a signal asked for it.
    pub(crate) fn stop_ended(&self, outcome: Outcome) {
        if self.shared.for_process.load(Ordering::Relaxed) {
            self.shared.code.store(outcome.exit_code(), Ordering::Relaxed);
        } else {
            self.disarm();
        }
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.is_dropped.store(true, Ordering::Relaxed);
        self.wake();
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared, thread: _ } = self;
        let is_armed = shared.deadline.load(Ordering::Relaxed) != NONE;
        f.debug_struct("Watchdog").field("is_armed", &is_armed).finish_non_exhaustive()
    }
}

impl Shared {
    fn watch(&self) {
        loop {
            let deadline = self.deadline.load(Ordering::Relaxed);
            if deadline == NONE {
                if self.is_dropped.load(Ordering::Relaxed) {
                    return;
                }
                // An unpark before this returns at once.
                thread::park();
                continue;
            }
            let left = Duration::from_nanos(deadline).saturating_sub(self.origin.elapsed());
            if left.is_zero() {
                end_process(self.code.load(Ordering::Relaxed));
            }
            thread::park_timeout(left);
        }
    }
}

/// Ends the process after this time, on a thread of its own.
pub(crate) fn end_process_after(time: Duration, code: u8) {
    let end = move || {
        thread::sleep(time);
        end_process(code);
    };
    // If the system has no thread left, the process stays, and nothing here can change that.
    drop(thread::Builder::new().name("lameduck-exit".to_owned()).spawn(end));
}

/// Ends the process, with an exit handler or a log that blocks as well.
fn end_process(code: u8) -> ! {
    outbox::post(move || {
        tracing::error!(
            target: "lameduck",
            event = "exit.forced",
            code,
            "blocking calls kept the process beyond its stop: ending it"
        );
    });
    outbox::flush(LOG);
    #[expect(clippy::disallowed_methods, reason = "the user asked for the exit; main cannot")]
    let exit = move || exit(i32::from(code));
    drop(thread::Builder::new().name("lameduck-exit".to_owned()).spawn(exit));
    thread::sleep(EXIT);
    abort()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NONE - 1)
}

#[expect(clippy::disallowed_methods, reason = "the runtime and its clock may be stuck, or gone")]
fn now() -> Instant {
    Instant::now()
}
