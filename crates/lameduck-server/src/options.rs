//! The options of sockets and of the end of a listener.

use std::{fmt, time::Duration};

/// The options of a server's sockets, and of how its listeners and connections end in a stop.
///
/// The defaults are made for a server on the open network that must not lose a request. Change what
/// differs in place:
///
/// ```
/// use lameduck_server::SocketOptions;
///
/// let mut options = SocketOptions::new();
/// options.backlog = 1024;
/// options.tcp_user_timeout = None;
/// # assert!(options.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// Whether small writes leave at once (`TCP_NODELAY`). By default true.
    ///
    /// Without it, the end of an answer may wait 40 ms for an acknowledgement.
    pub nodelay: bool,
    /// How long a client may be silent before the kernel probes whether it is still there
    /// (`SO_KEEPALIVE`). By default 60 s; `None` leaves the sockets as they are.
    ///
    /// Each quarter of this time the kernel probes again. It gives a client up after four probes
    /// without an answer, or after the [TCP user timeout](Self::tcp_user_timeout) if that is set.
    /// The kernel counts whole seconds, at most 32,767 of them (nine hours).
    pub tcp_keepalive: Option<Duration>,
    /// How long sent bytes may stay unacknowledged before the kernel closes the connection
    /// (`TCP_USER_TIMEOUT`, Linux only). By default 60 s; `None` leaves the sockets as they are.
    ///
    /// Without it the kernel retries for 15 minutes and more, so a client that vanished holds a
    /// stop to its end. The timeout also ends a client that is there but reads nothing, as the
    /// `send_timeout` of nginx does after 60 s: do not set it below the longest pause that your
    /// slowest reader makes. The kernel takes 1 ms to 24.8 days.
    pub tcp_user_timeout: Option<Duration>,
    /// The longest accept queue of a listener from [`Listener::bind`](crate::Listener::bind). By
    /// default 4096, which is the limit of Linux itself (`net.core.somaxconn`).
    pub backlog: u32,
    /// How long a closing listener waits for TCP handshakes, where the kernel does not say whether
    /// any is under way. By default 200 ms, a long round trip.
    ///
    /// Where the kernel says it (Linux, if a netlink socket may be opened), the wait ends with the
    /// last handshake instead: after 2 ms on an idle server.
    pub accept_settle_time: Duration,
    /// How long a connection that has not sent a whole request may hold a stop. By default 1 s.
    ///
    /// It is counted from the start of draining or from the accept, whichever is later; for a
    /// request that has begun, from its first byte. Later bytes do not prolong it.
    pub first_byte_grace: Duration,
    /// How long an idle HTTP/1 connection is kept while draining, so that its client can be
    /// notified by the answer to its next request. By default 2 s.
    ///
    /// It is counted from the start of draining or from the last byte, whichever is later.
    pub idle_grace: Duration,
    /// Whether the server closes an idle HTTP/1 connection with an answer to no request. By default
    /// false.
    ///
    /// When false, only a request that has arrived gets an answer. One that is still on the wire
    /// finds the connection closed, so its client cannot know whether it was executed.
    ///
    /// When true, every idle connection ends with the same 503. A client whose request crosses it
    /// takes it for the answer, and that is correct: nothing was executed. A client without a
    /// request closes the connection, and may log that it did not expect anything. The close waits
    /// for the client's own, for half a second at most.
    pub answer_on_idle_close: bool,
    /// What becomes of the listeners when draining begins. By default they
    /// [close](ListenerEnd::Close).
    pub listener_end: ListenerEnd,
    /// Whether a closing listener drops every SYN by a filter (Linux only). By default false.
    ///
    /// By default `IP_MINTTL` does it, which needs no privilege. Packets with a TTL of 255 pass it,
    /// which routers and some relays send; and data that follows a late handshake at once is sent
    /// a second time, 200 ms later. The filter (`SO_ATTACH_FILTER`) has neither flaw, but needs
    /// `CAP_NET_ADMIN`. Do not grant that for this alone: without it, a warning says so and
    /// `IP_MINTTL` is used.
    pub syn_filter: bool,
    /// Whether other listeners, of this process or of another of the same user, may listen on the
    /// same port as one from [`Listener::bind`](crate::Listener::bind) (`SO_REUSEPORT`). By default
    /// false.
    ///
    /// So a successor can take over while this server stops: the kernel spreads new clients over
    /// all listeners. On Linux, a client whose handshake is under way when one of them closes is
    /// handed to another only if `net.ipv4.tcp_migrate_req` is 1; where it is 0, a warning says so.
    /// Such a client tries again after a second, as after any close of a listener of this crate.
    pub reuse_port: bool,
}

