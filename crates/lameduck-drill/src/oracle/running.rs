//! A load that runs, and how it ends.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    Scenario, Snapshot, Verdict, client,
    random::Random,
    shared::{References, Script, Shared},
};

/// How long clients may take to end after the time limit of their last request.
const SPARE: Duration = Duration::from_secs(5);

/// How often `each_scenario_answered` looks.
const LOOK: Duration = Duration::from_millis(5);

/// A load that runs. Dropped, it ends at once, without a verdict.
#[must_use = "dropped, the load ends"]
pub struct Running {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
    burst: Scenario,
    references: References,
}

impl Running {
    pub(super) const fn new(
        shared: Arc<Shared>,
        tasks: JoinSet<()>,
        burst: Scenario,
        references: References,
    ) -> Self {
        Self { shared, tasks, burst, references }
    }

    /// How far the load has come.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.ledger.snapshot()
    }

    /// Completes when each scenario has had an answer: the load is complete. It also completes
    /// after the time limit of a request. The verdict then says which scenario had none.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn each_scenario_answered(&self) {
        let answered = async {
            while self.snapshot().unanswered_scenarios > 0 {
                sleep(LOOK).await;
            }
        };
        _ = timeout(self.shared.time_limit, answered).await;
    }

    /// Sends `count` more requests at once, each on a new connection. They have the plans of the
    /// first scenario that speaks HTTP/1, and count as `burst`.
    pub fn burst(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let row = self.shared.ledger.row(self.burst.name.clone());
        let script = Arc::new(Script::new(row, self.burst.clone(), &mut self.references));
        for number in 0..count {
            let (shared, script) = (Arc::clone(&self.shared), Arc::clone(&script));
            let random = Random::new(number as u64);
            self.tasks.spawn(async move { client::once(&shared, &script, random).await });
        }
    }

    /// Lets the clients begin no new request. Requests that have begun continue.
    ///
    /// Event streams end after the events that were asked for, and each WebSocket is closed.
    pub fn stop_sending(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Stops sending, waits for the requests that have begun, and returns the verdict.
    ///
    /// A request takes at most the time limit. A request that is still open 5 s later is lost.
    pub async fn finish(self) -> Verdict {
        self.stop_sending();
        let Self { shared, mut tasks, burst: _, references: _ } = self;
        let deadline = Instant::now() + shared.time_limit + SPARE;
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout_at(deadline, all).await.is_err() {
            tasks.shutdown().await;
        }
        shared.ledger.verdict()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared: _, tasks, burst: _, references: _ } = self;
        f.debug_struct("Running")
            .field("snapshot", &self.snapshot())
            .field("clients", &tasks.len())
            .finish_non_exhaustive()
    }
}
