//! The loop that drives a stop: events in, phases out.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, OptionFuture};
use lameduck_core::{
    Event, Machine, Phase, PhaseSender, Step, StopTimeouts, TransitionCause, plumbing::log_later,
};
use tokio::{sync::mpsc, time};

use crate::{
    HookTime, Lifecycle, Outcome, Report, SourceClosed, StopHandle, Tally, Work,
    hook::Hook,
    journal::Journal,
    record::Record,
    start::{Start, run_start_hooks},
    stop_handle::{Command, StopCommand},
    stop_hooks::StopHooks,
    work::{all_blockers, all_idle},
};

/// How often the log says what is still in flight.
const PROGRESS: Duration = Duration::from_secs(1);
/// How many blockers one event names.
const NAMED: usize = 5;

/// Drives one lifecycle.
pub(crate) struct Driver {
    handle: StopHandle,
    timeouts: StopTimeouts,
    budget: Duration,
    sender: PhaseSender,
    commands: mpsc::UnboundedReceiver<Command>,
    machine: Machine,
    stop_hooks: StopHooks,
    work: Arc<[Work]>,
    tally: Arc<dyn Fn() -> Tally + Send + Sync>,
    /// The last reading, for a closure that panics.
    last_tally: Tally,
    /// The stop under way.
    record: Option<Record>,
    /// From draining on, the wait until nothing is in flight.
    idle: Option<BoxFuture<'static, ()>>,
    /// How many requests had come at the last check of lame duck.
    seen: u64,
    next_progress: time::Instant,
    on_cancelled: Box<dyn Fn() + Send + Sync>,
    /// That of the report, once it is made.
    outcome: Outcome,
    /// Whether the process must end with the stop.
    for_process: bool,
}

impl Driver {
    /// Runs a lifecycle from its first start hook to its report.
    pub(crate) async fn run(lifecycle: Lifecycle) -> Report {
        let checked = lifecycle.check();
        let Lifecycle {
            timeouts,
            budget,
            sender,
            handle,
            commands,
            start_hooks,
            stop_hooks,
            work,
            tally,
            alongside: _,
            on_cancelled,
            has_watchdog: _,
        } = lifecycle;
        let mut driver = Self {
            // Kept to the end, so that the channel of commands is never closed.
            handle,
            timeouts,
            budget: budget.limit(),
            sender,
            commands,
            machine: Machine::new(timeouts, now()),
            stop_hooks: StopHooks::new(stop_hooks),
            work: work.into(),
            tally,
            last_tally: Tally::default(),
            record: None,
            idle: None,
            seen: 0,
            next_progress: time::Instant::now(),
            on_cancelled,
            outcome: Outcome::Forced,
            for_process: false,
        };
        driver.handle.watchdog.driver_began();
        if let Err(error) = checked {
            driver.outcome = Outcome::NotStarted;
            return Report::not_started(error);
        }
        driver.start(start_hooks).await
    }

    async fn start(mut self, start_hooks: Vec<Hook>) -> Report {
        let (start, not_done) =
            run_start_hooks(start_hooks, &mut self.commands, &self.handle).await;
        // A stop hook reverts the start hook of its name. One without such a start hook always
        // runs.
        self.stop_hooks.forget(&not_done);
        let mut error = None;
        match start {
            Start::Ready => self.handle(Event::Started),
            Start::Stopped(command) => {
                self.for_process = command.for_process;
                self.begin(command.cause, false);
            }
            Start::Failed { error: reason } => {
                self.begin("failed start".to_owned(), false);
                error = Some(reason);
            }
        }
        while self.machine.phase() != Phase::Stopped {
            self.turn().await;
        }
        let record = self.record.take().unwrap_or_else(|| {
            // Stopped without a stop: the rules of the machine exclude it, and nothing is lost.
            Record::open(String::new(), Tally::default())
        });
        let (journal, mut report) = record.report(&self.tally(), &self.timeouts);
        if error.is_some() {
            report.outcome = Outcome::NotStarted;
            report.error = error;
        }
        journal.completed(&report);
        report.unlogged = journal.flush();
        self.outcome = report.outcome;
        report
    }

