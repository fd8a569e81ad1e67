//! The phase machine, driven by hand: time is an argument.

use std::time::{Duration, Instant};

use lameduck_core::{Event, Machine, Phase, Step, StopTimeouts, TransitionCause};

const SECOND: Duration = Duration::from_secs(1);
const BEGIN: Event = Event::Begin { lame_duck: true };

/// A machine with a clock that the test moves.
struct Bench {
    machine: Machine,
    now: Instant,
}

impl Bench {
    fn starting(windows: StopTimeouts) -> Self {
        #[expect(clippy::disallowed_methods, reason = "any origin does")]
        let now = Instant::now();
        Self { machine: Machine::new(windows, now), now }
    }

    fn running(windows: StopTimeouts) -> Self {
        let mut bench = Self::starting(windows);
        bench.step(Event::Started);
        bench
    }

    fn step(&mut self, event: Event) -> Step {
        let (machine, step) = self.machine.step(event, self.now);
        self.machine = machine;
        step
    }

    /// Moves the clock and ticks.
    fn after(&mut self, time: Duration) -> Step {
        self.now += time;
        self.step(Event::Tick)
    }

    #[track_caller]
    fn moved(step: Step) -> (Phase, Phase, TransitionCause) {
        match step {
            Step::Moved { from, to, cause } => (from, to, cause),
            other => panic!("expected a move, got {other:?}"),
        }
    }
}

#[test]
fn a_stop_that_nobody_hurries_walks_through_every_phase_at_its_window() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let walk = [
        (5, Phase::LameDuck, Phase::Draining),
        (15, Phase::Draining, Phase::Cancelling),
        (3, Phase::Cancelling, Phase::Forced),
    ];
    for (seconds, from, to) in walk {
        let early = bench.after(SECOND * seconds - Duration::from_nanos(1));
        assert_eq!(early, Step::Stayed, "{from} ends at its window, not before");
        let step = bench.after(Duration::from_nanos(1));
        assert_eq!(Bench::moved(step), (from, to, TransitionCause::Window));
    }
    assert_eq!(bench.after(SECOND), Step::Emptied { cause: TransitionCause::Window });
    assert_eq!(bench.machine.wake_at(), Some(bench.now + SECOND * 4));
    assert_eq!(bench.after(SECOND * 4), Step::HooksCut { cause: TransitionCause::Window });
    let step = bench.step(Event::HooksDone);
    assert_eq!(Bench::moved(step), (Phase::Forced, Phase::Stopped, TransitionCause::Event));
    assert_eq!(bench.machine.wake_at(), None);
}

#[test]
fn a_drain_ends_at_the_last_request_and_leaves_its_time_to_the_hooks() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    bench.after(SECOND * 5);
    assert_eq!(bench.step(Event::Idle), Step::Emptied { cause: TransitionCause::Event });
    assert_eq!(bench.machine.wake_at(), Some(bench.now + SECOND * 23));
}

#[test]
fn an_idle_server_goes_on_accepting_for_the_whole_of_lame_duck() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    assert_eq!(bench.step(Event::Idle), Step::Stayed);
    assert_eq!(bench.machine.phase(), Phase::LameDuck);
}

#[test]
fn a_quiet_lame_duck_ends_after_its_minimum_and_a_busy_one_at_its_maximum() {
    let windows = StopTimeouts::new().with_lame_duck_until_quiet(SECOND * 5, SECOND, SECOND * 10);
    let mut quiet = Bench::running(windows);
    quiet.step(BEGIN);
    assert_eq!(quiet.after(SECOND * 5 - Duration::from_nanos(1)), Step::Stayed);
    assert!(matches!(quiet.after(Duration::from_nanos(1)), Step::Moved { .. }));

    let mut busy = Bench::running(windows);
    busy.step(BEGIN);
    for _ in 0..19 {
        assert_eq!(busy.after(SECOND / 2), Step::Stayed);
        busy.step(Event::Busy);
    }
    let step = busy.after(SECOND / 2);
    assert_eq!(Bench::moved(step), (Phase::LameDuck, Phase::Draining, TransitionCause::Window));
}

