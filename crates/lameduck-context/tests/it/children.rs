//! Work that goes on beside its handler, and contexts for a part of the work.

use std::{
    borrow::Cow,
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http_body_util::BodyExt;
use lameduck_context::{CancelReason, ContextLayer, RequestContext, Spawned, TraceOptions};
use lameduck_core::{Phase, phase_channel};
use tokio::{
    sync::oneshot,
    task::yield_now,
    time::{Instant, sleep},
};
use tower::{Layer, ServiceExt};

use crate::support::{Answer, Left, OnDrop, ask, ask_with, cancelling_at, current, handler, hello};

const SEC: Duration = Duration::from_secs(1);

/// Work that never ends by itself. The sender sends when and why it was dropped.
fn endless(dropped: oneshot::Sender<(Instant, Option<CancelReason>)>) -> impl Future<Output = ()> {
    struct SendOnDrop(Option<oneshot::Sender<(Instant, Option<CancelReason>)>>);
    impl Drop for SendOnDrop {
        fn drop(&mut self) {
            let reason = RequestContext::current().and_then(|context| context.reason());
            let sent = self.0.take().map(|sender| sender.send((Instant::now(), reason)));
            assert!(sent.is_some());
        }
    }
    let guard = SendOnDrop(Some(dropped));
    async move {
        let _guard = guard;
        std::future::pending().await
    }
}

/// A layer that counts spawned work, and the count.
fn counting() -> (ContextLayer, Arc<AtomicUsize>) {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let count = Arc::new(AtomicUsize::new(0));
    let theirs = count.clone();
    let layer = ContextLayer::new().with_tracker(move |name: Cow<'static, str>| {
        assert_eq!(name, "job");
        theirs.fetch_add(1, Ordering::SeqCst);
        Guard(theirs.clone())
    });
    (layer, count)
}

#[tokio::test(start_paused = true)]
async fn spawned_work_is_dropped_at_the_deadline_of_its_request() {
    let (dropped, when) = oneshot::channel();
    let dropped = Left::of(dropped);
    let began = Instant::now();
    let service = ContextLayer::new().with_timeout(SEC).layer(handler(move |_| {
        drop(current().spawn("job", endless(dropped.take())));
        std::future::pending::<Answer>()
    }));
    service.oneshot(ask()).await.expect("infallible");
    assert_eq!(when.await, Ok((began + SEC, Some(CancelReason::DeadlineExceeded))));
}

#[tokio::test(start_paused = true)]
async fn spawned_work_goes_on_after_the_answer_until_the_deadline() {
    let (dropped, when) = oneshot::channel();
    let dropped = Left::of(dropped);
    let began = Instant::now();
    let service = ContextLayer::new().with_timeout(SEC).layer(handler(move |_| {
        drop(current().spawn("job", endless(dropped.take())));
        async { hello() }
    }));
    finish(service.oneshot(ask())).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(when.await, Ok((began + SEC, Some(CancelReason::DeadlineExceeded))));
}

#[tokio::test(start_paused = true)]
async fn spawned_work_is_dropped_when_its_client_leaves_and_detached_work_is_not() {
    let (layer, count) = counting();
    let (dropped, when) = oneshot::channel();
    let dropped = Left::of(dropped);
    let detached = Left::new();
    let theirs = detached.clone();
    let service = layer.with_timeout(SEC).layer(handler(move |_| {
        drop(current().spawn("job", endless(dropped.take())));
        theirs.leave(current().detach("job", async {
            sleep(30 * SEC).await;
            assert_eq!((current().reason(), current().deadline()), (None, None));
            "done"
        }));
        std::future::pending::<Answer>()
    }));
    let mut request = Box::pin(service.oneshot(ask()));
    assert!(poll_once(request.as_mut()).await);
    assert_eq!(count.load(Ordering::SeqCst), 2);
    drop(request);
    let (_, reason) = when.await.expect("dropped");
    assert_eq!(reason, Some(CancelReason::ClientGone));
    yield_now().await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let detached: Spawned<_> = detached.take();
    assert_eq!(detached.await.expect("not cancelled"), "done");
    yield_now().await;
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

/// Waits for an answer and reads it to its end, as a client that stays does.
async fn finish<B>(answer: impl Future<Output = Result<http::Response<B>, Infallible>>)
where
    B: http_body::Body<Error: std::fmt::Debug>,
{
    answer.await.expect("infallible").into_body().collect().await.expect("whole");
}

/// Polls once, and lets spawned work run. Returns whether the future waits.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    let is_pending =
        std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending()))
            .await;
    for _ in 0..5 {
        yield_now().await;
    }
    is_pending
}

