//! The loop that drives a stop: events in, phases out.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, OptionFuture};
use lameduck_core::{Event, Machine, Phase, PhaseSender, Step, StopTimeouts, TransitionCause};
use tokio::{sync::mpsc, time};

use crate::{
    Closed, HookTime, Lifecycle, Outcome, Report, StopHandle, Tally, Work,
    handle::Command,
    hook::Hook,
    journal::Journal,
    record::Record,
    start::{Start, run_start_hooks},
    work::{all_blockers, all_idle},
};

/// How often the log says who is still in flight.
const PROGRESS: Duration = Duration::from_secs(1);
/// How many of them it names.
const NAMED: usize = 5;

/// Drives one lifecycle.
pub(crate) struct Driver {
    handle: StopHandle,
    pub(crate) windows: StopTimeouts,
    sender: PhaseSender,
    commands: mpsc::UnboundedReceiver<Command>,
    pub(crate) machine: Machine,
    pub(crate) stop_hooks: Vec<Hook>,
    work: Arc<[Work]>,
    tally: Arc<dyn Fn() -> Tally + Send + Sync>,
    /// The stop that is under way.
    pub(crate) record: Option<Record>,
    /// The wait for nothing to be in flight, from draining on.
    idle: Option<BoxFuture<'static, ()>>,
    /// The stop hook that runs.
    pub(crate) hook: Option<BoxFuture<'static, HookTime>>,
    /// Its name, and when it began.
    pub(crate) running_hook: Option<(String, time::Instant)>,
    /// How many requests had come when lame duck last looked.
    seen: u64,
    next_progress: time::Instant,
}

impl Driver {
    /// Runs a lifecycle from its first start hook to its report.
    pub(crate) async fn run(lifecycle: Lifecycle) -> Report {
        let refused = lifecycle.check();
        let Lifecycle {
            windows,
            budget: _,
            sender,
            handle,
            commands,
            start_hooks,
            stop_hooks,
            work,
            tally,
            alongside: _,
            ..
        } = lifecycle;
        let driver = Self {
            // Held to the end, so that the channel of commands is never closed.
            handle,
            windows,
            sender,
            commands,
            machine: Machine::new(windows, now()),
            stop_hooks,
            work: work.into(),
            tally,
            record: None,
            idle: None,
            hook: None,
            running_hook: None,
            seen: 0,
            next_progress: time::Instant::now(),
        };
        if let Err(error) = refused {
            return Report::not_started(error);
        }
        driver.start(start_hooks).await
    }

    async fn start(mut self, start_hooks: Vec<Hook>) -> Report {
        let (start, not_done) = run_start_hooks(start_hooks, &mut self.commands).await;
        // A stop hook undoes the start hook of its name; one without such a hook always runs.
        self.stop_hooks.retain(|hook| !not_done.contains(&hook.name));
        let mut error = None;
        match start {
            Start::Ready => self.handle(Event::Started),
            Start::Stopped { cause } => self.begin(cause, false),
            Start::Failed { error: reason } => {
                self.begin("failed start".to_owned(), false);
                error = Some(reason);
            }
        }
        while self.machine.phase() != Phase::Stopped {
            self.turn().await;
        }
        let record = self.record.take().unwrap_or_else(|| {
            // Stopped without a stop: unreachable by the machine's rules, and then nothing is lost.
            Record::open(String::new(), Tally::default())
        });
        let (journal, mut report) = record.report(&(self.tally)(), &self.windows);
        if error.is_some() {
            report.outcome = Outcome::NotStarted;
            report.error = error;
        }
        journal.completed(&report);
        report
    }

