//! A pool whose connections know their request's deadline, and return without an answer to come.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lameduck::context::RequestContext;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_postgres::{Client, NoTls, Row, error::SqlState, types::ToSql};

/// How long before the request's deadline the query ends, so that there is time to answer.
const RESERVE: Duration = Duration::from_millis(20);

/// How long a cancelled query may take to end. If it takes longer, its connection is closed.
const CLEAN_UP: Duration = Duration::from_secs(1);

/// Connections to one database. Clones share them.
#[derive(Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    config: String,
    idle: Mutex<Vec<Client>>,
    /// One for each connection that may be in use.
    permits: Arc<Semaphore>,
}

/// Why a query has no rows.
#[derive(Debug)]
pub(crate) enum Failed {
    /// No time was left, or the request is cancelled.
    Late(String),
    Database(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        // Postgres has ended the query at its `statement_timeout`.
        if error.code() == Some(&SqlState::QUERY_CANCELED) {
            return Self::Late("the database ended the query: its time was over\n".to_owned());
        }
        Self::Database(error)
    }
}

impl Pool {
    /// Makes a pool of at most `size` connections, and opens the first.
    pub(crate) async fn connect(config: &str, size: usize) -> Result<Self, tokio_postgres::Error> {
        let idle = Mutex::new(vec![open(config).await?]);
        let permits = Arc::new(Semaphore::new(size));
        Ok(Self { shared: Arc::new(Shared { config: config.to_owned(), idle, permits }) })
    }

    /// A connection for one request, whose queries have the deadline of the request. Waiting for a
    /// connection counts as part of the request's time.
    pub(crate) async fn take(&self, context: &RequestContext) -> Result<Lease, Failed> {
        let held = context.run(self.wait()).await;
        let held =
            held.map_err(|cancelled| Failed::Late(format!("no connection: {cancelled}\n")))??;
        let lease =
            Lease { held: Some(held), context: context.clone(), is_busy: Mutex::new(false) };
        lease.limit().await?;
        Ok(lease)
    }

    /// An idle connection, or a new one.
    async fn wait(&self) -> Result<Held, Failed> {
        let permit = Arc::clone(&self.shared.permits).acquire_owned().await;
        let permit = permit.map_err(|closed| Failed::Late(format!("the pool is {closed}\n")))?;
        let idle = self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let client = match idle.filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => open(&self.shared.config).await?,
        };
        Ok(Held { client, permit, shared: Arc::clone(&self.shared) })
    }
}

async fn open(config: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(config, NoTls).await?;
    // Ends when the client is dropped, so no code has to own it.
    #[expect(clippy::disallowed_methods, reason = "the connection's own task, not a request's")]
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(event = "database.lost", %error);
        }
    });
    Ok(client)
}

/// A connection in use. When it is dropped, it returns to the pool, after its query has ended.
pub(crate) struct Lease {
    /// Taken when the lease is dropped.
    held: Option<Held>,
    context: RequestContext,
    /// Whether an answer of the database is still to come.
    is_busy: Mutex<bool>,
}

/// What returns to the pool.
struct Held {
    client: Client,
    permit: OwnedSemaphorePermit,
    shared: Arc<Shared>,
}

impl Lease {
    /// Runs a query. The database ends it at the request's deadline; it is dropped with the
    /// request.
    pub(crate) async fn query(
        &self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failed> {
        let Some(held) = &self.held else { return Ok(Vec::new()) };
        self.set_busy(true);
        let rows = self.context.run(held.client.query(sql, params)).await;
        let rows = rows.map_err(|cancelled| Failed::Late(format!("the query: {cancelled}\n")))?;
        self.set_busy(false);
        Ok(rows?)
    }

    /// Sets how long a statement may take. Postgres ends it then, even if this process dies.
    async fn limit(&self) -> Result<(), Failed> {
        let left = self.context.remaining().map(|left| left.saturating_sub(RESERVE));
        let millis = match left.map(|left| left.as_millis()) {
            // To Postgres, zero is no limit.
            Some(0) => return Err(Failed::Late("no time is left for a query\n".to_owned())),
            // Postgres has 31 bits for it, which is 24 days.
            Some(millis) => i32::try_from(millis).unwrap_or(i32::MAX),
            None => 0,
        };
        self.query("SELECT set_config('statement_timeout', $1, false)", &[&millis.to_string()])
            .await
            .map(drop)
    }

    fn set_busy(&self, is_busy: bool) {
        *self.is_busy.lock().unwrap_or_else(PoisonError::into_inner) = is_busy;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        if !*self.is_busy.get_mut().unwrap_or_else(PoisonError::into_inner) {
            held.give_back();
            return;
        }
        // Detached: the request is over, and the task that ends its query must not end with it.
        let work = self.context.detach("end a query", held.clean_up());
        drop(work);
    }
}

impl Held {
    /// Ends the query, and returns the connection to the pool when the query has ended.
    async fn clean_up(self) {
        let cancel = self.client.cancel_token();
        let ended = async {
            cancel.cancel_query(NoTls).await?;
            // Postgres answers this after the end of the query, or of its answer.
            self.client.batch_execute("").await
        };
        match timeout(CLEAN_UP, ended).await {
            Ok(Ok(())) => self.give_back(),
            // The drop closes the connection. The next request opens another one.
            Ok(Err(error)) => tracing::warn!(event = "query.not_ended", %error),
            Err(_) => tracing::warn!(event = "query.not_ended"),
        }
    }

    fn give_back(self) {
        let Self { client, permit, shared } = self;
        shared.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        // Last, so that the next holder of the permit finds the connection.
        drop(permit);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared } = self;
        f.debug_struct("Pool")
            .field("available", &shared.permits.available_permits())
            .finish_non_exhaustive()
    }
}
