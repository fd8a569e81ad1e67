//! What all clients of one load share, and a scenario that is ready to run.

use std::{
    collections::HashMap,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::{Method, uri::PathAndQuery};
use tokio::{sync::watch, time::timeout};

use super::{Plan, Scenario, ledger::Ledger, random::Random};

/// The body of the first complete answer to a method and path.
pub(super) type Reference = Arc<OnceLock<Vec<u8>>>;

/// What all clients of one load share.
pub(super) struct Shared {
    pub(super) addr: SocketAddr,
    pub(super) ledger: Ledger,
    pub(super) stop: watch::Sender<bool>,
    pub(super) time_limit: Duration,
}

/// A scenario that is ready to run.
pub(super) struct Script {
    /// Its row in the ledger.
    pub(super) row: usize,
    pub(super) scenario: Scenario,
    /// One for each plan.
    targets: Vec<Target>,
}

/// A plan, with what its answer is compared with.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) plan: Plan,
    pub(super) reference: Reference,
}

/// One reference for each method and path.
#[derive(Default)]
pub(super) struct References(HashMap<(Method, PathAndQuery), Reference>);

impl Shared {
    /// Pauses, but at most until the load ends. False if it has ended.
    pub(super) async fn pause(&self, pause: Duration) -> bool {
        let mut stop = self.stop.subscribe();
        // `self` holds the sender, so only the timeout can fail.
        timeout(pause, stop.wait_for(|stop| *stop)).await.is_err()
    }
}

impl Script {
    pub(super) fn new(row: usize, scenario: Scenario, references: &mut References) -> Self {
        let targets = scenario.plans.iter().map(|plan| references.target(plan.clone())).collect();
        Self { row, scenario, targets }
    }

    /// One of the targets. None if there is none.
    pub(super) fn choose(&self, random: &mut Random) -> Option<&Target> {
        let last = self.targets.len().checked_sub(1)?;
        self.targets.get(random.of(0..=last as u64) as usize)
    }
}

impl References {
    fn target(&mut self, plan: Plan) -> Target {
        let key = (plan.method.clone(), plan.path.clone());
        Target { plan, reference: Arc::clone(self.0.entry(key).or_default()) }
    }
}

impl Target {
    /// A target whose answer is compared with no other answer.
    pub(super) fn alone(plan: Plan) -> Self {
        Self { plan, reference: Reference::default() }
    }

    /// The head of the request in HTTP/1.1.
    pub(super) fn head(&self, addr: SocketAddr) -> String {
        let Plan { method, path, headers, body, .. } = &self.plan;
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {addr}\r\n");
        for (name, value) in headers {
            // Writing to a string does not fail.
            let _ = write!(head, "{name}: {}\r\n", String::from_utf8_lossy(value.as_bytes()));
        }
        match body {
            Some(body) if body.is_sized => {
                let _ = write!(head, "content-length: {}\r\n", body.length());
            }
            Some(_) => head.push_str("transfer-encoding: chunked\r\n"),
            None => (),
        }
        head.push_str("\r\n");
        head
    }
}
