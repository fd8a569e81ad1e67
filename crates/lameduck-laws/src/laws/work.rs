//! Law 1: a layer polls the inner work before any timer or signal.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use http_body::Body;

use super::{
    Layered,
    drive::{LONG, Subject, Wakes, collect, context, is_probes, paused},
};
use crate::{BodyStep, Probe, Script};

/// Law 1: an inner future that is ready comes before a timer and a signal that are ready too.
///
/// Before the poll in which the inner future ends, the clock advances by 30 days and the probe's
/// signals are fired. That poll is the first one, or a later one.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn polls_the_inner_work_before_any_timer_or_signal<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 1: polls the inner work before any timer or signal";
    for pending in 0..3 {
        paused(async {
            let mut subject = Subject::new(&make, Script { pending, ..Script::new() });
            let mut future = subject.call();
            for poll in 0..pending {
                let polled = future.as_mut().poll(&mut context());
                assert!(polled.is_pending(), "{LAW}: ready in poll {poll}, but the inner is not");
            }
            tokio::time::advance(LONG).await;
            subject.probe.signal();
            let before = subject.probe.record().future_polls;
            let polled = future.as_mut().poll(&mut context());
            let polls = subject.probe.record().future_polls - before;
            assert_eq!(polls, 1, "{LAW}: after {pending} pending polls the inner is not polled");
            match polled {
                Poll::Ready(Ok(response)) if is_probes(&response) => (),
                Poll::Ready(Ok(response)) => panic!(
                    "{LAW}: the inner answer is ready, but the layer answers {}",
                    response.status()
                ),
                Poll::Ready(Err(error)) => {
                    panic!("{LAW}: the inner answer is ready, but the layer fails with {error:?}")
                }
                Poll::Pending => {
                    panic!("{LAW}: the inner answer is ready, but the layer is pending")
                }
            }
        });
    }
}

/// Law 1, for the body: a frame that is ready comes before a timer and a signal that are ready too.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn polls_the_inner_body_before_any_timer_or_signal<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 1: polls the inner body before any timer or signal";
    for pending in 0..3 {
        paused(async {
            let mut steps = vec![BodyStep::Pending; pending];
            steps.push(BodyStep::Data("late"));
            let mut subject = Subject::new(&make, Script { body: steps, ..Script::new() });
            let mut body = Box::pin(subject.answer().into_body());
            for poll in 0..pending {
                let polled = body.as_mut().poll_frame(&mut context());
                assert!(polled.is_pending(), "{LAW}: ready in poll {poll}, but the inner is not");
            }
            tokio::time::advance(LONG).await;
            subject.probe.signal();
            match body.as_mut().poll_frame(&mut context()) {
                Poll::Ready(Some(Ok(frame))) => {
                    let data = frame.into_data().unwrap_or_default();
                    assert_eq!(
                        data, "late",
                        "{LAW}: the layer returns another frame than the inner body"
                    );
                }
                other => panic!("{LAW}: the inner frame is ready, but the layer returns {other:?}"),
            }
        });
    }
}

/// Law 1: a request that is ready at its first poll needs no timer.
///
/// The law runs outside of a runtime, where starting a timer panics.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn starts_no_timer_for_a_request_that_is_ready_at_once<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 1: starts no timer for a request that is ready at once";
    let run = AssertUnwindSafe(|| {
        let mut subject =
            Subject::new(make, Script { body: [BodyStep::Data("now")].into(), ..Script::new() });
        let response = subject.answer();
        (is_probes(&response), collect(response.into_body()).data)
    });
    match catch_unwind(run) {
        Ok((true, data)) => assert_eq!(data, b"now", "{LAW}: the body is another one"),
        Ok((false, _)) => panic!("{LAW}: the layer answers instead of the inner service"),
        Err(panic) => panic!("{LAW}: without a runtime it panics: {}", message(&*panic)),
    }
}

/// Law 1: the inner work is polled with the caller's waker, or one that wakes it.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn what_wakes_the_inner_work_wakes_the_caller<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 1: what wakes the inner work wakes the caller";
    paused(async {
        let script = Script { pending: 1, body: [BodyStep::Pending].into(), ..Script::new() };
        let mut subject = Subject::new(make, script);
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut future = subject.call();
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "{LAW}: ready, but the inner future is not");
        assert!(wakes.count() > 0, "{LAW}: the inner future wakes its task, but not the caller");

        let mut body = Box::pin(subject.answer_of(future).into_body());
        let before = wakes.count();
        let polled = body.as_mut().poll_frame(&mut Context::from_waker(&waker));
        assert!(polled.is_pending(), "{LAW}: ready, but the inner body is not");
        assert!(wakes.count() > before, "{LAW}: the inner body wakes its task, but not the caller");
    });
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<String>() {
        Some(text) => text,
        None => panic.downcast_ref::<&str>().copied().unwrap_or_default(),
    }
}
