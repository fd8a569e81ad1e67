//! Counts that are made again and again use no more memory.
#![cfg(not(loom))]

use std::{
    convert::Infallible,
    sync::{Mutex, PoisonError},
};

use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Empty;
use lameduck_inflight::{InFlight, InFlightLayer, InFlightOptions, RequestIdSource};
use lameduck_laws::CountingAllocator;
use tower::{Layer, Service, service_fn};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// More than the 64 counts that a process may leak.
const WARM_UP: usize = 100;
const ROUTERS: usize = 100_000;

fn options(ledger: Option<RequestIdSource>) -> InFlightOptions {
    let mut options = InFlightOptions::new();
    options.ledger = ledger;
    options
}

/// All counts of a process share one pool, so one test at a time uses it.
static POOL: Mutex<()> = Mutex::new(());

/// One life of a router: a layer, two clones of its service, a request on each.
fn rebuild(in_flight: &InFlight) {
    let handler = service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new()))
    });
    let service = InFlightLayer::new(in_flight.clone()).layer(handler);
    for mut service in [service.clone(), service] {
        drop(service.call(Request::new(())).now_or_never().expect("ready at once"));
    }
    assert_eq!((in_flight.count(), in_flight.totals().finished()), (0, 2));
}

#[test]
fn a_router_that_is_rebuilt_again_and_again_uses_no_more_memory() {
    let _alone = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let kinds = [None, Some(RequestIdSource::Header), Some(RequestIdSource::Assigned)];
    let rebuild_all = |times: usize| {
        for round in 0..times {
            rebuild(&InFlight::with_options(options(kinds[round % kinds.len()])));
        }
    };
    rebuild_all(WARM_UP);
    assert_eq!(ALLOCATOR.growth(|| rebuild_all(ROUTERS)), 0);
}

#[test]
fn a_count_is_not_used_again_while_a_request_of_it_is_in_flight() {
    let _alone = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    let leaked: Vec<_> = (0..WARM_UP).map(|_| InFlight::new()).collect();
    // All at once, so that there is a count for each of them in the pool.
    let guards: Vec<_> = leaked.into_iter().map(|in_flight| in_flight.enter()).collect();
    let others: Vec<_> = (0..WARM_UP).map(|_| InFlight::new()).collect();
    for other in &others {
        assert!(other.is_idle());
        assert_eq!(other.entered(), 0);
    }
    drop(guards);
    for other in &others {
        assert_eq!(other.totals(), Default::default(), "a guard of another count is not counted");
    }
}
