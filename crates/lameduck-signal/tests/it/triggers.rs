//! Handles and futures as triggers: everything that needs no signal.

use std::{
    future::{Future, pending, ready},
    pin::pin,
    task::{Context, Poll, Waker},
};

use lameduck_signal::{Escalation, Signal, Signals, Triggers};
use tokio::sync::oneshot;

/// Waits for one trigger and compares it.
async fn check(triggers: &mut Triggers, escalation: Escalation, name: &str) {
    let stop = triggers.next().await;
    assert_eq!((stop.escalation, stop.cause.name()), (escalation, name));
    assert_eq!(triggers.escalation(), Some(escalation));
}

/// Asserts that nothing was triggered.
async fn check_pending(triggers: &mut Triggers) {
    tokio::select! {
        biased;
        stop = triggers.next() => panic!("unexpected trigger: {stop:?}"),
        () = ready(()) => {}
    }
}

#[tokio::test]
async fn each_further_trigger_escalates_up_to_the_third() {
    let mut triggers = Signals::new().install().unwrap();
    assert_eq!(triggers.escalation(), None);
    let admin = triggers.handle();
    for escalation in [Escalation::First, Escalation::Second, Escalation::Third, Escalation::Third]
    {
        check_pending(&mut triggers).await;
        admin.trigger("admin");
        check(&mut triggers, escalation, "admin").await;
    }
}

#[tokio::test]
async fn triggers_that_come_at_once_are_counted_one_by_one() {
    let mut triggers = Signals::new().install().unwrap();
    let admin = triggers.handle();
    for name in ["one", "two", "three", "one too many"] {
        admin.trigger(name);
    }
    check(&mut triggers, Escalation::First, "one").await;
    check(&mut triggers, Escalation::Second, "two").await;
    check(&mut triggers, Escalation::Third, "three").await;
    check_pending(&mut triggers).await;
}

#[tokio::test]
async fn a_trigger_before_the_install_is_kept() {
    let signals = Signals::new();
    signals.handle().trigger("early");
    check(&mut signals.install().unwrap(), Escalation::First, "early").await;
}

#[tokio::test]
async fn a_trigger_wakes_the_wait() {
    let mut triggers = Signals::new().install().unwrap();
    let admin = triggers.handle();
    let (stop, ()) = tokio::join!(triggers.next(), async {
        tokio::task::yield_now().await;
        admin.trigger("admin");
    });
    assert_eq!(stop.escalation, Escalation::First);
}

#[tokio::test]
async fn a_wait_that_is_dropped_loses_no_trigger() {
    let mut triggers = Signals::new().install().unwrap();
    let admin = triggers.handle();
    {
        let mut wait = pin!(triggers.next());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(wait.as_mut().poll(&mut cx).is_pending());
        admin.trigger("admin");
    }
    check(&mut triggers, Escalation::First, "admin").await;
}

#[tokio::test]
async fn a_future_triggers_once_under_its_name() {
    let (sender, receiver) = oneshot::channel::<()>();
    let mut triggers = Signals::new()
        .with_future("never", pending())
        .with_future("channel", async { drop(receiver.await) })
        .with_future("at once", ready(()))
        .install()
        .unwrap();
    check(&mut triggers, Escalation::First, "at once").await;
    check_pending(&mut triggers).await;
    drop(sender);
    check(&mut triggers, Escalation::Second, "channel").await;
    check_pending(&mut triggers).await;
}

#[tokio::test]
async fn a_future_that_panics_costs_only_itself() {
    let mut triggers = Signals::new()
        .with_future("broken", async { panic!("out of cheese") })
        .with_future("at once", ready(()))
        .install()
        .unwrap();
    check(&mut triggers, Escalation::First, "at once").await;
    triggers.handle().trigger("admin");
    check(&mut triggers, Escalation::Second, "admin").await;
}

#[tokio::test]
async fn after_a_cancelled_stop_the_next_trigger_is_the_first_again() {
    let mut triggers = Signals::new().with_exit_at_fourth_signal().install().unwrap();
    let admin = triggers.handle();
    admin.trigger("admin");
    check(&mut triggers, Escalation::First, "admin").await;
    admin.reset();
    assert_eq!(triggers.escalation(), None);
    admin.trigger("admin");
    check(&mut triggers, Escalation::First, "admin").await;
}

#[tokio::test]
async fn a_named_trigger_is_no_signal_and_not_interactive() {
    let mut triggers = Signals::new().with_terminal(true).install().unwrap();
    triggers.handle().trigger(String::from("admin"));
    let Poll::Ready(stop) = triggers.poll_next(&mut Context::from_waker(Waker::noop())) else {
        panic!("the trigger is ready");
    };
    assert_eq!(stop.cause.signal(), None);
    assert!(!stop.cause.is_interactive());
    assert_eq!(stop.cause.to_string(), "admin");
}

#[test]
fn triggers_need_no_runtime_to_be_installed() {
    let mut triggers = Signals::new().install().unwrap();
    triggers.handle().trigger("admin");
    let Poll::Ready(stop) = triggers.poll_next(&mut Context::from_waker(Waker::noop())) else {
        panic!("the trigger is ready");
    };
    assert_eq!(stop.escalation, Escalation::First);
}

#[tokio::test]
async fn debug_shows_the_triggers() {
    let signals = Signals::new()
        .without(Signal::Interrupt)
        .on_reload(Signal::Hangup, || {})
        .with_future("channel", pending())
        .with_terminal(false);
    assert_eq!(
        format!("{signals:?}"),
        "Signals { stop: [Terminate], reload: [Hangup], futures: [\"channel\"], \
         has_terminal: Some(false), debounce: Some(1s), exits_at_fourth_signal: false, .. }"
    );
    assert_eq!(
        format!("{:?}", signals.install().unwrap()),
        "Triggers { escalation: None, stop: [Terminate], reload: [Hangup], \
         futures: [\"channel\"], .. }"
    );
}
