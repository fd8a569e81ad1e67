//! The count, the wait for zero and the ledger, under every order of their steps that memory
//! allows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p lameduck-inflight --test loom --release`
//!
//! What is checked is the crate's own code, with the stand-ins that `src/sync.rs` names.
#![cfg(loom)]

mod broken;
mod ledger;

use std::sync::Arc;

use lameduck_inflight::InFlight;
use loom::{
    future::block_on,
    sync::atomic::{AtomicBool, AtomicU64, Ordering, fence},
    thread,
};

/// Explores every interleaving with at most three preemptions, as tokio's own models do.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// What a model needs of a count: the crate's, or a broken one.
trait Count: Clone + Send + Sync + 'static {
    type Guard: Send + 'static;
    fn enter_at(&self, shard: usize) -> Self::Guard;
    fn is_idle(&self) -> bool;
    fn wait(&self);
}

impl Count for InFlight {
    type Guard = lameduck_inflight::InFlightGuard;

    fn enter_at(&self, shard: usize) -> Self::Guard {
        Self::enter_at(self, shard)
    }

    fn is_idle(&self) -> bool {
        Self::is_idle(self)
    }

    fn wait(&self) {
        block_on(self.idle());
    }
}

/// One guard leaves a shard ahead of the reader only after another has entered one behind it: at
/// every instant something is in flight.
fn never_early(count: &impl Count) {
    let first = count.enter_at(1);
    let handover = {
        let count = count.clone();
        thread::spawn(move || {
            let second = count.enter_at(0);
            drop(first);
            second
        })
    };
    assert!(!count.is_idle(), "idle while something was in flight");
    drop(handover.join().expect("no panic"));
    assert!(count.is_idle());
}

/// Two leave, on two shards, while one waits: the last to leave wakes it, or loom finds a deadlock.
fn never_missed(count: &impl Count) {
    let guards = [count.enter_at(0), count.enter_at(1)];
    let leavers = guards.map(|guard| thread::spawn(move || drop(guard)));
    count.wait();
    for leaver in leavers {
        leaver.join().expect("no panic");
    }
}

/// The same, with both in one shard.
fn never_missed_in_one_shard(count: &impl Count) {
    let guards = [count.enter_at(0), count.enter_at(0)];
    let leavers = guards.map(|guard| thread::spawn(move || drop(guard)));
    count.wait();
    for leaver in leavers {
        leaver.join().expect("no panic");
    }
}

/// The layers count and then read the gate. The driver closes the gate and then waits. When the
/// wait is over, a request that was served is over too, and its work is visible.
fn served_is_waited_for(count: &impl Count, gate_first: bool) {
    let closed = Arc::new(AtomicBool::new(false));
    let work = Arc::new(AtomicU64::new(0));
    let requests: Vec<_> = (0..2)
        .map(|shard| {
            let (count, closed, work) = (count.clone(), Arc::clone(&closed), Arc::clone(&work));
            thread::spawn(move || {
                let look = || {
                    // loom knows sequential consistency only of fences.
                    fence(Ordering::SeqCst);
                    !closed.load(Ordering::SeqCst)
                };
                let early = gate_first && look();
                let guard = count.enter_at(shard);
                let served = if gate_first { early } else { look() };
                if served {
                    work.fetch_add(1, Ordering::Relaxed);
                }
                drop(guard);
                u64::from(served)
            })
        })
        .collect();
    closed.store(true, Ordering::SeqCst);
    fence(Ordering::SeqCst);
    count.wait();
    let seen = work.load(Ordering::Relaxed);
    let served: u64 = requests.into_iter().map(|request| request.join().expect("no panic")).sum();
    assert_eq!(seen, served, "a request was served and not waited for");
}

#[test]
fn idle_is_never_read_while_something_is_in_flight() {
    model(|| never_early(&InFlight::new()));
}

#[test]
fn the_last_to_leave_wakes_the_waiter() {
    model(|| never_missed(&InFlight::new()));
}

#[test]
fn the_last_to_leave_a_shared_shard_wakes_the_waiter() {
    model(|| never_missed_in_one_shard(&InFlight::new()));
}

#[test]
fn two_waiters_are_both_woken() {
    model(|| {
        let count = InFlight::new();
        let guard = count.enter_at(0);
        let other = {
            let count = count.clone();
            thread::spawn(move || count.wait())
        };
        let leaver = thread::spawn(move || drop(guard));
        count.wait();
        other.join().expect("no panic");
        leaver.join().expect("no panic");
    });
}

/// The last guard of a former use leaves while the count is used again and waited for: the wait
/// ends only with the new guard, and the late one does not count.
#[test]
fn a_count_that_is_used_again_has_nothing_of_its_former_use() {
    model(|| {
        let former = InFlight::new();
        let late = former.enter_at(0);
        let leaver = thread::spawn(move || drop(late));
        // The pool does not wait, but a model would have nothing to check without.
        former.wait();
        let count = former.used_again().expect("nothing is in flight");
        assert_eq!((count.entered(), count.totals().finished()), (0, 0));
        let guard = count.enter_at(0);
        assert!(!count.is_idle() && count.used_again().is_none());
        let next = thread::spawn(move || drop(guard));
        count.wait();
        assert_eq!(count.totals().finished(), 1);
        leaver.join().expect("no panic");
        next.join().expect("no panic");
    });
}

#[test]
fn a_request_that_was_served_is_waited_for() {
    model(|| served_is_waited_for(&InFlight::new(), false));
}

#[test]
#[should_panic(expected = "a request was served and not waited for")]
fn the_model_catches_a_gate_before_the_count() {
    model(|| served_is_waited_for(&InFlight::new(), true));
}

#[test]
#[should_panic(expected = "idle while something was in flight")]
fn the_model_catches_one_counter_that_also_shrinks() {
    model(|| never_early(&broken::signed::Broken::new()));
}

#[test]
#[should_panic(expected = "idle while something was in flight")]
fn the_model_catches_the_sums_in_the_wrong_order() {
    model(|| never_early(&broken::wrong_order::Broken::new()));
}

#[test]
#[should_panic(expected = "deadlock")]
fn the_model_catches_relaxed_accesses_beside_the_wait() {
    model(|| never_missed(&broken::relaxed::Broken::new()));
}
