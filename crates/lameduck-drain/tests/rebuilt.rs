//! Layers that are made again and again use no more memory, and work as the first ones do.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests are named by sentences, and may panic")]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, header};
use http_body_util::Full;
use lameduck_drain::{DrainLayer, DrainOptions, Phase, PhaseWatch, phase_channel};
use lameduck_laws::CountingAllocator;
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// More than the 64 layers of a kind whose configuration a process may leak.
const WARM_UP: usize = 100;
const ROUTERS: usize = 100_000;

type Body = Full<Bytes>;

/// All layers of a process share what may be leaked, so one test at a time makes them.
static LAYERS: Mutex<()> = Mutex::new(());

/// Options with closures, which own memory of their own.
fn options() -> DrainOptions {
    let (path, page) = (String::from("/vip"), Bytes::from(vec![b'x'; 100]));
    let mut options = DrainOptions::new();
    options.exempt.add_path("/admin/");
    options.exempt.add(move |_, uri, _| uri.path() == path);
    options.rejection.response = Some(Arc::new(move |_| Response::new(page.clone())));
    options
}

/// One life of a router: two clones of its service, a request on each. Returns the `Connection`
/// header of the last response.
fn rebuild(watch: &PhaseWatch, options: DrainOptions) -> Option<header::HeaderValue> {
    let layer = DrainLayer::new(watch.clone()).with_options(options);
    let service = layer.clone().layer(service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Body::default()))
    }));
    let mut last = None;
    for mut service in [service.clone(), service] {
        let response = service.call(Request::new(Body::default())).now_or_never().unwrap();
        last = response.unwrap().headers_mut().remove(header::CONNECTION);
    }
    last
}

#[test]
fn a_router_that_is_rebuilt_again_and_again_uses_no_more_memory() {
    let _alone = LAYERS.lock().unwrap_or_else(PoisonError::into_inner);
    let (sender, watch) = phase_channel();
    for phase in [Phase::Running, Phase::Draining] {
        sender.publish(phase);
        let rebuild_all = |times: usize| {
            for round in 0..times {
                let options = if round % 2 == 0 { DrainOptions::new() } else { options() };
                rebuild(&watch, options);
            }
        };
        rebuild_all(WARM_UP);
        assert_eq!(ALLOCATOR.growth(|| rebuild_all(ROUTERS)), 0, "{phase}");
    }
}

#[test]
fn a_request_behind_a_later_layer_allocates_at_most_once() {
    let _alone = LAYERS.lock().unwrap_or_else(PoisonError::into_inner);
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    let handler = || {
        service_fn(|_: Request<Body>| {
            std::future::ready(Ok::<_, Infallible>(Response::new(Body::default())))
        })
    };
    for made in 0..2 * WARM_UP {
        let service = DrainLayer::new(watch.clone()).layer(handler());
        let request = Request::new(Body::default());
        let allocations = ALLOCATOR.count(|| {
            let mut service = service.clone();
            drop(service.call(request).now_or_never().unwrap().unwrap());
        });
        // The future behind a layer past the first 64 is boxed.
        assert!(allocations <= 1, "{allocations} after {made} layers");
    }
}

#[test]
fn a_client_is_notified_however_many_layers_were_made_before() {
    let _alone = LAYERS.lock().unwrap_or_else(PoisonError::into_inner);
    let (sender, watch) = phase_channel();
    for (phase, connection) in [(Phase::Running, None), (Phase::LameDuck, Some("close"))] {
        sender.publish(phase);
        for made in 0..2 * WARM_UP {
            let found = rebuild(&watch, DrainOptions::new());
            let found = found.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(found, connection, "after {made} layers");
        }
    }
}

#[cfg(feature = "stream")]
#[test]
fn a_route_of_streams_that_is_rebuilt_again_and_again_uses_no_more_memory() {
    use lameduck_drain::{UntilDrainLayer, UntilDrainOptions};

    let _alone = LAYERS.lock().unwrap_or_else(PoisonError::into_inner);
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    let rebuild_all = |times: usize| {
        for _ in 0..times {
            let mut options = UntilDrainOptions::new();
            options.content_types.push(String::from("application/x-ndjson"));
            let layer = UntilDrainLayer::new(watch.clone()).with_options(options);
            let service = layer.layer(service_fn(async |_: Request<Body>| {
                Ok::<_, Infallible>(Response::new(Body::default()))
            }));
            for mut service in [service.clone(), service] {
                drop(service.call(Request::new(Body::default())).now_or_never().unwrap());
            }
        }
    };
    rebuild_all(WARM_UP);
    assert_eq!(ALLOCATOR.growth(|| rebuild_all(ROUTERS)), 0);
}
