//! Law 2: a layer changes neither the error nor `poll_ready`.

use std::{
    any::{Any, TypeId, type_name},
    task::Poll,
};

use super::{
    Layered,
    drive::{Subject, context, finish},
};
use crate::{End, Probe, ProbeError, ReadyStep, Script};

const ERROR: ProbeError = ProbeError::new(41);

/// Law 2: the layer's error is the inner one, by type and by value.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn changes_not_the_error<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 2: changes not the error";
    assert!(
        TypeId::of::<S::Error>() == TypeId::of::<ProbeError>(),
        "{LAW}: the layer's error is a {}",
        type_name::<S::Error>(),
    );
    let mut subject = Subject::new(make, Script::new().with_end(End::Error(ERROR)));
    let mut future = subject.call();
    match finish(&mut future) {
        Ok(_) => panic!("{LAW}: the inner service failed, the layer answered"),
        Err(error) => check_error(&error, LAW),
    }
}

/// Law 2: `poll_ready` is asked of the inner service once each time, and its answer is unchanged.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn changes_not_poll_ready<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 2: changes not `poll_ready`";
    let steps = [ReadyStep::Pending, ReadyStep::Pending, ReadyStep::Error(ERROR)];
    let mut subject = Subject::new(make, Script::new().with_ready(steps));
    // One more than there are steps: the last is `Ready(Ok)`.
    for asked in 1..=steps.len() + 1 {
        let answer = subject.service.poll_ready(&mut context());
        let inner = subject.probe.record().ready_polls;
        assert_eq!(inner, asked, "{LAW}: asked {asked} times, the inner service {inner} times");
        match (steps.get(asked - 1), answer) {
            (Some(ReadyStep::Pending), Poll::Pending) | (None, Poll::Ready(Ok(()))) => (),
            (Some(ReadyStep::Error(_)), Poll::Ready(Err(error))) => check_error(&error, LAW),
            (step, answer) => panic!("{LAW}: the inner says {step:?}, the layer {answer:?}"),
        }
    }
    // Polled to its end as well: a layer may wait for readiness inside its future.
    let mut future = Box::pin(subject.service.call(subject.probe.request()));
    let _ = finish(&mut future);
    let inner = subject.probe.record().ready_polls;
    assert_eq!(inner, steps.len() + 1, "{LAW}: a call asks the inner service once more");
}

fn check_error<E: Any>(error: &E, law: &str) {
    let error = (error as &dyn Any).downcast_ref::<ProbeError>();
    assert_eq!(error, Some(&ERROR), "{law}: the inner error is another one outside");
}
