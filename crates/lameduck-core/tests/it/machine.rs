//! The phase machine, driven by hand: time is an argument.

use std::time::{Duration, Instant};

use lameduck_core::{Event, Machine, Phase, Step, StopDeadlines, StopTimeouts, TransitionCause};

const SECOND: Duration = Duration::from_secs(1);
const BEGIN: Event = Event::Begin { lame_duck: true };

/// A machine with a clock that the test moves.
struct Bench {
    machine: Machine,
    now: Instant,
}

impl Bench {
    fn starting(timeouts: StopTimeouts) -> Self {
        #[expect(clippy::disallowed_methods, reason = "any origin does")]
        let now = Instant::now();
        Self { machine: Machine::new(timeouts, now), now }
    }

    fn running(timeouts: StopTimeouts) -> Self {
        let mut bench = Self::starting(timeouts);
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
fn a_stop_that_is_not_escalated_passes_every_phase_at_its_timeout() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let walk = [
        (5, Phase::LameDuck, Phase::Draining),
        (15, Phase::Draining, Phase::Cancelling),
        (3, Phase::Cancelling, Phase::Forced),
    ];
    for (seconds, from, to) in walk {
        let early = bench.after(SECOND * seconds - Duration::from_nanos(1));
        assert_eq!(early, Step::Stayed, "{from} ends at its timeout, not before");
        let step = bench.after(Duration::from_nanos(1));
        assert_eq!(Bench::moved(step), (from, to, TransitionCause::Timeout));
    }
    assert_eq!(bench.after(SECOND), Step::Emptied { cause: TransitionCause::Timeout });
    assert_eq!(bench.machine.wake_at(), Some(bench.now + SECOND * 4));
    assert_eq!(bench.after(SECOND * 4), Step::HooksCut { cause: TransitionCause::Timeout });
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
    let timeouts = StopTimeouts::new().with_lame_duck_until_quiet(SECOND * 5, SECOND, SECOND * 10);
    let mut quiet = Bench::running(timeouts);
    quiet.step(BEGIN);
    assert_eq!(quiet.after(SECOND * 5 - Duration::from_nanos(1)), Step::Stayed);
    assert!(matches!(quiet.after(Duration::from_nanos(1)), Step::Moved { .. }));

    let mut busy = Bench::running(timeouts);
    busy.step(BEGIN);
    for _ in 0..19 {
        assert_eq!(busy.after(SECOND / 2), Step::Stayed);
        busy.step(Event::Busy);
    }
    let step = busy.after(SECOND / 2);
    assert_eq!(Bench::moved(step), (Phase::LameDuck, Phase::Draining, TransitionCause::Timeout));
}

#[test]
fn a_stop_can_be_cancelled_in_lame_duck_and_not_later() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let step = bench.step(Event::CancelStop);
    assert_eq!(Bench::moved(step), (Phase::LameDuck, Phase::Running, TransitionCause::Event));
    assert_eq!(bench.machine.wake_at(), None);
    assert_eq!(bench.machine.deadlines(), StopDeadlines::new());

    bench.step(Event::Begin { lame_duck: false });
    assert_eq!(bench.machine.phase(), Phase::Draining);
    assert_eq!(bench.step(Event::CancelStop), Step::Stayed);
    assert_eq!(bench.machine.phase(), Phase::Draining);
}

#[test]
fn a_second_signal_cancels_and_a_third_forces() {
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
fn a_stop_that_is_asked_for_twice_begins_once() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let wake_at = bench.machine.wake_at();
    bench.now += SECOND;
    assert_eq!(bench.step(BEGIN), Step::Stayed);
    assert_eq!(bench.machine.wake_at(), wake_at);
}

#[test]
fn a_stop_during_the_start_only_rejects_waiting_clients() {
    let mut bench = Bench::starting(StopTimeouts::new());
    let step = bench.step(BEGIN);
    assert_eq!(Bench::moved(step), (Phase::Starting, Phase::Draining, TransitionCause::Event));
    assert_eq!(bench.step(Event::Started), Step::Stayed, "too late to start");
    assert_eq!(bench.step(Event::Idle), Step::Emptied { cause: TransitionCause::Event });
}

#[test]
fn a_signal_while_the_hooks_run_cuts_them() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(Event::Begin { lame_duck: false });
    bench.step(Event::Idle);
    assert_eq!(bench.step(Event::Escalate), Step::HooksCut { cause: TransitionCause::Escalated });
}

#[test]
fn the_end_of_the_drain_is_known_from_the_first_moment_of_the_stop() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let end = bench.machine.deadlines().cancelling_at;
    assert_eq!(end, Some(bench.now + SECOND * 20));
    assert_eq!(bench.machine.deadlines().draining_at, Some(bench.now + SECOND * 5));
    bench.after(SECOND * 5);
    assert_eq!(bench.machine.deadlines().cancelling_at, end);
    assert_eq!(bench.machine.deadlines().draining_at, Some(bench.now));
}

#[test]
fn every_deadline_of_a_stop_is_known_early_and_can_only_come_earlier() {
    let timeouts = StopTimeouts::new(); // 5 s + 15 s + 3 s + 1 s + 4 s
    let mut bench = Bench::running(timeouts);
    let began = bench.now;
    let at = |seconds: f64| Some(began + Duration::from_secs_f64(seconds));
    assert_eq!(bench.machine.deadlines(), StopDeadlines::new());

    let all = |machine: &Machine| {
        let deadlines = machine.deadlines();
        let StopDeadlines { draining_at, accept_queue_until, cancelling_at, abort_at, .. } =
            deadlines;
        [draining_at, accept_queue_until, cancelling_at, abort_at]
    };
    bench.step(BEGIN);
    assert_eq!(all(&bench.machine), [at(5.0), at(6.0), at(20.0), at(23.25)]);
    bench.after(SECOND * 5);
    assert_eq!(all(&bench.machine), [at(5.0), at(6.0), at(20.0), at(23.25)]);
    bench.now += SECOND;
    bench.step(Event::Escalate);
    assert_eq!(all(&bench.machine), [at(5.0), at(6.0), at(6.0), at(9.25)]);
    bench.now += SECOND;
    bench.step(Event::Escalate);
    assert_eq!(all(&bench.machine), [at(5.0), at(6.0), at(6.0), at(7.25)]);
}

#[test]
fn a_late_tick_moves_no_deadline() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    let known = bench.machine.deadlines();
    bench.after(SECOND * 5 + SECOND / 5);
    assert_eq!(bench.machine.phase(), Phase::Draining);
    assert_eq!(bench.machine.deadlines(), known);
}

#[test]
fn a_stop_that_skips_draining_still_gives_the_accept_queue_its_time() {
    let mut bench = Bench::running(StopTimeouts::new());
    bench.step(BEGIN);
    bench.now += SECOND;
    bench.step(Event::Escalate);
    let deadlines = bench.machine.deadlines();
    assert_eq!(deadlines.draining_at, Some(bench.now));
    assert_eq!(deadlines.accept_queue_until, Some(bench.now + SECOND));
}

#[test]
fn timeouts_of_zero_are_passed_one_tick_at_a_time() {
    let timeouts = StopTimeouts::new().with_lame_duck(Duration::ZERO).with_cancel(Duration::ZERO);
    let mut bench = Bench::running(timeouts);
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
            let is_cancelled = (before, after) == (Phase::LameDuck, Phase::Running);
            assert!(after >= before || is_cancelled, "{before} became {after} in word {word}");
        }
    }
}
