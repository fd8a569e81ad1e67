//! Laws 5, 6 and 7: a drop releases, `Send` is not required, a panic leaks nothing.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
};

use http_body::Body;

use super::{
    Layered,
    drive::{Subject, collect, context, finish, is_probes, paused},
};
use crate::{BodyStep, End, Local, Probe, ProbeError, Script};

/// Law 5: dropping the future at any point releases at once what it held.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn dropping_the_future_at_any_point_releases_what_it_held<S: Layered>(
    make: impl Fn(Probe) -> S,
) {
    const LAW: &str = "layer law 5: dropping the future releases what it held";
    const PENDING: usize = 3;
    for end in [End::Answer, End::Error(ProbeError::new(5))] {
        for polls in 0..=PENDING + 1 {
            paused(async {
                let script = Script { pending: PENDING, end, ..Script::new() };
                let mut subject = Subject::new(&make, script);
                let held = subject.probe.held();
                let mut future = subject.call();
                for _ in 0..polls {
                    // A response is dropped too.
                    let _ = future.as_mut().poll(&mut context());
                }
                drop(future);
                subject.check_released(held, LAW, &format!("after {polls} polls and the drop"));
            });
        }
    }
}

/// Law 5: dropping the body at any point releases at once what it held.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn dropping_the_body_at_any_point_releases_what_it_held<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 5: dropping the body releases what it held";
    let last = [BodyStep::Trailers, BodyStep::Error(ProbeError::new(5))];
    for last in last {
        let steps = [BodyStep::Data("one"), BodyStep::Pending, BodyStep::Data("two"), last];
        for polls in 0..=steps.len() + 1 {
            paused(async {
                let mut subject =
                    Subject::new(&make, Script { body: steps.into(), ..Script::new() });
                let held = subject.probe.held();
                let mut body = Box::pin(subject.answer().into_body());
                for _ in 0..polls {
                    match body.as_mut().poll_frame(&mut context()) {
                        // A body is not polled after its end.
                        Poll::Ready(None | Some(Err(_))) => break,
                        Poll::Ready(Some(Ok(_))) | Poll::Pending => (),
                    }
                }
                drop(body);
                subject.check_released(held, LAW, &format!("after {polls} polls and the drop"));
            });
        }
    }
}

/// Law 6: the layer takes an inner service that is not `Send`, `Sync` or `Unpin`.
///
/// ```
/// # fn layer<S>(inner: S) -> S { inner }
/// lameduck_laws::__layer_law!(takes_an_inner_service_that_is_not_send, |inner| layer(inner));
/// ```
///
/// A layer that requires `Send` does not compile:
///
/// ```compile_fail,E0277
/// # fn layer<S: Send>(inner: S) -> S { inner }
/// lameduck_laws::__layer_law!(takes_an_inner_service_that_is_not_send, |inner| layer(inner));
/// ```
///
/// # Panics
///
/// If the layer breaks the law. If it requires `Send`, the law does not compile.
pub fn takes_an_inner_service_that_is_not_send<S: Layered<Local>>(
    make: impl Fn(Probe<Local>) -> S,
) {
    const LAW: &str = "layer law 6: takes an inner service that is not Send";
    paused(async {
        let script = Script { pending: 1, body: [BodyStep::Data("local")].into(), ..Script::new() };
        let mut subject = Subject::new(make, script);
        let response = subject.answer();
        assert!(is_probes(&response), "{LAW}: the layer answers instead of the inner service");
        assert_eq!(collect(response.into_body()).data, b"local", "{LAW}: the body is another one");
    });
}

/// Law 7: a panic in the inner `call`, future or body releases all, and the next request is
/// served.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn a_panic_inside_leaks_nothing<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 7: a panic inside leaks nothing";
    let script = Script { pending: 1, ..Script::new() };
    let places = [
        ("`call`", Script { end: End::PanicInCall, ..script.clone() }),
        ("the future", Script { end: End::PanicInPoll, ..script.clone() }),
        ("the body", Script { body: [BodyStep::Data("one"), BodyStep::Panic].into(), ..script }),
    ];
    for (place, script) in places {
        paused(async {
            let mut subject = Subject::new(&make, script);
            let held = subject.probe.held();
            // Twice, because a layer that a panic leaves locked or poisoned fails the second time.
            for round in 1..=2 {
                let calls = subject.probe.record().calls;
                let run = AssertUnwindSafe(|| {
                    let mut future = subject.call();
                    let answer = finish(&mut future);
                    // Dropped before the body is read, as a server does.
                    drop(future);
                    if let Ok(response) = answer {
                        collect(response.into_body());
                    }
                });
                let panicked = catch_unwind(run).is_err();
                assert!(panicked, "{LAW}: a panic in {place} is swallowed");
                let calls = subject.probe.record().calls - calls;
                assert_eq!(calls, 1, "{LAW}: request {round} does not reach the inner service");
                subject.check_released(held, LAW, &format!("after a panic in {place}"));
            }
        });
    }
}
