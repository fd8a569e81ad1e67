//! One row of the drill: a load, a network, and a number of stops.

use std::fmt;

use crate::{Connections, Kind, Plan, Scenario};

/// A load, and how often it is stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    kind: Kind,
    pub(super) clients: usize,
    pub(super) stops: u64,
    /// Whether the clients are a round trip away, or on the loopback.
    pub(super) is_apart: bool,
}

impl Row {
    /// All rows. With `is_quick` there are so few stops that a test has time for them.
    pub(super) fn all(is_quick: bool) -> [Self; 3] {
        let (storm, kept) = if is_quick { (2, 2) } else { (20, 5) };
        let storm = Self {
            name: "a connection per request",
            kind: Kind::NewConnection,
            clients: 16,
            stops: storm,
            is_apart: false,
        };
        let kept = Self {
            name: "kept connections",
            kind: Kind::KeepAlive,
            clients: 64,
            stops: kept,
            is_apart: true,
        };
        [storm, Self { is_apart: true, ..storm }, kept]
    }

    /// The load, with these requests.
    pub(super) fn scenario(self, plans: Vec<Plan>) -> Scenario {
        let mut scenario = self.kind.scenario();
        scenario.plans = plans;
        scenario
    }

    /// Whether a stock server loses requests in this row at each run.
    pub(super) fn must_lose(self) -> bool {
        self.is_apart && self.kind.scenario().connections == Connections::Kept
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.is_apart { "at a distance" } else { "on the loopback" };
        write!(f, "{} {place}", self.name)
    }
}
