//! Stop timeouts, and the budget that they must fit.

use std::time::Duration;

use lameduck_core::{Budget, StopTimeouts};

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[track_caller]
fn check_error(timeouts: StopTimeouts, budget: Budget, parts: &[&str]) {
    let error = timeouts.check(budget).expect_err("the timeouts should be an error").to_string();
    for part in parts {
        assert!(error.contains(part), "{error:?} should name {part:?}");
    }
}

#[test]
fn the_default_stop_timeouts_fill_the_default_budget_of_kubernetes() {
    assert_eq!(StopTimeouts::new().total(), seconds(28));
    assert_eq!(Budget::default().limit(), seconds(28));
    assert!(StopTimeouts::new().check(Budget::default()).is_ok());
}

#[test]
fn timeouts_over_budget_are_an_error_with_both_sums_and_a_drain_that_would_fit() {
    let budget = Budget::kubernetes(seconds(30), seconds(5));
    check_error(
        StopTimeouts::new(),
        budget,
        &["add up to 28s", "budget is 23s", "preStop 5 s", "set `drain` to 10s"],
    );
    assert!(StopTimeouts::new().with_drain(seconds(10)).check(budget).is_ok());
}

#[test]
fn when_no_drain_would_fit_the_error_says_which_budget_would() {
    check_error(
        StopTimeouts::new(),
        Budget::systemd(seconds(10)),
        &["TimeoutStopSec 10s", "budget is 8s", "set `TimeoutStopSec` to at least 30s"],
    );
}

#[test]
fn a_pre_stop_hook_longer_than_the_grace_period_leaves_a_budget_of_zero() {
    assert_eq!(Budget::kubernetes(seconds(5), seconds(60)).limit(), Duration::ZERO);
}

#[test]
fn a_timeout_of_zero_that_would_cut_its_work_is_an_error_by_name() {
    let any = Budget::new(seconds(100));
    for (name, timeouts) in [
        ("drain", StopTimeouts::new().with_drain(Duration::ZERO)),
        ("accept_queue", StopTimeouts::new().with_accept_queue(Duration::ZERO)),
        ("force", StopTimeouts::new().with_force(Duration::ZERO)),
        ("hooks", StopTimeouts::new().with_hooks(Duration::ZERO)),
    ] {
        check_error(timeouts, any, &[&format!("`{name}` is zero"), "at least"]);
    }
    assert!(StopTimeouts::new().with_lame_duck(Duration::ZERO).check(any).is_ok());
    assert!(StopTimeouts::new().with_cancel(Duration::ZERO).check(any).is_ok());
}

#[test]
fn durations_that_would_overflow_are_an_error_and_never_panic() {
    let any = Budget::new(Duration::MAX);
    for (name, timeouts) in [
        ("lame_duck", StopTimeouts::new().with_lame_duck(Duration::MAX)),
        (
            "quiet",
            StopTimeouts::new().with_lame_duck_until_quiet(seconds(1), Duration::MAX, seconds(2)),
        ),
        ("drain", StopTimeouts::new().with_drain(Duration::MAX)),
        ("accept_queue", StopTimeouts::new().with_accept_queue(Duration::MAX)),
        ("cancel", StopTimeouts::new().with_cancel(Duration::MAX)),
        ("force", StopTimeouts::new().with_force(Duration::MAX)),
        ("hooks", StopTimeouts::new().with_hooks(Duration::MAX)),
    ] {
        check_error(timeouts, any, &[&format!("stop timeout `{name}` is"), "longest", "86400s"]);
        assert!(timeouts.total() >= seconds(13));
    }
}

#[test]
fn parts_that_do_not_fit_their_whole_are_an_error() {
    let any = Budget::new(seconds(100));
    check_error(
        StopTimeouts::new().with_drain(seconds(1)).with_accept_queue(seconds(2)),
        any,
        &["`accept_queue` is 2s", "`drain`, which is 1s", "at most 1s"],
    );
    check_error(
        StopTimeouts::new().with_lame_duck_until_quiet(seconds(9), seconds(1), seconds(8)),
        any,
        &["`lame_duck` is 9s", "maximum of lame duck, 8s"],
    );
    check_error(
        StopTimeouts::new().with_lame_duck_until_quiet(seconds(1), seconds(9), seconds(8)),
        any,
        &["`quiet` is 9s", "maximum of lame duck, 8s"],
    );
}
