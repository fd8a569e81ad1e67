//! How often a request allocates, beyond what it does without the layer.

use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body::Body;
use http_body_util::Full;
use lameduck_context::{ContextLayer, InboundDeadline, RequestContext, TimeoutLayer, TraceOptions};
use lameduck_laws::CountingAllocator;
use tower::{Layer, Service, util::MapRequest};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

type Ask = Request<Full<Bytes>>;

/// A request with the headers that every client sends.
fn ask(id: Option<&'static str>) -> Ask {
    let mut request = Request::new(Full::default());
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_static("localhost"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static("test"));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    if let Some(id) = id {
        headers.insert("x-request-id", HeaderValue::from_static(id));
    }
    request
}

fn answer() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"hello")));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("5"));
    response
}

/// Allocations of one request in steady state: a service that is cloned, as servers do, called,
/// polled to its end and read.
fn allocations<S, B>(service: &S, id: Option<&'static str>) -> usize
where
    S: Service<Ask, Response = Response<B>, Error = Infallible> + Clone,
    B: Body<Data = Bytes>,
{
    let mut cx = Context::from_waker(Waker::noop());
    let mut once = || {
        let mut service = service.clone();
        let mut future = pin!(service.call(ask(id)));
        let response = loop {
            match future.as_mut().poll(&mut cx) {
                Poll::Ready(Ok(response)) => break response,
                Poll::Ready(Err(never)) => match never {},
                Poll::Pending => (),
            }
        };
        let mut body = pin!(response.into_body());
        while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut cx) {}
    };
    // The first ones fill the pools for those after them.
    once();
    once();
    ALLOCATOR.count(once)
}

