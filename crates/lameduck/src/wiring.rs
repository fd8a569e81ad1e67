//! How the crates are connected: by closures that describe their counts to the lifecycle.

#[cfg(feature = "axum")]
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{
    borrow::Cow,
    error::Error,
    io::{self, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lameduck_context::ContextLayer;
use lameduck_core::{
    Phase, PhaseWatch,
    plumbing::{log_later, outbox},
};
use lameduck_drain::{DrainLayer, Rejections};
use lameduck_inflight::{
    InFlight, InFlightLayer, InFlightOptions, RequestIdSource, set_request_id,
};
use lameduck_lifecycle::{Lifecycle, SourceClosed, StopHandle, Tally, Work};
use lameduck_server::{ConnectionInfo, Connections, ListenerEnd, Protocol};
use lameduck_signal::{Escalation, Signals, StopRequest, Triggers};
use tower_layer::Stack;

/// One layer of three, outermost first: the count, the drain, the context. Made by
/// [`Lameduck::layer`](crate::Lameduck::layer).
pub type LameduckLayer = Stack<ContextLayer, Stack<DrainLayer, InFlightLayer>>;

/// The count is outside of the drain. Else the driver could read zero while a request passes.
pub(crate) fn layer(
    in_flight: InFlight,
    drain: DrainLayer,
    context: ContextLayer,
) -> LameduckLayer {
    Stack::new(context, Stack::new(drain, InFlightLayer::new(in_flight)))
}

/// Adds the probes to a router, or says what to do if it has routes of these names already.
#[cfg(feature = "axum")]
#[track_caller]
pub(crate) fn merge(probes: axum::Router, app: axum::Router) -> axum::Router {
    match catch_unwind(AssertUnwindSafe(|| probes.merge(app))) {
        Ok(app) => app,
        Err(_) => panic!(
            "the router has a route `/livez` or `/readyz`, which `Lameduck::wrap` adds: remove it, \
             or keep it and call `LameduckBuilder::without_probes`"
        ),
    }
}

/// How long the end of a program waits for its log.
const LOG: Duration = Duration::from_millis(250);

/// Logs a mistake of the program, or says it on its standard error if it has no subscriber.
macro_rules! log_mistake {
    ($event:literal, $message:literal) => {
        if tracing::dispatcher::has_been_set() {
            log_later!(error, $event, {}, $message);
        } else {
            // An error of the output changes nothing.
            outbox::post(|| drop(writeln!(io::stderr(), concat!("lameduck: ", $message))));
        }
    };
}

/// The last handle was dropped before the server started.
pub(crate) fn log_unused() {
    log_mistake!(
        "lameduck.unused",
        "the last `Lameduck` was dropped before it served: no hook runs, and a signal only ends \
         the process. Keep it until `duck.serve(…).await` or `duck.finished().await` returns"
    );
    outbox::flush(LOG);
}

/// The last handle was dropped during a stop.
pub(crate) fn log_unfinished() {
    log_mistake!(
        "lameduck.unfinished",
        "the last `Lameduck` was dropped during a stop: if `main` returns now, the stop hooks do \
         not run and nothing reports. Add `duck.finished().await` before the end of `main`"
    );
    outbox::flush(LOG);
}

/// Says once, in the first stop, what was served and not seen. `has_stock_server` is whether a
/// stock server waits for the stop.
async fn log_unseen(
    watch: PhaseWatch,
    in_flight: InFlight,
    connections: Connections,
    has_stock_server: Arc<AtomicBool>,
) {
    watch.reached(Phase::LameDuck).await;
    let (requests, totals) = (in_flight.totals().entered(), connections.totals());
    // HTTP/1 sends bytes only as a response. HTTP/2 sends some 70 on a connection without one.
    let is_answered = |connection: &ConnectionInfo| {
        connection.protocol == Protocol::Http1 && connection.bytes_out > 0
    };
    let are_answered = totals.bytes_out > totals.accepted.saturating_mul(100)
        || connections.list().iter().any(is_answered);
    if requests == 0 && are_answered {
        log_mistake!(
            "lameduck.uncounted",
            "connections were answered, but no request was counted: the stop cannot wait for \
             requests. Put `duck.wrap(…)` around the router, or add `.layer(duck.layer())`"
        );
    }
    let has_stock_server = has_stock_server.load(Ordering::Relaxed);
    if has_stock_server && requests > 0 && totals.accepted == 0 {
        log_mistake!(
            "lameduck.no_listener",
            "requests were counted, but no connection: the stop cannot empty the accept queue or \
             keep idle connections. Serve on `duck.axum_listener(listener)`, or `duck.listener`"
        );
    }
}

/// Describes to the lifecycle what a stop waits for.
pub(crate) fn work(
    lifecycle: Lifecycle,
    in_flight: &InFlight,
    rejections: Rejections,
    connections: &Connections,
    has_stock_server: Arc<AtomicBool>,
) -> Lifecycle {
    let counted = in_flight.clone();
    let unseen =
        log_unseen(lifecycle.watch(), in_flight.clone(), connections.clone(), has_stock_server);
    lifecycle
        .with_work(requests(in_flight))
        .with_work(self::connections(connections))
        .with_tally(move || tally(&counted, &rejections))
        .alongside(unseen)
}

/// The requests as the lifecycle sees them.
fn requests(in_flight: &InFlight) -> Work {
    let (count, idle, blockers) = (in_flight.clone(), in_flight.clone(), in_flight.clone());
    Work::new(
        "requests",
        move || count.count(),
        move || {
            let in_flight = idle.clone();
            async move { in_flight.idle().await }
        },
    )
    .with_blockers(move || blockers.blockers().iter().map(ToString::to_string).collect())
}

/// The connections as the lifecycle sees them.
///
/// A listener that is kept open closes at the end of the stop and not within the timeout of the
/// accept queue, so it is a part of the wait for the last connection.
fn connections(all: &Connections) -> Work {
    let (count, idle, closed) = (all.clone(), all.clone(), all.clone());
    let (list, force) = (all.clone(), all.clone());
    let is_kept = all.listener_end() == ListenerEnd::KeepOpen;
    let work = Work::new(
        "connections",
        move || count.count(),
        move || {
            let connections = idle.clone();
            async move {
                if is_kept {
                    connections.listeners_closed().await;
                }
                connections.all_closed().await;
            }
        },
    );
    let work = if is_kept {
        work
    } else {
        work.with_closed(move || {
            let connections = closed.clone();
            async move {
                let closed = connections.listeners_closed().await;
                SourceClosed::new(closed.from_queue, closed.queue_drained)
            }
        })
    };
    work.with_blockers(move || list.list().iter().map(ToString::to_string).collect()).with_force(
        move || {
            force.abort_all();
        },
    )
}

/// How the requests ended. A rejected request is counted as in flight as well.
fn tally(in_flight: &InFlight, rejections: &Rejections) -> Tally {
    // Rejected first: each rejected request is a part of the totals that are read after it.
    let rejected = rejections.count();
    let totals = in_flight.totals();
    let finished = totals.finished().saturating_sub(rejected);
    Tally::new(totals.entered(), finished, rejected, totals.aborted())
}

/// Lets signals and other triggers begin and escalate the stop of this lifecycle. If they cannot be
/// installed, its start fails.
pub(crate) fn with_triggers(lifecycle: Lifecycle, signals: Signals) -> Lifecycle {
    let (stop, triggers) = (lifecycle.stop_handle(), signals.handle());
    let observer = stop.signal_observer();
    match signals.with_observer(move |_| observer()).install() {
        Ok(installed) => {
            lifecycle.on_cancelled(move || triggers.reset()).alongside(obey(installed, stop))
        }
        Err(error) => failing_start(lifecycle, "signals", error),
    }
}

/// Begins and escalates the stop as the triggers say. Ctrl-C skips lame duck: a person waits for
/// it.
///
/// The triggers count how often a stop was asked for. A stop that the program itself has begun is
/// not escalated by the first signal: a supervisor sends SIGTERM also when a `preStop` hook has
/// begun the stop.
async fn obey(mut triggers: Triggers, stop: StopHandle) {
    loop {
        let request = triggers.next().await;
        let StopRequest { escalation, cause, .. } = request;
        let (name, lame_duck) = (cause.to_string(), !cause.is_interactive());
        let for_process = cause.signal().is_some();
        match escalation {
            Escalation::First if for_process => stop.stop_process(name, lame_duck),
            Escalation::First => stop.stop(name, lame_duck),
            // Begins one if the stop was cancelled meanwhile.
            _ => stop.stop_or_escalate(name, lame_duck, for_process),
        }
    }
}

/// A lifecycle whose start fails if options of this name have an error.
pub(crate) fn with_check<E>(lifecycle: Lifecycle, name: &str, checked: Result<(), E>) -> Lifecycle
where
    E: Into<Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
{
    match checked {
        Ok(()) => lifecycle,
        Err(error) => failing_start(lifecycle, name, error),
    }
}

/// A lifecycle whose start fails with this error.
pub(crate) fn failing_start(
    lifecycle: Lifecycle,
    name: &str,
    error: impl Into<Box<dyn Error + Send + Sync>> + Send + Sync + 'static,
) -> Lifecycle {
    lifecycle.on_start(name, async move || Err(error))
}

/// The count of requests, with a ledger of their ids.
pub(crate) fn in_flight() -> InFlight {
    let mut options = InFlightOptions::new();
    // The context layer gives each request its id, inside of the count.
    options.ledger = Some(RequestIdSource::Assigned);
    InFlight::with_options(options)
}

/// The context of a request, before the user changes it. Work that a handler spawns is counted
/// under its name.
pub(crate) fn context(watch: PhaseWatch, in_flight: &InFlight) -> ContextLayer {
    let in_flight = in_flight.clone();
    ContextLayer::new()
        .with_phase(watch)
        // The id goes into the request's line of the ledger. The context layer is called inside of
        // the count, and neither knows the other.
        .on_request_id(set_request_id)
        .with_tracker(move |name: Cow<'static, str>| in_flight.enter_named(name))
}
