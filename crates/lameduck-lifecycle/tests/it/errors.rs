//! What is an error before anything runs.

use std::time::Duration;

use lameduck_core::{Budget, Phase, StopTimeouts};
use lameduck_lifecycle::{Lifecycle, Outcome};

use crate::support::panics;

#[track_caller]
fn check(lifecycle: &Lifecycle, parts: &[&str]) {
    let error = lifecycle.check().expect_err("should be an error").to_string();
    for part in parts {
        assert!(error.contains(part), "{error:?} should name {part:?}");
    }
}

#[test]
fn stop_timeouts_over_their_budget_are_an_error_with_both_sums() {
    let budget = Budget::kubernetes(Duration::from_secs(20), Duration::ZERO);
    let lifecycle = Lifecycle::new().with_budget(budget);
    check(&lifecycle, &["add up to 28s", "budget is 18s"]);
}

#[test]
fn two_stop_hooks_of_one_name_are_an_error_so_that_none_runs_twice() {
    let lifecycle = Lifecycle::new()
        .on_start("database", async || {})
        .on_stop("database", async || {})
        .on_stop("database", async || {});
    check(&lifecycle, &["stop hook `database` is registered twice", "name of its own"]);
}

#[test]
fn a_hook_without_any_time_is_an_error() {
    let lifecycle = Lifecycle::new().on_stop_within(Duration::ZERO, "flush", async || {});
    check(&lifecycle, &["stop hook `flush` has a timeout of zero", "at least"]);
}

#[tokio::test]
async fn a_lifecycle_with_an_error_runs_nothing_and_reports_why() {
    let running = Lifecycle::new()
        .with_stop_timeouts(StopTimeouts::new().with_drain(Duration::MAX))
        .on_start("never", || panics("ran"))
        .on_stop("never", || panics("ran"))
        .spawn();
    running.started().await;
    let report = running.finished().await;
    assert_eq!(report.outcome(), Outcome::NotStarted);
    assert!(report.error().is_some_and(|error| error.contains("stop timeout `drain`")));
    assert!(report.hooks().is_empty());
    assert_eq!(running.watch().current(), Phase::Stopped);
}