#[test]
fn lame_duck_can_be_undone_and_a_later_phase_cannot() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let step = bench.step(Event::CancelStop);
    assert_eq!(Bench::moved(step), (Phase::LameDuck, Phase::Running, TransitionCause::Event));
    assert_eq!(bench.machine.wake_at(), None);
    assert_eq!(bench.machine.cancelling_at(), None);

    bench.step(Event::Begin { lame_duck: false });
    assert_eq!(bench.machine.phase(), Phase::Draining);
    assert_eq!(bench.step(Event::CancelStop), Step::Stayed);
    assert_eq!(bench.machine.phase(), Phase::Draining);
}

#[test]
fn a_second_request_to_stop_cancels_and_a_third_forces() {
    for lame_duck in [true, false] {
        let mut bench = Bench::running(StopTimeouts::new());
        bench.step(Event::Begin { lame_duck });
        bench.step(Event::Escalate);
        assert_eq!(bench.machine.phase(), Phase::Cancelling);
        bench.step(Event::Escalate);
        assert_eq!(bench.machine.phase(), Phase::Forced);
        assert_eq!(bench.step(Event::Escalate), Step::Stayed);
    }
}

#[test]
fn asking_to_begin_twice_begins_once() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let wake_at = bench.machine.wake_at();
    bench.now += SECOND;
    assert_eq!(bench.step(BEGIN), Step::Stayed);
    assert_eq!(bench.machine.wake_at(), wake_at);
}

#[test]
fn a_stop_during_the_start_only_turns_away_who_waits() {
    let mut bench = Bench::starting(StopTimeouts::new());
    let step = bench.step(BEGIN);
    assert_eq!(Bench::moved(step), (Phase::Starting, Phase::Draining, TransitionCause::Event));
    assert_eq!(bench.step(Event::Started), Step::Stayed, "too late to start");
    assert_eq!(bench.step(Event::Idle), Step::Emptied { cause: TransitionCause::Event });
}

#[test]
fn asking_again_while_the_hooks_run_cuts_them() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(Event::Begin { lame_duck: false });
    bench.step(Event::Idle);
    assert_eq!(bench.step(Event::Escalate), Step::HooksCut { cause: TransitionCause::Escalated });
}

#[test]
fn the_end_of_the_drain_is_known_from_the_first_moment_of_the_stop() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let end = bench.machine.cancelling_at();
    assert_eq!(end, Some(bench.now + SECOND * 20));
    assert_eq!(bench.machine.draining_at(), Some(bench.now + SECOND * 5));
    bench.after(SECOND * 5);
    assert_eq!(bench.machine.cancelling_at(), end);
    assert_eq!(bench.machine.draining_at(), Some(bench.now));
}

#[test]
fn windows_of_zero_are_passed_through_one_tick_at_a_time() {
    let windows = StopTimeouts::new().with_lame_duck(Duration::ZERO).with_cancel(Duration::ZERO);
    let mut bench = Bench::running(windows);
    bench.step(BEGIN);
    assert_eq!(bench.machine.phase(), Phase::Draining, "a lame duck of zero is skipped");
    bench.after(SECOND * 15);
    assert_eq!(bench.machine.phase(), Phase::Cancelling);
    assert_eq!(bench.machine.wake_at(), Some(bench.now));
}

#[test]
fn no_order_of_events_moves_a_phase_backward() {
    let events = [
        Event::Started,
        BEGIN,
        Event::Begin { lame_duck: false },
        Event::CancelStop,
        Event::Escalate,
        Event::Busy,
        Event::Idle,
        Event::HooksDone,
        Event::Tick,
    ];
    // Every word of five events, with time passing between them.
    let words = events.len().pow(5);
    for word in 0..words {
        let mut bench = Bench::starting(StopTimeouts::new());
        let mut rest = word;
        for _ in 0..5 {
            let before = bench.machine.phase();
            bench.now += SECOND * 6;
            bench.step(events[rest % events.len()]);
            rest /= events.len();
            let after = bench.machine.phase();
            let undone = (before, after) == (Phase::LameDuck, Phase::Running);
            assert!(after >= before || undone, "{before} became {after} in word {word}");
        }
    }
}
