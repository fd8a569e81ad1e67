//! When one connection may be closed without notice to its client.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use lameduck_core::{Phase, PhaseReached};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    ConnectionStage, Connections,
    connection::{Conn, Look, later},
};

/// A wait for a phase, in a task that is woken for other reasons too.
#[derive(Debug)]
pub(super) struct Awaited {
    reached: PhaseReached,
    phase: Phase,
    /// How many stops were cancelled before the task was listed.
    listed: Option<usize>,
}

impl Awaited {
    pub(super) fn new(connections: &Connections, phase: Phase) -> Self {
        let reached = connections.registry().watch.reached(phase);
        Self { reached, phase, listed: None }
    }

    /// Poll it in one task only.
    #[inline]
    pub(super) fn poll(&mut self, connections: &Connections, cx: &mut Context<'_>) -> Poll<()> {
        let watch = &connections.registry().watch;
        // Once the task is listed, two loads are enough. A poll would take the lock of the list,
        // which all connections share, at every byte that comes. In this order: a stop that was
        // cancelled before the phase was read is seen, and has removed the task from the list.
        if watch.current() < self.phase && self.listed == Some(watch.times_cancelled()) {
            return Poll::Pending;
        }
        self.poll_reached(connections, cx)
    }

    // Not inlined: most polls end before it.
    #[inline(never)]
    fn poll_reached(&mut self, connections: &Connections, cx: &mut Context<'_>) -> Poll<()> {
        self.listed = Some(connections.registry().watch.times_cancelled());
        Pin::new(&mut self.reached).poll(cx)
    }
}

/// Completes when the server may close an HTTP/1 connection, or one of no known protocol.
///
/// The rule of [`Connections::shutdown_signal`], for one connection alone.
#[derive(Debug)]
pub(super) struct Leave {
    connections: Connections,
    conn: Arc<Conn>,
    look: Look,
    /// Until when unread bytes are waited for.
    unread_until: Option<Instant>,
    draining: Awaited,
    cancelling: Awaited,
    /// Made when draining has begun.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Leave {
    pub(super) fn new(connections: &Connections, conn: &Arc<Conn>) -> Self {
        Self {
            connections: connections.clone(),
            conn: Arc::clone(conn),
            look: Look::default(),
            unread_until: None,
            draining: Awaited::new(connections, Phase::Draining),
            cancelling: Awaited::new(connections, Phase::Cancelling),
            timer: None,
        }
    }

    /// Ready with true if the client was idle to the end of its grace. With false it is not idle,
    /// or the time of all connections is over.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        ready!(self.draining.poll(&self.connections, cx));
        self.poll_draining(cx)
    }

    #[inline(never)]
    fn poll_draining(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            if self.cancelling.poll(&self.connections, cx).is_ready() {
                // Bytes that the reactor has not seen yet: it is about to.
                if self.look.finds_bytes(&self.conn) {
                    return Poll::Pending;
                }
                self.connections.registry().order_leave(&self.conn);
                return Poll::Ready(false);
            }
            // Computed at each poll: the connection may have got the first byte of a request since,
            // and that has less time than an idle connection.
            let (now, registry) = (Instant::now(), self.connections.registry());
            let held = registry.hold_until(&self.conn).filter(|at| *at > now);
            // Unread bytes have the grace, and are not checked for at each poll.
            let unread = self.unread_until.filter(|at| held.is_none() && *at > now);
            let until = match held.or(unread) {
                Some(at) => at,
                None if self.look.finds_bytes(&self.conn) => {
                    later(now, registry.options.first_byte_grace)
                }
                None => {
                    registry.order_leave(&self.conn);
                    return Poll::Ready(self.conn.stage() == ConnectionStage::Answered);
                }
            };
            self.unread_until = held.is_none().then_some(until);
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
            if timer.deadline() != until {
                timer.as_mut().reset(until);
            }
            ready!(timer.as_mut().poll(cx));
        }
    }
}
