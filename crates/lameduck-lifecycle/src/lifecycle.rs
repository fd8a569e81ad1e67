//! The lifecycle before it runs: timeouts, hooks, and what a stop waits for.

use std::{fmt, future::pending, mem, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use lameduck_core::{
    Budget, PhaseSender, PhaseWatch, StopTimeouts, phase_channel, plumbing::log_later,
};
use tokio::sync::mpsc;

use crate::{
    LifecycleError, LifecycleHandle, Report, StopHandle, Tally, Work,
    driver::Driver,
    hook::{Hook, HookResult},
    stop_handle::Command,
    watchdog::Watchdog,
};

/// How long a stop hook may take without a timeout of its own.
///
/// The default of the usual service templates. The timeout of all hooks is usually shorter.
const HOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// The life of a server, from its first start hook to its last stop hook.
///
/// Configured by value, then run by [`spawn`](Self::spawn).
#[must_use = "a lifecycle has no effect until it is spawned"]
pub struct Lifecycle {
    pub(crate) timeouts: StopTimeouts,
    pub(crate) budget: Budget,
    pub(crate) sender: PhaseSender,
    pub(crate) handle: StopHandle,
    pub(crate) commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) start_hooks: Vec<Hook>,
    pub(crate) stop_hooks: Vec<Hook>,
    pub(crate) work: Vec<Work>,
    pub(crate) tally: Arc<dyn Fn() -> Tally + Send + Sync>,
    pub(crate) alongside: Vec<BoxFuture<'static, ()>>,
    pub(crate) on_cancelled: Box<dyn Fn() + Send + Sync>,
    pub(crate) has_watchdog: bool,
}

impl Lifecycle {
    /// Makes a lifecycle with the default [`StopTimeouts`] and [`Budget`], no hooks and no work.
    pub fn new() -> Self {
        let (sender, watch) = phase_channel();
        let (commands, receiver) = mpsc::unbounded_channel();
        Self {
            timeouts: StopTimeouts::new(),
            budget: Budget::default(),
            sender,
            handle: StopHandle { commands, watch, watchdog: Arc::new(Watchdog::new()) },
            on_cancelled: Box::new(|| ()),
            has_watchdog: false,
            commands: receiver,
            start_hooks: Vec::new(),
            stop_hooks: Vec::new(),
            work: Vec::new(),
            tally: Arc::new(Tally::default),
            alongside: Vec::new(),
        }
    }

