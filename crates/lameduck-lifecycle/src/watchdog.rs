//! Ends a process whose stop takes too long.

use std::{
    fmt,
    process::{abort, exit},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
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
/// How often a due watchdog looks whether other servers of the process still run.
const AGAIN: Duration = Duration::from_millis(100);

/// The latest deadline of all watchdogs of the process: the end of the process ends all servers.
static LATEST: AtomicU64 = AtomicU64::new(0);
/// How many drivers the process has that are not over.
static DRIVERS: AtomicUsize = AtomicUsize::new(0);

/// Ends the process when a stop takes longer than all of its timeouts and half of the margin.
///
/// It has a thread of its own, because it is for a runtime that does not run its tasks any more.
/// The thread needs no lock and no log. Off until it knows how long a stop may take.
///
/// Two deadlines lead to that end. One begins when a stop is asked for, on any thread, and ends
/// when the driver answers. The other is the driver's own: it begins with the stop, and ends when
/// the stop is over or cancelled.
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    thread: OnceLock<Thread>,
}

/// What the thread reads. Relaxed where nothing but the values themselves is published.
struct Shared {
    /// How long a stop may take, in nanoseconds.
    limit: AtomicU64,
    /// When the process ends if the driver does not answer, in nanoseconds of [`elapsed`].
    unanswered: AtomicU64,
    /// When the process ends if the stop is not over, in nanoseconds of [`elapsed`].
    deadline: AtomicU64,
    /// The exit code then.
    code: AtomicU8,
    /// Whether the driver runs.
    is_driven: AtomicBool,
    /// Whether the watchdog was dropped.
    is_dropped: AtomicBool,
}

impl Watchdog {
    pub(crate) fn new() -> Self {
        let shared = Shared {
            limit: NONE.into(),
            unanswered: NONE.into(),
            deadline: NONE.into(),
            code: Outcome::Forced.exit_code().into(),
            is_driven: false.into(),
            is_dropped: false.into(),
        };
        Self { shared: Arc::new(shared), thread: OnceLock::new() }
    }

    /// Starts the thread, once. A stop may take this long.
    pub(crate) fn enable(&self, limit: Duration) {
        self.shared.limit.store(nanos(limit), Ordering::Relaxed);
        if self.thread.get().is_some() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name("lameduck-watchdog".to_owned());
        // If the system has no thread left, the process stays, and nothing here can change that.
        if let Ok(thread) = thread.spawn(move || shared.watch()) {
            let _ = self.thread.set(thread.thread().clone());
        }
        // For a deadline that came before the thread was known.
        self.wake();
    }

    /// A stop is asked for. On any thread, and before the driver can know of it.
    pub(crate) fn asked(&self) {
        self.arm(&self.shared.unanswered);
    }

    /// As [`asked`](Self::asked), for a stop of the server alone: without a driver there is no
    /// server, and the process goes on.
    pub(crate) fn asked_of_driver(&self) {
        if self.shared.is_driven.load(Ordering::SeqCst) {
            self.asked();
        }
    }

    /// The driver has taken in what was asked for, or there is no driver any more.
    pub(crate) fn answered(&self) {
        self.shared.unanswered.store(NONE, Ordering::Relaxed);
    }

    /// The driver begins to run.
    pub(crate) fn driver_began(&self) {
        DRIVERS.fetch_add(1, Ordering::SeqCst);
        self.shared.is_driven.store(true, Ordering::SeqCst);
    }

    /// The stop begins.
    pub(crate) fn stop_began(&self) {
        self.shared.code.store(Outcome::Forced.exit_code(), Ordering::Relaxed);
        self.arm(&self.shared.deadline);
    }

    /// The stop is cancelled.
    pub(crate) fn stop_cancelled(&self) {
        // The thread looks at the old deadline, and finds this.
        self.shared.deadline.store(NONE, Ordering::Relaxed);
    }

    /// The driver is over. The process must still end if a signal asked for the stop.
    pub(crate) fn driver_ended(&self, outcome: Outcome, for_process: bool) {
        self.shared.code.store(outcome.exit_code(), Ordering::Relaxed);
        // What is not answered is a signal that came at the end.
        let for_process = for_process || self.shared.unanswered.load(Ordering::Relaxed) != NONE;
        if !for_process {
            self.shared.deadline.store(NONE, Ordering::Relaxed);
        }
        self.answered();
        self.shared.is_driven.store(false, Ordering::SeqCst);
        DRIVERS.fetch_sub(1, Ordering::SeqCst);
    }

    /// Sets a deadline, unless it is set.
    fn arm(&self, deadline: &AtomicU64) {
        let limit = self.shared.limit.load(Ordering::Relaxed);
        if limit == NONE {
            return;
        }
        let at = nanos(elapsed()).saturating_add(limit).min(NONE - 1);
        let set = deadline.compare_exchange(NONE, at, Ordering::Relaxed, Ordering::Relaxed);
        if set.is_ok() {
            LATEST.fetch_max(at, Ordering::Relaxed);
            self.wake();
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
        f.debug_struct("Watchdog")
            .field("is_armed", &(shared.due() != NONE))
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The earlier deadline.
    fn due(&self) -> u64 {
        let deadline = self.deadline.load(Ordering::Relaxed);
        deadline.min(self.unanswered.load(Ordering::Relaxed))
    }

    fn watch(&self) {
        loop {
            let due = self.due();
            if due == NONE {
                if self.is_dropped.load(Ordering::Relaxed) {
                    return;
                }
                // An unpark before this returns at once.
                thread::park();
                continue;
            }
            // Another server of the process may have more time for its stop.
            let due = due.max(LATEST.load(Ordering::Relaxed));
            let left = Duration::from_nanos(due).saturating_sub(elapsed());
            if !left.is_zero() {
                thread::park_timeout(left);
            } else if self.may_end_process() {
                end_process(self.code.load(Ordering::Relaxed));
            } else {
                thread::park_timeout(AGAIN);
            }
        }
    }

    /// A stop that hangs ends the process. After a stop, or before a start, the process ends only
    /// if no other server runs in it.
    fn may_end_process(&self) -> bool {
        self.is_driven.load(Ordering::SeqCst) || DRIVERS.load(Ordering::SeqCst) == 0
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

/// The time since the first call in the process.
#[expect(clippy::disallowed_methods, reason = "the runtime and its clock may be stuck, or gone")]
fn elapsed() -> Duration {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed()
}
