//! The end of a listener: new clients are stopped, the queue is emptied, and the socket is closed.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use lameduck_core::plumbing::log_later;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    ListenerClosed, SocketListener, SocketOptions,
    connection::later,
    socket::{Accepted, is_connection_error},
};

/// How soon to ask the kernel again whether handshakes are under way.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// After so many accepts in a row other tasks get a turn. Half of tokio's own budget.
const TURN: u8 = 64;

/// How soon to try again after an accept that failed for lack of a resource.
const RETRY: Duration = Duration::from_millis(10);

/// A listener on its way to be closed.
#[derive(Debug)]
pub(crate) struct Closing {
    began: Instant,
    /// The listener closes then, whatever its queue holds.
    until: Instant,
    /// Where the kernel does not say it, no handshake is assumed to be under way after this.
    settled_at: Instant,
    /// When to ask next for handshakes under way.
    ask_at: Instant,
    timer: Pin<Box<Sleep>>,
    is_last_sweep: bool,
    /// Accepts since the last turn of other tasks.
    in_a_row: u8,
    /// The result so far.
    so_far: ListenerClosed,
}

impl Closing {
    /// Begins the end: stops new clients, if the system can.
    ///
    /// Draining `began` then, and the listener closes at `until` in any case.
    pub(crate) fn begin<L: SocketListener>(
        listener: &L,
        began: Instant,
        until: Instant,
        options: &SocketOptions,
    ) -> Self {
        let syns_stopped = match refuse_new(listener, options.syn_filter) {
            Ok(()) => true,
            Err(error) => {
                let error = error.to_string();
                log_later!(
                    warn,
                    "listener.not_filtered",
                    { error },
                    "new clients cannot be stopped: some may be reset"
                );
                false
            }
        };
        let now = Instant::now();
        Self {
            began,
            until,
            settled_at: later(now, options.accept_settle_time),
            ask_at: later(now, L::CERTAIN_AFTER),
            timer: Box::pin(sleep_until(until)),
            is_last_sweep: false,
            in_a_row: 0,
            so_far: ListenerClosed {
                listeners: 1,
                syns_stopped,
                settled: false,
                ..ListenerClosed::NONE
            },
        }
    }

    /// The next connection of the queue, or `None` once the listener is to be closed.
    pub(crate) fn poll_accept<L: SocketListener>(
        &mut self,
        listener: &L,
        is_cancelling: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Accepted<L>>> {
        loop {
            if is_cancelling || Instant::now() >= self.until {
                self.so_far.queue_drained = false;
                return Poll::Ready(None);
            }
            if self.in_a_row >= TURN {
                self.in_a_row = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // Not the reactor's accept: it returns none until the reactor has seen the connection.
            let next = match listener.accept_now() {
                Ok(Some(accepted)) => Next::Accepted(accepted),
                Ok(None) if self.is_last_sweep => return Poll::Ready(None),
                Ok(None) => self.on_empty(listener, cx),
                Err(error) if is_connection_error(&error) => continue,
                Err(_exhausted) => Next::LookAt(later(Instant::now(), RETRY)),
            };
            match next {
                Next::Accepted(accepted) => {
                    self.so_far.from_queue += 1;
                    self.in_a_row += 1;
                    if !self.so_far.syns_stopped || L::admit(&accepted.0).is_ok() {
                        return Poll::Ready(Some(accepted));
                    }
                }
                Next::Sweep => self.is_last_sweep = true,
                Next::LookAt(at) => {
                    self.timer.as_mut().reset(at.min(self.until));
                    ready!(self.timer.as_mut().poll(cx));
                }
            }
        }
    }

    /// The queue is empty. Is it empty for good?
    fn on_empty<L: SocketListener>(
        &mut self,
        listener: &L,
        cx: &mut Context<'_>,
    ) -> Next<Accepted<L>> {
        let now = Instant::now();
        // Where new clients were not stopped, some are always on their way.
        if !self.so_far.syns_stopped {
            return Next::Sweep;
        }
        if now >= self.ask_at {
            match listener.handshakes() {
                // No handshake is under way and no new one begins, so one more loop finds all there
                // is.
                Some(false) => {
                    self.so_far.settled = true;
                    return Next::Sweep;
                }
                // On a machine with very many sockets the question takes long: ask less often.
                Some(true) => self.ask_at = later(now, ASK_AGAIN.max(10 * now.elapsed())),
                None if now >= self.settled_at => return Next::Sweep,
                None => self.ask_at = self.settled_at,
            }
        }
        match listener.poll_accept(cx) {
            Poll::Ready(Ok(accepted)) => Next::Accepted(accepted),
            // The accept above meets the error again, and handles its kind.
            Poll::Ready(Err(_)) => Next::LookAt(later(now, RETRY)),
            Poll::Pending => Next::LookAt(self.ask_at),
        }
    }

    /// The report of the listener's end, which is now.
    pub(crate) fn account<L: SocketListener>(&self, listener: &L) -> ListenerClosed {
        let unaccepted = listener.queued();
        ListenerClosed { elapsed: self.began.elapsed(), unaccepted, ..self.so_far }
    }

    /// The listener is dropped before its queue was empty.
    pub(crate) const fn cut(&mut self) {
        self.so_far.queue_drained = false;
    }
}

fn refuse_new<L: SocketListener>(listener: &L, by_filter: bool) -> io::Result<()> {
    if by_filter {
        match listener.filter_syns() {
            Ok(()) => return Ok(()),
            Err(error) => {
                let error = error.to_string();
                log_later!(
                    warn,
                    "listener.no_filter",
                    { error },
                    "SYNs cannot be filtered without CAP_NET_ADMIN: they are stopped by IP_MINTTL"
                );
            }
        }
    }
    listener.refuse_new()
}

enum Next<T> {
    Accepted(T),
    /// Nothing more can enter the queue: accept what is in it.
    Sweep,
    LookAt(Instant),
}
