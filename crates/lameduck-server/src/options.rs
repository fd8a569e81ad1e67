//! What is to be decided about sockets and about the end of a listener.

use std::time::Duration;

/// Options of a server's sockets, and of how patiently it stops.
///
/// The defaults are made for a server on the open network that must not lose a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    pub(crate) nodelay: bool,
    pub(crate) keepalive: Option<Duration>,
    pub(crate) user_timeout: Option<Duration>,
    pub(crate) backlog: u32,
    pub(crate) settle: Duration,
    pub(crate) stop_accepting: Duration,
    pub(crate) first_byte_grace: Duration,
    pub(crate) idle_grace: Duration,
    pub(crate) answer_on_idle_close: bool,
    pub(crate) listener_end: ListenerEnd,
    pub(crate) syn_filter: bool,
    pub(crate) reuse_port: bool,
}

/// What becomes of a listener when draining begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenerEnd {
    /// New clients are kept out, the queue is emptied, the socket is closed.
    ///
    /// A client that comes later is refused by the kernel and knows that nothing was executed.
    #[default]
    Close,
    /// It is accepted from as before, until everybody who was connected when draining began is
    /// gone (on a stock server: may be told to close) or cancelling begins, and then closed. A stock
    /// server stops accepting with cancelling, and what is in the queue then is reset.
    ///
    /// For clients that must hear why: the app's drain layer answers them with 503 and
    /// `Retry-After`, where a closed port says nothing, and a balancer may take it for a crash.
    KeepOpen,
    /// It is left open and not accepted from any more. The socket lives until the process ends.
    ///
    /// For a listener that somebody else has too, and will accept from: a supervisor's (socket
    /// activation), or one that a successor inherited. Clients wait in its queue meanwhile. If
    /// nobody else has it, they are reset at the end, so do not choose this for a listener of your
    /// own.
    Leave,
}

