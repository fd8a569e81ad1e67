//! The oracle: how the load is described, started and ended.

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

use super::{
    Kind, Snapshot, Verdict,
    clients::{self, Shared},
    ledger::Ledger,
    plan::Reference,
    random::Random,
};

/// How long clients may take to end after their last request has.
const SPARE: Duration = Duration::from_secs(5);

/// How often it is looked whether each kind was answered.
const LOOK: Duration = Duration::from_millis(5);

/// A load that is described, but does not run yet.
///
/// See the [crate docs](crate) for an example.
#[derive(Clone, Debug)]
#[must_use = "no request is sent before `start`"]
pub struct Oracle {
    addr: SocketAddr,
    seed: u64,
    clients: BTreeMap<Kind, usize>,
    think: Duration,
    limit: Duration,
}

impl Oracle {
    /// Describes a load on the server at `addr`, without a client yet.
    ///
    /// # Panics
    ///
    /// If `addr` is not of this machine: the oracle is a test, not a weapon.
    pub fn new(addr: SocketAddr) -> Self {
        assert!(addr.ip().is_loopback(), "the oracle only asks servers of this machine");
        Self::apart(addr)
    }

    /// As [`new`](Self::new), for an address in a network that was made for the test.
    pub(crate) fn apart(addr: SocketAddr) -> Self {
        Self {
            addr,
            seed: 1,
            clients: BTreeMap::new(),
            think: Duration::from_millis(40),
            limit: Duration::from_secs(30),
        }
    }

    /// Sets the seed of all that is chosen: pauses, sizes, mixtures. By default 1.
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many clients of a kind there are. By default none.
    pub fn with_client(mut self, kind: Kind, count: usize) -> Self {
        self.clients.insert(kind, count);
        self
    }

    /// Sets `count` clients, spread over all kinds: as many of each, the rest to the first ones.
    pub fn with_mixed_clients(mut self, count: usize) -> Self {
        let kinds = Kind::ALL.len();
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            let rest = usize::from(index < count % kinds);
            self.clients.insert(kind, count / kinds + rest);
        }
        self
    }

    /// Sets the longest pause between two requests of a client. By default 40 ms.
    pub const fn with_think_time(mut self, longest: Duration) -> Self {
        self.think = longest;
        self
    }

    /// Sets how long one request may take before it is lost. By default 30 s.
    pub const fn with_time_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts the clients.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(self) -> Running {
        let Self { addr, seed, clients, think, limit } = self;
        let shared = Arc::new(Shared {
            addr,
            ledger: Ledger::new(),
            reference: Reference::default(),
            stop: watch::Sender::new(false),
            think,
            limit,
        });
        let mut tasks = JoinSet::new();
        let mut seeds = Random::new(seed);
        for (kind, count) in clients {
            shared.ledger.expect(kind);
            for _ in 0..count {
                let (shared, random) = (Arc::clone(&shared), Random::new(seeds.number()));
                tasks.spawn(async move { clients::run(&shared, kind, random).await });
            }
        }
        Running { shared, tasks }
    }
}

/// A load that runs. Dropped, it ends at once, without a verdict.
#[must_use = "dropped, the load ends"]
pub struct Running {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Running {
    /// How far the load has come.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.shared.ledger.snapshot()
    }

    /// Completes when a client of each kind was answered: the load is under way. Or when the time
    /// limit of a request is over, for then it never will be, and the verdict says why.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe.
    pub async fn each_kind_answered(&self) {
        let answered = async {
            while self.snapshot().unanswered_kinds > 0 {
                sleep(LOOK).await;
            }
        };
        _ = timeout(self.shared.limit, answered).await;
    }

    /// Sends `count` requests more, at once, each on a connection of its own, as
    /// [`Kind::NewConnection`].
    pub fn burst(&mut self, count: usize) {
        for _ in 0..count {
            let shared = Arc::clone(&self.shared);
            self.tasks.spawn(async move { clients::once(&shared).await });
        }
    }

    /// Tells the clients to begin no new request. Those that have begun go on.
    ///
    /// Event streams end after the events that were asked for; each WebSocket is closed.
    pub fn stop_sending(&self) {
        self.shared.stop.send_replace(true);
    }

    /// Stops sending, waits for the requests that have begun, and says what became of all.
    ///
    /// A request takes at most the time limit; what has not ended a little later is lost.
    pub async fn finish(self) -> Verdict {
        self.stop_sending();
        let Self { shared, mut tasks } = self;
        let deadline = Instant::now() + shared.limit + SPARE;
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout_at(deadline, all).await.is_err() {
            tasks.shutdown().await;
        }
        shared.ledger.verdict()
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared: _, tasks } = self;
        f.debug_struct("Running")
            .field("snapshot", &self.snapshot())
            .field("clients", &tasks.len())
            .finish_non_exhaustive()
    }
}
