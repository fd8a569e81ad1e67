//! Who is waited for, and who was told.

use std::sync::Arc;

use super::{Inner, Registry};
use crate::conn::Conn;
#[cfg(feature = "serve")]
use crate::conn::Order;

impl Inner {
    fn all(&self) -> Vec<Arc<Conn>> {
        self.entries.iter().map(|(_, entry)| Arc::clone(&entry.conn)).collect()
    }

    fn conns(&self) -> impl Iterator<Item = &Conn> {
        self.entries.iter().map(|(_, entry)| &*entry.conn)
    }
}

impl Registry {
    /// Tells one connection to leave: its server closes it when it is idle.
    #[cfg(feature = "serve")]
    pub(crate) fn dismiss(&self, conn: &Conn) {
        conn.give(Order::Leave);
        self.unnotified.settle(conn);
    }

    /// Marks the connections that are open now and are to be told, once in a stop.
    pub(crate) fn mark_unnotified(&self) {
        let inner = self.lock();
        if let Some(stop) = self.watch.stop_number() {
            self.unnotified.give(stop, inner.conns(), Conn::is_to_be_told);
        }
    }

    /// Marks the connections that are open now, once.
    pub(crate) fn mark_rest(&self) {
        let inner = self.lock();
        self.rest.give(1, inner.conns(), |_| true);
    }

    /// Waits for none of those any more.
    pub(crate) fn settle_rest(&self) {
        // Not under the lock, which ends with the statement.
        let all = self.lock().all();
        all.iter().for_each(|conn| self.rest.settle(conn));
    }

    /// This connection's peer knows that it is to leave.
    pub(crate) fn told(&self, conn: &Conn) {
        conn.set_told();
        self.unnotified.settle(conn);
    }

    /// The server has let go of a connection that is not HTTP any more.
    #[cfg(feature = "serve")]
    pub(crate) fn switched(&self, conn: &Conn) {
        conn.set_upgraded();
        self.told(conn);
        self.freed.notify_waiters();
    }
}
