//! What happens at the deadline of a handler that holds its context.

use std::time::Duration;

use http::StatusCode;
use lameduck_context::{CancelReason, ContextLayer, RequestContext};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};

use crate::support::{Answer, Ask, Left, ask, current, handler, hello};

fn layer() -> ContextLayer {
    ContextLayer::new().with_timeout(Duration::from_secs(1))
}

/// Runs a handler; returns the status, and after how many milliseconds it was there.
async fn run<F, Fut>(layer: ContextLayer, f: F) -> (StatusCode, u128)
where
    F: Fn(Ask) -> Fut + Clone + Send,
    Fut: Future<Output = Answer> + Send,
{
    let began = Instant::now();
    let response = layer.layer(handler(f)).oneshot(ask()).await.expect("infallible");
    (response.status(), began.elapsed().as_millis())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_holds_its_context_is_notified_and_its_answer_is_delivered() {
    let answer = run(layer(), |_| async {
        let context = current();
        assert_eq!(context.cancelled().await, CancelReason::DeadlineExceeded);
        assert_eq!(context.reason(), Some(CancelReason::DeadlineExceeded));
        assert_eq!(context.remaining(), Some(Duration::ZERO));
        sleep(Duration::from_millis(499)).await;
        hello()
    });
    assert_eq!(answer.await, (StatusCode::OK, 1499));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_holds_its_context_and_does_not_answer_is_dropped_after_the_grace() {
    let silent = |_| async {
        let _context = current();
        std::future::pending().await
    };
    assert_eq!(run(layer(), silent).await, (StatusCode::GATEWAY_TIMEOUT, 1500));
    let grace = Duration::from_secs(5);
    assert_eq!(
        run(layer().with_options(|options| options.timeouts.grace = Some(grace)), silent).await,
        (StatusCode::GATEWAY_TIMEOUT, 6000)
    );
    for none in [None, Some(Duration::ZERO)] {
        let layer = layer().with_options(|options| options.timeouts.grace = none);
        assert_eq!(run(layer.clone(), silent).await, (StatusCode::GATEWAY_TIMEOUT, 1000));
        assert_eq!(layer.counts().notified(), 0);
    }
    let grace = Duration::MAX;
    let late = |_| async {
        let _context = current();
        sleep(Duration::from_secs(1_000_000)).await;
        hello()
    };
    assert_eq!(
        run(layer().with_options(|options| options.timeouts.grace = Some(grace)), late).await,
        (StatusCode::OK, 1_000_000_000)
    );
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_ready_in_the_last_tick_of_the_grace_wins() {
    let answer = run(layer(), |_| async {
        let _context = current();
        sleep(Duration::from_millis(1500)).await;
        hello()
    });
    assert_eq!(answer.await, (StatusCode::OK, 1500));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_hold_its_context_is_dropped_at_the_deadline() {
    let never_asked = |_| std::future::pending();
    assert_eq!(run(layer(), never_asked).await, (StatusCode::GATEWAY_TIMEOUT, 1000));
    let no_longer = |_| async {
        drop(current());
        std::future::pending().await
    };
    assert_eq!(run(layer(), no_longer).await, (StatusCode::GATEWAY_TIMEOUT, 1000));
    let extension_dropped = |request: Ask| async {
        drop(request);
        std::future::pending().await
    };
    let layer = layer().with_options(|options| options.extension = true);
    assert_eq!(run(layer, extension_dropped).await, (StatusCode::GATEWAY_TIMEOUT, 1000));
}

#[tokio::test(start_paused = true)]
async fn the_extension_counts_as_held() {
    let kept = |request: Ask| async move {
        let _request = request;
        std::future::pending().await
    };
    let layer = layer().with_options(|options| options.extension = true);
    assert_eq!(run(layer, kept).await, (StatusCode::GATEWAY_TIMEOUT, 1500));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_asks_in_a_loop_has_the_grace_as_well() {
    let answer = run(layer(), |_| async {
        let context = current();
        while !context.is_cancelled() {
            sleep(Duration::from_millis(7)).await;
        }
        hello()
    });
    assert_eq!(answer.await, (StatusCode::OK, 1001));
}

#[tokio::test(start_paused = true)]
async fn work_that_was_spawned_with_the_context_is_notified_of_the_deadline() {
    let left = Left::new();
    let theirs = left.clone();
    let answer = run(layer(), move |_| {
        let (context, theirs) = (current(), theirs.clone());
        spawn(async move { theirs.leave((context.cancelled().await, Instant::now())) });
        std::future::pending()
    });
    let began = Instant::now();
    // Its work holds the context, so the handler has its grace.
    assert_eq!(answer.await, (StatusCode::GATEWAY_TIMEOUT, 1500));
    assert_eq!(left.take(), (CancelReason::DeadlineExceeded, began + Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn many_waiters_are_notified_at_once() {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let answer = run(layer(), move |_| {
        let context = current();
        for _ in 0..100 {
            let (context, sender): (RequestContext, _) = (context.clone(), sender.clone());
            spawn(async move { sender.send(context.cancelled().await) });
        }
        async move {
            context.cancelled().await;
            tokio::task::yield_now().await;
            hello()
        }
    });
    assert_eq!(answer.await, (StatusCode::OK, 1000));
    for _ in 0..100 {
        assert_eq!(receiver.recv().await, Some(CancelReason::DeadlineExceeded));
    }
}

#[expect(clippy::disallowed_methods, reason = "what a user does")]
fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) {
    tokio::spawn(task);
}
