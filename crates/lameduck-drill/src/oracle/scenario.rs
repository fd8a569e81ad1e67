//! What one kind of client does.

use std::{borrow::Cow, ops::RangeInclusive, time::Duration};

use super::Plan;

/// What one kind of client does, again and again: it pauses, and sends one of its plans.
///
/// ```
/// use lameduck_drill::{Connections, Plan, Scenario};
///
/// let plans = [Plan::get("/"), Plan::get("/users/7")];
/// let mut browsers = Scenario::new("browsers", Connections::Kept, plans);
/// browsers.think_time = std::time::Duration::from_millis(5);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// The name in reports.
    pub name: Cow<'static, str>,
    /// How the clients connect.
    pub connections: Connections,
    /// What the clients send. For each request, one plan is chosen by the load's seed. A scenario
    /// without a plan sends nothing.
    pub plans: Vec<Plan>,
    /// The longest pause between two requests of one client. By default 40 ms: two cores then serve
    /// 64 clients with a debug build.
    pub think_time: Duration,
}

/// How the clients of a scenario connect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connections {
    /// HTTP/1.1 on one connection for as long as the server keeps it open.
    Kept,
    /// HTTP/1.1 on a new connection for each request.
    PerRequest,
    /// HTTP/2 with prior knowledge, on one connection for as long as the server keeps it open.
    Http2 {
        /// The most requests at a time on one connection, at least 1.
        streams: u64,
    },
    /// A WebSocket that echoes: each text message must come back. The client then closes it. Of a
    /// plan, only the path and the headers count. One session counts as one request.
    WebSocket {
        /// How many messages a session has.
        messages: RangeInclusive<u64>,
    },
}

impl Scenario {
    /// Describes what a kind of client does.
    #[must_use]
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        connections: Connections,
        plans: impl Into<Vec<Plan>>,
    ) -> Self {
        let think_time = Duration::from_millis(40);
        Self { name: name.into(), connections, plans: plans.into(), think_time }
    }
}