/// The same, less the allocations without a layer.
fn check<S, B>(service: &S, id: Option<&'static str>, expected: usize)
where
    S: Service<Ask, Response = Response<B>, Error = Infallible> + Clone,
    B: Body<Data = Bytes>,
{
    let bare = allocations(&tower::service_fn(|_: Ask| ready(Ok(answer()))), id);
    assert_eq!(allocations(service, id) - bare, expected);
}

fn handler() -> impl Service<
    Ask,
    Response = Response<Full<Bytes>>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Full<Bytes>>, Infallible>>,
> + Clone {
    tower::service_fn(|_| ready(Ok(answer())))
}

const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_timeout_allocates_nothing_for_a_handler_that_is_ready() {
    check(&TimeoutLayer::new(LIMIT).layer(handler()), None, 0);
    let layer = ContextLayer::new()
        .with_options(|options| options.request_id = None)
        .with_timeout(LIMIT)
        .with_options(|options| options.timeouts.body = Some(LIMIT));
    check(&layer.layer(handler()), None, 0);
}

#[test]
fn a_router_that_is_rebuilt_100_000_times_ends_with_memory_flat() {
    let rebuild = |times: u32| {
        for number in 0..times {
            let layer = ContextLayer::new()
                .with_timeout_by(move |_| Some(LIMIT * number))
                .on_request_id(move |_| assert!(number < times))
                .with_response(move |_| Response::new(Bytes::from(number.to_string())))
                .with_tracker(move |_| number);
            let mut service = layer.layer(TimeoutLayer::new(LIMIT).layer(handler()));
            let mut plain = ContextLayer::new().layer(handler());
            if number % 10 == 0 {
                drop(service.call(ask(None)));
                drop(plain.call(ask(None)));
            }
        }
    };
    // Some configurations are kept for as long as the process lives. These are more.
    rebuild(100);
    assert_eq!(ALLOCATOR.growth(|| rebuild(100_000)), 0);
}

#[test]
fn an_id_that_is_made_for_the_response_is_one_allocation() {
    check(&ContextLayer::new().with_timeout(LIMIT).layer(handler()), None, 1);
}

#[test]
fn a_callers_deadline_is_none_and_neither_is_looking_for_one() {
    // Outside of a runtime, where a timer would panic.
    let layer = ContextLayer::new().with_timeout(LIMIT);
    let layer = layer
        .with_options(|options| options.inbound_deadline = Some(InboundDeadline::new()))
        .with_options(|options| options.trace = Some(TraceOptions::new()));
    check(&layer.layer(handler()), None, 1);
    let with_deadline = |mut request: Ask| {
        request.headers_mut().insert("grpc-timeout", HeaderValue::from_static("1S"));
        request
    };
    let bare = allocations(&MapRequest::new(handler(), with_deadline), None);
    let read = allocations(&MapRequest::new(layer.layer(handler()), with_deadline), None);
    // The one is the id.
    assert_eq!(read - bare, 1);
}

#[test]
fn an_id_that_is_taken_over_is_none() {
    check(&ContextLayer::new().with_timeout(LIMIT).layer(handler()), Some("mine"), 0);
}

#[test]
fn an_id_that_is_not_on_the_response_is_none() {
    check(
        &ContextLayer::new()
            .with_options(|options| {
                options.request_id.get_or_insert_default().response_header = false
            })
            .layer(handler()),
        None,
        0,
    );
}

#[test]
fn a_context_that_is_asked_for_is_none() {
    let asking = tower::service_fn(|_: Ask| {
        let context = RequestContext::current().expect("in a request");
        assert!(!context.is_cancelled());
        assert!(context.request_id().is_some());
        ready(Ok(answer()))
    });
    // The one is the id, as text.
    check(&ContextLayer::new().with_timeout(LIMIT).layer(asking), None, 1);
}

#[test]
fn a_thread_keeps_32_contexts_for_requests_that_wait_at_once() {
    let mut service =
        ContextLayer::new().with_options(|options| options.request_id = None).layer(handler());
    let mut calls = || {
        let mut futures = Vec::new();
        // Each call takes a context; the futures are not polled. Dropped after the count.
        ALLOCATOR.count(|| futures = (0..50).map(|_| service.call(ask(None))).collect())
    };
    let first = calls();
    assert_eq!(first - calls(), 32);
    assert_eq!(first - calls(), 32);
}

#[test]
fn a_layer_inside_of_another_one_is_one() {
    let layer =
        ContextLayer::new().with_options(|options| options.request_id = None).with_timeout(LIMIT);
    check(&layer.clone().layer(layer.layer(handler())), None, 1);
}

#[test]
fn a_value_is_two_and_a_requests_first_is_three() {
    let setting = |values: u8| {
        tower::service_fn(move |_: Ask| {
            let context = RequestContext::current().expect("in a request");
            assert!(values < 1 || context.set_value(1_u8));
            assert!(values < 2 || context.set_value(2_u16));
            ready(Ok(answer()))
        })
    };
    let layer = ContextLayer::new().with_options(|options| options.request_id = None);
    check(&layer.layer(setting(0)), None, 0);
    check(&layer.layer(setting(1)), None, 3);
    check(&layer.layer(setting(2)), None, 3 + 2);
}

#[test]
fn an_extension_is_three_more() {
    check(
        &ContextLayer::new().with_options(|options| options.extension = true).layer(handler()),
        None,
        1 + 3,
    );
}

#[test]
fn a_wait_with_a_limit_is_one_and_a_wait_for_a_phase_is_two() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let _guard = runtime.enter();
    // Waits once. It needs no waker: the test polls again.
    let waiting = tower::service_fn(|_: Ask| {
        let mut waited = false;
        std::future::poll_fn(move |_| {
            if std::mem::replace(&mut waited, true) {
                Poll::Ready(Ok(answer()))
            } else {
                Poll::Pending
            }
        })
    });
    check(&TimeoutLayer::new(LIMIT).layer(waiting), None, 1);
    let layer =
        ContextLayer::new().with_options(|options| options.request_id = None).with_timeout(LIMIT);
    check(&layer.layer(waiting), None, 1);
    check(
        &ContextLayer::new().with_options(|options| options.request_id = None).layer(waiting),
        None,
        0,
    );
    // The wait for a phase has an allocation of its own, made when it is first polled.
    let (_sender, phase) = lameduck_core::phase_channel();
    let layer =
        ContextLayer::new().with_options(|options| options.request_id = None).with_phase(phase);
    check(&layer.clone().layer(waiting), None, 2);
    check(&layer.with_timeout(LIMIT).layer(waiting), None, 2);
}
