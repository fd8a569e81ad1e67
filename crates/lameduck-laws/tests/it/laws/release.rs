//! Laws 5, 6 and 7, each with a layer that breaks it.

use std::{
    future::Future,
    marker::{PhantomData, PhantomPinned},
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use http::{Request, Response};
use lameduck_laws::{__layer_law, Probe, ProbeBody, ProbeError, ProbeFuture};
use tower_service::Service;

use super::{
    broken::broken,
    broken_body::{Fault, bad_body},
    check_fails,
};

type Answer = Result<Response<ProbeBody>, ProbeError>;

/// A future that forgets the inner one when it is dropped.
struct Leaks(ManuallyDrop<Pin<Box<ProbeFuture>>>);

impl Future for Leaks {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.0.as_mut().poll(cx)
    }
}

#[test]
fn a_future_that_is_dropped_and_leaks_is_found() {
    check_fails("layer law 5: dropping the future releases what it held: the inner future", || {
        __layer_law!(dropping_the_future_at_any_point_releases_what_it_held, |inner| {
            broken(inner, |inner, request| Leaks(ManuallyDrop::new(Box::pin(inner.call(request)))))
        });
    });
}

#[test]
fn a_count_that_a_drop_does_not_take_back_is_found() {
    let sentence = "layer law 5: dropping the future releases what it held: the layer still holds";
    check_fails(sentence, || {
        __layer_law!(dropping_the_future_at_any_point_releases_what_it_held, |inner| {
            let count = Arc::new(AtomicUsize::new(0));
            let read = Arc::clone(&count);
            inner.on_held(move || read.load(Ordering::SeqCst));
            broken(inner, move |inner, request| {
                let (count, work) = (Arc::clone(&count), inner.call(request));
                count.fetch_add(1, Ordering::SeqCst);
                async move {
                    let answer = work.await;
                    count.fetch_sub(1, Ordering::SeqCst);
                    answer
                }
            })
        });
    });
}

#[test]
fn a_body_that_is_dropped_and_leaks_is_found() {
    check_fails("layer law 5: dropping the body releases what it held", || {
        __layer_law!(dropping_the_body_at_any_point_releases_what_it_held, |inner| {
            bad_body(inner, Fault::Leaks)
        });
    });
}

/// A service that is not `Unpin`, with a future that is not `Send`.
struct Stuck(Probe, PhantomPinned);

struct NotSend(ProbeFuture, PhantomData<Rc<()>>);

impl Service<Request<ProbeBody>> for Stuck {
    type Response = Response<ProbeBody>;
    type Error = ProbeError;
    type Future = NotSend;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProbeError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ProbeBody>) -> NotSend {
        NotSend(self.0.call(request), PhantomData)
    }
}

impl Future for NotSend {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        Pin::new(&mut self.0).poll(cx)
    }
}

#[test]
fn a_layer_that_takes_an_auto_trait_away_is_found() {
    let sentence =
        r#"["the service is not Unpin", "the future is not Send", "the future is not Sync"]"#;
    check_fails(sentence, || {
        __layer_law!(is_send_sync_and_unpin_as_the_inner_is, |inner| Stuck(inner, PhantomPinned));
    });
}

#[test]
fn a_layer_that_swallows_a_panic_is_found() {
    check_fails("layer law 7: a panic inside leaks nothing: a panic in the future is swal", || {
        __layer_law!(a_panic_inside_leaks_nothing, |inner| {
            broken(inner, |inner, request| {
                let mut work = inner.call(request);
                std::future::poll_fn(move |cx| {
                    let poll = AssertUnwindSafe(|| Pin::new(&mut work).poll(cx));
                    catch_unwind(poll).unwrap_or(Poll::Ready(Err(ProbeError::new(500))))
                })
            })
        });
    });
}

#[test]
fn a_layer_that_a_panic_leaves_poisoned_is_found() {
    check_fails("layer law 7: a panic inside leaks nothing: request 2 does not reach", || {
        __layer_law!(a_panic_inside_leaks_nothing, |inner| {
            let lock = Mutex::new(());
            broken(inner, move |inner, request| {
                let _guard = lock.lock().expect("not poisoned");
                inner.call(request)
            })
        });
    });
}

#[test]
fn a_count_that_a_panic_does_not_take_back_is_found() {
    check_fails("layer law 7: a panic inside leaks nothing: the layer still holds", || {
        __layer_law!(a_panic_inside_leaks_nothing, |inner| {
            let guards = Arc::new(());
            let read = Arc::downgrade(&guards);
            inner.on_held(move || read.strong_count());
            broken(inner, move |inner, request| {
                let guard = ManuallyDrop::new(Arc::clone(&guards));
                let work = inner.call(request);
                drop(ManuallyDrop::into_inner(guard));
                work
            })
        });
    });
}

#[test]
fn a_body_that_is_forgotten_in_a_panic_is_found() {
    check_fails("layer law 7: a panic inside leaks nothing: an inner body is alive", || {
        __layer_law!(a_panic_inside_leaks_nothing, |inner| bad_body(inner, Fault::Leaks));
    });
}