    /// Waits for one thing to happen and takes it in.
    async fn turn(&mut self) {
        let wake_at = self.machine.wake_at().map(time::Instant::from_std);
        let tick: OptionFuture<_> = wake_at.map(time::sleep_until).into();
        let progress: OptionFuture<_> =
            self.idle.is_some().then(|| time::sleep_until(self.next_progress)).into();
        let idle: OptionFuture<_> = self.idle.as_mut().into();
        let hook: OptionFuture<_> = self.hook.as_mut().into();
        tokio::select! {
            biased;
            Some(command) = self.commands.recv() => self.command(command),
            Some(()) = idle => {
                self.idle = None;
                self.handle(Event::Idle);
            }
            Some(ended) = hook => self.hook_ended(ended),
            Some(()) = tick => self.tick(),
            Some(()) = progress => self.progress(),
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Stop { cause, lame_duck, .. } if self.record.is_none() => {
                self.begin(cause, lame_duck);
            }
            Command::Stop { insist: false, .. } => {}
            Command::Stop { insist: true, .. } | Command::Escalate => self.handle(Event::Escalate),
            Command::CancelStop { done } => {
                self.handle(Event::CancelStop);
                let _ = done.send(self.machine.phase());
            }
        }
    }

    fn begin(&mut self, cause: String, lame_duck: bool) {
        let before = (self.tally)();
        self.seen = before.accepted;
        let record = Record::open(cause.clone(), before);
        record.journal.initiated(&cause, before.in_flight(), self.windows.total());
        self.record = Some(record);
        self.handle(Event::Begin { lame_duck });
    }

    fn tick(&mut self) {
        // Looking once, when it matters, instead of being told of every request.
        if self.machine.phase() == Phase::LameDuck && !self.windows.quiet().is_zero() {
            let accepted = (self.tally)().accepted;
            if accepted != self.seen {
                self.seen = accepted;
                self.handle(Event::Busy);
            }
        }
        self.handle(Event::Tick);
    }

    pub(crate) fn handle(&mut self, event: Event) {
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
        // The deadlines first: whoever sees the phase must find them.
        self.sender.set_draining_at(self.machine.draining_at());
        self.sender.set_cancelling_at(self.machine.cancelling_at());
        if to == Phase::Forced {
            // Named before anything is dropped: afterwards nobody is there to be named.
            self.note_blockers(Outcome::Forced, cause);
        }
        self.sender.publish(to);
        let in_flight = (self.tally)().in_flight();
        let Some(record) = &mut self.record else { return };
        if !self.machine.is_emptied() {
            record.phase_ended(from, cause, now);
        }
        record.journal.entered(to, cause, in_flight);
        let journal = record.journal.clone();
        match to {
            Phase::Running => {
                journal.undone();
                self.record = None;
                self.handle.watchdog.disarm();
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

    /// Waits for every listener to have closed, and then for nothing to be open.
    fn wait_for_idle(&self, journal: Journal) -> BoxFuture<'static, ()> {
        let work = Arc::clone(&self.work);
        let window = self.windows.stop_accepting();
        Box::pin(async move {
            let by = time::Instant::now() + window;
            // Asked for all at once: every listener closes before any is waited for.
            let closing: Vec<BoxFuture<'static, Closed>> =
                work.iter().filter_map(Work::closed).collect();
            for closed in closing {
                match time::timeout_at(by, closed).await {
                    Ok(closed) => journal.listener_closed(closed),
                    Err(_) => journal.listener_left_open(window),
                }
            }
            all_idle(&work).await;
        })
    }

    /// Gives what the phase itself ends a moment to be gone, then ends the rest.
    fn force(&self) -> BoxFuture<'static, ()> {
        let work = Arc::clone(&self.work);
        let moment = self.windows.force() / 4;
        Box::pin(async move {
            if time::timeout(moment, all_idle(&work)).await.is_err() {
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
            record.journal.forced(cause, &blockers);
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
}

/// However the driver ends, by a panic in a user's closure too, nobody waits for a phase that
/// nobody moves any more.
impl Drop for Driver {
    fn drop(&mut self) {
        self.sender.publish(Phase::Stopped);
        self.handle.watchdog.disarm();
    }
}

fn now() -> Instant {
    time::Instant::now().into_std()
}
