//! Law 3: a layer never clones, boxes, spawns, or logs above debug for a request.
//!
//! Law 3 also says that a layer does not read the environment for a request. No test can see that,
//! so it is left to the reviewer.

use std::{
    any::type_name,
    mem::size_of,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::runtime::Handle;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{
    Layered,
    drive::{LONG, Subject, collect, context, finish, paused},
};
use crate::{BodyStep, End, Probe, ProbeBody, ProbeError, ProbeFuture, ReadyStep, Script};

const BODY: [BodyStep; 3] = [BodyStep::Data("one"), BodyStep::Pending, BodyStep::Trailers];

/// Law 3: a request makes no clone of the inner service.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn never_clones_the_inner_service<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 3: never clones the inner service";
    paused(async {
        let script = Script {
            ready: [ReadyStep::Pending].into(),
            pending: 1,
            body: BODY.into(),
            ..Script::new()
        };
        let mut subject = Subject::new(make, script);
        let before = subject.probe.record().clones;
        for _ in 0..2 {
            collect(subject.answer().into_body());
        }
        let clones = subject.probe.record().clones - before;
        assert_eq!(clones, 0, "{LAW}: {clones} clones in two requests");
    });
}

/// Law 3: the layer's future and body contain the inner ones, and not a pointer to them.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn never_boxes_the_inner_future_or_body<S: Layered>(_make: impl Fn(Probe) -> S) {
    check_size::<S::Future, ProbeFuture>("future");
    check_size::<S::Body, ProbeBody>("body");
}

fn check_size<Outer, Inner>(what: &str) {
    let (outer, inner) = (size_of::<Outer>(), size_of::<Inner>());
    assert!(
        outer >= inner,
        "layer law 3: never boxes: the inner {what} has {inner} bytes, the layer's {} only {outer}",
        type_name::<Outer>()
    );
}

/// Law 3: at no point of a request is there a task that the caller has not spawned.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn never_spawns<S: Layered>(make: impl Fn(Probe) -> S) {
    const LAW: &str = "layer law 3: never spawns";
    paused(async {
        let mut subject =
            Subject::new(make, Script { pending: 1, body: BODY.into(), ..Script::new() });
        let before = Handle::current().metrics().num_alive_tasks();
        let check = |when| {
            let alive = Handle::current().metrics().num_alive_tasks();
            assert_eq!(alive, before, "{LAW}: there are other tasks {when}");
        };
        let mut future = subject.call();
        check("after `call`");
        let response = finish(&mut future);
        check("after the future ended");
        drop(future);
        check("after the future was dropped");
        if let Ok(response) = response {
            collect(response.into_body());
        }
        check("after the body ended");
    });
}

/// Law 3: no event above debug, whether the request is answered, fails or is dropped.
///
/// # Panics
///
/// If the layer breaks the law.
pub fn never_logs_above_debug<S: Layered>(make: impl Fn(Probe) -> S) {
    let loud = Loud::default();
    tracing::subscriber::with_default(loud.clone(), || {
        let error = ProbeError::new(3);
        let scripts = [
            Script { body: BODY.into(), ..Script::new() },
            Script { pending: 2, body: [BodyStep::Error(error)].into(), ..Script::new() },
            Script { end: End::Error(error), ..Script::new() },
        ];
        for script in scripts {
            paused(async {
                let mut subject = Subject::new(&make, script);
                let mut future = subject.call();
                if let Ok(response) = finish(&mut future) {
                    collect(response.into_body());
                }
            });
        }
        paused(async {
            let mut subject = Subject::new(&make, Script { pending: 1, ..Script::new() });
            let mut future = subject.call();
            let _ = future.as_mut().poll(&mut context());
            tokio::time::advance(LONG).await;
            subject.probe.signal();
            drop(future);
        });
    });
    let events = loud.events();
    assert!(events.is_empty(), "layer law 3: never logs above debug: {events:?}");
}

/// A subscriber that keeps what is above debug.
#[derive(Clone, Default)]
struct Loud(Arc<Mutex<Vec<String>>>);

impl Loud {
    fn events(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Subscriber for Loud {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() || *metadata.level() <= Level::INFO
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut text = format!("{} {}", metadata.level(), metadata.target());
        event.record(&mut Message(&mut text));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}
