//! Many threads at once. Loom checks a few steps, this tries many.

use std::{
    future::{Pending, pending},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use http::Request;
use lameduck_inflight::{InFlight, InFlightGuard, InFlightLayer, set_request_id};
use tokio::task::JoinSet;
use tower::{Layer, Service, service_fn};

use crate::support::{Answered, with_ledger};

const THREADS: usize = 4;
const ROUNDS: usize = 20_000;

#[test]
fn the_count_never_falls_below_those_that_never_left() {
    let in_flight = InFlight::new();
    let done = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let in_flight = in_flight.clone();
        // Each enters anew before it leaves: at every instant all of them are in flight.
        let mut guard = in_flight.enter();
        threads.push(thread::spawn(move || {
            for _ in 0..ROUNDS {
                guard = in_flight.enter();
            }
            guard
        }));
    }
    let reader = {
        let (in_flight, done) = (in_flight.clone(), Arc::clone(&done));
        thread::spawn(move || {
            while !done.load(Ordering::SeqCst) {
                assert!(!in_flight.is_idle());
                assert!(in_flight.count() >= THREADS);
                let totals = in_flight.totals();
                assert_eq!(totals.aborted(), 0);
                assert!(totals.in_flight() >= THREADS as u64);
            }
        })
    };
    let guards: Vec<InFlightGuard> =
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
    done.store(true, Ordering::SeqCst);
    reader.join().expect("no early idle");
    assert_eq!(in_flight.count(), THREADS);
    drop(guards);
    assert_eq!(in_flight.totals().finished(), (THREADS * (ROUNDS + 1)) as u64);
    assert!(in_flight.is_idle());
}

#[test]
fn guards_that_leave_on_other_threads_leave_no_trace() {
    let in_flight = InFlight::new();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| mpsc::channel()).unzip();
    let mut threads = Vec::new();
    for (number, receiver) in receivers.into_iter().enumerate() {
        let in_flight = in_flight.clone();
        let next: mpsc::Sender<InFlightGuard> = senders[(number + 1) % THREADS].clone();
        threads.push(thread::spawn(move || {
            for _ in 0..ROUNDS {
                next.send(in_flight.enter()).expect("the next one listens");
                drop(receiver.recv().expect("the one before sends"));
            }
        }));
    }
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!(in_flight.totals().finished(), (THREADS * ROUNDS) as u64);
    assert!(in_flight.is_idle());
}

/// The requests of one thread, each with its id as its path. Every second one is given its id.
fn come_and_go(layer: &InFlightLayer, thread: usize) {
    let mut service = layer.layer(service_fn(|request: Request<()>| -> Pending<Answered> {
        if let Some(id) = request.headers().get("x-given-id") {
            set_request_id(id);
        }
        pending()
    }));
    let mut before = None;
    for round in 0..ROUNDS {
        // Of several words in memory, and of many lengths.
        let name = format!("{thread}-{round}-").repeat(round % 5 + 1);
        let header = if round % 2 == 0 { "x-request-id" } else { "x-given-id" };
        let request = Request::get(format!("/{name}")).header(header, name).body(());
        // At every instant one of this thread's is in flight.
        before = Some(service.call(request.expect("a request")));
    }
    drop(before);
}

#[test]
fn a_request_is_named_with_its_own_data_while_lines_change_hands() {
    let in_flight = with_ledger();
    let layer = InFlightLayer::new(in_flight.clone());
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let layer = &layer;
                scope.spawn(move || come_and_go(layer, thread))
            })
            .collect();
        let mut named = 0;
        while threads.iter().any(|thread| !thread.is_finished()) {
            for blocker in in_flight.blockers() {
                // Not given yet.
                let Some(id) = blocker.request_id() else { continue };
                assert_eq!(blocker.route().strip_prefix('/'), Some(id));
                named += 1;
            }
        }
        assert!(named > 0);
    });
    assert_eq!(in_flight.totals().aborted(), (THREADS * ROUNDS) as u64);
    assert!(in_flight.is_idle() && in_flight.blockers().is_empty());
}

/// Each round is a whole life: some enter, one waits, all leave somewhere else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_wake_up_is_lost() {
    for ledger in [false, true] {
        let in_flight = if ledger { with_ledger() } else { InFlight::new() };
        for round in 0..1000 {
            let mut leavers = JoinSet::new();
            for _ in 0..round % 7 {
                let guard = in_flight.enter();
                leavers.spawn(async move {
                    tokio::task::yield_now().await;
                    drop(guard);
                });
            }
            // Not a pause, but a bound: it turns a lost wake-up into a failure.
            let idle = tokio::time::timeout(Duration::from_secs(30), in_flight.idle());
            assert!(idle.await.is_ok(), "round {round} waits for no request: {in_flight:?}");
            leavers.join_all().await;
        }
        assert!(in_flight.blockers().is_empty());
    }
}
