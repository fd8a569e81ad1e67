//! Law 4: a body wrapper forwards size hint, end of stream, data and trailers.

use std::task::Poll;

use http_body::{Body, SizeHint};

use super::{
    Layered,
    drive::{Subject, collect, context, paused},
};
use crate::{
    BodyStep, Probe, ProbeError, Script,
    probe::{hint, is_end, trailers},
};

/// The bodies of the test: none, one frame, trailers, errors, pauses.
const BODIES: &[&[BodyStep]] = &[
    &[],
    &[BodyStep::Data("one")],
    &[BodyStep::Data("one"), BodyStep::Pending, BodyStep::Data("three")],
    &[BodyStep::Data("one"), BodyStep::Trailers],
    &[BodyStep::Trailers],
    &[BodyStep::Data(""), BodyStep::Data("two")],
    &[BodyStep::Data("one"), BodyStep::Error(ProbeError::new(4))],
];

/// Law 4: the size hint is the inner one, before each frame and at the end.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn forwards_size_hint<S: Layered>(make: impl Fn(Probe) -> S) {
    each_step(make, |body, steps, done, exact| {
        let (outside, inside) = (bounds(&body.size_hint()), bounds(&hint(steps, done, exact)));
        assert_eq!(
            outside, inside,
            "layer law 4: forwards the size hint: after {done} steps of {steps:?} (lower, upper)"
        );
    });
}

/// Law 4: the body is at its end when the inner one is, before each frame and at the end.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn forwards_is_end_stream<S: Layered>(make: impl Fn(Probe) -> S) {
    each_step(make, |body, steps, done, _| {
        assert_eq!(
            body.is_end_stream(),
            is_end(steps, done),
            "layer law 4: forwards `is_end_stream`: after {done} steps of {steps:?}"
        );
    });
}

/// Law 4: data, trailers and errors arrive as they were sent.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn forwards_data_and_trailers<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 4: forwards data and trailers";
    for steps in BODIES {
        paused(async {
            let mut subject = Subject::new(&make, Script { body: steps.to_vec(), ..Script::new() });
            let collected = collect(subject.answer().into_body());
            let data: String = steps.iter().filter_map(data_of).collect();
            assert_eq!(collected.data, data.as_bytes(), "{LAW}: the data of {steps:?}");
            let sent = steps.contains(&BodyStep::Trailers).then(trailers);
            assert_eq!(collected.trailers, sent, "{LAW}: the trailers of {steps:?}");
            let fails = steps.iter().any(|step| matches!(step, BodyStep::Error(_)));
            assert_eq!(collected.error.is_some(), fails, "{LAW}: the error of {steps:?}");
        });
    }
}

/// Runs `check` on each body, before its first poll and after each.
fn each_step<S: Layered>(
    make: impl Fn(Probe) -> S,
    check: impl Fn(&S::Body, &[BodyStep], usize, bool),
) {
    for steps in BODIES {
        for exact in [true, false] {
            paused(async {
                let script = Script { body: steps.to_vec(), is_sized: exact, ..Script::new() };
                let mut body = Box::pin(Subject::new(&make, script).answer().into_body());
                for done in 0..=steps.len() {
                    check(&body, steps, done, exact);
                    let polled = body.as_mut().poll_frame(&mut context());
                    if matches!(polled, Poll::Ready(Some(Err(_)))) {
                        // A body that has failed may report anything.
                        return;
                    }
                }
            });
        }
    }
}

const fn data_of(step: &BodyStep) -> Option<&'static str> {
    match step {
        BodyStep::Data(data) => Some(data),
        _ => None,
    }
}

fn bounds(hint: &SizeHint) -> (u64, Option<u64>) {
    (hint.lower(), hint.upper())
}
