//! Counts of outcomes, and the verdict made of them.

use std::{fmt, ops::AddAssign, time::Duration};

use tokio::time::Instant;

use super::{Kind, Loss, Outcome};

/// How many requests had which outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests that came to an end: the sum of the four below.
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
    /// Requests that came to an end.
    pub total: Counts,
    /// Requests that have not come to an end.
    pub open: usize,
    /// Kinds of clients of which no request was answered yet. Zero: the load is under way.
    pub unanswered_kinds: usize,
}

/// What became of all requests. Made by [`Running::finish`](super::Running::finish).
///
/// Its `Display` is a table, with the first losses below it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Verdict {
    /// All kinds together.
    pub total: Counts,
    /// The kinds that were asked for, in the order of [`Kind::ALL`].
    pub by_kind: Vec<(Kind, Counts)>,
    /// The first losses, at most [`Self::MOST_LOSSES`]; `total.lost` counts all.
    pub losses: Vec<Loss>,
    /// When the last request was answered.
    pub last_answer: Option<Instant>,
    /// How long a client waited at most to be refused. A server that drops new SYNs for a moment
    /// makes it a second, by the kernel's second SYN; longer is a port that says nothing.
    pub slowest_refusal: Option<Duration>,
}

impl Verdict {
    /// How many losses are described; more are only counted.
    pub const MOST_LOSSES: usize = 1000;

    /// How many losses `Display` shows.
    const SHOWN: usize = 10;

    /// Whether no request was lost, and at least one was answered.
    ///
    /// The second half is there so that a server nobody reached is not found innocent.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.total.lost == 0 && self.total.answered > 0
    }

    /// Adds the verdict of another run.
    pub fn merge(&mut self, other: Self) {
        let Self { total, by_kind, losses, last_answer, slowest_refusal } = other;
        self.total += total;
        for (kind, counts) in by_kind {
            match self.by_kind.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, known)) => *known += counts,
                None => self.by_kind.push((kind, counts)),
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
        let names = ["sent", "answered", "rejected", "refused", "lost"];
        let [sent, answered, rejected, refused, lost] = names;
        writeln!(f, "{:<16}{sent:>9}{answered:>10}{rejected:>10}{refused:>9}{lost:>6}", "")?;
        let mut row = |name: &str, counts: &Counts| {
            let Counts { sent, answered, rejected, refused, lost } = counts;
            writeln!(f, "{name:<16}{sent:>9}{answered:>10}{rejected:>10}{refused:>9}{lost:>6}")
        };
        for (kind, counts) in &self.by_kind {
            row(kind.name(), counts)?;
        }
        row("all", &self.total)?;
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
