//! The handle and its guards.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use futures_util::FutureExt;
use lameduck_inflight::{InFlight, InFlightGuard};

use crate::support::{check, now, pending};

#[test]
fn a_guard_counts_until_it_is_dropped() {
    let in_flight = InFlight::new();
    assert!(in_flight.is_idle());
    let guard = in_flight.enter();
    assert_eq!(in_flight.count(), 1);
    assert!(!in_flight.is_idle());
    drop(guard);
    check(&in_flight, 1, 0);
}

#[test]
fn clones_share_one_count() {
    let in_flight = InFlight::default();
    let clone = in_flight.clone();
    let guards = [in_flight.enter(), clone.enter()];
    assert_eq!((in_flight.count(), clone.count()), (2, 2));
    assert_eq!(clone.entered(), 2);
    drop(guards);
    check(&clone, 2, 0);
}

#[test]
fn two_counts_share_nothing() {
    let (busy, idle) = (InFlight::new(), InFlight::new());
    let guard = busy.enter();
    assert_eq!((busy.count(), idle.count()), (1, 0));
    drop(guard);
}

#[test]
fn a_guard_that_outlives_every_handle_may_still_be_dropped() {
    let guard = InFlight::new().enter();
    drop(guard);
}

#[test]
fn a_guard_may_leave_on_another_thread() {
    let in_flight = InFlight::new();
    let guard = in_flight.enter();
    thread::spawn(move || drop(guard)).join().expect("no panic");
    check(&in_flight, 1, 0);
}

#[test]
fn totals_separate_what_is_over_from_what_is_in_flight() {
    let in_flight = InFlight::new();
    drop(in_flight.enter());
    let guard = in_flight.enter();
    let totals = in_flight.totals();
    assert_eq!((totals.entered(), totals.in_flight(), totals.finished()), (2, 1, 1));
    drop(guard);
}

#[test]
fn idle_completes_at_once_when_nothing_is_in_flight() {
    let in_flight = InFlight::new();
    now(in_flight.idle());
    drop(in_flight.enter());
    now(in_flight.idle());
}

#[test]
fn idle_waits_for_the_last_one() {
    let in_flight = InFlight::new();
    let (first, last) = (in_flight.enter(), in_flight.enter());
    let mut idle = Box::pin(in_flight.idle());
    assert!(pending(&mut idle));
    drop(first);
    assert!(pending(&mut idle));
    drop(last);
    now(idle);
}

/// Guards that were entered on as many threads, and so in as many shards as there are.
fn guards_of_threads(in_flight: &InFlight, threads: usize) -> Vec<InFlightGuard> {
    let together = Arc::new(Barrier::new(threads));
    let enter = |_| {
        let (in_flight, together) = (in_flight.clone(), Arc::clone(&together));
        // All at once, so that no thread gets the number of one that ended.
        thread::spawn(move || (together.wait(), in_flight.enter()).1)
    };
    let threads: Vec<_> = (0..threads).map(enter).collect();
    threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
}

#[test]
fn idle_sees_every_shard() {
    let in_flight = InFlight::new();
    let mut guards = guards_of_threads(&in_flight, 16);
    let mut idle = Box::pin(in_flight.idle());
    // The last of each shard notifies, and the waiter goes back to waiting.
    while let Some(guard) = guards.pop() {
        assert!(pending(&mut idle), "idle with {} in flight", guards.len() + 1);
        assert_eq!(in_flight.count(), guards.len() + 1);
        drop(guard);
    }
    now(idle);
    check(&in_flight, 16, 0);
}

#[test]
fn a_request_that_comes_while_idle_waits_is_waited_for() {
    let in_flight = InFlight::new();
    let first = in_flight.enter();
    let mut idle = Box::pin(in_flight.idle());
    assert!(pending(&mut idle));
    let late = in_flight.enter();
    drop(first);
    assert!(pending(&mut idle));
    drop(late);
    now(idle);
}

#[tokio::test(start_paused = true)]
async fn two_waiters_are_both_woken() {
    let in_flight = InFlight::new();
    let guard = in_flight.enter();
    let mut waits = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let in_flight = in_flight.clone();
        waits.spawn(async move { in_flight.idle().await });
    }
    tokio::task::yield_now().await;
    assert!(waits.try_join_next().is_none());
    drop(guard);
    // Under a paused clock a wake-up that is lost shows as a deadlock, not as a delay.
    assert_eq!(waits.join_all().await.len(), 2);
}

#[test]
fn a_wait_may_be_given_up_and_begun_anew() {
    let in_flight = InFlight::new();
    let guard = in_flight.enter();
    for _ in 0..3 {
        assert!(in_flight.idle().now_or_never().is_none());
    }
    let mut idle = Box::pin(in_flight.idle());
    assert!(pending(&mut idle));
    drop(guard);
    now(idle);
}

#[test]
fn a_guard_may_be_moved_anywhere() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    check::<InFlightGuard>();
    check::<InFlight>();
}

#[test]
fn what_is_printed_for_debugging_names_the_numbers() {
    let in_flight = InFlight::new();
    let guard = in_flight.enter();
    assert!(format!("{in_flight:?}").contains("entered: 1"), "{in_flight:?}");
    assert!(format!("{guard:?}").starts_with("InFlightGuard"));
}
