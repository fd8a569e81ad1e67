//! The load, and what became of each of its requests.

mod check;
mod client;
mod held;
mod http1;
mod http2;
mod ledger;
mod load;
mod outcome;
mod plan;
mod random;
mod running;
mod scenario;
mod shared;
mod verdict;
mod websocket;

pub(crate) use self::random::Random;
pub use self::{
    held::{Held, HeldAt, HeldWebSocket, finish_all, silent_http2_peer},
    load::Oracle,
    outcome::{Loss, LossReason, Outcome},
    plan::{Expect, Plan, PlanBody},
    running::Running,
    scenario::{Connections, Scenario},
    verdict::{Counts, Snapshot, Verdict},
};
