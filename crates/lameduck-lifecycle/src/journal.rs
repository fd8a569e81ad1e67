//! The log of a stop: a numbered `tracing` event for each thing that happens.
//!
//! Every event has `event`, `shutdown_id`, `seq` and `elapsed_ms`. So a log can be audited
//! afterwards: each stop begins once, completes once, and no number is missing.
//!
//! The events leave the driver without waiting, so a subscriber that panics or blocks cannot end or
//! delay a stop. Those that could not be logged are counted.

use std::{
    hash::{BuildHasher as _, RandomState},
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lameduck_core::{Phase, TransitionCause, plumbing::outbox};
use tokio::time::Instant;
use tracing::dispatcher;

use crate::{HookOutcome, HookTime, Report, SourceClosed, Tally};

/// How long the end of a stop waits for its log.
const FLUSH: Duration = Duration::from_millis(500);

/// The log of one stop. Clones write to the same log.
#[derive(Clone)]
pub(crate) struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shutdown_id: String,
    began: Instant,
    seq: AtomicU64,
    /// How many events were logged.
    logged: AtomicU64,
}

/// Writes one event with the fields that all events have.
macro_rules! write_event {
    (
        $level:ident, $journal:expr, $event:literal,
        { $($field:ident $(= $value:expr)?),* }, $message:expr
    ) => {{
        $(let $field = owned!($field $(= $value)?);)*
        $journal.post(move |inner, seq, elapsed_ms| {
            tracing::$level!(
                target: "lameduck",
                event = $event,
                shutdown_id = inner.shutdown_id.as_str(),
                seq,
                elapsed_ms,
                $($field,)*
                "{}", $message
            );
        });
    }};
}

/// A field's value, which outlives the call.
macro_rules! owned {
    ($field:ident) => {
        $field
    };
    ($field:ident = $value:expr) => {
        $value
    };
}

impl Journal {
    /// Begins the log of a stop that begins now.
    pub(crate) fn open() -> Self {
        // 64 random bits: the keys of a state are random in each process, and each state has
        // others.
        let shutdown_id = format!("{:016x}", RandomState::new().hash_one(()));
        let inner = Inner {
            shutdown_id,
            began: Instant::now(),
            seq: AtomicU64::new(0),
            logged: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn began(&self) -> Instant {
        self.inner.began
    }

    pub(crate) fn initiated(
        &self,
        cause: &str,
        in_flight: u64,
        timeouts: Duration,
        budget: Duration,
    ) {
        let cause = cause.to_owned();
        write_event!(
            info, self, "shutdown.initiated",
            { cause, in_flight, timeouts_ms = millis(timeouts), budget_ms = millis(budget) },
            "shutdown initiated"
        );
    }

    pub(crate) fn cancelled(&self) {
        // Not `shutdown.cancelled`, which would read as the end of `shutdown.cancelling`.
        write_event!(info, self, "shutdown.undone", {}, "stop cancelled, serving again");
    }

    pub(crate) fn entered(&self, phase: Phase, cause: TransitionCause, in_flight: u64) {
        let cause = cause.name();
        match phase {
            Phase::LameDuck => write_event!(
                info,
                self,
                "lameduck.entered",
                { in_flight },
                "lame duck: serving, and asking clients to leave"
            ),
            Phase::Draining => write_event!(
                info, self, "drain.started", { cause, in_flight },
                "draining: new requests are rejected"
            ),
            Phase::Cancelling => write_event!(
                warn, self, "shutdown.cancelling", { cause, in_flight },
                "cancelling what is still in flight"
            ),
            // `forced` and `completed` have events of their own. The other phases are not a stop.
            _ => {}
        }
    }

    pub(crate) fn listener_closed(&self, closed: SourceClosed) {
        let SourceClosed { swept, queue_drained } = closed;
        write_event!(info, self, "listener.closed", { swept, queue_drained }, "listener closed");
    }

    pub(crate) fn listener_left_open(&self, timeout: Duration) {
        write_event!(
            warn,
            self,
            "listener.left_open",
            { timeout_ms = millis(timeout) },
            "listener did not close within its timeout"
        );
    }

    /// `open` is the work that is open, by its name. `oldest` are some of the blockers.
    pub(crate) fn progress(&self, open: &[(&'static str, usize)], oldest: &[String]) {
        let total: usize = open.iter().map(|(_, open)| open).sum();
        let open: Vec<_> = open.iter().map(|(name, open)| format!("{name} {open}")).collect();
        let (open, oldest) = (open.join(", "), oldest.join("; "));
        write_event!(
            info, self, "drain.progress", { total = total as u64, open, oldest }, "still in flight"
        );
    }

    /// `open` is how much work is open. `blockers` names some of it.
    pub(crate) fn forced(&self, cause: TransitionCause, open: usize, blockers: &[String]) {
        let (cause, remaining) = (cause.name(), open as u64);
        let blockers = blockers.join("; ");
        if !dispatcher::has_been_set() {
            // Nothing else would say who was cut. An error of the output changes nothing.
            outbox::post(move || {
                let _ = writeln!(io::stderr(), "lameduck: forced stop, cut: {blockers}");
            });
            return;
        }
        write_event!(
            warn, self, "shutdown.forced", { cause, remaining, blockers }, "force kill triggered"
        );
    }

    pub(crate) fn hook_started(&self, name: &str) {
        let name = name.to_owned();
        write_event!(info, self, "hook.started", { name }, "stop hook started");
    }

    pub(crate) fn hook_finished(&self, hook: &HookTime) {
        let HookTime { name, took, outcome } = hook;
        let (name, ms, is_done) = (name.clone(), millis(*took), *outcome == HookOutcome::Done);
        let outcome = outcome.to_string();
        if is_done {
            write_event!(
                info, self, "hook.finished", { name, ms, outcome }, "stop hook finished"
            );
        } else {
            write_event!(
                warn, self, "hook.finished", { name, ms, outcome }, "stop hook did not finish"
            );
        }
    }

    pub(crate) fn completed(&self, report: &Report) {
        let Tally { accepted, finished, rejected, aborted } = report.tally();
        let (outcome, message) = (report.outcome().name(), report.outcome().sentence());
        write_event!(
            info, self, "shutdown.completed",
            {
                outcome,
                accepted,
                finished,
                rejected,
                aborted,
                left_ms = millis(report.left())
            },
            message
        );
    }

    /// Waits a moment until all events are logged, and returns how many are not.
    ///
    /// Blocks its thread, for up to half a second if the subscriber blocks.
    pub(crate) fn flush(&self) -> u64 {
        outbox::flush(FLUSH);
        let Inner { seq, logged, .. } = &*self.inner;
        seq.load(Ordering::Relaxed).saturating_sub(logged.load(Ordering::Relaxed))
    }

    fn post(&self, write: impl FnOnce(&Inner, u64, u64) + Send + 'static) {
        let inner = Arc::clone(&self.inner);
        // Relaxed: a number for each event, and a count.
        let seq = inner.seq.fetch_add(1, Ordering::Relaxed);
        let elapsed_ms = millis(inner.began.elapsed());
        if !dispatcher::has_been_set() {
            inner.logged.fetch_add(1, Ordering::Relaxed);
            return;
        }
        // That of this thread, which a test may have set.
        let dispatch = dispatcher::get_default(Clone::clone);
        outbox::post(move || {
            dispatcher::with_default(&dispatch, || write(&inner, seq, elapsed_ms));
            inner.logged.fetch_add(1, Ordering::Relaxed);
        });
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
