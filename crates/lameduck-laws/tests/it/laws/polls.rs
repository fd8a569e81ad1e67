//! Laws 1 and 2, each with a layer that breaks it, because a law that cannot fail proves nothing.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::Response;
use lameduck_laws::{__layer_law, ProbeBody, ProbeError};
use tokio::time::sleep;
use tower_service::Service;

use super::{
    broken::{broken, broken_ready},
    broken_body::{Fault, bad_body},
    check_fails,
};

const SECOND: Duration = Duration::from_secs(1);

type Answer = Result<Response<ProbeBody>, ProbeError>;

/// Waits for `first`. If it completes before the work, answers with an error instead.
async fn prefer(first: impl Future<Output = ()>, work: impl Future<Output = Answer>) -> Answer {
    let (mut first, mut work) = (pin!(first), pin!(work));
    std::future::poll_fn(|cx| {
        if first.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(ProbeError::new(504)));
        }
        work.as_mut().poll(cx)
    })
    .await
}

#[test]
fn a_layer_that_polls_a_timer_first_is_found() {
    check_fails("layer law 1: polls the inner work before any timer or signal", || {
        __layer_law!(polls_the_inner_work_before_any_timer_or_signal, |inner| {
            broken(inner, |inner, request| prefer(sleep(SECOND), inner.call(request)))
        });
    });
}

#[test]
fn a_layer_that_polls_a_signal_first_is_found() {
    check_fails("layer law 1: polls the inner work before any timer or signal", || {
        __layer_law!(polls_the_inner_work_before_any_timer_or_signal, |inner| {
            let stop = Arc::new(AtomicBool::new(false));
            let signal = Arc::clone(&stop);
            inner.on_signal(move || signal.store(true, Ordering::SeqCst));
            broken(inner, move |inner, request| {
                let stop = Arc::clone(&stop);
                let stopped = std::future::poll_fn(move |_| {
                    if stop.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
                });
                prefer(stopped, inner.call(request))
            })
        });
    });
}

#[test]
fn a_body_that_polls_a_timer_first_is_found() {
    check_fails("layer law 1: polls the inner body before any timer or signal", || {
        __layer_law!(polls_the_inner_body_before_any_timer_or_signal, |inner| {
            bad_body(inner, Fault::PollsSleepFirst)
        });
    });
}

#[test]
fn a_layer_that_starts_a_timer_for_every_request_is_found() {
    check_fails("layer law 1: starts no timer for a request that is ready at once", || {
        __layer_law!(starts_no_timer_for_a_request_that_is_ready_at_once, |inner| {
            broken(inner, |inner, request| {
                let (timer, work) = (sleep(SECOND), inner.call(request));
                async move {
                    let answer = work.await;
                    drop(timer);
                    answer
                }
            })
        });
    });
}

#[test]
fn a_layer_that_swallows_a_wake_is_found() {
    const SENTENCE: &str = "layer law 1: what wakes the inner work wakes the caller";
    check_fails(SENTENCE, || {
        __layer_law!(what_wakes_the_inner_work_wakes_the_caller, |inner| {
            broken(inner, |inner, request| {
                let mut work = Box::pin(inner.call(request));
                std::future::poll_fn(move |_| {
                    work.as_mut().poll(&mut Context::from_waker(Waker::noop()))
                })
            })
        });
    });
    check_fails(SENTENCE, || {
        __layer_law!(what_wakes_the_inner_work_wakes_the_caller, |inner| {
            bad_body(inner, Fault::SwallowsWake)
        });
    });
}

#[test]
fn a_layer_that_changes_the_error_is_found() {
    check_fails("layer law 2: changes not the error: the layer's error is a alloc::boxed", || {
        __layer_law!(changes_not_the_error, |inner| {
            broken(inner, |inner, request| {
                let work = inner.call(request);
                async move { work.await.map_err(Box::<dyn std::error::Error>::from) }
            })
        });
    });
    check_fails("layer law 2: changes not the error: the layer returns another", || {
        __layer_law!(changes_not_the_error, |inner| {
            broken(inner, |inner, request| {
                let work = inner.call(request);
                async move { work.await.map_err(|_| ProbeError::new(0)) }
            })
        });
    });
}

#[test]
fn a_layer_that_changes_poll_ready_is_found() {
    let sentence = "layer law 2: changes not `poll_ready`";
    check_fails(sentence, || {
        __layer_law!(changes_not_poll_ready, |inner| {
            broken_ready(inner, |_, _| Poll::Ready(Ok(())))
        });
    });
    check_fails(sentence, || {
        __layer_law!(changes_not_poll_ready, |inner| {
            broken_ready(inner, |inner, cx| inner.poll_ready(cx).map_err(|_| ProbeError::new(0)))
        });
    });
    check_fails(sentence, || {
        __layer_law!(changes_not_poll_ready, |inner| {
            broken_ready(inner, |inner, cx| {
                let _ = inner.poll_ready(cx);
                Poll::Pending
            })
        });
    });
}

#[test]
fn a_layer_that_calls_poll_ready_in_call_is_found() {
    check_fails("layer law 2: changes not `poll_ready`: a call polls", || {
        __layer_law!(changes_not_poll_ready, |inner| {
            broken(inner, |inner, request| {
                let _ = inner.poll_ready(&mut Context::from_waker(Waker::noop()));
                inner.call(request)
            })
        });
    });
}
