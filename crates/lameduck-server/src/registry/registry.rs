//! All open connections, and the waits for them.

use std::{
    cmp::Reverse,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::Waker,
};

use lameduck_core::{Phase, PhaseWatch, StopTimeouts};
use slab::Slab;
use tokio::{sync::Notify, time::Instant};

use super::marked::Marked;
use crate::{
    ConnectionInfo, ConnectionStage, ConnectionTotals, ListenerClosed, SocketOptions,
    connection::{Conn, Look, Mark, Order, hold_until, later},
};

/// What the handle, the listeners and every connection share.
pub(crate) struct Registry {
    pub(crate) watch: PhaseWatch,
    pub(crate) options: SocketOptions,
    /// The origin of the times in [`Conn`].
    origin: Instant,
    /// Connections whose socket is not closed yet.
    open: AtomicUsize,
    /// Notified when `open` falls to zero.
    pub(crate) emptied: Notify,
    /// Notified when no connection holds the stop any more.
    pub(crate) freed: Notify,
    /// Notified when the last listener closed.
    pub(crate) closed: Notify,
    /// The connections whose clients are to be notified.
    pub(crate) unnotified: Marked,
    /// The connections that were there when draining began.
    pub(crate) before_draining: Marked,
    /// When draining was first seen, for a phase without deadlines.
    draining_seen_at: OnceLock<Instant>,
    inner: Mutex<Inner>,
}

struct Inner {
    entries: Slab<Entry>,
    /// How many entries held the stop at the last scan.
    holding: usize,
    totals: ConnectionTotals,
    listening: usize,
    ended: ListenerClosed,
}

struct Entry {
    conn: Arc<Conn>,
    holds: bool,
    look: Look,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The usual end.
    Plain,
    /// The connection was idle to the end of its grace.
    Idle,
    /// The same, but a request came and got an answer that says that it was not executed.
    Rejected,
    /// The same, but there were unread bytes.
    Unread,
}

