//! What a request costs in allocations and in bytes, to the number.
#![cfg(not(loom))]

use std::{
    convert::Infallible,
    future::{Ready, ready},
    mem::{size_of, size_of_val},
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use lameduck_inflight::{
    InFlight, InFlightBody, InFlightFuture, InFlightGuard, InFlightLayer, InFlightOptions,
    InFlightService, RequestIdSource,
};
use lameduck_laws::CountingAllocator;
use tower::{Layer, Service};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// How many allocations `work` makes on this thread.
fn allocations(work: impl FnOnce()) -> usize {
    ALLOCATOR.count(work)
}

/// A count that lists its requests.
fn with_ledger() -> InFlight {
    let mut options = InFlightOptions::new();
    options.ledger = Some(RequestIdSource::Header);
    InFlight::with_options(options)
}

/// A handler that is ready at once.
#[derive(Clone)]
struct Hello;

impl Service<Request<()>> for Hello {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"hello")))))
    }
}

fn request() -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    // As a server parses it: text that is shared, and cloned by a reference count.
    *request.uri_mut() = Uri::from_static("/orders?page=2");
    let id = HeaderValue::from_static("7f3a");
    request.headers_mut().insert("x-request-id", id);
    request
}

/// One request as a server drives it: a clone of the service, the head, the whole body.
fn serve(service: &InFlightService<Hello>, request: Request<()>) {
    let mut service = service.clone();
    let response = service.call(request).now_or_never().expect("ready at once");
    let body = response.expect("infallible").into_body();
    let mut body = std::pin::pin!(body);
    while let Some(frame) = body.frame().now_or_never().expect("ready at once") {
        drop(frame);
    }
}

/// The allocations of a request that is not the first.
fn allocations_of_a_request(layer: &InFlightLayer) -> usize {
    let service = layer.layer(Hello);
    serve(&service, request());
    let request = request();
    allocations(|| serve(&service, request))
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(Box::new(7))), 1);
}

#[test]
fn a_request_allocates_nothing() {
    assert_eq!(allocations_of_a_request(&InFlightLayer::new(InFlight::new())), 0);
}

#[test]
fn a_request_in_a_ledger_allocates_nothing() {
    assert_eq!(allocations_of_a_request(&InFlightLayer::new(with_ledger())), 0);
}

#[test]
fn no_more_at_once_than_before_allocate_nothing_in_a_ledger() {
    let in_flight = with_ledger();
    let enter = || {
        let guards: [_; 5] = std::array::from_fn(|_| in_flight.enter());
        // Neither in the order in which they came, nor the other way round.
        let [a, b, c, d, e] = guards;
        for guard in [c, a, e, b, d] {
            drop(guard);
        }
    };
    enter();
    let rounds = || (0..1000).for_each(|_| enter());
    assert_eq!(allocations(rounds), 0);
}

#[test]
fn a_guard_allocates_nothing() {
    let in_flight = with_ledger();
    drop(in_flight.enter());
    assert_eq!(allocations(|| drop(in_flight.enter_named("websocket /chat"))), 0);
}

#[test]
fn waiting_allocates_nothing() {
    let in_flight = InFlight::new();
    let guard = in_flight.enter();
    assert_eq!(allocations(|| assert!(in_flight.idle().now_or_never().is_none())), 0);
    drop(guard);
    assert_eq!(allocations(|| assert!(in_flight.idle().now_or_never().is_some())), 0);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn a_request_carries_three_words() {
    let words = |size: usize| size / size_of::<usize>();
    assert_eq!(words(size_of::<InFlightFuture<[usize; 4]>>()), 4 + 3);
    assert_eq!(words(size_of::<InFlightBody<[usize; 4]>>()), 4 + 3);
    // Nor does the future of a whole request grow by more.
    let mut service = InFlightLayer::new(InFlight::new()).layer(Hello);
    let (inner, outer) =
        (size_of_val(&Hello.call(request())), size_of_val(&service.call(request())));
    assert_eq!(words(outer - inner), 3);
}

#[cfg(target_pointer_width = "64")]
#[test]
fn a_service_carries_one_word_and_a_guard_two() {
    assert_eq!(size_of::<InFlightService<()>>(), size_of::<usize>());
    assert_eq!(size_of::<InFlightGuard>(), 2 * size_of::<usize>());
}
