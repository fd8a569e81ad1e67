//! The stop hooks, one after the other, as the driver runs them.

use std::time::Duration;

use lameduck_core::Event;
use tokio::time;

use crate::{HookOutcome, HookTime, driver::Driver};

impl Driver {
    /// Starts the last stop hook that has not run, or says that all have.
    pub(crate) fn next_hook(&mut self) {
        let Some(hook) = self.stop_hooks.pop() else {
            self.hook = None;
            return self.handle(Event::HooksDone);
        };
        if let Some(record) = &self.record {
            record.journal.hook_started(&hook.name);
        }
        let until = self.machine.wake_at().map(|end| {
            let reserve = self.reserve();
            end.checked_sub(reserve).unwrap_or(end)
        });
        self.running_hook = Some((hook.name.clone(), time::Instant::now()));
        self.hook = Some(Box::pin(hook.run(until)));
    }

    pub(crate) fn hook_ended(&mut self, ended: HookTime) {
        self.running_hook = None;
        self.note_hook(ended);
        self.next_hook();
    }

    /// Drops the hook that runs and skips the rest: their time is over.
    pub(crate) fn cut_hooks(&mut self) {
        self.hook = None;
        if let Some((name, began)) = self.running_hook.take() {
            self.note_hook(HookTime::new(name, began.elapsed(), HookOutcome::TimedOut));
        }
        while let Some(hook) = self.stop_hooks.pop() {
            self.note_hook(HookTime::new(hook.name, Duration::ZERO, HookOutcome::Skipped));
        }
        self.handle(Event::HooksDone);
    }

    fn note_hook(&mut self, hook: HookTime) {
        if let Some(record) = &mut self.record {
            record.journal.hook_finished(&hook);
            record.hooks.push(hook);
        }
    }

    /// What a hook must leave to those after it: half of their even share of the window each.
    ///
    /// So a hook that hangs costs only itself, and one that is merely slow may use the rest.
    fn reserve(&self) -> Duration {
        let waiting = u32::try_from(self.stop_hooks.len()).unwrap_or(u32::MAX - 1);
        self.windows.hooks() / 2 * waiting / (waiting + 1)
    }
}
