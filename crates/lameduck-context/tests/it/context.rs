//! Which code has a current context, and which has none.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::Response;
use http_body_util::BodyExt;
use lameduck_context::{ContextLayer, RequestContext};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};

use crate::support::{
    Answer, Ask, Left, OnDrop, ask, ask_with, current, current_id, data, fed, handler, hello,
};

const ID: &str = "x-request-id";

#[tokio::test]
async fn the_context_is_known_while_the_service_is_called_polled_and_read() {
    let places = Left::new();
    let theirs = places.clone();
    let service = ContextLayer::new().layer(tower::service_fn(move |_: Ask| {
        let called = current_id();
        let theirs = theirs.clone();
        async move {
            let polled = current_id();
            tokio::task::yield_now().await;
            let again = current_id();
            theirs.leave([called, polled, again]);
            let (feed, mut body) = fed();
            feed.send(data("x")).expect("open");
            let theirs = theirs.clone();
            body.at_poll = Box::new(move || {
                theirs.leave([current_id(), None, None]);
            });
            Ok::<_, std::convert::Infallible>(Response::new(body))
        }
    }));
    let response = service.oneshot(ask_with(ID, "mine")).await.expect("infallible");
    let mine = Some("mine".to_owned());
    assert_eq!(places.take(), [mine.clone(), mine.clone(), mine.clone()]);
    let mut body = response.into_body();
    body.frame().await.expect("a frame").expect("no error");
    assert_eq!(places.take(), [mine, None, None]);
    assert!(RequestContext::current().is_none());
}

#[tokio::test]
async fn values_that_are_dropped_with_an_unfinished_request_know_its_context() {
    let left = Left::new();
    let theirs = left.clone();
    let mut service = ContextLayer::new().layer(handler(move |_| {
        let guard = OnDrop { left: theirs.clone(), read: current_id };
        async move {
            let _guard = guard;
            std::future::pending::<Answer>().await
        }
    }));
    let mut future = Box::pin(service.call(ask_with(ID, "mine")));
    assert!(poll_once(future.as_mut()).is_pending());
    drop(future);
    assert_eq!(left.take().as_deref(), Some("mine"));
}

#[tokio::test]
async fn values_that_are_dropped_with_an_unfinished_body_know_its_context() {
    let left = Left::new();
    let theirs = left.clone();
    let service = ContextLayer::new().layer(handler(move |_| {
        let guard = OnDrop { left: theirs.clone(), read: current_id };
        async move {
            let (_, mut body) = fed();
            body.at_poll = Box::new(move || {
                let _ = &guard;
            });
            Response::new(body)
        }
    }));
    let response = service.oneshot(ask_with(ID, "mine")).await.expect("infallible");
    drop(response);
    assert_eq!(left.take().as_deref(), Some("mine"));
}

#[tokio::test]
async fn a_task_that_was_spawned_has_no_context_but_the_one_that_was_passed_to_it() {
    let service = ContextLayer::new().layer(handler(|_| async {
        let taken = current();
        #[expect(clippy::disallowed_methods, reason = "what a user does")]
        let task =
            tokio::spawn(async move { (current_id(), taken.request_id().map(str::to_owned)) });
        assert_eq!(task.await.expect("no panic"), (None, Some("mine".to_owned())));
        hello()
    }));
    service.oneshot(ask_with(ID, "mine")).await.expect("infallible");
}

#[tokio::test]
async fn a_request_inside_a_request_has_its_own_context_and_gives_the_outer_one_back() {
    let inner = ContextLayer::new().layer(handler(|_| async {
        tokio::task::yield_now().await;
        assert_eq!(current_id().as_deref(), Some("inner"));
        hello()
    }));
    let outer = ContextLayer::new().layer(handler(move |_| {
        let inner = inner.clone();
        async move {
            let mut answer = pin!(inner.oneshot(ask_with(ID, "inner")));
            assert!(poll_once(answer.as_mut()).is_pending());
            assert_eq!(current_id().as_deref(), Some("outer"));
            let response = answer.await.expect("infallible");
            assert_eq!(current_id().as_deref(), Some("outer"));
            drop(response);
            assert_eq!(current_id().as_deref(), Some("outer"));
            hello()
        }
    }));
    let response = outer.oneshot(ask_with(ID, "outer")).await.expect("infallible");
    assert_eq!(response.headers()[ID], "outer");
    assert!(RequestContext::current().is_none());
}

#[tokio::test]
async fn of_two_layers_the_handler_knows_the_inner_id_and_the_client_the_outer_one() {
    let inner = ContextLayer::new()
        .with_options(|options| options.request_id.get_or_insert_default().trust_inbound = false);
    let service = ContextLayer::new().layer(inner.layer(handler(|_| async {
        assert_ne!(current_id().as_deref(), Some("mine"));
        hello()
    })));
    let response = service.oneshot(ask_with(ID, "mine")).await.expect("infallible");
    let answered: Vec<_> = response.headers().get_all(ID).iter().collect();
    assert_eq!(answered, ["mine"]);
}

#[tokio::test]
async fn a_panic_gives_the_outer_context_back() {
    let service = ContextLayer::new().layer(handler(|_| async {
        let mut inner = ContextLayer::new().layer(handler(|_| broken()));
        let mut future = Box::pin(inner.call(ask_with(ID, "inner")));
        let poll = || poll_once(future.as_mut()).is_pending();
        assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
        assert_eq!(current_id().as_deref(), Some("outer"));
        drop(future);
        assert_eq!(current_id().as_deref(), Some("outer"));
        hello()
    }));
    service.oneshot(ask_with(ID, "outer")).await.expect("infallible");
    assert!(RequestContext::current().is_none());
}

#[tokio::test]
async fn the_extension_is_the_context_and_only_there_if_the_option_is_set() {
    for (layer, expected) in [
        (ContextLayer::new(), None),
        (
            ContextLayer::new().with_options(|options| options.extension = true),
            Some("mine".to_owned()),
        ),
    ] {
        let left = Left::new();
        let theirs = left.clone();
        let service = layer.layer(handler(move |request: Ask| {
            let context = request.extensions().get::<RequestContext>();
            theirs.leave(context.and_then(RequestContext::request_id).map(str::to_owned));
            async { hello() }
        }));
        service.oneshot(ask_with(ID, "mine")).await.expect("infallible");
        assert_eq!(left.take(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_from_the_first_time_the_deadline_is_read() {
    let layer = ContextLayer::new().with_timeout(Duration::from_secs(30));
    let mut service = layer.layer(handler(|_| async {
        let context = current();
        assert_eq!(context.deadline(), Some(Instant::now() + Duration::from_secs(30)));
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(context.remaining(), Some(Duration::from_secs(20)));
        assert_eq!(current().remaining(), Some(Duration::from_secs(20)));
        hello()
    }));
    let future = service.call(ask());
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!(future.await.expect("infallible").status(), 200);
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_from_the_first_wait() {
    let layer = ContextLayer::new().with_timeout(Duration::from_secs(30));
    let service = layer.layer(handler(|_| async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(current().remaining(), Some(Duration::from_secs(20)));
        hello()
    }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), 200);
}

#[tokio::test]
async fn a_context_without_a_limit_has_no_deadline() {
    let service = ContextLayer::new().layer(handler(|_| async {
        assert_eq!((current().deadline(), current().remaining()), (None, None));
        assert!(!current().is_cancelled());
        hello()
    }));
    service.oneshot(ask()).await.expect("infallible");
}

async fn broken() -> Answer {
    panic!("in the handler")
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
