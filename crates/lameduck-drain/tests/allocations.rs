//! What a request that is let in costs: no allocation, and futures of a known size.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::{convert::Infallible, future::Ready, mem::size_of};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use lameduck_drain::{DrainFuture, DrainLayer, Phase, phase_channel};
use lameduck_laws::CountingAllocator;
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

type Body = Full<Bytes>;

#[test]
fn a_request_that_is_let_in_allocates_nothing() {
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    let mut service = DrainLayer::new(watch).layer(service_fn(|_: Request<Body>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::default())))
    }));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let allocations = ALLOCATOR.count(|| {
        let mut service = service.clone();
        let mut answer = std::pin::pin!(service.call(Request::new(Body::default())));
        assert!(answer.as_mut().poll(&mut context).is_ready());
    });
    assert_eq!(allocations, 0);
    drop(service.call(Request::new(Body::default())));
}

#[cfg(feature = "stream")]
#[test]
fn an_answer_that_is_no_stream_allocates_nothing_in_the_layer_that_ends_streams() {
    let (_sender, watch) = phase_channel();
    let layer = lameduck_drain::UntilDrainLayer::new(watch);
    let mut service = layer.layer(service_fn(|_: Request<Body>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::default())))
    }));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let allocations = ALLOCATOR.count(|| {
        let mut service = service.clone();
        let mut answer = std::pin::pin!(service.call(Request::new(Body::default())));
        assert!(answer.as_mut().poll(&mut context).is_ready());
    });
    assert_eq!(allocations, 0);
    drop(service.call(Request::new(Body::default())));
    type Inner = lameduck_drain::UntilDrainBody<Body>;
    assert_eq!(size_of::<Inner>(), size_of::<Body>() + size_of::<usize>());
}

#[cfg(feature = "stream")]
#[test]
fn a_stream_allocates_once_and_not_before_its_first_pause() {
    use futures_util::{Stream as _, stream};

    let (sender, watch) = phase_channel();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut items = 3;
    let inner = stream::poll_fn(move |_| {
        if items == 0 {
            return std::task::Poll::Pending;
        }
        items -= 1;
        std::task::Poll::Ready(Some(items))
    });
    let mut stream = std::pin::pin!(lameduck_drain::until_drain(inner, watch));
    let mut poll = || ALLOCATOR.count(|| _ = stream.as_mut().poll_next(&mut context));
    assert_eq!([poll(), poll(), poll()], [0, 0, 0]);
    assert_eq!([poll(), poll(), poll()], [1, 0, 0]);
    sender.publish(Phase::Draining);
    assert_eq!(poll(), 0);
}

#[test]
fn a_future_is_two_words_larger_than_the_handlers() {
    type Handler = Ready<Result<Response<Body>, Infallible>>;
    assert!(size_of::<DrainFuture<Handler, Body>>() <= size_of::<Handler>() + 16);
}
