//! How long each phase of a stop may last, and whether that fits the budget.

use std::{fmt, time::Duration};

use crate::Budget;

/// The longest time each phase of a stop may last.
///
/// A phase ends at its event, so a window is a bound and not a pause; only lame duck has a
/// minimum. The defaults add up to 28 s, which fits Kubernetes' 30 s with 2 s to spare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopTimeouts {
    lame_duck: Duration,
    lame_duck_max: Duration,
    quiet: Duration,
    drain: Duration,
    stop_accepting: Duration,
    cancel: Duration,
    force: Duration,
    hooks: Duration,
}

impl StopTimeouts {
    /// The longest window that is accepted. More is a unit mixed up, not a wish.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// The default windows: lame duck 5 s, drain 15 s (of it at most 1 s to stop accepting),
    /// cancel 3 s, force 1 s, hooks 4 s.
    #[must_use]
    pub const fn new() -> Self {
        let lame_duck = Duration::from_secs(5);
        Self {
            lame_duck,
            lame_duck_max: lame_duck,
            quiet: Duration::ZERO,
            drain: Duration::from_secs(15),
            stop_accepting: Duration::from_secs(1),
            cancel: Duration::from_secs(3),
            force: Duration::from_secs(1),
            hooks: Duration::from_secs(4),
        }
    }

    /// Sets how long the server goes on serving while it asks its clients to leave.
    ///
    /// By default 5 s: a readiness probe every second that must fail three times, and the time
    /// the news needs to reach every proxy. Zero skips the phase.
    #[must_use]
    pub const fn with_lame_duck(mut self, window: Duration) -> Self {
        self.lame_duck = window;
        self.lame_duck_max = window;
        self.quiet = Duration::ZERO;
        self
    }

    /// Lets lame duck end between `min` and `max`, once no request came for `quiet` after `min`.
    ///
    /// It is looked at every `quiet`, so it may end up to that much later. Probes that pass the
    /// counting layer are requests too. The sum counts `max`.
    #[must_use]
    pub const fn with_lame_duck_until_quiet(
        mut self,
        min: Duration,
        quiet: Duration,
        max: Duration,
    ) -> Self {
        self.lame_duck = min;
        self.quiet = quiet;
        self.lame_duck_max = max;
        self
    }

    /// Sets how long requests in flight may take to finish. By default 15 s.
    #[must_use]
    pub const fn with_drain(mut self, window: Duration) -> Self {
        self.drain = window;
        self
    }

    /// Sets how much of the drain may go into emptying the accept queue. By default 1 s.
    #[must_use]
    pub const fn with_stop_accepting(mut self, window: Duration) -> Self {
        self.stop_accepting = window;
        self
    }

    /// Sets how long cancelled work may take to answer. By default 3 s; zero skips the phase.
    #[must_use]
    pub const fn with_cancel(mut self, window: Duration) -> Self {
        self.cancel = window;
        self
    }

    /// Sets how long dropped work may take to be gone. By default 1 s.
    #[must_use]
    pub const fn with_force(mut self, window: Duration) -> Self {
        self.force = window;
        self
    }

    /// Sets how long all stop hooks together may take. By default 4 s.
    ///
    /// Hooks may also use what the phases before them left over.
    #[must_use]
    pub const fn with_hooks(mut self, window: Duration) -> Self {
        self.hooks = window;
        self
    }

    /// The shortest lame duck.
    #[must_use]
    pub const fn lame_duck(&self) -> Duration {
        self.lame_duck
    }

    /// The longest lame duck; the same as the shortest unless it may end when quiet.
    #[must_use]
    pub const fn lame_duck_max(&self) -> Duration {
        self.lame_duck_max
    }

    /// How long no request must have come for lame duck to end before its maximum.
    #[must_use]
    pub const fn quiet(&self) -> Duration {
        self.quiet
    }