    /// Reads the counts. A closure that panics leaves them as they were.
    fn tally(&mut self) -> Tally {
        match catch_unwind(AssertUnwindSafe(|| (self.tally)())) {
            Ok(tally) => self.last_tally = tally,
            Err(_) => {
                log_later!(error, "tally.panicked", {}, "the closure panicked, the stop goes on")
            }
        }
        self.last_tally
    }

    /// Waits for one event and handles it.
    async fn turn(&mut self) {
        let wake_at = self.machine.wake_at().map(time::Instant::from_std);
        let tick: OptionFuture<_> = wake_at.map(time::sleep_until).into();
        let progress: OptionFuture<_> =
            self.idle.is_some().then(|| time::sleep_until(self.next_progress)).into();
        let idle: OptionFuture<_> = self.idle.as_mut().into();
        tokio::select! {
            biased;
            Some(command) = self.commands.recv() => self.command(command),
            Some(()) = idle => {
                self.idle = None;
                self.handle(Event::Idle);
            }
            ended = self.stop_hooks.ended() => self.hook_ended(ended),
            Some(()) = tick => self.tick(),
            Some(()) = progress => self.progress(),
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Stop(StopCommand { cause, lame_duck, for_process, escalates }) => {
                self.for_process |= for_process;
                if self.record.is_none() {
                    self.begin(cause, lame_duck);
                } else if escalates {
                    self.handle(Event::Escalate);
                }
                self.handle.watchdog.answered();
            }
            Command::Escalate => self.handle(Event::Escalate),
            Command::CancelStop { done } => {
                self.handle(Event::CancelStop);
                let _ = done.send(self.machine.phase());
            }
        }
    }

    fn begin(&mut self, cause: String, lame_duck: bool) {
        self.handle.watchdog.stop_began();
        let before = self.tally();
        self.seen = before.accepted;
        let record = Record::open(cause.clone(), before);
        record.journal.initiated(&cause, before.in_flight(), self.timeouts.total(), self.budget);
        self.record = Some(record);
        self.handle(Event::Begin { lame_duck });
    }

    fn tick(&mut self) {
        // Checked when it matters, so that a request has nothing to do for it.
        if self.machine.phase() == Phase::LameDuck && !self.timeouts.quiet().is_zero() {
            let accepted = self.tally().accepted;
            if accepted != self.seen {
                self.seen = accepted;
                self.handle(Event::Busy);
            }
        }
        self.handle(Event::Tick);
    }

    fn handle(&mut self, event: Event) {
        let now = now();
        let (machine, step) = self.machine.step(event, now);
        self.machine = machine;
        match step {
            Step::Moved { from, to, cause } => self.moved(from, to, cause, now),
            Step::Emptied { cause } => self.emptied(cause, now),
            Step::HooksCut { .. } => self.cut_hooks(),
            _ => {}
        }
    }

    fn moved(&mut self, from: Phase, to: Phase, cause: TransitionCause, now: Instant) {
        // The deadlines first: a reader of the phase must find those that belong to it.
        self.sender.set_deadlines(self.machine.deadlines());
        if to == Phase::Forced {
            // Before anything is dropped: afterwards there is nothing left to name.
            self.note_blockers(Outcome::Forced, cause);
        }
        self.sender.publish(to);
        let in_flight = self.tally().in_flight();
        let Some(record) = &mut self.record else { return };
        if !self.machine.is_emptied() {
            record.phase_ended(from, cause, now);
        }
        record.journal.entered(to, cause, in_flight);
        let journal = record.journal.clone();
        match to {
            Phase::Running => {
                journal.cancelled();
                self.record = None;
                self.handle.watchdog.stop_cancelled();
                self.for_process = false;
                (self.on_cancelled)();
            }
            Phase::Draining => self.idle = Some(self.wait_for_idle(journal)),
            Phase::Cancelling => {
                self.note_blockers(Outcome::Cancelled, cause);
                if self.idle.is_none() {
                    self.idle = Some(self.wait_for_idle(journal));
                }
            }
            Phase::Forced => self.idle = Some(self.force()),
            _ => {}
        }
        self.next_progress = time::Instant::now() + PROGRESS;
    }

