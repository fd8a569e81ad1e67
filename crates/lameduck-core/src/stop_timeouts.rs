//! How long each phase of a stop may last, and whether the sum fits the budget.

#[cfg(feature = "env")]
use std::ffi::OsString;
use std::{fmt, time::Duration};

use crate::Budget;

/// The longest time each phase of a stop may last.
///
/// A phase ends at its event, so a timeout is a bound and not a pause. Only lame duck has a
/// minimum. The defaults add up to 28 s, which fits Kubernetes' 30 s with 2 s to spare.
///
/// With the feature `serde` it is read from a map of the names `lame_duck`, `drain`,
/// `accept_queue`, `cancel`, `force` and `hooks` to texts such as `15s`; `lame_duck_quiet` and
/// `lame_duck_max` together let lame duck end early. What is missing has its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::given::Given", into = "crate::given::Given")
)]
pub struct StopTimeouts {
    lame_duck: Duration,
    lame_duck_max: Duration,
    quiet: Duration,
    drain: Duration,
    accept_queue: Duration,
    cancel: Duration,
    force: Duration,
    hooks: Duration,
}

impl StopTimeouts {
    /// The longest timeout that is accepted. A longer one is most likely a wrong unit.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// The default timeouts: lame duck 5 s, drain 15 s (at most 1 s of it for the accept queue),
    /// cancel 3 s, force 1 s, hooks 4 s.
    #[must_use]
    pub const fn new() -> Self {
        let lame_duck = Duration::from_secs(5);
        Self {
            lame_duck,
            lame_duck_max: lame_duck,
            quiet: Duration::ZERO,
            drain: Duration::from_secs(15),
            accept_queue: Duration::from_secs(1),
            cancel: Duration::from_secs(3),
            force: Duration::from_secs(1),
            hooks: Duration::from_secs(4),
        }
    }

    /// Reads the timeouts from the environment: `LAMEDUCK_STOP_LAME_DUCK`, `LAMEDUCK_STOP_DRAIN`,
    /// `LAMEDUCK_STOP_ACCEPT_QUEUE`, `LAMEDUCK_STOP_CANCEL`, `LAMEDUCK_STOP_FORCE` and
    /// `LAMEDUCK_STOP_HOOKS`, each a duration such as `15s`, `500ms` or `1m 30s`.
    ///
    /// `LAMEDUCK_STOP_LAME_DUCK_QUIET` and `LAMEDUCK_STOP_LAME_DUCK_MAX` together let lame duck end
    /// early, see [`with_lame_duck_until_quiet`](Self::with_lame_duck_until_quiet). A variable that
    /// is not set leaves the default.
    ///
    /// ```
    /// use lameduck_core::StopTimeouts;
    ///
    /// let timeouts = StopTimeouts::from_env()?;
    /// assert_eq!(timeouts, StopTimeouts::new()); // no variable is set
    /// # Ok::<(), lameduck_core::StopTimeoutsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Names the variable, its value and what to write instead: a value that is not a duration, a
    /// variable that begins with `LAMEDUCK_STOP_` and names no timeout, or only one of the two that
    /// let lame duck end early. Whether the timeouts fit the budget is [checked](Self::check)
    /// later.
    #[cfg(feature = "env")]
    pub fn from_env() -> Result<Self, StopTimeoutsError> {
        Self::from_variables(std::env::vars_os())
    }

