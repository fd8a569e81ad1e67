//! What is known of one connection: atomics that its IO writes and every other task may read.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    task::Waker,
};

use tokio::time::Instant;

use super::mark::Mark;
use crate::{ConnectionInfo, ConnectionStage, Protocol, socket::Handle};

/// What the IO of a connection was ordered to do. A later order replaces an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Order {
    /// Go on.
    Stay,
    /// The server may close idle connections. Half a head ends.
    Leave,
    /// Every call fails from now on.
    Abort,
}

/// The two directions of a socket, which two tasks may wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Read,
    Write,
}

#[derive(Debug)]
pub(crate) struct Conn {
    peer: Option<SocketAddr>,
    accepted: Instant,
    handle: Handle,
    // Only the IO writes these, through `&mut`, so an addition is a load and a store. Relaxed
    // throughout: each value stands alone, and a reader may see it late.
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// Nanoseconds of the registry's clock at the last byte since draining began; else zero.
    moved_at: AtomicU64,
    /// The same at the first byte that came after an answer, or of all.
    head_at: AtomicU64,
    stage: AtomicU8,
    protocol: AtomicU8,
    order: AtomicU8,
    /// Whether the client is notified.
    is_notified: AtomicBool,
    /// Why a stop waits for it.
    marks: AtomicU8,
    /// Whether an HTTP/1 request was called and its answer has not ended, as far as an own server
    /// knows.
    is_answering: AtomicBool,
    /// Whether it is not HTTP any more, as far as an own server knows.
    is_switched: AtomicBool,
    /// The last wakers of the tasks that wait for the two sides.
    wakers: Mutex<[Option<Waker>; 2]>,
}

impl Conn {
    pub(crate) fn new(peer: Option<SocketAddr>, handle: Handle) -> Self {
        Self {
            peer,
            accepted: Instant::now(),
            handle,
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            moved_at: AtomicU64::new(0),
            head_at: AtomicU64::new(0),
            stage: AtomicU8::new(ConnectionStage::NoBytes as u8),
            protocol: AtomicU8::new(Protocol::Unknown as u8),
            order: AtomicU8::new(Order::Stay as u8),
            is_notified: AtomicBool::new(false),
            marks: AtomicU8::new(0),
            is_answering: AtomicBool::new(false),
            is_switched: AtomicBool::new(false),
            wakers: Mutex::default(),
        }
    }

    pub(crate) const fn handle(&self) -> Handle {
        self.handle
    }

    pub(crate) const fn accepted(&self) -> Instant {
        self.accepted
    }

    pub(crate) fn stage(&self) -> ConnectionStage {
        if self.is_switched.load(Ordering::Relaxed) {
            return ConnectionStage::Upgraded;
        }
        ConnectionStage::from_u8(self.stage.load(Ordering::Relaxed))
    }

