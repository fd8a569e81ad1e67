//! How the crates are connected: what counts is described to the lifecycle in closures.

use std::{borrow::Cow, time::Duration};

use lameduck_context::ContextLayer;
use lameduck_core::PhaseWatch;
use lameduck_drain::{DrainLayer, Rejections};
use lameduck_inflight::{InFlight, InFlightLayer, set_request_id};
use lameduck_lifecycle::{Closed, StopHandle, Tally, Work};
use lameduck_server::{Connections, ListenerEnd};
use lameduck_signal::Triggers;
use tokio::time::Instant;
use tower_layer::Stack;

/// One layer that holds three, outermost first: count, gate, context. Made by
/// [`Lameduck::layer`](crate::Lameduck::layer).
pub type LameduckLayer = Stack<ContextLayer, Stack<DrainLayer, InFlightLayer>>;

/// Counting before the gate, else the drain reads zero while a request slips in.
pub(crate) fn layer(
    in_flight: InFlight,
    drain: DrainLayer,
    context: ContextLayer,
) -> LameduckLayer {
    Stack::new(context, Stack::new(drain, InFlightLayer::new(in_flight)))
}

/// Requests, as the lifecycle sees them.
pub(crate) fn requests(in_flight: &InFlight) -> Work {
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

/// Connections, as the lifecycle sees them.
///
/// A listener that is kept open has no time of its own to be closed in: there, being idle is to
/// have nobody connected, and nobody who still could be.
pub(crate) fn connections(connections: &Connections, end: ListenerEnd) -> Work {
    let all = connections;
    let (count, idle, closed) = (all.clone(), all.clone(), all.clone());
    let (list, force) = (all.clone(), all.clone());
    let is_kept = end == ListenerEnd::KeepOpen;
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
                Closed::new(closed.swept, !closed.bounded)
            }
        })
    };
    work.with_blockers(move || list.list().iter().map(ToString::to_string).collect()).with_force(
        move || {
            force.abort_all();
        },
    )
}

/// What became of the requests. One that was turned away went through the count as well.
pub(crate) fn tally(in_flight: &InFlight, rejections: &Rejections) -> Tally {
    // Rejected first: each of them is among those that the totals count.
    let rejected = rejections.count();
    let totals = in_flight.totals();
    let finished = totals.finished().saturating_sub(rejected);
    Tally::new(totals.entered(), finished, rejected, totals.aborted())
}

/// Supervisors and wrappers may send one signal twice, to a process and to its group. Only one
/// that comes later than this asks again.
const AGAIN: Duration = Duration::from_secs(1);

/// Asks for a stop whenever a trigger does. Nobody waits for a Ctrl-C, so it skips lame duck, and
/// a second one is meant however soon it comes.
pub(crate) async fn ask_for_stops(mut triggers: Triggers, stop: StopHandle) {
    let mut last: Option<Instant> = None;
    loop {
        let asked = triggers.next().await;
        let is_interactive = asked.cause.is_interactive();
        let is_echo = !is_interactive && last.is_some_and(|last| last.elapsed() < AGAIN);
        if !is_echo {
            last = Some(Instant::now());
            stop.ask(asked.cause.to_string(), !is_interactive);
        }
    }
}

/// How long before the end of the drain a request's deadline lies: enough to write an answer, and
/// little beside the 15 s of the drain.
const DRAIN_RESERVE: Duration = Duration::from_millis(50);

/// What a request is given, before the user changes it. Work that a handler spawns is counted under
/// its name.
pub(crate) fn context(watch: PhaseWatch, in_flight: &InFlight) -> ContextLayer {
    let in_flight = in_flight.clone();
    ContextLayer::new()
        .with_phase(watch)
        .with_drain_reserve(DRAIN_RESERVE)
        // Into the request's line of the ledger: the one layer is called inside of the other, and
        // neither knows the other.
        .with_on_request_id(set_request_id)
        .with_tracker(move |name: Cow<'static, str>| in_flight.enter_named(name))
}