    /// Waits until every listener has closed, and then until no work is open.
    fn wait_for_idle(&self, journal: Journal) -> BoxFuture<'static, ()> {
        let work = Arc::clone(&self.work);
        let timeout = self.timeouts.accept_queue();
        let by = or_now(self.machine.deadlines().accept_queue_until);
        Box::pin(async move {
            // All are asked to close before any is waited for.
            let closing: Vec<BoxFuture<'static, SourceClosed>> =
                work.iter().filter_map(Work::closed).collect();
            for closed in closing {
                match time::timeout_at(by, closed).await {
                    Ok(closed) => journal.listener_closed(closed),
                    Err(_) => journal.listener_left_open(timeout),
                }
            }
            all_idle(&work).await;
        })
    }

    /// Waits for the work that ends with the phase itself, then aborts the rest.
    fn force(&self) -> BoxFuture<'static, ()> {
        let work = Arc::clone(&self.work);
        let abort_at = or_now(self.machine.deadlines().abort_at);
        Box::pin(async move {
            if time::timeout_at(abort_at, all_idle(&work)).await.is_err() {
                work.iter().for_each(Work::force);
                all_idle(&work).await;
            }
        })
    }

    fn note_blockers(&mut self, outcome: Outcome, cause: TransitionCause) {
        let open = self.work.iter().map(Work::open).sum();
        let blockers = all_blockers(&self.work);
        let Some(record) = &mut self.record else { return };
        if outcome == Outcome::Forced {
            record.journal.forced(cause, open, &blockers);
        }
        record.harder(outcome, open, blockers);
    }

    fn progress(&mut self) {
        self.next_progress += PROGRESS;
        let Some(record) = &self.record else { return };
        let open: Vec<_> = self.work.iter().map(|work| (work.name(), work.open())).collect();
        let mut oldest = all_blockers(&self.work);
        oldest.truncate(NAMED);
        record.journal.progress(&open, &oldest);
    }

    fn emptied(&mut self, cause: TransitionCause, now: Instant) {
        self.idle = None;
        let phase = self.machine.phase();
        if let Some(record) = &mut self.record {
            record.phase_ended(phase, cause, now);
        }
        self.next_hook();
    }

    /// Starts the next stop hook. Without one, the stop is over.
    fn next_hook(&mut self) {
        let end = self.machine.wake_at();
        match self.stop_hooks.start_next(end, self.timeouts.hooks()) {
            Some(name) => {
                if let Some(record) = &self.record {
                    record.journal.hook_started(name);
                }
            }
            None => self.handle(Event::HooksDone),
        }
    }

    fn hook_ended(&mut self, ended: HookTime) {
        self.note_hook(ended);
        self.next_hook();
    }

    fn cut_hooks(&mut self) {
        for hook in self.stop_hooks.cut() {
            self.note_hook(hook);
        }
        self.handle(Event::HooksDone);
    }

    fn note_hook(&mut self, hook: HookTime) {
        if let Some(record) = &mut self.record {
            record.journal.hook_finished(&hook);
            record.hooks.push(hook);
        }
    }
}

/// When the driver ends in any way, also by a panic in a closure of the user, the phase is final,
/// so that no task waits for a phase that never comes.
impl Drop for Driver {
    fn drop(&mut self) {
        self.sender.publish(Phase::Stopped);
        self.handle.watchdog.driver_ended(self.outcome, self.for_process);
    }
}

/// A deadline of the stop under way. The machine knows every one of them.
fn or_now(deadline: Option<Instant>) -> time::Instant {
    deadline.map_or_else(time::Instant::now, time::Instant::from_std)
}

fn now() -> Instant {
    time::Instant::now().into_std()
}