impl Registry {
    pub(crate) fn new(watch: PhaseWatch, options: SocketOptions) -> Self {
        if let Err(error) = options.check() {
            tracing::error!(%error, "an invalid option; the nearest value that works is used");
        }
        let inner = Inner {
            entries: Slab::new(),
            holding: 0,
            totals: ConnectionTotals::default(),
            listening: 0,
            ended: ListenerClosed::NONE,
        };
        Self {
            watch,
            options,
            origin: Instant::now(),
            open: AtomicUsize::new(0),
            emptied: Notify::new(),
            freed: Notify::new(),
            closed: Notify::new(),
            unnotified: Marked::new(Mark::Unnotified),
            before_draining: Marked::new(Mark::BeforeDraining),
            draining_seen_at: OnceLock::new(),
            inner: Mutex::new(inner),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, conn: Arc<Conn>) -> usize {
        // SeqCst, as the other three: `count` may be read together with a phase, and a wait for
        // zero must not miss a connection that was entered before it.
        self.open.fetch_add(1, Ordering::SeqCst);
        let mut inner = self.lock();
        inner.totals.accepted += 1;
        inner.entries.insert(Entry { conn, holds: false, look: Look::default() })
    }

    /// Removes a connection whose socket is about to be closed.
    pub(crate) fn forget(&self, key: usize, end: End) {
        // The entry is dropped after the lock is released: it holds wakers.
        let entry = {
            let mut inner = self.lock();
            let Some(entry) = inner.entries.try_remove(key) else { return };
            let totals = &mut inner.totals;
            totals.closed += 1;
            totals.bytes_in += entry.conn.bytes_in();
            totals.bytes_out += entry.conn.bytes_out();
            totals.idle_closed += u64::from(end == End::Idle);
            totals.rejected += u64::from(end == End::Rejected);
            totals.unread += u64::from(end == End::Unread);
            if entry.holds {
                inner.holding -= 1;
                if inner.holding == 0 {
                    drop(inner);
                    self.freed.notify_waiters();
                }
            }
            entry
        };
        self.unnotified.settle(&entry.conn);
        self.before_draining.settle(&entry.conn);
    }

    /// The socket of a removed connection is closed.
    pub(crate) fn leave(&self) {
        if self.open.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.emptied.notify_waiters();
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    pub(crate) fn list(&self) -> Vec<ConnectionInfo> {
        let now = Instant::now();
        let mut list: Vec<_> =
            self.lock().entries.iter().map(|(_, entry)| entry.conn.info(now)).collect();
        // Not under the lock, which the `let` has released.
        list.sort_by_key(|info| Reverse(info.age));
        list
    }

    pub(crate) fn totals(&self) -> ConnectionTotals {
        let inner = self.lock();
        let mut totals = inner.totals;
        for (_, entry) in &inner.entries {
            totals.bytes_in += entry.conn.bytes_in();
            totals.bytes_out += entry.conn.bytes_out();
        }
        totals
    }

    pub(crate) fn on_accept_error(&self) {
        self.lock().totals.accept_errors += 1;
    }

    /// Counts the connections that hold the stop. Returns when to scan again at the latest, or
    /// `None` if no connection holds it. With `only_before_draining`, later connections do not
    /// count.
    pub(crate) fn scan(&self, only_before_draining: bool) -> Option<Instant> {
        let began = self.draining_since();
        let now = Instant::now();
        let mut inner = self.lock();
        let (mut holding, mut latest) = (0, None);
        for (_, entry) in &mut inner.entries {
            let is_pinged = !only_before_draining || entry.conn.has_mark(Mark::BeforeDraining);
            let mut until = hold_until(&entry.conn, began, self.origin, &self.options);
            until = until.filter(|_| is_pinged);
            if until.is_some_and(|at| at <= now) && entry.look.finds_bytes(&entry.conn) {
                until = Some(later(now, self.options.first_byte_grace));
            }
            entry.holds = until.is_some_and(|at| at > now);
            if entry.holds {
                holding += 1;
                latest = latest.max(until);
            }
        }
        inner.holding = holding;
        latest
    }

    /// The server may close idle connections: orders it for every connection.
    pub(crate) fn release(&self) {
        self.order(Order::Leave, |conn| conn.stage() == ConnectionStage::Head);
    }

    /// Closes every connection by force. Returns how many.
    pub(crate) fn abort(&self) -> usize {
        self.order(Order::Abort, |conn| {
            conn.handle().shutdown();
            true
        })
    }

    fn order(&self, order: Order, wakes: impl Fn(&Conn) -> bool) -> usize {
        let mut ordered: u64 = 0;
        let mut wakers: Vec<Waker> = Vec::new();
        let mut settled: Vec<Arc<Conn>> = Vec::new();
        {
            let mut inner = self.lock();
            for (_, entry) in &inner.entries {
                if entry.conn.give(order) {
                    ordered += 1;
                    settled.push(Arc::clone(&entry.conn));
                    if wakes(&entry.conn) {
                        wakers.extend(entry.conn.wakers().into_iter().flatten());
                    }
                }
            }
            if order == Order::Abort {
                inner.totals.aborted += ordered;
            }
        }
        // Not under the lock: a waker may run its task, which may drop its connection.
        settled.iter().for_each(|conn| self.unnotified.settle(conn));
        wakers.into_iter().for_each(Waker::wake);
        usize::try_from(ordered).unwrap_or(usize::MAX)
    }

    pub(crate) fn on_listen(&self) {
        self.lock().listening += 1;
    }

    pub(crate) fn on_listener_closed(&self, closed: ListenerClosed) {
        let mut inner = self.lock();
        inner.listening -= 1;
        inner.ended = inner.ended.and(closed);
        let last = inner.listening == 0;
        drop(inner);
        if last {
            self.closed.notify_waiters();
        }
    }

    /// How the listeners ended, if all have.
    pub(crate) fn ended(&self) -> Option<ListenerClosed> {
        let inner = self.lock();
        (inner.listening == 0).then_some(inner.ended)
    }

    /// Orders one connection to leave: its server closes it when it is idle.
    #[cfg(feature = "serve")]
    pub(crate) fn order_leave(&self, conn: &Conn) {
        conn.give(Order::Leave);
        self.unnotified.settle(conn);
    }

    /// Marks the open connections whose clients are to be notified, once in a stop.
    pub(crate) fn mark_unnotified(&self) {
        let inner = self.lock();
        if let Some(stop) = self.watch.stop_number() {
            self.unnotified.give(stop, inner.conns(), Conn::is_to_be_notified);
        }
    }

    /// Marks the open connections, once.
    pub(crate) fn mark_before_draining(&self) {
        let inner = self.lock();
        self.before_draining.give(1, inner.conns(), |_| true);
    }

    /// Waits for none of those any more.
    pub(crate) fn settle_before_draining(&self) {
        // Not under the lock, which ends with the statement.
        let all = self.lock().all();
        all.iter().for_each(|conn| self.before_draining.settle(conn));
    }

    /// The client of this connection is notified.
    pub(crate) fn on_notified(&self, conn: &Conn) {
        conn.set_notified();
        self.unnotified.settle(conn);
    }

    /// The server has ended HTTP on this connection.
    #[cfg(feature = "serve")]
    pub(crate) fn switched(&self, conn: &Conn) {
        conn.set_switched();
        self.on_notified(conn);
        self.freed.notify_waiters();
    }

    /// When draining began.
    pub(crate) fn draining_since(&self) -> Instant {
        let seen = *self.draining_seen_at.get_or_init(Instant::now);
        // A phase may come before its deadline, and the deadline need not be set at all.
        self.watch.draining_at().map_or(seen, |at| seen.min(Instant::from_std(at)))
    }

    /// Until when the accept queue may be emptied, for a listener whose end began at `since`.
    ///
    /// Without deadlines it is the default of [`StopTimeouts`].
    pub(crate) fn accept_queue_until(&self, since: Instant) -> Instant {
        let deadlines = self.watch.deadlines();
        let time = match (deadlines.draining_at, deadlines.accept_queue_until) {
            (Some(began), Some(until)) => until.saturating_duration_since(began),
            _ => const { StopTimeouts::new().accept_queue() },
        };
        later(since, time)
    }

    /// The time for a stamp, once draining has begun. Before that it is not needed, and no clock is
    /// read.
    #[inline]
    pub(crate) fn stamp(&self) -> Option<u64> {
        (self.watch.current() >= Phase::Draining).then(|| self.nanos())
    }

    // Not inlined: most reads need no time.
    #[inline(never)]
    fn nanos(&self) -> u64 {
        let since = Instant::now().saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Until when a connection must not be closed without notice, if it must not.
    #[cfg(feature = "serve")]
    pub(crate) fn hold_until(&self, conn: &Conn) -> Option<Instant> {
        hold_until(conn, self.draining_since(), self.origin, &self.options)
    }
}

impl Inner {
    fn all(&self) -> Vec<Arc<Conn>> {
        self.entries.iter().map(|(_, entry)| Arc::clone(&entry.conn)).collect()
    }

    fn conns(&self) -> impl Iterator<Item = &Conn> {
        self.entries.iter().map(|(_, entry)| &*entry.conn)
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            watch,
            options: _,
            origin: _,
            open: _,
            emptied: _,
            freed: _,
            closed: _,
            unnotified: _,
            before_draining: _,
            draining_seen_at: _,
            inner: _,
        } = self;
        f.debug_struct("Registry")
            .field("phase", &watch.current())
            .field("open", &self.count())
            .finish_non_exhaustive()
    }
}
