//! The stop hooks, one after the other.

use std::{
    collections::VecDeque,
    future::pending,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use tokio::time;

use crate::{HookOutcome, HookTime, hook::Hook};

/// Runs stop hooks in the reverse order of their registration.
pub(crate) struct StopHooks {
    /// Those that have not run. The last one runs first.
    waiting: Vec<Hook>,
    running: Option<RunningHook>,
}

struct RunningHook {
    name: String,
    since: time::Instant,
    ended: BoxFuture<'static, HookTime>,
}

impl StopHooks {
    pub(crate) const fn new(hooks: Vec<Hook>) -> Self {
        Self { waiting: hooks, running: None }
    }

    /// Forgets the hooks of these names.
    pub(crate) fn forget(&mut self, names: &VecDeque<String>) {
        self.waiting.retain(|hook| !names.contains(&hook.name));
    }

    /// Starts the next hook and returns its name. `None`: all have run.
    ///
    /// `end` is when all hooks must have ended, `timeout` the time that all have together.
    pub(crate) fn start_next(&mut self, end: Option<Instant>, timeout: Duration) -> Option<&str> {
        let hook = self.waiting.pop()?;
        let reserve = self.reserve(timeout);
        let until = end.map(|end| end.checked_sub(reserve).unwrap_or(end));
        let running = RunningHook {
            name: hook.name.clone(),
            since: time::Instant::now(),
            ended: Box::pin(hook.run(until)),
        };
        Some(&self.running.insert(running).name)
    }

    /// Waits for the end of the hook that runs. Pending for ever if none does.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub(crate) async fn ended(&mut self) -> HookTime {
        let Some(running) = &mut self.running else { return pending().await };
        let ended = running.ended.as_mut().await;
        self.running = None;
        ended
    }

    /// Drops the hook that runs and skips the others: their time is over.
    pub(crate) fn cut(&mut self) -> Vec<HookTime> {
        let running = self.running.take().map(|RunningHook { name, since, .. }| {
            HookTime::new(name, since.elapsed(), HookOutcome::TimedOut)
        });
        let skipped = self
            .waiting
            .drain(..)
            .rev()
            .map(|hook| HookTime::new(hook.name, Duration::ZERO, HookOutcome::Skipped));
        running.into_iter().chain(skipped).collect()
    }

    /// The time that a hook must leave to those after it: half of their even share each.
    ///
    /// So a hook that hangs costs only itself, and one that is merely slow may use the rest.
    fn reserve(&self, timeout: Duration) -> Duration {
        let waiting = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX - 1);
        timeout / 2 * waiting / (waiting + 1)
    }
}