/// What becomes of a listener when draining begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ListenerEnd {
    /// New clients are refused, the accept queue is emptied, and the socket is closed.
    ///
    /// A client that comes later is refused by the kernel and knows that nothing was executed.
    #[default]
    Close,
    /// The listener stays open until all clients that were connected at the start of draining are
    /// gone (on a stock server: may be closed) or cancelling begins. Then it closes. A stock server
    /// stops to accept with cancelling, and resets what is in the queue then.
    ///
    /// For clients that must learn the reason: the drain layer answers them with 503 and
    /// `Retry-After`. A closed port says nothing, and a balancer may take it for a crash.
    KeepOpen,
    /// The listener stays open, and nothing is accepted from it any more. The socket lives until
    /// the process ends.
    ///
    /// For a listener that another process has too and will accept from: a supervisor (socket
    /// activation) or a successor that inherited it. Clients wait in its queue meanwhile. If no
    /// other process has it, the kernel resets them at the end, so do not choose this for a
    /// listener of your own.
    Leave,
}

impl SocketOptions {
    /// The most seconds of silence that Linux takes (`MAX_TCP_KEEPIDLE`).
    pub(crate) const LONGEST_KEEPALIVE: Duration = Duration::from_secs(32_767);

    /// The kernel counts milliseconds in a signed number, and zero would mean its own default.
    pub(crate) const LONGEST_USER_TIMEOUT: Duration = Duration::from_millis(0x7fff_ffff);

    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            nodelay: true,
            tcp_keepalive: Some(Duration::from_secs(60)),
            tcp_user_timeout: Some(Duration::from_secs(60)),
            backlog: 4096,
            accept_settle_time: Duration::from_millis(200),
            first_byte_grace: Duration::from_secs(1),
            idle_grace: Duration::from_secs(2),
            answer_on_idle_close: false,
            listener_end: ListenerEnd::Close,
            syn_filter: false,
            reuse_port: false,
        }
    }

    /// Checks that the kernel takes every value.
    ///
    /// [`Connections::new`](crate::Connections::new) calls it, logs the error, and uses the nearest
    /// value that works; [`Listener::bind`](crate::Listener::bind) fails with the error.
    ///
    /// # Errors
    ///
    /// Names the option, its value and what to write instead.
    pub fn check(&self) -> Result<(), InvalidOption> {
        if self.backlog == 0 {
            return Err(InvalidOption::new("backlog", "0", "write at least 1, such as 4096"));
        }
        if let Some(silence) = self.tcp_keepalive {
            if silence.is_zero() || silence > Self::LONGEST_KEEPALIVE {
                let fix = "write 1 s to 32,767 s, or `None` to leave the sockets as they are";
                return Err(InvalidOption::new("tcp_keepalive", format!("{silence:?}"), fix));
            }
        }
        if let Some(timeout) = self.tcp_user_timeout {
            if timeout < Duration::from_millis(1) || timeout > Self::LONGEST_USER_TIMEOUT {
                let fix = "write 1 ms to 24 days, or `None` to leave the sockets as they are";
                return Err(InvalidOption::new("tcp_user_timeout", format!("{timeout:?}"), fix));
            }
        }
        Ok(())
    }
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// An option with a value that cannot work. Its text names both, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOption {
    name: &'static str,
    value: String,
    fix: &'static str,
}

impl InvalidOption {
    pub(crate) fn new(name: &'static str, value: impl Into<String>, fix: &'static str) -> Self {
        Self { name, value: value.into(), fix }
    }
}

impl fmt::Display for InvalidOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, fix } = self;
        write!(f, "the option `{name}` cannot be {value}: {fix}")
    }
}

impl std::error::Error for InvalidOption {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl FnOnce(&mut SocketOptions), expected: &str) {
        let mut options = SocketOptions::new();
        change(&mut options);
        let text = options.check().err().map(|error| error.to_string());
        assert!(text.as_ref().is_some_and(|text| text.starts_with(expected)), "{text:?}");
    }

    #[test]
    fn an_option_that_the_kernel_does_not_take_is_named_with_its_value() {
        assert_eq!(SocketOptions::new().check(), Ok(()));
        check(|o| o.backlog = 0, "the option `backlog` cannot be 0: write");
        check(
            |o| o.tcp_keepalive = Some(Duration::ZERO),
            "the option `tcp_keepalive` cannot be 0ns",
        );
        let day = Duration::from_secs(24 * 60 * 60);
        check(|o| o.tcp_keepalive = Some(day), "the option `tcp_keepalive` cannot be 86400s");
        let nanosecond = Duration::from_nanos(1);
        check(|o| o.tcp_user_timeout = Some(nanosecond), "the option `tcp_user_timeout` cannot be");
        check(|o| o.tcp_user_timeout = Some(25 * day), "the option `tcp_user_timeout` cannot be");
    }
}