    /// Sets how long each phase of a stop may last. By default as [`StopTimeouts::new`].
    pub fn with_stop_timeouts(mut self, timeouts: StopTimeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets the time that all stop timeouts together must fit into. By default Kubernetes' 30 s
    /// minus 2 s.
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Adds a hook that runs before the server is ready, after the hooks that were added earlier.
    ///
    /// A hook that fails or panics stops the start. A stop during the start drops the hook.
    pub fn on_start<F>(
        mut self,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.start_hooks.push(Hook::new(name.into(), None, hook));
        self
    }

    /// Adds a hook that runs when nothing is in flight any more, before the hooks that were added
    /// earlier.
    ///
    /// It may take 30 s. All hooks together have their own timeout and the time that the phases
    /// before them did not need. After a failed start the hook runs unless a start hook of the same
    /// name did not succeed.
    pub fn on_stop<F>(
        self,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.on_stop_within(HOOK_TIMEOUT, name, hook)
    }

    /// As [`on_stop`](Self::on_stop), with a timeout of its own.
    pub fn on_stop_within<F>(
        mut self,
        timeout: Duration,
        name: impl Into<String>,
        hook: impl FnOnce() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output: HookResult> + Send + 'static,
    {
        self.stop_hooks.push(Hook::new(name.into(), Some(timeout), hook));
        self
    }

    /// Adds work that a stop waits for.
    pub fn with_work(mut self, work: Work) -> Self {
        self.work.push(work);
        self
    }

    /// Sets where the numbers of the report come from. By default all are zero.
    pub fn with_tally(mut self, tally: impl Fn() -> Tally + Send + Sync + 'static) -> Self {
        self.tally = Arc::new(tally);
        self
    }

    /// Ends the process, with the exit code of a forced stop, if a stop is not over when all of its
    /// timeouts and half of the margin are over.
    ///
    /// After a stop that a signal asked for, it also ends a process that stays longer than that,
    /// with the exit code of the outcome. If several servers run in one process, it waits for the
    /// one with the most time.
    ///
    /// For a process that is one server. By default a lifecycle never ends the process. A report
    /// that is converted into an exit code does, but handlers that block every thread of the
    /// runtime prevent that conversion.
    pub fn with_watchdog(mut self) -> Self {
        self.has_watchdog = true;
        self
    }

    /// Adds a future that is polled while the lifecycle runs, and dropped at its end.
    ///
    /// For triggers of a stop: a loop over signals, a watch on a file. A future that panics is not
    /// polled again. The others and the lifecycle continue.
    pub fn alongside(mut self, future: impl Future<Output = ()> + Send + 'static) -> Self {
        self.alongside.push(Box::pin(future));
        self
    }

    /// Calls `call` when a stop is cancelled, before [`StopHandle::cancel_stop`] returns. Plumbing
    /// of lameduck's own crates.
    #[doc(hidden)]
    pub fn on_cancelled(mut self, call: impl Fn() + Send + Sync + 'static) -> Self {
        self.on_cancelled = Box::new(call);
        self
    }

    /// The phase, for layers and listeners.
    #[must_use]
    pub fn watch(&self) -> PhaseWatch {
        self.handle.watch.clone()
    }

    /// A handle that asks for the stop.
    #[must_use]
    pub fn stop_handle(&self) -> StopHandle {
        self.handle.clone()
    }

    /// Checks what can be checked before anything runs.
    ///
    /// # Errors
    ///
    /// Stop timeouts that do not fit (see [`StopTimeouts::check`]), two hooks of one kind with one
    /// name, or a stop hook with a timeout of zero.
    pub fn check(&self) -> Result<(), LifecycleError> {
        self.timeouts.check(self.budget).map_err(|error| LifecycleError::new(error.to_string()))?;
        for (kind, hooks) in [("start", &self.start_hooks), ("stop", &self.stop_hooks)] {
            for (index, hook) in hooks.iter().enumerate() {
                if hooks[..index].iter().any(|other| other.name == hook.name) {
                    return Err(LifecycleError::new(format!(
                        "{kind} hook `{}` is registered twice; give each hook a name of its own",
                        hook.name
                    )));
                }
                if hook.timeout.is_some_and(|timeout| timeout.is_zero()) {
                    return Err(LifecycleError::new(format!(
                        "{kind} hook `{}` has a timeout of zero; give it at least 1ms",
                        hook.name
                    )));
                }
            }
        }
        Ok(())
    }

    /// Starts the thread of the watchdog, if there is one: a stop that is asked for before
    /// [`spawn`](Self::spawn) is then bounded, too. To be called when the timeouts are set.
    /// Plumbing of lameduck's own crates.
    #[doc(hidden)]
    pub fn start_watchdog(&self) {
        if self.has_watchdog {
            let limit = self.timeouts.total().saturating_add(Budget::MARGIN / 2);
            self.handle.watchdog.enable(limit);
        }
    }

    /// Runs the start hooks, then waits for a stop and drives it, all on a task of its own.
    ///
    /// A lifecycle that fails [`check`](Self::check) does not start: the report has the error.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub fn spawn(mut self) -> LifecycleHandle {
        let handle = self.handle.clone();
        self.start_watchdog();
        let alongside = mem::take(&mut self.alongside).into_iter().map(guarded);
        let alongside = join_all(alongside).then(|_| pending::<Report>());
        let driver = Driver::run(self);
        LifecycleHandle::spawn(handle, async move {
            // The triggers are polled first, so that a stop that was asked for before the start
            // does not come after it.
            tokio::select! { biased; report = alongside => report, report = driver => report }
        })
    }
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps a panic in a future from ending the driver, which runs on the same task.
async fn guarded(future: BoxFuture<'static, ()>) {
    if AssertUnwindSafe(future).catch_unwind().await.is_err() {
        log_later!(
            error,
            "alongside.panicked",
            {},
            "a future beside the lifecycle panicked and is not polled again"
        );
    }
}

impl fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            timeouts,
            budget,
            sender,
            handle: _,
            commands: _,
            start_hooks,
            stop_hooks,
            work,
            tally: _,
            alongside: _,
            on_cancelled: _,
            has_watchdog: _,
        } = self;
        f.debug_struct("Lifecycle")
            .field("stop_timeouts", timeouts)
            .field("budget", budget)
            .field("phase", sender)
            .field("start_hooks", start_hooks)
            .field("stop_hooks", stop_hooks)
            .field("work", work)
            .finish_non_exhaustive()
    }
}