    /// As [`from_env`](Self::from_env), from these variables.
    #[cfg(feature = "env")]
    fn from_variables(
        variables: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, StopTimeoutsError> {
        let mut given = crate::given::Given::default();
        for (variable, value) in variables {
            let variable = variable.to_string_lossy();
            let Some(name) = variable.strip_prefix("LAMEDUCK_STOP_") else { continue };
            // Text that is not Unicode is no duration either, and the error shows it.
            given
                .set(&name.to_lowercase(), value.to_string_lossy().into_owned())
                .map_err(|error| StopTimeoutsError::new(format!("{variable}: {error}")))?;
        }
        given.timeouts()
    }

    /// Sets how long the server continues to serve while it asks its clients to leave.
    ///
    /// By default 5 s: a readiness probe that runs every second must fail three times, and then
    /// every proxy must learn of it. Zero skips the phase.
    #[must_use]
    pub const fn with_lame_duck(mut self, timeout: Duration) -> Self {
        self.lame_duck = timeout;
        self.lame_duck_max = timeout;
        self.quiet = Duration::ZERO;
        self
    }

    /// Lets lame duck end between `min` and `max`, when no request has come for `quiet`.
    ///
    /// The check runs every `quiet`, so the phase may end up to that much later. Probes that pass
    /// the counting layer count as requests. The sum of all timeouts includes `max`.
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
    pub const fn with_drain(mut self, timeout: Duration) -> Self {
        self.drain = timeout;
        self
    }

    /// Sets how much of the drain may be used to empty the accept queue. By default 1 s.
    #[must_use]
    pub const fn with_accept_queue(mut self, timeout: Duration) -> Self {
        self.accept_queue = timeout;
        self
    }

    /// Sets how long cancelled requests may take to answer. By default 3 s. Zero skips the phase.
    #[must_use]
    pub const fn with_cancel(mut self, timeout: Duration) -> Self {
        self.cancel = timeout;
        self
    }

    /// Sets how long requests that were dropped may take to end. By default 1 s.
    ///
    /// After a quarter of it, connections that are still open are aborted.
    #[must_use]
    pub const fn with_force(mut self, timeout: Duration) -> Self {
        self.force = timeout;
        self
    }

    /// Sets how long all stop hooks together may take. By default 4 s.
    ///
    /// Hooks may also use the time that the phases before them did not need.
    #[must_use]
    pub const fn with_hooks(mut self, timeout: Duration) -> Self {
        self.hooks = timeout;
        self
    }

    /// The shortest lame duck.
    #[must_use]
    pub const fn lame_duck(&self) -> Duration {
        self.lame_duck
    }

    /// The longest lame duck. Equal to the shortest unless lame duck may end when quiet.
    #[must_use]
    pub const fn lame_duck_max(&self) -> Duration {
        self.lame_duck_max
    }

    /// How long no request may come for lame duck to end before its maximum.
    #[must_use]
    pub const fn quiet(&self) -> Duration {
        self.quiet
    }

    /// How long requests in flight may take to finish.
    #[must_use]
    pub const fn drain(&self) -> Duration {
        self.drain
    }

    /// How much of the drain may be used to empty the accept queue.
    #[must_use]
    pub const fn accept_queue(&self) -> Duration {
        self.accept_queue
    }

    /// How long cancelled requests may take to answer.
    #[must_use]
    pub const fn cancel(&self) -> Duration {
        self.cancel
    }

    /// How long requests that were dropped may take to end.
    #[must_use]
    pub const fn force(&self) -> Duration {
        self.force
    }

    /// How long all stop hooks together may take.
    #[must_use]
    pub const fn hooks(&self) -> Duration {
        self.hooks
    }

    /// The longest time that a whole stop may take. The accept queue is a part of the drain.
    #[must_use]
    pub const fn total(&self) -> Duration {
        self.lame_duck_max
            .saturating_add(self.drain)
            .saturating_add(self.cancel)
            .saturating_add(self.force)
            .saturating_add(self.hooks)
    }

    /// Checks every timeout, and their sum against the budget.
    ///
    /// # Errors
    ///
    /// Names the timeout, its value and what to write instead: a timeout longer than
    /// [`Self::LONGEST`], a timeout of zero for `drain`, `accept_queue`, `force` or `hooks`, a lame
    /// duck whose minimum or quiet period is above its maximum, more time for the accept queue than
    /// for the drain, or a sum over the budget, with both sums and a proposal.
    pub fn check(&self, budget: Budget) -> Result<(), StopTimeoutsError> {
        for (name, value) in self.named() {
            if value > Self::LONGEST {
                return Err(StopTimeoutsError::new(format!(
                    "stop timeout `{name}` is {value:?}; the longest that is accepted is {:?}",
                    Self::LONGEST
                )));
            }
        }
        for (name, value) in [
            ("drain", self.drain),
            ("accept_queue", self.accept_queue),
            ("force", self.force),
            ("hooks", self.hooks),
        ] {
            if value.is_zero() {
                return Err(StopTimeoutsError::new(format!(
                    "stop timeout `{name}` is zero, which would cut its work at once; \
                     set it to at least 1ms"
                )));
            }
        }
        for (name, value) in [("lame_duck", self.lame_duck), ("quiet", self.quiet)] {
            if value > self.lame_duck_max {
                return Err(StopTimeoutsError::new(format!(
                    "stop timeout `{name}` is {value:?}, above the maximum of lame duck, {:?}",
                    self.lame_duck_max
                )));
            }
        }
        if self.accept_queue > self.drain {
            return Err(StopTimeoutsError::new(format!(
                "stop timeout `accept_queue` is {:?}, but it is a part of `drain`, which is {:?}; \
                 set `accept_queue` to at most {:?}",
                self.accept_queue, self.drain, self.drain
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
        // Of all phases the drain is the one that most often ends early, so it gives way first.
        let others = total.saturating_sub(self.drain);
        let least = self.accept_queue.max(Duration::from_secs(1));
        let proposal = match limit.checked_sub(others) {
            Some(drain) if drain >= least => format!("set `drain` to {drain:?}"),
            _ => budget.raised_to(total),
        };
        Err(StopTimeoutsError::new(format!(
            "the stop timeouts add up to {total:?} (lame_duck {:?} + drain {:?} + cancel {:?} + \
             force {:?} + hooks {:?}), but the budget is {budget}; {proposal}",
            self.lame_duck_max, self.drain, self.cancel, self.force, self.hooks
        )))
    }

    const fn named(&self) -> [(&'static str, Duration); 8] {
        [
            ("lame_duck", self.lame_duck),
            ("lame_duck_max", self.lame_duck_max),
            ("quiet", self.quiet),
            ("drain", self.drain),
            ("accept_queue", self.accept_queue),
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

/// Stop timeouts that cannot be used. Says which one, its value, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopTimeoutsError {
    message: String,
}

impl StopTimeoutsError {
    pub(crate) const fn new(message: String) -> Self {
        Self { message }
    }
}

impl fmt::Display for StopTimeoutsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StopTimeoutsError {}

#[cfg(all(test, feature = "env"))]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<StopTimeouts, String> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        StopTimeouts::from_variables(variables).map_err(|error| error.to_string())
    }

    #[test]
    fn each_variable_sets_its_timeout_and_the_others_keep_their_defaults() {
        let seconds = Duration::from_secs;
        let timeouts = read(&[
            ("LAMEDUCK_STOP_LAME_DUCK", "10s"),
            ("LAMEDUCK_STOP_DRAIN", "1m 30s"),
            ("LAMEDUCK_STOP_ACCEPT_QUEUE", "500ms"),
            ("LAMEDUCK_STOP_CANCEL", "0s"),
            ("PATH", "/bin"),
        ]);
        let expected = StopTimeouts::new()
            .with_lame_duck(seconds(10))
            .with_drain(seconds(90))
            .with_accept_queue(Duration::from_millis(500))
            .with_cancel(Duration::ZERO);
        assert_eq!(timeouts, Ok(expected));
        assert_eq!(read(&[]), Ok(StopTimeouts::new()));
        let quiet = read(&[
            ("LAMEDUCK_STOP_LAME_DUCK_QUIET", "1s"),
            ("LAMEDUCK_STOP_LAME_DUCK_MAX", "20s"),
        ]);
        let expected =
            StopTimeouts::new().with_lame_duck_until_quiet(seconds(5), seconds(1), seconds(20));
        assert_eq!(quiet, Ok(expected));
    }

    #[test]
    fn a_wrong_variable_names_itself_its_value_and_the_fix() {
        for (variable, value, parts) in [
            ("LAMEDUCK_STOP_DRAIN", "15", ["LAMEDUCK_STOP_DRAIN: \"15\" is not", "such as 15s"]),
            ("LAMEDUCK_STOP_HOOKS", "", ["LAMEDUCK_STOP_HOOKS: \"\" is not", "such as 15s"]),
            (
                "LAMEDUCK_STOP_DRIAN",
                "15s",
                ["LAMEDUCK_STOP_DRIAN: there is no", "drain, accept_queue"],
            ),
            (
                "LAMEDUCK_STOP_FORCE",
                "99999999999999999999y",
                ["LAMEDUCK_STOP_FORCE", "not a duration"],
            ),
            (
                "LAMEDUCK_STOP_LAME_DUCK_MAX",
                "9s",
                ["`lame_duck_max` is given without", "give both"],
            ),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_configuration_file_has_the_same_names_and_says_what_is_wrong() {
        let text = r#"{"lame_duck":"10s","drain":"1m 30s"}"#;
        let timeouts: StopTimeouts = serde_json::from_str(text).unwrap();
        assert_eq!(timeouts.drain(), Duration::from_secs(90));
        assert_eq!(timeouts.hooks(), StopTimeouts::new().hooks());
        let written = serde_json::to_string(&timeouts).unwrap();
        assert_eq!(serde_json::from_str::<StopTimeouts>(&written).unwrap(), timeouts);
        for (text, part) in [
            (r#"{"drain":"15"}"#, "such as 15s"),
            (r#"{"drian":"15s"}"#, "unknown field `drian`"),
            (r#"{"lame_duck_quiet":"1s"}"#, "without `lame_duck_max`"),
        ] {
            let error = serde_json::from_str::<StopTimeouts>(text).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
