//! The log of a stop: a numbered `tracing` event for each thing that happens.
//!
//! Every event has `event`, `shutdown_id`, `seq` and `elapsed_ms`. So a log can be audited
//! afterwards: each stop begins once, completes once, and no number is missing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lameduck_core::{Phase, TransitionCause};
use tokio::time::Instant;

use crate::{HookOutcome, HookTime, Report, SourceClosed, Tally};

/// The log of one stop. Clones write to the same log.
#[derive(Clone)]
pub(crate) struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    shutdown_id: String,
    began: Instant,
    seq: AtomicU64,
}

/// Writes one event with the fields that all events have.
macro_rules! write_event {
    ($level:ident, $journal:expr, $event:literal, { $($fields:tt)* }, $message:literal) => {
        tracing::$level!(
            target: "lameduck",
            event = $event,
            shutdown_id = %$journal.inner.shutdown_id,
            seq = $journal.inner.seq.fetch_add(1, Ordering::Relaxed),
            elapsed_ms = millis($journal.inner.began.elapsed()),
            $($fields)*
            $message
        )
    };
}

impl Journal {
    /// Begins the log of a stop that begins now.
    pub(crate) fn open() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let shutdown_id = format!("{:x}-{:x}", since_epoch.as_millis(), std::process::id());
        let inner = Inner { shutdown_id, began: Instant::now(), seq: AtomicU64::new(0) };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn began(&self) -> Instant {
        self.inner.began
    }

    pub(crate) fn initiated(&self, cause: &str, in_flight: u64, budget: Duration) {
        write_event!(
            info, self, "shutdown.initiated",
            { cause, in_flight, budget_ms = millis(budget), },
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
                info, self, "lameduck.entered", { in_flight, },
                "lame duck: serving, and asking clients to leave"
            ),
            Phase::Draining => write_event!(
                info, self, "drain.started", { cause, in_flight, },
                "draining: new requests are rejected"
            ),
            Phase::Cancelling => write_event!(
                warn, self, "shutdown.cancelling", { cause, in_flight, },
                "cancelling what is still in flight"
            ),
            // `forced` and `completed` have events of their own. The other phases are not a stop.
            _ => {}
        }
    }

    pub(crate) fn listener_closed(&self, closed: SourceClosed) {
        let SourceClosed { swept, queue_drained } = closed;
        write_event!(
            info, self, "listener.closed", { swept, queue_drained, }, "listener closed"
        );
    }

    pub(crate) fn listener_left_open(&self, timeout: Duration) {
        write_event!(
            warn, self, "listener.left_open", { timeout_ms = millis(timeout), },
            "listener did not close within its timeout"
        );
    }

    pub(crate) fn progress(&self, open: &[(&'static str, usize)], oldest: &[String]) {
        write_event!(
            info, self, "drain.progress", { open = ?open, oldest = ?oldest, }, "still in flight"
        );
    }

    pub(crate) fn forced(&self, cause: TransitionCause, blockers: &[String]) {
        let cause = cause.name();
        let remaining = blockers.len();
        write_event!(
            warn, self, "shutdown.forced", { cause, remaining, blockers = ?blockers, },
            "force kill triggered"
        );
    }

    pub(crate) fn hook_started(&self, name: &str) {
        write_event!(info, self, "hook.started", { name, }, "stop hook started");
    }

    pub(crate) fn hook_finished(&self, hook: &HookTime) {
        let HookTime { name, took, outcome } = hook;
        let ms = millis(*took);
        if *outcome == HookOutcome::Done {
            write_event!(
                info, self, "hook.finished", { name, ms, outcome = %outcome, },
                "stop hook finished"
            );
        } else {
            write_event!(
                warn, self, "hook.finished", { name, ms, outcome = %outcome, },
                "stop hook did not finish"
            );
        }
    }

    pub(crate) fn completed(&self, report: &Report) {
        let Tally { accepted, finished, rejected, aborted } = report.tally();
        write_event!(
            info, self, "shutdown.completed",
            {
                outcome = report.outcome().name(),
                accepted,
                finished,
                rejected,
                aborted,
                left_ms = millis(report.left()),
            },
            "graceful stop completed"
        );
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
