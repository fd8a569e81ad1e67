//! A load that is described, and how it starts.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};

use super::{
    Connections, Plan, Running, Scenario, client,
    ledger::Ledger,
    random::Random,
    shared::{References, Script, Shared},
};

/// The name of the row in which requests of a burst count.
const BURST: &str = "burst";

/// A load that is described, but does not run yet.
///
/// See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
#[must_use = "no request is sent before `start`"]
#[non_exhaustive]
pub struct Oracle {
    addr: SocketAddr,
    clients: Vec<(Scenario, usize)>,
    /// The seed of all random choices: pauses, plans, sizes. By default 1.
    pub seed: u64,
    /// The longest time that one request may take. After that it is lost. By default 30 s.
    pub time_limit: Duration,
}

impl Oracle {
    /// Describes a load on the server at `addr`, without a client yet.
    ///
    /// # Panics
    ///
    /// If `addr` is not a loopback address: the oracle tests a server, and must not load others.
    pub fn new(addr: SocketAddr) -> Self {
        assert!(addr.ip().is_loopback(), "the oracle only sends requests to this machine");
        Self::in_network(addr)
    }

    /// As [`new`](Self::new), for an address in a network that was made for the drill.
    pub(crate) fn in_network(addr: SocketAddr) -> Self {
        Self { addr, clients: Vec::new(), seed: 1, time_limit: Duration::from_secs(30) }
    }

    /// Adds `count` clients of a scenario: a [`Kind`](crate::Kind) of the contract, or a
    /// [`Scenario`] of your own. Replaces a scenario with the same name.
    pub fn with_client(mut self, scenario: impl Into<Scenario>, count: usize) -> Self {
        let scenario = scenario.into();
        match self.clients.iter_mut().find(|(known, _)| known.name == scenario.name) {
            Some(known) => *known = (scenario, count),
            None => self.clients.push((scenario, count)),
        }
        self
    }

    /// Adds `count` clients, spread evenly over `scenarios`. The first ones get the remainder.
    ///
    /// `oracle.with_clients(Kind::ALL, 32)` is the load of the whole contract.
    pub fn with_clients(
        self,
        scenarios: impl IntoIterator<Item: Into<Scenario>, IntoIter: ExactSizeIterator>,
        count: usize,
    ) -> Self {
        let scenarios = scenarios.into_iter();
        let kinds = scenarios.len().max(1);
        scenarios.enumerate().fold(self, |oracle, (index, scenario)| {
            let one_more = usize::from(index < count % kinds);
            oracle.with_client(scenario, count / kinds + one_more)
        })
    }

    /// Starts the clients.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(self) -> Running {
        let Self { addr, seed, clients, time_limit } = self;
        let (ledger, stop) = (Ledger::new(), watch::Sender::new(false));
        let shared = Arc::new(Shared { addr, ledger, stop, time_limit });
        let mut references = References::default();
        let (mut tasks, mut seeds) = (JoinSet::new(), Random::new(seed));
        let burst = burst(&clients);
        for (scenario, count) in clients.into_iter().filter(|(_, count)| *count > 0) {
            let row = shared.ledger.row(scenario.name.clone());
            let script = Arc::new(Script::new(row, scenario, &mut references));
            for _ in 0..count {
                let (shared, script) = (Arc::clone(&shared), Arc::clone(&script));
                let random = Random::new(seeds.number());
                tasks.spawn(async move { client::run(&shared, &script, random).await });
            }
        }
        Running::new(shared, tasks, burst, references)
    }
}

/// The scenario of a burst: the plans of the first scenario that speaks HTTP/1.
fn burst(clients: &[(Scenario, usize)]) -> Scenario {
    let is_http1 = |scenario: &&Scenario| {
        matches!(scenario.connections, Connections::Kept | Connections::PerRequest)
    };
    let first = clients.iter().map(|(scenario, _)| scenario).find(is_http1);
    let plans = first.map_or_else(|| vec![Plan::get("/")], |scenario| scenario.plans.clone());
    Scenario::new(BURST, Connections::PerRequest, plans)
}
