//! A layer inside of another one: a route's inside of its router's.

use std::{
    convert::Infallible,
    future::{Future, pending},
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use http::Response;
use http_body_util::BodyExt;
use lameduck_context::{ContextLayer, RequestContext};
use lameduck_core::{Phase, phase_channel};
use tower::{Layer, Service, ServiceExt};

use crate::support::{
    Answer, Ask, Left, ask, ask_with, current, current_id, fed, handler, hello, problem,
};

const ID: &str = "x-request-id";
const SEC: Duration = Duration::from_secs(1);

/// Inner layers that begin a request in each of the ways there are.
fn inner_layers() -> [ContextLayer; 3] {
    let plain = ContextLayer::new();
    let reports = plain.clone().on_request_id(|_| ());
    [plain.clone(), reports, plain.with_options(|options| options.extension = true)]
}

#[tokio::test(start_paused = true)]
async fn the_handler_knows_the_id_that_the_client_receives() {
    for inner in inner_layers() {
        let left = Left::new();
        let theirs = left.clone();
        let service = ContextLayer::new().layer(inner.layer(handler(move |_| {
            theirs.leave(current_id());
            async { hello() }
        })));
        let response = service.oneshot(ask()).await.expect("infallible");
        let id = response.headers()[ID].to_str().expect("ASCII").to_owned();
        assert_eq!(left.take(), Some(id), "{inner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_body_knows_the_id_that_the_client_received() {
    for inner in inner_layers() {
        let left = Left::new();
        let theirs = left.clone();
        let service = ContextLayer::new().layer(inner.layer(handler(move |_| {
            let (feed, mut body) = fed();
            drop(feed);
            let theirs = theirs.clone();
            body.at_poll = Box::new(move || theirs.leave(current_id()));
            async { Response::new(body) }
        })));
        let response = service.oneshot(ask()).await.expect("infallible");
        let id = response.headers()[ID].to_str().expect("ASCII").to_owned();
        response.into_body().collect().await.expect("a body that ends");
        assert_eq!(left.take(), Some(id), "{inner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_callback_gets_the_id_that_the_client_receives() {
    let reported = Left::new();
    let theirs = reported.clone();
    let inner = ContextLayer::new().on_request_id(move |id| theirs.leave(id.clone()));
    let service = ContextLayer::new().layer(inner.layer(handler(|_| async { hello() })));
    let response = service.oneshot(ask()).await.expect("infallible");
    assert_eq!(response.headers()[ID], reported.take());
}

#[tokio::test(start_paused = true)]
async fn a_route_that_does_not_trust_inbound_ids_has_one_of_its_own() {
    let inner = ContextLayer::new()
        .with_options(|options| options.request_id.get_or_insert_default().trust_inbound = false);
    let service = ContextLayer::new().layer(inner.layer(handler(|_| async {
        assert_ne!(current_id().as_deref(), Some("mine"));
        hello()
    })));
    let response = service.oneshot(ask_with(ID, "mine")).await.expect("infallible");
    assert_eq!(response.headers()[ID], "mine");
}

#[tokio::test(start_paused = true)]
async fn a_route_has_the_routers_deadline_and_values() {
    struct Tenant(&'static str);
    for inner in inner_layers() {
        let route = inner.layer(handler(|_| async {
            assert_eq!(current().remaining(), Some(2 * SEC));
            assert_eq!(current().value::<Tenant>().map(|tenant| tenant.0), Some("theirs"));
            hello()
        }));
        let router = tower::service_fn(move |request: Ask| {
            current().set_value(Tenant("theirs"));
            route.clone().oneshot(request)
        });
        let service = ContextLayer::new().with_timeout(2 * SEC).layer(router);
        service.oneshot(ask()).await.expect("infallible");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_at_the_routers_deadline_does_not_name_the_routes() {
    let route = |limit: Duration| {
        ContextLayer::new().with_timeout(limit).layer(handler(|_| pending::<Answer>()))
    };
    let router = ContextLayer::new().with_timeout(2 * SEC);
    for (limit, named) in [(60 * SEC, None), (SEC, Some(1000))] {
        let service = router.layer(route(limit));
        let problem = problem(service.oneshot(ask()).await.expect("infallible")).await;
        assert_eq!(problem["code"], "deadline_exceeded");
        assert_eq!(problem["data"]["timeout_ms"].as_u64(), named);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_counted_by_the_router_alone() {
    let (router, route) = (ContextLayer::new(), ContextLayer::new());
    let mut service = router.layer(route.layer(handler(|_| pending::<Answer>())));
    drop(service.call(ask()));
    assert_eq!((router.counts().client_gone(), route.counts().client_gone()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_route_whose_answer_is_complete_is_not_cancelled_with_the_rest() {
    let (sender, phase) = phase_channel();
    let left: Left<RequestContext> = Left::new();
    let theirs = left.clone();
    let route = ContextLayer::new().layer(handler(move |_| {
        theirs.leave(current());
        async { Answer::default() }
    }));
    let router = tower::service_fn(move |request: Ask| {
        let route = route.clone();
        async move {
            route.oneshot(request).await.expect("infallible");
            pending::<Result<Answer, Infallible>>().await
        }
    });
    let mut service = ContextLayer::new().with_phase(phase).layer(router);
    let mut future = Box::pin(service.call(ask()));
    assert!(waits(future.as_mut()));
    let context = left.take();
    let mut cancelled = Box::pin(context.cancelled());
    assert!(waits(cancelled.as_mut()));
    drop(future);
    for _ in 0..3 {
        assert!(waits(cancelled.as_mut()), "it was finished before");
    }
    assert_eq!(context.reason(), None);
    sender.publish(Phase::Cancelling);
    assert!(waits(cancelled.as_mut()));
}

/// Whether a future waits.
fn waits<F: Future>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}
