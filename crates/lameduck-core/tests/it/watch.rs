//! The phase as it is shared.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use lameduck_core::{Phase, StopDeadlines, phase_channel};

#[tokio::test]
async fn a_wait_ends_when_its_phase_or_a_later_one_is_reached() {
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    let mut draining = task(watch.reached(Phase::Draining));
    assert!(!draining.is_done());
    sender.publish(Phase::LameDuck);
    assert!(!draining.is_done());
    sender.publish(Phase::Cancelling);
    assert!(draining.is_done());
    watch.reached(Phase::Draining).await;
}

#[tokio::test]
async fn every_waiter_is_woken_however_many_there_are() {
    let (sender, watch) = phase_channel();
    let mut waits = tokio::task::JoinSet::new();
    for _ in 0..100 {
        waits.spawn(watch.reached(Phase::Draining));
    }
    tokio::task::yield_now().await;
    sender.publish(Phase::Draining);
    assert_eq!(waits.join_all().await.len(), 100);
}

#[test]
fn a_move_wakes_no_waiter_for_a_later_phase() {
    let (sender, watch) = phase_channel();
    let mut forced = task(watch.reached(Phase::Forced));
    assert!(!forced.is_done());
    for phase in [Phase::Running, Phase::LameDuck, Phase::Draining, Phase::Cancelling] {
        sender.publish(phase);
        assert!(!forced.is_woken(), "{phase}");
    }
    sender.publish(Phase::Stopped);
    assert!(forced.is_woken(), "a phase that was skipped was reached as well");
    assert!(forced.is_done());
}

#[test]
fn a_wait_goes_on_when_a_stop_is_cancelled_before_the_wait_is_polled() {
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    let mut leaving = task(watch.reached(Phase::LameDuck));
    assert!(!leaving.is_done());
    sender.publish(Phase::LameDuck);
    sender.publish(Phase::Running);
    assert!(!leaving.is_done());
    assert_eq!(watch.times_cancelled(), 1);
    sender.publish(Phase::LameDuck);
    assert!(leaving.is_done());
}

#[test]
fn only_a_lame_duck_that_recovers_counts_as_cancelled() {
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    assert!(!sender.publish(Phase::Running));
    assert_eq!(watch.times_cancelled(), 0, "the start undoes nothing");
    for times in 1..=3 {
        sender.publish(Phase::LameDuck);
        sender.publish(Phase::Running);
        assert_eq!(watch.times_cancelled(), times);
    }
    sender.publish(Phase::Draining);
    sender.publish(Phase::Running);
    assert_eq!(watch.times_cancelled(), 3, "and a move that is not made neither");
}

#[test]
fn each_stop_has_a_number_of_its_own() {
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    assert_eq!(watch.stop_number(), None);
    for number in 1..=3 {
        sender.publish(Phase::LameDuck);
        assert_eq!(watch.stop_number(), Some(number));
        sender.publish(Phase::Running);
        assert_eq!(watch.stop_number(), None);
    }
    for later in [Phase::Draining, Phase::Cancelling, Phase::Forced, Phase::Stopped] {
        sender.publish(later);
        assert_eq!(watch.stop_number(), Some(4), "it goes on");
    }
}

#[test]
fn a_watch_wakes_when_a_stop_is_cancelled() {
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    assert!(task(watch.stop_cancelled(1)).is_done(), "none is under way");
    sender.publish(Phase::LameDuck);
    let (mut seen, mut late) = (task(watch.stop_cancelled(1)), task(watch.stop_cancelled(1)));
    assert!(!seen.is_done() && !late.is_done());
    sender.publish(Phase::Running);
    assert!(seen.is_done());
    sender.publish(Phase::LameDuck);
    assert!(late.is_done(), "the second is another");
    let mut goes_on = task(watch.stop_cancelled(2));
    for later in [Phase::Draining, Phase::Stopped] {
        assert!(!goes_on.is_done());
        sender.publish(later);
        assert!(!goes_on.is_woken());
    }
}