    pub(crate) fn protocol(&self) -> Protocol {
        Protocol::from_u8(self.protocol.load(Ordering::Relaxed))
    }

    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Ordering::Relaxed)
    }

    pub(crate) fn moved_at(&self) -> u64 {
        self.moved_at.load(Ordering::Relaxed)
    }

    pub(crate) fn head_at(&self) -> u64 {
        self.head_at.load(Ordering::Relaxed)
    }

    pub(crate) fn order(&self) -> Order {
        // Relaxed: an order is followed by a wake-up, and the lock around the wakers orders the
        // two. A call that misses it here is woken again.
        match self.order.load(Ordering::Relaxed) {
            0 => Order::Stay,
            1 => Order::Leave,
            _ => Order::Abort,
        }
    }

    /// Gives an order. Returns whether it is new.
    pub(crate) fn give(&self, order: Order) -> bool {
        self.order.fetch_max(order as u8, Ordering::Relaxed) < order as u8
    }

    pub(crate) fn set_notified(&self) {
        self.is_notified.store(true, Ordering::SeqCst);
    }

    /// Sets the mark. Returns whether it was not set before.
    pub(crate) fn set_mark(&self, mark: Mark) -> bool {
        self.marks.fetch_or(mark as u8, Ordering::SeqCst) & mark as u8 == 0
    }

    /// Removes the mark. Returns whether it was set.
    pub(crate) fn take_mark(&self, mark: Mark) -> bool {
        // The load comes first: outside of a stop it is all that is needed, and it costs less.
        self.has_mark(mark)
            && self.marks.fetch_and(!(mark as u8), Ordering::SeqCst) & mark as u8 != 0
    }

    pub(crate) fn has_mark(&self, mark: Mark) -> bool {
        self.marks.load(Ordering::SeqCst) & mark as u8 != 0
    }

    /// Whether the client could send another request without being notified.
    pub(crate) fn is_to_be_notified(&self) -> bool {
        !self.is_notified.load(Ordering::SeqCst)
            && self.order() == Order::Stay
            && self.stage() != ConnectionStage::Upgraded
            && !(self.stage() == ConnectionStage::Answered && self.is_answering())
    }

    #[cfg(feature = "serve")]
    pub(crate) fn set_answering(&self, is_answering: bool) {
        // Relaxed: written and read in the task of the connection. Only the wait for the last
        // notification may read it late.
        self.is_answering.store(is_answering, Ordering::Relaxed);
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.is_answering.load(Ordering::Relaxed)
    }

    /// The IO read so many bytes, now.
    #[inline(always)]
    pub(crate) fn on_read(&self, len: usize, nanos: Option<u64>) {
        add(&self.bytes_in, len);
        self.stamp(nanos);
    }

    /// The IO wrote so many bytes, now.
    #[inline(always)]
    pub(crate) fn on_write(&self, len: usize, nanos: Option<u64>) {
        add(&self.bytes_out, len);
        self.stamp(nanos);
    }

    /// Publishes the stage.
    #[inline(always)]
    pub(crate) fn set_stage(&self, stage: ConnectionStage) {
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    pub(crate) fn set_protocol(&self, protocol: Protocol) {
        self.protocol.store(protocol as u8, Ordering::Relaxed);
    }

    /// The first byte of a request came now.
    #[inline(always)]
    pub(crate) fn begin_head(&self, nanos: Option<u64>) {
        // Before draining it is zero already, so an exchange has no further store.
        if let Some(nanos) = nanos {
            self.head_at.store(nanos, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn stamp(&self, nanos: Option<u64>) {
        if let Some(nanos) = nanos {
            self.moved_at.store(nanos, Ordering::Relaxed);
        }
    }

    /// The server has switched the connection to something that is not HTTP, for good.
    #[cfg(feature = "serve")]
    pub(crate) fn set_switched(&self) {
        self.is_switched.store(true, Ordering::Relaxed);
    }

    /// Stores the waker to call for an order.
    pub(crate) fn keep_waker(&self, side: Side, waker: &Waker) {
        let new = Some(waker.clone());
        // The old waker is dropped after the lock is released: it may be the last handle of a task.
        let _old = {
            let mut wakers = self.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            match side {
                Side::Read => std::mem::replace(&mut wakers[0], new),
                Side::Write => std::mem::replace(&mut wakers[1], new),
            }
        };
    }

    /// The wakers of the tasks that used the socket last.
    pub(crate) fn wakers(&self) -> [Option<Waker>; 2] {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn info(&self, now: Instant) -> ConnectionInfo {
        ConnectionInfo {
            peer: self.peer,
            age: now.saturating_duration_since(self.accepted),
            stage: self.stage(),
            protocol: self.protocol(),
            bytes_in: self.bytes_in(),
            bytes_out: self.bytes_out(),
        }
    }
}

fn add(sum: &AtomicU64, len: usize) {
    sum.store(sum.load(Ordering::Relaxed).wrapping_add(len as u64), Ordering::Relaxed);
}
