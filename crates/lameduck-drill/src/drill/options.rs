//! What may be chosen for a drill.

use std::{ffi::OsString, net::SocketAddr, time::Duration};

use crate::{Kind, Scenario};

/// What may be chosen for a drill.
///
/// ```
/// use lameduck_drill::{Connections, Plan, Scenario, drill::DrillOptions};
///
/// let mut options = DrillOptions::new();
/// options.addr = Some(([127, 0, 0, 1], 8080).into());
/// options.scenarios = vec![Scenario::new("users", Connections::Kept, [Plan::get("/users/7")])];
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DrillOptions {
    /// The arguments of the program. By default none.
    pub args: Vec<OsString>,
    /// Where the program listens. `None`, the default: the program takes a free port and prints
    /// `listening on http://ADDR` on its standard output.
    pub addr: Option<SocketAddr>,
    /// How many clients there are, spread evenly over the scenarios. By default 64.
    pub clients: usize,
    /// What the clients do. By default all scenarios of the [contract](crate::contract).
    pub scenarios: Vec<Scenario>,
    /// The seed of the load. By default 1.
    pub seed: u64,
    /// How long the load runs before SIGTERM is sent. By default 2 s.
    pub signal_after: Duration,
    /// How many connections, each with a request, are opened at the moment of SIGTERM. By default
    /// 64. What the server's accept queue cannot take (128 with tokio's `bind`) is refused.
    pub burst: usize,
    /// The longest time from the start of the program to its exit. After that it is killed. By
    /// default 45 s.
    pub time_limit: Duration,
    /// The exit code that the program has to end with. By default 0.
    pub exit_code: i32,
}

impl DrillOptions {
    /// The defaults: the whole contract, with 64 clients and a burst of 64.
    #[must_use]
    pub fn new() -> Self {
        Self {
            args: Vec::new(),
            addr: None,
            clients: 64,
            scenarios: Kind::ALL.map(Scenario::from).into(),
            seed: 1,
            signal_after: Duration::from_secs(2),
            burst: 64,
            time_limit: Duration::from_secs(45),
            exit_code: 0,
        }
    }
}

impl Default for DrillOptions {
    fn default() -> Self {
        Self::new()
    }
}
