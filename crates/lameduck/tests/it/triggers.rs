//! Signals and other triggers, and a stop that the program itself begins or cancels.

use std::time::Duration;

use lameduck::{
    Lameduck, Outcome, Phase,
    signal::{Signal, Signals, TriggerHandle},
};
use tokio::time::timeout;

use crate::builder;

/// More than any step of these tests takes.
const BOUND: Duration = Duration::from_secs(20);

/// A server that runs, and a trigger that counts as a signal does.
async fn running() -> (Lameduck, TriggerHandle) {
    let signals = Signals::new().without(Signal::Terminate).without(Signal::Interrupt);
    let trigger = signals.handle();
    let duck = builder().with_signals(signals).build();
    drop(duck.shutdown_signal());
    duck.watch().reached(Phase::Running).await;
    (duck, trigger)
}

#[tokio::test]
async fn a_second_trigger_cancels_and_a_third_forces() {
    let (duck, trigger) = running().await;
    let _job = duck.in_flight().enter_named("job");
    for phase in [Phase::LameDuck, Phase::Cancelling, Phase::Forced] {
        trigger.trigger("supervisor");
        timeout(BOUND, duck.watch().reached(phase)).await.unwrap();
        assert_eq!(duck.watch().current(), phase);
    }
    assert_eq!(timeout(BOUND, duck.finished()).await.unwrap().outcome(), Outcome::Forced);
}

#[tokio::test]
async fn a_signal_after_a_stop_that_a_pre_stop_hook_began_does_not_cancel_requests() {
    let (duck, trigger) = running().await;
    let job = duck.in_flight().enter_named("job");
    duck.stop_handle().stop("pre-stop hook", false);
    timeout(BOUND, duck.watch().reached(Phase::Draining)).await.unwrap();
    trigger.trigger("supervisor");
    // A command that is handled after the trigger: the driver handles them in order.
    tokio::task::yield_now().await;
    assert!(duck.stop_handle().cancel_stop().await.is_err());
    assert_eq!(duck.watch().current(), Phase::Draining);
    drop(job);
    let report = timeout(BOUND, duck.finished()).await.unwrap();
    assert_eq!((report.outcome(), report.cause()), (Outcome::Clean, "pre-stop hook"));
}

#[tokio::test]
async fn a_trigger_after_a_cancelled_stop_begins_the_next_stop_with_a_lame_duck() {
    let (duck, trigger) = running().await;
    for _ in 0..10 {
        trigger.trigger("supervisor");
        timeout(BOUND, duck.watch().reached(Phase::LameDuck)).await.unwrap();
        duck.stop_handle().cancel_stop().await.unwrap();
        assert_eq!(duck.watch().current(), Phase::Running);
    }
    let _job = duck.in_flight().enter_named("job");
    trigger.trigger("supervisor");
    timeout(BOUND, duck.watch().reached(Phase::Draining)).await.unwrap();
    assert_eq!(duck.watch().current(), Phase::Draining);
}
