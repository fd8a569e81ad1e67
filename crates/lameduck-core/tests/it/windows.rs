//! Timeouts and the budget they must fit.

use std::time::Duration;

use lameduck_core::{Budget, StopTimeouts};

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[track_caller]
fn refused(windows: StopTimeouts, budget: Budget, parts: &[&str]) {
    let error = windows.check(budget).expect_err("the windows should be refused").to_string();
    for part in parts {
        assert!(error.contains(part), "{error:?} should name {part:?}");
    }
}

#[test]
fn the_default_windows_fill_the_default_budget_of_kubernetes() {
    assert_eq!(StopTimeouts::new().total(), seconds(28));
    assert_eq!(Budget::default().limit(), seconds(28));
    assert!(StopTimeouts::new().check(Budget::default()).is_ok());
}

#[test]
fn windows_over_budget_are_refused_with_both_sums_and_a_drain_that_would_fit() {
    let budget = Budget::kubernetes(seconds(30), seconds(5));
    refused(
        StopTimeouts::new(),
        budget,
        &["add up to 28s", "budget is 23s", "preStop 5s", "set `drain` to 10s"],
    );
    assert!(StopTimeouts::new().with_drain(seconds(10)).check(budget).is_ok());
}

#[test]
fn when_no_drain_would_fit_the_error_says_which_budget_would() {
    refused(
        StopTimeouts::new(),
        Budget::systemd(seconds(10)),
        &["TimeoutStopSec 10s", "budget is 8s", "raise the budget to 28s"],
    );
}

#[test]
fn a_hook_before_the_stop_that_eats_the_grace_period_leaves_a_budget_of_zero() {
    assert_eq!(Budget::kubernetes(seconds(5), seconds(60)).limit(), Duration::ZERO);
}

#[test]
fn a_window_of_zero_that_would_cut_its_work_is_refused_by_name() {
    let any = Budget::new(seconds(100));
    for (name, windows) in [
        ("drain", StopTimeouts::new().with_drain(Duration::ZERO)),
        ("stop_accepting", StopTimeouts::new().with_stop_accepting(Duration::ZERO)),
        ("force", StopTimeouts::new().with_force(Duration::ZERO)),
        ("hooks", StopTimeouts::new().with_hooks(Duration::ZERO)),
    ] {
        refused(windows, any, &[&format!("`{name}` is zero"), "at least"]);
    }
    assert!(StopTimeouts::new().with_lame_duck(Duration::ZERO).check(any).is_ok());
    assert!(StopTimeouts::new().with_cancel(Duration::ZERO).check(any).is_ok());
}

#[test]
fn durations_that_would_overflow_are_refused_and_never_panic() {
    let any = Budget::new(Duration::MAX);
    for (name, windows) in [
        ("lame_duck", StopTimeouts::new().with_lame_duck(Duration::MAX)),
        (
            "quiet",
            StopTimeouts::new().with_lame_duck_until_quiet(seconds(1), Duration::MAX, seconds(2)),
        ),
        ("drain", StopTimeouts::new().with_drain(Duration::MAX)),
        ("stop_accepting", StopTimeouts::new().with_stop_accepting(Duration::MAX)),
        ("cancel", StopTimeouts::new().with_cancel(Duration::MAX)),
        ("force", StopTimeouts::new().with_force(Duration::MAX)),
        ("hooks", StopTimeouts::new().with_hooks(Duration::MAX)),
    ] {
        refused(windows, any, &[&format!("window `{name}` is"), "longest", "86400s"]);
        assert!(windows.total() >= seconds(13));
    }
}

#[test]
fn parts_that_do_not_fit_their_whole_are_refused() {
    let any = Budget::new(seconds(100));
    refused(
        StopTimeouts::new().with_drain(seconds(1)).with_stop_accepting(seconds(2)),
        any,
        &["`stop_accepting` is 2s", "`drain`, which is 1s"],
    );
    refused(
        StopTimeouts::new().with_lame_duck_until_quiet(seconds(9), seconds(1), seconds(8)),
        any,
        &["`lame_duck` is 9s", "maximum of lame duck, 8s"],
    );
    refused(
        StopTimeouts::new().with_lame_duck_until_quiet(seconds(1), seconds(9), seconds(8)),
        any,
        &["`quiet` is 9s", "maximum of lame duck, 8s"],
    );
}
