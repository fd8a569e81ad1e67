//! Closes and rejections that are spread over lame duck.

use std::time::Duration;

use lameduck_core::StopDeadlines;
use lameduck_drain::{DrainOptions, Phase};
use tokio::time::{Instant, advance};

use crate::support::{Bench, connection};

const WINDOW: Duration = Duration::from_secs(10);

/// A lame duck of 20 s, at its start.
fn lame_duck(change: impl FnOnce(&mut DrainOptions)) -> Bench {
    let bench = Bench::new(Phase::LameDuck).with(|options| {
        options.seed = Some(42);
        change(options);
    });
    let end = Instant::now() + WINDOW * 2;
    let mut deadlines = StopDeadlines::new();
    deadlines.draining_at = Some(end.into_std());
    bench.sender.set_deadlines(deadlines);
    bench
}

/// Of 1,000 requests: how many were asked to leave, and how many were rejected.
async fn closed_and_rejected(bench: &Bench) -> (usize, usize) {
    let (mut closed, mut rejected) = (0, 0);
    for _ in 0..1000 {
        let response = bench.get("/").await;
        rejected += usize::from(response.status() == 503);
        closed += usize::from(connection(&response) == ["close"]);
    }
    (closed, rejected)
}

#[track_caller]
fn close_to(seen: usize, expected: usize) {
    // Four standard deviations of 1,000 draws.
    assert!(seen.abs_diff(expected) <= 63, "{seen} is not about {expected}");
}

#[tokio::test(start_paused = true)]
async fn a_gradual_close_reaches_a_share_that_grows_over_the_window() {
    let bench = lame_duck(|options| options.gradual_close = Some(WINDOW));
    assert_eq!(closed_and_rejected(&bench).await, (0, 0));
    advance(WINDOW).await;
    close_to(closed_and_rejected(&bench).await.0, 0);
    for quarter in 1..=3 {
        advance(WINDOW / 4).await;
        close_to(closed_and_rejected(&bench).await.0, quarter * 250);
    }
    advance(WINDOW / 4).await;
    assert_eq!(closed_and_rejected(&bench).await, (1000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_gradual_rejection_reaches_a_share_that_grows_over_the_window() {
    let bench = lame_duck(|options| options.gradual_rejection = Some(WINDOW));
    assert_eq!(
        closed_and_rejected(&bench).await,
        (1000, 0),
        "all are asked to leave from the start"
    );
    advance(WINDOW + WINDOW / 2).await;
    close_to(closed_and_rejected(&bench).await.1, 500);
    close_to(usize::try_from(bench.drain.rejections().count()).unwrap(), 500);
    bench.sender.publish(Phase::Draining);
    assert_eq!(closed_and_rejected(&bench).await.1, 1000);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_shares() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let bench = lame_duck(|options| options.gradual_close = Some(WINDOW));
        advance(WINDOW + WINDOW / 2).await;
        runs.push(closed_and_rejected(&bench).await);
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test(start_paused = true)]
async fn without_a_known_end_all_are_asked_to_leave_and_none_is_rejected() {
    let unknown = Bench::new(Phase::LameDuck).with(|options| {
        options.gradual_close = Some(WINDOW);
        options.gradual_rejection = Some(WINDOW);
    });
    assert_eq!(closed_and_rejected(&unknown).await, (1000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_window_of_zero_begins_at_the_end() {
    let zero = lame_duck(|options| options.gradual_close = Some(Duration::ZERO));
    assert_eq!(closed_and_rejected(&zero).await, (0, 0));
    advance(WINDOW * 2).await;
    assert_eq!(closed_and_rejected(&zero).await, (1000, 0));
}
