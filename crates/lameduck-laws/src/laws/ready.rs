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
    let mut subject = Subject::new(make, Script { end: End::Error(ERROR), ..Script::new() });
    let mut future = subject.call();
    match finish(&mut future) {
        Ok(_) => panic!("{LAW}: the inner service fails, but the layer answers"),
        Err(error) => check_error(&error, LAW),
    }
}

/// Law 2: each `poll_ready` polls the inner service once, and returns the same.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn changes_not_poll_ready<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 2: changes not `poll_ready`";
    let steps = [ReadyStep::Pending, ReadyStep::Pending, ReadyStep::Error(ERROR)];
    let mut subject = Subject::new(make, Script { ready: steps.into(), ..Script::new() });
    // One more poll than there are steps. The last one returns `Ready(Ok)`.
    for asked in 1..=steps.len() + 1 {
        let answer = subject.service.poll_ready(&mut context());
        let inner = subject.probe.record().ready_polls;
        assert_eq!(
            inner, asked,
            "{LAW}: polled {asked} times, but the inner service {inner} times"
        );
        match (steps.get(asked - 1), answer) {
            (Some(ReadyStep::Pending), Poll::Pending) | (None, Poll::Ready(Ok(()))) => (),
            (Some(ReadyStep::Error(_)), Poll::Ready(Err(error))) => check_error(&error, LAW),
            (step, answer) => {
                panic!("{LAW}: the inner service returns {step:?}, the layer {answer:?}")
            }
        }
    }
    // Polls the future to its end too, because a layer may wait for readiness inside it.
    let mut future = Box::pin(subject.service.call(subject.probe.request()));
    let _ = finish(&mut future);
    let inner = subject.probe.record().ready_polls;
    assert_eq!(inner, steps.len() + 1, "{LAW}: a call polls the inner service once more");
}

fn check_error<E: Any>(error: &E, law: &str) {
    let error = (error as &dyn Any).downcast_ref::<ProbeError>();
    assert_eq!(
        error,
        Some(&ERROR),
        "{law}: the layer returns another error than the inner service"
    );
}
