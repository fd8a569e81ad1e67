//! What a stop waits for, described by plain closures.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};

use lameduck_core::plumbing::log_later;

/// How the source of some work, such as a listener, closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceClosed {
    /// Connections that were accepted from the queue after draining began.
    pub swept: u64,
    /// Whether the queue was known to be empty at the close.
    pub queue_drained: bool,
}

impl SourceClosed {
    /// Makes it from its parts.
    #[must_use]
    pub const fn new(swept: u64, queue_drained: bool) -> Self {
        Self { swept, queue_drained }
    }
}

/// How long to wait when `open` and `idle` disagree.
const DISAGREE: Duration = Duration::from_millis(1);

type Count = Arc<dyn Fn() -> usize + Send + Sync>;
type Wait<T> = Arc<dyn Fn() -> BoxFuture<'static, T> + Send + Sync>;

/// Something that the drain waits for: requests, connections, background jobs.
///
/// Made of plain closures, so that the code that counts need not know this crate.
///
/// ```
/// use std::sync::Arc;
/// use lameduck_lifecycle::Work;
/// use tokio::sync::Semaphore;
///
/// let jobs = Arc::new(Semaphore::new(10));
/// let (open, idle) = (Arc::clone(&jobs), jobs);
/// let work = Work::new("jobs", move || 10 - open.available_permits(), move || {
///     let idle = Arc::clone(&idle);
///     async move { drop(idle.acquire_many(10).await) }
/// });
/// # drop(work);
/// ```
#[derive(Clone)]
#[must_use = "work has no effect until a lifecycle waits for it"]
pub struct Work {
    name: &'static str,
    open: Count,
    idle: Wait<()>,
    /// Whether `idle` has panicked. It is not called again.
    idle_panicked: Arc<AtomicBool>,
    closed: Option<Wait<SourceClosed>>,
    blockers: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    force: Arc<dyn Fn() + Send + Sync>,
}

impl Work {
    /// Describes work by its name, how much of it is open, and a future that waits until none is.
    ///
    /// The future is made anew as often as needed, and may be dropped at any time. A closure or
    /// future that panics costs only itself: the stop goes on, at the latest to its timeouts.
    pub fn new<F>(
        name: &'static str,
        open: impl Fn() -> usize + Send + Sync + 'static,
        idle: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            name,
            open: Arc::new(open),
            idle: Arc::new(move || Box::pin(idle())),
            idle_panicked: Arc::default(),
            closed: None,
            blockers: Arc::new(Vec::new),
            force: Arc::new(|| ()),
        }
    }

    /// Adds a future that waits until the source of this work, such as a listener, has closed.
    ///
    /// The drain ends only after that, or after the timeout of the accept queue.
    pub fn with_closed<F>(mut self, closed: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = SourceClosed> + Send + 'static,
    {
        self.closed = Some(Arc::new(move || Box::pin(closed())));
        self
    }

    /// Adds a list of the blockers, a line each, the oldest first. By default there is none.
    pub fn with_blockers(
        mut self,
        blockers: impl Fn() -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        self.blockers = Arc::new(blockers);
        self
    }

    /// Adds a closure that ends all of this work at once. By default there is none.
    pub fn with_force(mut self, force: impl Fn() + Send + Sync + 'static) -> Self {
        self.force = Arc::new(force);
        self
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// How much is open. None, if the closure panics.
    pub(crate) fn open(&self) -> usize {
        self.guard("open", || (self.open)()).unwrap_or(0)
    }

    /// Waits until none is open, or until the future panics.
    pub(crate) fn idle(&self) -> BoxFuture<'static, ()> {
        let work = self.clone();
        Box::pin(async move {
            // Relaxed: a flag, and nothing else is published.
            if work.idle_panicked.load(Ordering::Relaxed) {
                return;
            }
            if work.guard_wait("idle", || (work.idle)()).await.is_none() {
                work.idle_panicked.store(true, Ordering::Relaxed);
            }
        })
    }

    /// Waits until the source has closed. If the future panics, nothing is known of the queue.
    pub(crate) fn closed(&self) -> Option<BoxFuture<'static, SourceClosed>> {
        let (work, closed) = (self.clone(), Arc::clone(self.closed.as_ref()?));
        Some(Box::pin(async move {
            let ended = work.guard_wait("closed", || closed()).await;
            ended.unwrap_or(SourceClosed::new(0, false))
        }))
    }

    /// The blockers. None are named if the closure panics.
    pub(crate) fn blockers(&self) -> Vec<String> {
        self.guard("blockers", || (self.blockers)()).unwrap_or_default()
    }

    pub(crate) fn force(&self) {
        self.guard("force", || (self.force)());
    }

    /// Calls a closure of the user. One that panics costs only itself, and the stop goes on.
    fn guard<T>(&self, closure: &'static str, call: impl FnOnce() -> T) -> Option<T> {
        let returned = catch_unwind(AssertUnwindSafe(call)).ok();
        if returned.is_none() {
            self.log_panic(closure);
        }
        returned
    }

    /// As [`guard`](Self::guard), for a closure that returns a future.
    async fn guard_wait<T>(
        &self,
        closure: &'static str,
        call: impl FnOnce() -> BoxFuture<'static, T>,
    ) -> Option<T> {
        let future = self.guard(closure, call)?;
        let returned = AssertUnwindSafe(future).catch_unwind().await.ok();
        if returned.is_none() {
            self.log_panic(closure);
        }
        returned
    }

    fn log_panic(&self, closure: &'static str) {
        let work = self.name;
        log_later!(error, "work.panicked", { work, closure }, "a closure panicked, it is skipped");
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, open: _, idle: _, idle_panicked: _, closed: _, blockers: _, force: _ } =
            self;
        f.debug_struct("Work")
            .field("name", name)
            .field("open", &self.open())
            .finish_non_exhaustive()
    }
}

/// Completes when no work is open, at one moment.
pub(crate) async fn all_idle(work: &[Work]) {
    loop {
        for each in work {
            each.idle().await;
        }
        // During the wait for the second, the first may have got new work.
        if work.iter().all(|each| each.open() == 0) {
            return;
        }
        // If `open` and `idle` disagree, this loop must not keep a thread busy.
        tokio::time::sleep(DISAGREE).await;
    }
}

/// How many blockers are named: enough to see what they have in common, and few enough that a
/// stop does not take long to list them.
const MOST_NAMED: usize = 100;

/// The blockers, a line each, and how many more there are.
pub(crate) fn all_blockers(work: &[Work]) -> Vec<String> {
    let mut named = Vec::new();
    for each in work {
        let mut blockers = each.blockers();
        let more = blockers.len().saturating_sub(MOST_NAMED);
        blockers.truncate(MOST_NAMED);
        named.append(&mut blockers);
        if more > 0 {
            named.push(format!("{more} more {}", each.name));
        }
    }
    named
}