#[test]
fn a_phase_never_moves_backward_but_for_lame_duck() {
    let (sender, watch) = phase_channel();
    assert!(sender.publish(Phase::Running));
    assert!(sender.publish(Phase::LameDuck));
    assert!(sender.publish(Phase::Running));
    assert!(sender.publish(Phase::Draining));
    for earlier in [Phase::Starting, Phase::Running, Phase::LameDuck, Phase::Draining] {
        assert!(!sender.publish(earlier));
        assert_eq!(watch.current(), Phase::Draining);
    }
}

#[test]
fn the_deadlines_of_a_stop_are_read_back_to_the_nanosecond() {
    let (sender, watch) = phase_channel();
    assert_eq!((watch.draining_at(), watch.cancelling_at()), (None, None));
    #[expect(clippy::disallowed_methods, reason = "any instant does")]
    let draining = std::time::Instant::now() + Duration::from_nanos(123_456_789);
    let cancelling = draining + Duration::from_nanos(1);
    let mut deadlines = StopDeadlines::new();
    deadlines.draining_at = Some(draining);
    deadlines.accept_queue_until = Some(draining + Duration::from_secs(1));
    deadlines.cancelling_at = Some(cancelling);
    deadlines.abort_at = Some(cancelling + Duration::from_secs(2));
    sender.set_deadlines(deadlines);
    assert_eq!(watch.deadlines(), deadlines);
    assert_eq!((watch.draining_at(), watch.cancelling_at()), (Some(draining), Some(cancelling)));
    deadlines.cancelling_at = None;
    sender.set_deadlines(deadlines);
    assert_eq!((watch.draining_at(), watch.cancelling_at()), (Some(draining), None));
}

#[test]
fn a_move_that_races_with_the_wait_is_never_missed() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..2_000 {
        let (sender, watch) = phase_channel();
        let mover = std::thread::spawn(move || sender.publish(Phase::Draining));
        runtime.block_on(watch.reached(Phase::Draining));
        assert!(mover.join().unwrap());
    }
}

#[test]
fn a_cancelled_stop_is_never_missed_by_a_wait_that_begins_meanwhile() {
    const STOPS: usize = 20_000;
    let (sender, watch) = phase_channel();
    // The two threads meet at each stop: one cancels it while the other begins to wait for that.
    let (asked, moved) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    let meet = |at: &AtomicUsize, stop| {
        let mut spins = 0;
        while at.load(Ordering::SeqCst) < stop {
            spins += 1;
            // Busy, so that both go on at once; but they may share a processor.
            if spins % 1000 == 0 { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    };
    let mut missed = 0;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for stop in 1..=STOPS {
                sender.publish(Phase::LameDuck);
                moved.store(2 * stop - 1, Ordering::SeqCst);
                meet(asked, stop);
                // A little later each time, and then anew: through all of what the other does.
                (0..stop % 16).for_each(|_| std::hint::spin_loop());
                sender.publish(Phase::Running);
                moved.store(2 * stop, Ordering::SeqCst);
            }
        });
        for stop in 1..=STOPS {
            meet(moved, 2 * stop - 1);
            let mut stop_cancelled = task(watch.stop_cancelled(stop));
            asked.store(stop, Ordering::SeqCst);
            let is_seen = stop_cancelled.is_done();
            meet(moved, 2 * stop);
            missed += usize::from(!is_seen && !stop_cancelled.is_done());
        }
    });
    assert_eq!(missed, 0, "of {STOPS}");
}

#[test]
fn a_wait_that_is_over_when_asked_allocates_nothing_and_needs_no_runtime() {
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Stopped);
    assert!(task(watch.reached(Phase::Forced)).is_done());
}

/// A future that is polled by hand, and only when it was woken.
struct Task<F> {
    future: std::pin::Pin<Box<F>>,
    woken: std::sync::Arc<Flag>,
}

struct Flag(AtomicBool);

impl std::task::Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn task<F: Future<Output = ()>>(future: F) -> Task<F> {
    let woken = std::sync::Arc::new(Flag(true.into()));
    Task { future: Box::pin(future), woken }
}

impl<F: Future<Output = ()>> Task<F> {
    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::SeqCst)
    }

    fn is_done(&mut self) -> bool {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            return false;
        }
        let waker = std::task::Waker::from(self.woken.clone());
        self.future.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_ready()
    }
}