#[tokio::test(start_paused = true)]
async fn detached_work_is_notified_of_a_stop_and_dropped_when_it_is_forced() {
    let (sender, phase) = phase_channel();
    let (layer, count) = counting();
    let (dropped, when) = oneshot::channel();
    let (dropped, notified) = (Left::of(dropped), Left::new());
    let theirs = notified.clone();
    let service = layer.with_phase(phase).layer(handler(move |_| {
        let (theirs, endless) = (theirs.clone(), endless(dropped.take()));
        drop(current().detach("job", async move {
            theirs.leave(current().cancelled().await);
            endless.await;
        }));
        async { hello() }
    }));
    finish(service.oneshot(ask())).await;
    yield_now().await;
    assert!(notified.is_empty());
    sender.publish(Phase::Cancelling);
    sleep(SEC).await;
    assert_eq!(notified.take(), CancelReason::Shutdown);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    sender.publish(Phase::Forced);
    assert_eq!(when.await.expect("dropped").1, Some(CancelReason::Shutdown));
    yield_now().await;
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn spawned_work_whose_request_is_finished_is_dropped_by_a_stop() {
    let (sender, phase) = phase_channel();
    let (dropped, when) = oneshot::channel();
    let dropped = Left::of(dropped);
    let service = ContextLayer::new().with_phase(phase).layer(handler(move |_| {
        drop(current().spawn("job", endless(dropped.take())));
        async { hello() }
    }));
    finish(service.oneshot(ask())).await;
    yield_now().await;
    sender.publish(Phase::Cancelling);
    assert_eq!(when.await.expect("dropped").1, Some(CancelReason::Shutdown));
}

#[tokio::test(start_paused = true)]
async fn spawned_work_has_its_requests_id_values_and_trace() {
    let service = ContextLayer::new()
        .with_options(|options| options.trace = Some(TraceOptions::new()))
        .layer(handler(|_| async {
            current().set_value(7_u8);
            let work = current().spawn("job", async {
                let context = current();
                let id = context.request_id().map(str::to_owned);
                (id, context.value::<u8>().copied(), context.trace().is_some())
            });
            let seen = work.await.expect("not cancelled");
            assert_eq!(seen, (Some("mine".to_owned()), Some(7), true));
            hello()
        }));
    let mut request = ask_with("x-request-id", "mine");
    request.headers_mut().insert("baggage", "k=v".parse().expect("a value"));
    service.oneshot(request).await.expect("infallible");
}

#[tokio::test(start_paused = true)]
async fn spawned_work_that_is_ready_as_its_request_ends_wins() {
    let service = ContextLayer::new().with_timeout(SEC).layer(handler(|_| async {
        let work = current().spawn("job", async {
            sleep(SEC).await;
            "done"
        });
        assert_eq!(work.await.expect("not cancelled"), "done");
        hello()
    }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), 200);
}

#[tokio::test(start_paused = true)]
async fn work_that_panics_returns_that_and_is_no_longer_counted() {
    let (layer, count) = counting();
    let service = layer.layer(handler(|_| async {
        let work = current().spawn("job", async { panic("on purpose") });
        let error = work.await.expect_err("it panicked");
        assert!(error.is_panic(), "{error}");
        hello()
    }));
    drop(service.oneshot(ask()).await.expect("infallible"));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn blocking_work_can_ask_whether_it_is_cancelled() {
    let (layer, count) = counting();
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |_| {
        theirs.leave(current().spawn_blocking("job", |context| {
            assert_eq!(current().request_id(), context.request_id());
            while !context.is_cancelled() {
                std::thread::yield_now();
            }
            context.reason()
        }));
        std::future::pending::<Answer>()
    }));
    let mut request = Box::pin(service.oneshot(ask()));
    assert!(poll_once(request.as_mut()).await);
    assert_eq!(count.load(Ordering::SeqCst), 1);
    drop(request);
    let work: Spawned<_> = left.take();
    assert_eq!(work.await.expect("it has ended"), Some(CancelReason::ClientGone));
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_part_has_a_part_of_the_time() {
    let service = ContextLayer::new().with_timeout(8 * SEC).layer(handler(|_| async {
        let context = current();
        let began = Instant::now();
        let error = context.child(0.25).run(std::future::pending::<()>()).await;
        assert_eq!(error.expect_err("over").reason(), CancelReason::DeadlineExceeded);
        assert_eq!(began.elapsed(), 2 * SEC);
        assert_eq!(context.reason(), None, "only the part is over");
        assert_eq!(context.child(0.5).remaining(), Some(3 * SEC));
        assert_eq!(context.child_within(SEC).remaining(), Some(SEC));
        for (fraction, left) in [(f64::NAN, 0), (-1.0, 0), (0.0, 0), (1.0, 6), (f64::INFINITY, 6)] {
            assert_eq!(context.child(fraction).remaining(), Some(left * SEC), "{fraction}");
        }
        assert_eq!(context.child_within(Duration::MAX).remaining(), Some(6 * SEC));
        assert!(context.child(0.0).is_cancelled());
        hello()
    }));
    service.oneshot(ask()).await.expect("infallible");
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_cancelled_gives_spawned_work_its_time_back() {
    let (sender, phase) = phase_channel();
    sender.set_deadlines(cancelling_at(Some((Instant::now() + SEC).into_std())));
    let service = ContextLayer::new().with_phase(phase).layer(handler(|_| async {
        let part = current().child_within(60 * SEC);
        let spawned = current().spawn("job", async {
            sleep(2 * SEC).await;
            current().remaining()
        });
        assert_eq!(part.remaining(), Some(SEC - Duration::from_millis(50)));
        sleep(SEC / 2).await;
        sender.set_deadlines(cancelling_at(None));
        assert_eq!(spawned.await.expect("not cancelled"), None);
        assert_eq!(part.remaining(), Some(58 * SEC));
        hello()
    }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_part_is_cancelled_with_the_whole_and_the_whole_not_with_a_part() {
    let service = ContextLayer::new().layer(handler(|_| async {
        let context = current();
        let part = context.child(1.0);
        assert_eq!(part.deadline(), None);
        assert!(part.cancel(CancelReason::Other("enough")));
        assert!(!part.cancel(CancelReason::Other("too late")));
        assert_eq!(part.cancelled().await, CancelReason::Other("enough"));
        assert_eq!(context.reason(), None);

        let (part, of_part) = (context.child(1.0), context.child(1.0).child(0.5));
        let wait = async { (part.cancelled().await, of_part.cancelled().await) };
        let cancel = async {
            sleep(SEC).await;
            context.cancel(CancelReason::Other("over_quota"));
        };
        let (reasons, ()) = tokio::join!(wait, cancel);
        assert_eq!(reasons, (CancelReason::Other("over_quota"), CancelReason::Other("over_quota")));
        assert_eq!(context.reason().map(CancelReason::name), Some("over_quota"));
        hello()
    }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), 200);
}

#[tokio::test(start_paused = true)]
async fn blocking_work_has_the_deadline_of_its_request() {
    let service = ContextLayer::new().with_timeout(9 * SEC).layer(handler(|_| async {
        let own = current().deadline();
        let theirs = current().spawn_blocking("work", RequestContext::deadline).await;
        assert!(own.is_some() && theirs.expect("no panic") == own);
        hello()
    }));
    service.oneshot(ask()).await.expect("infallible");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_cancelled_wakes_its_waiters_and_drops_its_work_at_once() {
    let service = ContextLayer::new().with_timeout(9 * SEC).layer(handler(|_| async {
        let part = current().child(1.0);
        let began = Instant::now();
        let cancels = async {
            sleep(SEC).await;
            assert!(part.cancel(CancelReason::Other("enough")));
        };
        let (reason, run, ()) =
            tokio::join!(part.cancelled(), part.run(std::future::pending::<()>()), cancels);
        assert_eq!(reason, CancelReason::Other("enough"));
        assert_eq!(run.expect_err("it never ends").reason(), reason);
        assert_eq!(began.elapsed(), SEC);
        hello()
    }));
    service.oneshot(ask()).await.expect("infallible");
}

#[tokio::test(start_paused = true)]
async fn work_that_is_run_in_a_context_is_dropped_in_it_and_before_its_waiter_is_woken() {
    let service = ContextLayer::new().with_timeout(SEC).layer(handler(|_| async {
        let left = Left::new();
        let theirs = left.clone();
        let work = async move {
            let context = current();
            let _guard =
                OnDrop { left: theirs, read: move || (current().reason(), context.reason()) };
            std::future::pending::<()>().await
        };
        // Pinned: to await the future by value would drop the work with it.
        let mut run = std::pin::pin!(current().run(work));
        let error = run.as_mut().await.expect_err("cancelled");
        assert_eq!(error.to_string(), "the work was cancelled: deadline_exceeded");
        let reason = Some(CancelReason::DeadlineExceeded);
        assert_eq!(left.take(), (reason, reason));
        hello()
    }));
    assert_eq!(service.oneshot(ask()).await.expect("infallible").status(), 200);
}

fn panic(why: &str) {
    panic!("{why}");
}
