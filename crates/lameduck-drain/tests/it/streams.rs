//! Streams of items that end when their server drains.

use std::{
    future::{Future as _, poll_fn},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::FusedStream;
use futures_util::{Stream, StreamExt, stream};
use lameduck_drain::{
    Phase, PhaseSender, PhaseWatch, RetryAfter, UntilDrain, phase_channel, until_drain,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;

fn running() -> (PhaseSender, PhaseWatch) {
    let (sender, watch) = phase_channel();
    sender.publish(Phase::Running);
    (sender, watch)
}

/// A queue, and its stream, which ends with the drain and `-1`.
fn queue(len: usize) -> (PhaseSender, mpsc::Sender<i32>, UntilDrain<ReceiverStream<i32>>) {
    let (phase, watch) = running();
    let (items, receiver) = mpsc::channel(len);
    (phase, items, until_drain(ReceiverStream::new(receiver), watch).with_last(-1))
}

fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_drain_begins_with_its_last_item() {
    let (phase, items, mut stream) = queue(8);
    items.try_send(1).unwrap();
    assert_eq!(stream.next().await, Some(1));
    assert!(timeout(Duration::from_secs(60), stream.next()).await.is_err(), "it stays open");
    phase.publish(Phase::LameDuck);
    assert!(timeout(Duration::from_secs(60), stream.next()).await.is_err(), "and in lame duck");
    let (ended, ()) = tokio::join!(stream.next(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        phase.publish(Phase::Draining);
    });
    assert_eq!(ended, Some(-1));
    assert!(stream.is_terminated());
    assert_eq!(stream.next().await, None);
    assert_eq!(stream.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_end_at_lame_duck() {
    let (phase, _items, stream) = queue(8);
    let mut stream = stream.with_phase(Phase::LameDuck);
    assert!(poll(&mut stream).is_pending());
    phase.publish(Phase::LameDuck);
    assert_eq!(stream.next().await, Some(-1));
    assert_eq!(stream.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_delivered_before_the_end() {
    let (phase, items, mut stream) = queue(8);
    assert!(poll(&mut stream).is_pending(), "it waits for both");
    for item in 0..3 {
        items.try_send(item).unwrap();
    }
    phase.publish(Phase::Draining);
    assert_eq!(stream.collect::<Vec<_>>().await, [0, 1, 2, -1]);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_comes_at_the_moment_the_drain_begins_is_delivered() {
    let (phase, watch) = running();
    let mut polls = 0;
    let racing = stream::poll_fn(|_| {
        polls += 1;
        match polls {
            // Nothing yet. Before the phase is read, it changes and an item comes.
            1 => {
                phase.publish(Phase::Draining);
                Poll::Pending
            }
            2 => Poll::Ready(Some(1)),
            _ => Poll::Pending,
        }
    });
    let mut stream = until_drain(racing, watch).with_last(-1);
    assert_eq!(poll(&mut stream), Poll::Ready(Some(1)));
    assert_eq!(poll(&mut stream), Poll::Ready(Some(-1)));
}

/// After 128 items in one turn, tokio's channels return `Pending`, full or not.
#[tokio::test(start_paused = true)]
async fn a_queue_longer_than_a_turn_of_its_task_is_delivered_whole() {
    let (phase, items, mut stream) = queue(1000);
    assert!(poll(&mut stream).is_pending());
    for item in 0..1000 {
        items.try_send(item).unwrap();
    }
    phase.publish(Phase::Draining);
    let mut expected = 0;
    // In one turn, as long as the stream lets it.
    while let Some(item) = stream.next().await {
        assert_eq!(item, if expected == 1000 { -1 } else { expected });
        expected += 1;
    }
    assert_eq!(expected, 1001);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_pauses_ends_with_cancelling() {
    let (phase, watch) = running();
    let mut stream = until_drain(stream::repeat(1), watch).with_last(-1);
    phase.publish(Phase::Draining);
    for _ in 0..1000 {
        assert_eq!(poll(&mut stream), Poll::Ready(Some(1)));
    }
    phase.publish(Phase::Cancelling);
    assert_eq!(poll(&mut stream), Poll::Ready(Some(-1)));
    assert_eq!(poll(&mut stream), Poll::Ready(None));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_by_itself_has_no_last_item() {
    let (phase, watch) = running();
    phase.publish(Phase::Draining);
    let ended = until_drain(stream::iter([1, 2]), watch).with_last(-1);
    assert_eq!(ended.size_hint(), (0, Some(3)));
    assert_eq!(ended.collect::<Vec<_>>().await, [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_an_item_that_is_dropped_loses_none() {
    let (phase, items, mut stream) = queue(8);
    for item in 0..3 {
        assert!(timeout(Duration::from_millis(1), stream.next()).await.is_err());
        items.try_send(item).unwrap();
        assert_eq!(stream.next().await, Some(item));
    }
    phase.publish(Phase::Draining);
    assert_eq!(stream.next().await, Some(-1));
}

#[test]
fn a_stream_is_send_sync_and_unpin_as_its_inner_one_is() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<UntilDrain<stream::Empty<u8>>>();
}

#[test]
fn a_time_to_come_back_is_spread_over_its_bounds() {
    let (min, max) = (Duration::from_millis(1000), Duration::from_millis(3000));
    let drawn: Vec<_> = (0..200).map(|_| RetryAfter::jittered(min, max).draw()).collect();
    assert!(drawn.iter().all(|time| (min..=max).contains(time)), "{drawn:?}");
    // Each fails once in 10^13 runs, if the numbers are even.
    assert!(drawn.iter().any(|time| *time < Duration::from_millis(1500)));
    assert!(drawn.iter().any(|time| *time > Duration::from_millis(2500)));
    assert_eq!(RetryAfter::fixed(max).draw(), max);
    assert!(RetryAfter::jittered(Duration::MAX, Duration::ZERO).draw() < Duration::MAX);
}

// A stream that does not know the budget of its task, after others that have used it up.
#[tokio::test(start_paused = true)]
async fn a_stream_that_pauses_at_the_end_of_its_tasks_turn_still_ends_with_the_drain() {
    let (phase, watch) = running();
    let mut stream = until_drain(stream::pending::<i32>(), watch).with_last(-1);
    let mut is_first = true;
    let mut task = tokio::task::JoinSet::new();
    task.spawn(poll_fn(move |cx| {
        if std::mem::take(&mut is_first) {
            while tokio::task::coop::has_budget_remaining() {
                let used = std::pin::pin!(tokio::task::coop::consume_budget());
                assert!(used.poll(cx).is_ready());
            }
        }
        stream.poll_next_unpin(cx)
    }));
    // Its turn comes, and after that only the phase wakes it.
    assert!(timeout(Duration::from_secs(1), task.join_next()).await.is_err());
    phase.publish(Phase::Draining);
    let ended = timeout(Duration::from_secs(1), task.join_next()).await.expect("it was not woken");
    assert_eq!(ended.unwrap().unwrap(), Some(-1));
}