impl SocketOptions {
    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nodelay: true,
            keepalive: Some(Duration::from_secs(60)),
            user_timeout: Some(Duration::from_secs(60)),
            backlog: 4096,
            settle: Duration::from_millis(200),
            stop_accepting: Duration::from_secs(1),
            first_byte_grace: Duration::from_secs(1),
            idle_grace: Duration::from_secs(2),
            answer_on_idle_close: false,
            listener_end: ListenerEnd::Close,
            syn_filter: false,
            reuse_port: false,
        }
    }

    /// Sets whether small writes leave at once (`TCP_NODELAY`).
    ///
    /// By default true: else the end of an answer may wait 40 ms for an acknowledgement.
    #[must_use]
    pub const fn with_nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Sets after how long a silence a peer is asked whether it is still there (`SO_KEEPALIVE`).
    ///
    /// By default after 60 s. A peer that does not answer is asked again every quarter of that
    /// time, and given up after four times, or after the TCP user timeout if that is set. `None`
    /// leaves the sockets as they are. Below one second it is rounded up: the kernel counts whole
    /// seconds. It takes 32,767 of them (nine hours) and no more, so longer is cut to that.
    #[must_use]
    pub const fn with_tcp_keepalive(mut self, silence: Option<Duration>) -> Self {
        self.keepalive = silence;
        self
    }

    /// Sets how long bytes may wait to be taken by a peer before it is given up
    /// (`TCP_USER_TIMEOUT`, Linux only).
    ///
    /// By default 60 s. Without it the kernel tries for 15 minutes and more, and a peer that
    /// vanished holds a stop to its end. It also ends a peer that is there but takes nothing (its
    /// window stays shut), as nginx's `send_timeout` of 60 s does: do not set it below the longest
    /// pause that your slowest reader makes. `None` leaves the sockets as they are. The kernel takes
    /// 1 ms to 24.8 days, so less and more are cut to those.
    #[must_use]
    pub const fn with_tcp_user_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.user_timeout = timeout;
        self
    }

    /// Sets how many connections the kernel keeps for [`Listener::bind`](crate::Listener::bind)
    /// that were not accepted yet.
    ///
    /// By default 4096, where Linux itself puts the limit (`net.core.somaxconn`).
    #[must_use]
    pub const fn with_backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// Sets how long a listener waits for handshakes under way, where the kernel does not tell
    /// whether there are any.
    ///
    /// By default 200 ms, a long round trip. Where the kernel does tell (Linux, if a netlink
    /// socket may be opened), the wait ends with the last handshake instead: after 2 ms on an idle
    /// server, after [`with_stop_accepting`](Self::with_stop_accepting) at the latest.
    #[must_use]
    pub const fn with_accept_settle_time(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// Sets how long it may take to empty a listener's queue and close it.
    ///
    /// By default 1 s, as `StopTimeouts::stop_accepting`, which it should be equal to. A listener that
    /// nobody accepts from cannot close itself, and holds a stop for this long.
    #[must_use]
    pub const fn with_stop_accepting(mut self, window: Duration) -> Self {
        self.stop_accepting = window;
        self
    }

    /// Sets how long a connection that has not sent a whole request may hold a stop.
    ///
    /// By default 1 s, counted from the begin of draining or from its accept, whichever is later;
    /// for a request that has begun, from its first byte, and no later byte prolongs it.
    #[must_use]
    pub const fn with_first_byte_grace(mut self, grace: Duration) -> Self {
        self.first_byte_grace = grace;
        self
    }

    /// Sets how long an HTTP/1 connection that was answered must be silent before it is closed
    /// without having been told.
    ///
    /// By default 2 s, counted from the begin of draining or from its last byte, whichever is
    /// later. A client that sends a request every so often on a kept connection is told with the
    /// next answer, if it comes within this time.
    #[must_use]
    pub const fn with_idle_grace(mut self, hold: Duration) -> Self {
        self.idle_grace = hold;
        self
    }

    /// Sets whether an idle HTTP/1 connection is closed with an answer that nobody asked for.
    ///
    /// By default false: only a request that has come gets an answer, and one that is still on the
    /// wire finds the connection closed, so that its client cannot know whether it was executed.
    /// With it, every idle connection ends with the same 503. A client whose request crosses it
    /// takes it for the answer, and is right: nothing was executed. A client with no request
    /// closes the connection, but may log that it was not expecting anything. The close then waits
    /// for the client's own, for half a second at most.
    #[must_use]
    pub const fn with_answer_on_idle_close(mut self, answer: bool) -> Self {
        self.answer_on_idle_close = answer;
        self
    }

    /// Sets what becomes of the listeners when draining begins. By default they
    /// [close](ListenerEnd::Close).
    #[must_use]
    pub const fn with_listener_end(mut self, end: ListenerEnd) -> Self {
        self.listener_end = end;
        self
    }

    /// Sets whether a listener that closes drops every SYN by a filter (Linux only).
    ///
    /// By default false: `IP_MINTTL` does it without a privilege. What passes that are packets with
    /// a TTL of 255, which routers and some relays send; and data that follows a late handshake at
    /// once comes a second time, 200 ms later. The filter (`SO_ATTACH_FILTER`) has neither, but
    /// needs `CAP_NET_ADMIN`. Do not grant that for this alone: without it, a warning says so and
    /// the other way is taken.
    #[must_use]
    pub const fn with_syn_filter(mut self, filter: bool) -> Self {
        self.syn_filter = filter;
        self
    }

    /// Sets whether [`Listener::bind`](crate::Listener::bind) lets other listeners, of this process
    /// or of another of the same user, have the same port (`SO_REUSEPORT`).
    ///
    /// By default false. It is how a successor takes over while this server stops: the kernel
    /// spreads new clients over all who listen. On Linux a client whose handshake is under way when
    /// one of them closes is only handed to another if `net.ipv4.tcp_migrate_req` is 1; where it
    /// is 0, a warning says so. Without it such a client waits for a second and tries again, as
    /// after any close of a listener of this crate, but one that was killed resets its queue.
    #[must_use]
    pub const fn with_reuse_port(mut self, reuse: bool) -> Self {
        self.reuse_port = reuse;
        self
    }
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self::new()
    }
}
