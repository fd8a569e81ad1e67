//! What a request costs that is let in: no allocation, and futures of a known size.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::{convert::Infallible, future::Ready, mem::size_of};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use lameduck_core::{Phase, phase_channel};
use lameduck_drain::{DrainFuture, DrainLayer};
use lameduck_test::CountingAllocator;
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

#[test]
fn a_future_is_two_words_larger_than_the_handlers() {
    type Handler = Ready<Result<Response<Body>, Infallible>>;
    assert!(size_of::<DrainFuture<Handler, Body>>() <= size_of::<Handler>() + 16);
}