    /// How long requests in flight may take to finish.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        self.drain
    }

    /// How much of the drain may go into emptying the accept queue.
    #[must_use]
    pub const fn stop_accepting(&self) -> Duration {
        self.stop_accepting
    }

    /// How long cancelled work may take to answer.
    #[must_use]
    pub const fn cancel(&self) -> Duration {
        self.cancel
    }

    /// How long dropped work may take to be gone.
    #[must_use]
    pub const fn force(&self) -> Duration {
        self.force
    }

    /// How long all stop hooks together may take.
    #[must_use]
    pub const fn hooks(&self) -> Duration {
        self.hooks
    }

    /// The longest time a whole stop may take. The drain holds the time to stop accepting.
    #[must_use]
    pub const fn total(&self) -> Duration {
        self.lame_duck_max
            .saturating_add(self.drain)
            .saturating_add(self.cancel)
            .saturating_add(self.force)
            .saturating_add(self.hooks)
    }

    /// Checks every window, and their sum against the budget.
    ///
    /// # Errors
    ///
    /// Names the window, its value and what to write instead: a window longer than
    /// [`Self::LONGEST`], a drain, stop-accepting, force or hooks window of zero, a lame duck whose minimum or
    /// quiet period is above its maximum, more time to stop accepting than to drain, or a sum over
    /// the budget, with both sums and a proposal.
    pub fn check(&self, budget: Budget) -> Result<(), StopTimeoutsError> {
        for (name, value) in self.named() {
            if value > Self::LONGEST {
                return Err(StopTimeoutsError::new(format!(
                    "window `{name}` is {value:?}; the longest that is accepted is {:?}",
                    Self::LONGEST
                )));
            }
        }
        for (name, value) in [
            ("drain", self.drain),
            ("stop_accepting", self.stop_accepting),
            ("force", self.force),
            ("hooks", self.hooks),
        ] {
            if value.is_zero() {
                return Err(StopTimeoutsError::new(format!(
                    "window `{name}` is zero, so that its work would be cut at once; \
                     give it at least 1ms"
                )));
            }
        }
        for (name, value) in [("lame_duck", self.lame_duck), ("quiet", self.quiet)] {
            if value > self.lame_duck_max {
                return Err(StopTimeoutsError::new(format!(
                    "window `{name}` is {value:?}, above the maximum of lame duck, {:?}",
                    self.lame_duck_max
                )));
            }
        }
        if self.stop_accepting > self.drain {
            return Err(StopTimeoutsError::new(format!(
                "window `stop_accepting` is {:?}, but it is a part of `drain`, which is {:?}",
                self.stop_accepting, self.drain
            )));
        }
        self.check_sum(budget)
    }

    fn check_sum(&self, budget: Budget) -> Result<(), StopTimeoutsError> {
        let total = self.total();
        let limit = budget.limit();
        if total <= limit {
            return Ok(());
        }
        // Of all windows the drain is the one that most often ends early, so it gives way first.
        let others = total.saturating_sub(self.drain);
        let least = self.stop_accepting.max(Duration::from_secs(1));
        let proposal = match limit.checked_sub(others) {
            Some(drain) if drain >= least => format!("set `drain` to {drain:?}"),
            _ => format!("raise the budget to {total:?}"),
        };
        Err(StopTimeoutsError::new(format!(
            "the windows add up to {total:?} (lame_duck {:?} + drain {:?} + cancel {:?} + force \
             {:?} + hooks {:?}), but the budget is {budget}; {proposal}",
            self.lame_duck_max, self.drain, self.cancel, self.force, self.hooks
        )))
    }

    const fn named(&self) -> [(&'static str, Duration); 8] {
        [
            ("lame_duck", self.lame_duck),
            ("lame_duck_max", self.lame_duck_max),
            ("quiet", self.quiet),
            ("drain", self.drain),
            ("stop_accepting", self.stop_accepting),
            ("cancel", self.cancel),
            ("force", self.force),
            ("hooks", self.hooks),
        ]
    }
}

impl Default for StopTimeouts {
    fn default() -> Self {
        Self::new()
    }
}

/// Timeouts that cannot be kept. Says which one, its value, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopTimeoutsError {
    message: String,
}

impl StopTimeoutsError {
    const fn new(message: String) -> Self {
        Self { message }
    }
}

impl fmt::Display for StopTimeoutsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StopTimeoutsError {}
