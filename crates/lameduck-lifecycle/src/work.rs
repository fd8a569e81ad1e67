//! What must have ended before the process may, described in plain closures.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

/// How a listener ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// Connections that were taken out of the accept queue after the stop began.
    pub swept: u64,
    /// Whether the queue is known to have been empty at the close.
    pub queue_drained: bool,
}

impl Closed {
    /// Makes the account of a listener's end.
    #[must_use]
    pub const fn new(swept: u64, queue_drained: bool) -> Self {
        Self { swept, queue_drained }
    }
}

/// How long an `open` and an `idle` that disagree are left alone.
const DISAGREE: std::time::Duration = std::time::Duration::from_millis(1);

type Count = Arc<dyn Fn() -> usize + Send + Sync>;
type Wait<T> = Arc<dyn Fn() -> BoxFuture<'static, T> + Send + Sync>;

/// Something the drain waits for: requests, connections, background jobs.
///
/// Made of plain closures, so that whatever counts need not know this crate.
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
#[must_use = "work does nothing until a lifecycle waits for it"]
pub struct Work {
    name: &'static str,
    open: Count,
    idle: Wait<()>,
    closed: Option<Wait<Closed>>,
    blockers: Arc<dyn Fn() -> Vec<String> + Send + Sync>,
    force: Arc<dyn Fn() + Send + Sync>,
}

impl Work {
    /// Describes work by its name, how much of it is open, and a wait for there to be none.
    ///
    /// The wait is made anew as often as needed, and may be dropped at any time.
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
            closed: None,
            blockers: Arc::new(Vec::new),
            force: Arc::new(|| ()),
        }
    }

    /// Adds a wait for the source of this work to have closed, such as a listener.
    ///
    /// There being no work counts only after that, or after the window to stop accepting.
    pub fn with_closed<F>(mut self, closed: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Closed> + Send + 'static,
    {
        self.closed = Some(Arc::new(move || Box::pin(closed())));
        self
    }

    /// Adds a list of who is still open, a line each, oldest first. By default there is none.
    pub fn with_blockers(
        mut self,
        blockers: impl Fn() -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        self.blockers = Arc::new(blockers);
        self
    }

    /// Adds what ends all of this work at once. By default nothing does.
    pub fn with_force(mut self, force: impl Fn() + Send + Sync + 'static) -> Self {
        self.force = Arc::new(force);
        self
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn open(&self) -> usize {
        (self.open)()
    }

    pub(crate) fn idle(&self) -> BoxFuture<'static, ()> {
        (self.idle)()
    }

    pub(crate) fn closed(&self) -> Option<BoxFuture<'static, Closed>> {
        self.closed.as_ref().map(|closed| closed())
    }

    pub(crate) fn blockers(&self) -> Vec<String> {
        (self.blockers)()
    }

    pub(crate) fn force(&self) {
        (self.force)();
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, open, idle: _, closed: _, blockers: _, force: _ } = self;
        f.debug_struct("Work").field("name", name).field("open", &open()).finish_non_exhaustive()
    }
}

/// Completes when none of the work is open, all at one moment.
pub(crate) async fn all_idle(work: &[Work]) {
    loop {
        for each in work {
            each.idle().await;
        }
        // While the second was waited for, the first may have got something to do again.
        if work.iter().all(|each| each.open() == 0) {
            return;
        }
        // An `open` and an `idle` that disagree must not keep a thread busy.
        tokio::time::sleep(DISAGREE).await;
    }
}

/// The most who are named: enough to see what they have in common, and no stop takes long over
/// writing them down.
const MOST_NAMED: usize = 100;

/// Who is still open, a line each, and how many more there are.
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
