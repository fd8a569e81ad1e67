//! Counts of outcomes, and the verdict.

use std::{borrow::Cow, fmt, ops::AddAssign, time::Duration};

use tokio::time::Instant;

use super::{Loss, Outcome};

/// How many requests had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests that have an outcome: the sum of the four below.
    pub sent: u64,
    /// See [`Outcome::Answered`].
    pub answered: u64,
    /// See [`Outcome::Rejected`].
    pub rejected: u64,
    /// See [`Outcome::Refused`].
    pub refused: u64,
    /// See [`Outcome::Lost`].
    pub lost: u64,
}

impl Counts {
    pub(super) const fn add(&mut self, outcome: Outcome) {
        self.sent += 1;
        match outcome {
            Outcome::Answered => self.answered += 1,
            Outcome::Rejected => self.rejected += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Lost(_) => self.lost += 1,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { sent, answered, rejected, refused, lost } = other;
        self.sent += sent;
        self.answered += answered;
        self.rejected += rejected;
        self.refused += refused;
        self.lost += lost;
    }
}

/// How far the load has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    /// Since the oracle started.
    pub elapsed: Duration,
    /// Requests that have an outcome.
    pub total: Counts,
    /// Requests that have no outcome yet.
    pub open: usize,
    /// Scenarios without an answer so far. Zero: the load is complete.
    pub unanswered_scenarios: usize,
}

/// What became of all requests. Returned by [`Running::finish`](super::Running::finish).
///
/// Its `Display` is a table, with the first losses below it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// All scenarios together.
    pub total: Counts,
    /// Each scenario by its name, in the order in which they were added.
    pub by_scenario: Vec<(Cow<'static, str>, Counts)>,
    /// The first losses, at most [`Self::MOST_LOSSES`]; `total.lost` counts all.
    pub losses: Vec<Loss>,
    /// When the last request was answered.
    pub last_answer: Option<Instant>,
    /// The longest time until a client was refused. It is a second if the server drops new SYNs
    /// for a moment, because the client's kernel then sends a second SYN. It is longer if the port
    /// does not answer at all.
    pub slowest_refusal: Option<Duration>,
}

impl Verdict {
    /// How many losses are described; more are only counted.
    pub const MOST_LOSSES: usize = 1000;

    /// How many losses `Display` shows.
    const SHOWN: usize = 10;

    /// Whether no request was lost, and at least one was answered.
    ///
    /// The second condition is there because a server that no client reached proves nothing.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.total.lost == 0 && self.total.answered > 0
    }

    /// Writes the counts of each scenario. `head` may style the names of the columns, and `lost` a
    /// number of losses.
    pub(crate) fn write_table(
        &self,
        f: &mut dyn fmt::Write,
        head: impl Fn(String) -> String,
        lost: impl Fn(String) -> String,
    ) -> fmt::Result {
        let names = format!(
            "  {:<16}{:>9}{:>10}{:>10}{:>9}{:>6}",
            "", "sent", "answered", "rejected", "refused", "lost"
        );
        writeln!(f, "{}", head(names))?;
        let all = [("all".into(), self.total)];
        for (name, counts) in self.by_scenario.iter().chain(&all) {
            let Counts { sent, answered, rejected, refused, lost: count } = counts;
            write!(f, "  {name:<16}{sent:>9}{answered:>10}{rejected:>10}{refused:>9}")?;
            let text = format!("{count:>6}");
            writeln!(f, "{}", if *count > 0 { lost(text) } else { text })?;
        }
        Ok(())
    }

    /// Adds the verdict of another run.
    pub fn merge(&mut self, other: Self) {
        let Self { total, by_scenario, losses, last_answer, slowest_refusal } = other;
        self.total += total;
        for (name, counts) in by_scenario {
            match self.by_scenario.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known += counts,
                None => self.by_scenario.push((name, counts)),
            }
        }
        let room = Self::MOST_LOSSES.saturating_sub(self.losses.len());
        self.losses.extend(losses.into_iter().take(room));
        self.last_answer = self.last_answer.max(last_answer);
        self.slowest_refusal = self.slowest_refusal.max(slowest_refusal);
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(f, |names| names, |lost| lost)?;
        for loss in self.losses.iter().take(Self::SHOWN) {
            writeln!(f, "lost: {loss}")?;
        }
        let shown = self.losses.len().min(Self::SHOWN) as u64;
        match self.total.lost.saturating_sub(shown) {
            0 => Ok(()),
            more => writeln!(f, "lost: {more} more"),
        }
    }
}
