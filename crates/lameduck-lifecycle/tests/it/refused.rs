//! What is refused before anything runs.

use std::time::Duration;

use lameduck_core::{Budget, Phase, StopTimeouts};
use lameduck_lifecycle::{Lifecycle, Outcome};

use crate::support::panics;

#[track_caller]
fn check(lifecycle: &Lifecycle, parts: &[&str]) {
    let error = lifecycle.check().expect_err("should be refused").to_string();
    for part in parts {
        assert!(error.contains(part), "{error:?} should name {part:?}");
    }
}

#[test]
fn windows_over_their_budget_are_refused_with_both_sums() {
    let budget = Budget::kubernetes(Duration::from_secs(20), Duration::ZERO);
    let lifecycle = Lifecycle::new(StopTimeouts::new()).with_budget(budget);
    check(&lifecycle, &["add up to 28s", "budget is 18s"]);
}

#[test]
fn two_stop_hooks_of_one_name_are_refused_so_that_none_runs_twice() {
    let lifecycle = Lifecycle::new(StopTimeouts::new())
        .on_start("database", async || {})
        .on_stop("database", async || {})
        .on_stop("database", async || {});
    check(&lifecycle, &["stop hook `database` is registered twice", "name of its own"]);
}

#[test]
fn a_hook_without_any_time_is_refused() {
    let lifecycle =
        Lifecycle::new(StopTimeouts::new()).on_stop_within(Duration::ZERO, "flush", async || {});
    check(&lifecycle, &["stop hook `flush` has a timeout of zero", "at least"]);
}

#[tokio::test]
async fn a_refused_lifecycle_runs_nothing_and_reports_why() {
    let running = Lifecycle::new(StopTimeouts::new().with_drain(Duration::MAX))
        .on_start("never", || panics("ran"))
        .on_stop("never", || panics("ran"))
        .spawn();
    running.started().await;
    let report = running.finished().await;
    assert_eq!(report.outcome(), Outcome::NotStarted);
    assert!(report.error().is_some_and(|error| error.contains("window `drain`")));
    assert!(report.hooks().is_empty());
    assert_eq!(running.watch().current(), Phase::Stopped);
}
