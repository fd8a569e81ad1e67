//! A router that is rebuilt with the layer of one server uses no more memory.
#![cfg(feature = "axum")]

use std::convert::Infallible;

use lameduck::Lameduck;
use lameduck_laws::CountingAllocator;
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

type Body = axum::body::Body;

#[tokio::test]
async fn a_router_that_is_rebuilt_again_and_again_uses_no_more_memory() {
    let duck = Lameduck::new();
    let rebuild_all = |times: usize| {
        for _ in 0..times {
            let service = duck.layer().layer(service_fn(async |_: http::Request<Body>| {
                Ok::<_, Infallible>(http::Response::new(Body::empty()))
            }));
            for mut service in [service.clone(), service] {
                // Dropped before it is polled, as by a client that goes away.
                drop(service.call(http::Request::new(Body::empty())));
            }
        }
    };
    rebuild_all(100);
    assert_eq!(ALLOCATOR.growth(|| rebuild_all(100_000)), 0);
}
