//! A thread for code of the user that may panic or block, such as a log subscriber.
//!
//! A stop must not depend on a log that can be written: its pipe may have no reader, or a reader
//! that does not read. So an event is a job for this thread, and a full queue drops it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        OnceLock,
        atomic::{AtomicIsize, Ordering},
        mpsc::{self, Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// How many jobs may wait.
const CAPACITY: usize = 1024;

/// How many of them are kept free for [`post`]: a stop has some ten events, and one each second.
/// Events of connections come in thousands.
const RESERVED: usize = CAPACITY / 2;

/// How long to wait before the next try to enqueue into a full queue.
const RETRY: Duration = Duration::from_millis(1);

/// About how many jobs wait.
static WAITING: AtomicIsize = AtomicIsize::new(0);

type Job = Box<dyn FnOnce() + Send>;

/// One for the process. `None`: the thread could not be started.
static OUTBOX: OnceLock<Option<SyncSender<Job>>> = OnceLock::new();

/// Runs `job` soon, on a thread of its own, after all jobs that were posted earlier. Returns at
/// once, and returns whether the job will run: it does not if too many jobs wait.
///
/// A job that panics costs only itself.
pub fn post(job: impl FnOnce() + Send + 'static) -> bool {
    let is_sent = sender().is_some_and(|sender| sender.try_send(Box::new(job)).is_ok());
    if is_sent {
        WAITING.fetch_add(1, Ordering::Relaxed);
    }
    is_sent
}

/// As [`post`], for a job that matters less: it is dropped when half of the queue is full.
pub fn post_minor(job: impl FnOnce() + Send + 'static) -> bool {
    // Relaxed: about right is enough. A job may have run before it is counted.
    let waiting = WAITING.load(Ordering::Relaxed);
    let room = CAPACITY - RESERVED;
    usize::try_from(waiting).unwrap_or_default() < room && post(job)
}

/// Waits until all jobs that were posted earlier have run, at most for `limit`. Blocks its thread.
/// Returns whether they have run.
pub fn flush(limit: Duration) -> bool {
    let Some(Some(sender)) = OUTBOX.get() else { return true };
    let end = now() + limit;
    let (done, is_done) = mpsc::channel();
    let mut marker: Job = Box::new(move || {
        // It fails when the limit is over, and nothing waits any more.
        let _ = done.send(());
    });
    loop {
        marker = match sender.try_send(marker) {
            Ok(()) => {
                WAITING.fetch_add(1, Ordering::Relaxed);
                break;
            }
            Err(TrySendError::Full(marker)) if now() < end => marker,
            Err(_) => return false,
        };
        thread::sleep(RETRY);
    }
    is_done.recv_timeout(end.saturating_duration_since(now())).is_ok()
}

fn sender() -> Option<&'static SyncSender<Job>> {
    let start = || {
        let (sender, jobs) = sync_channel(CAPACITY);
        let thread = thread::Builder::new().name("lameduck-log".to_owned());
        thread.spawn(move || run(&jobs)).ok().map(|_| sender)
    };
    OUTBOX.get_or_init(start).as_ref()
}

fn run(jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        // The panic hook has reported it. The next job may succeed.
        drop(catch_unwind(AssertUnwindSafe(job)));
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread waits in real time, whatever a test pauses"
)]
fn now() -> Instant {
    Instant::now()
}

/// Writes a `tracing` event on the [outbox](crate::plumbing::outbox)'s thread, by the subscriber of
/// this thread, unless many events wait. The fields are variables that outlive the call.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_later {
    ($level:ident, $event:literal, { $($field:ident),* }, $message:literal) => {
        if ::tracing::dispatcher::has_been_set() {
            let dispatch = ::tracing::dispatcher::get_default(::std::clone::Clone::clone);
            $crate::plumbing::outbox::post_minor(move || {
                ::tracing::dispatcher::with_default(&dispatch, || {
                    ::tracing::$level!(
                        target: "lameduck",
                        event = $event,
                        $($field,)*
                        $message
                    );
                });
            });
        }
    };
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    /// The tests share the thread of the process.
    static ALONE: Mutex<()> = Mutex::new(());

    #[test]
    fn jobs_run_in_their_order_and_one_that_panics_costs_only_itself() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let ran = Arc::new(Mutex::new(Vec::new()));
        for number in 0..10 {
            let ran = Arc::clone(&ran);
            assert!(post(move || {
                assert!(number != 5, "a job may panic");
                ran.lock().unwrap().push(number);
            }));
        }
        assert!(flush(Duration::from_secs(20)));
        assert_eq!(*ran.lock().unwrap(), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
    }

    #[test]
    fn a_job_that_blocks_holds_up_neither_a_post_nor_a_flush() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (release, gate) = mpsc::channel::<()>();
        assert!(post(move || {
            let _ = gate.recv();
        }));
        assert!(!flush(Duration::from_millis(10)));
        let minor = (0..2 * CAPACITY).filter(|_| post_minor(|| ())).count();
        assert!(minor <= CAPACITY - RESERVED, "{minor}");
        let posted = (0..2 * CAPACITY).filter(|_| post(|| ())).count();
        assert!(posted >= RESERVED, "{posted}");
        assert!(posted <= CAPACITY, "{posted}");
        assert!(!post(|| ()));
        assert!(!flush(Duration::from_millis(10)));
        release.send(()).unwrap();
        assert!(flush(Duration::from_secs(20)));
        assert!(post(|| ()));
    }
}
