//! The options of the connections of one server.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use crate::{InvalidOption, connection::later};

/// The options of an [own server](crate::serve()): how many connections it has, and for how long.
///
/// [`SocketOptions`](crate::SocketOptions) are those of the sockets. Change what differs in place:
///
/// ```
/// use std::time::Duration;
///
/// use lameduck_server::HttpOptions;
///
/// let mut options = HttpOptions::new();
/// options.max_connections = Some(10_000);
/// options.max_connection_age = Some(Duration::from_secs(600));
/// # assert!(options.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How many connections may be open at a time. Further ones wait in the accept queue. By
    /// default `None`: there is no limit.
    ///
    /// While the listener closes, the limit does not hold: connections in the accept queue are
    /// served, and with [`KeepOpen`](crate::ListenerEnd::KeepOpen) all that come until the close.
    pub max_connections: Option<usize>,
    /// How long a client may take until the head of its request is whole. By default 75 s; `None`
    /// means for ever.
    ///
    /// On HTTP/1 it is counted from the accept (and once more from the first byte), and on a kept
    /// connection from the answer before. So it is also how long an idle connection is kept: 15 s
    /// longer than usual load balancers keep theirs. It is checked four times in that time, so a
    /// connection may last a quarter longer. On HTTP/2 it ends with the connection preface.
    pub header_read_timeout: Option<Duration>,
    /// How long a connection may be idle before the server closes it. By default `None`: on HTTP/1
    /// the [header read timeout](Self::header_read_timeout) closes it, and HTTP/2 is kept.
    ///
    /// The time of each connection is up to a tenth shorter or longer, so that clients that came
    /// together do not come back together. HTTP/2 gets GOAWAY and loses nothing; it is checked once
    /// in that time, so it may be idle for twice as long. HTTP/1 is closed without notice, and a
    /// request that crosses the close is lost: choose a time longer than your clients' own, and
    /// shorter than the header read timeout, which holds as well.
    pub idle_timeout: Option<Duration>,
    /// How long a close may linger for an HTTP/1 client that is still sending. By default 5 s;
    /// `None` switches it off.
    ///
    /// A close on top of unread bytes is a reset, and a reset may destroy the answer before the
    /// client has read it. So the server closes its own direction first, then reads and drops what
    /// comes: until the client closes too, until nothing has come for 2 s (500 ms in a stop), until
    /// 64 MiB have come, or for this time. It does so only after a request with a body, or when it
    /// sees unread bytes. nginx takes 5 s and 30 s, which a stop does not have.
    pub lingering_close: Option<Duration>,
    /// How long an HTTP/2 client may be silent before the server sends a PING. By default `None`:
    /// it sends none.
    ///
    /// TCP does the same (see [`tcp_keepalive`](crate::SocketOptions::tcp_keepalive)), but its
    /// probe reaches the next proxy and not the client. A client that does not answer in 20 s is
    /// closed.
    pub http2_keep_alive: Option<Duration>,
    /// How long an HTTP/2 client may take to acknowledge a GOAWAY. By default 5 s.
    ///
    /// The first GOAWAY permits new streams, because some may cross it, and comes with a PING. The
    /// answer to that PING proves that no more can come, so the second GOAWAY then names the last
    /// stream, and the connection ends with it. A client that does not answer gets the second one
    /// after this time, and with [`Cancelling`](lameduck_core::Phase::Cancelling) at the latest: it
    /// must not hold a stop.
    pub goaway_ack_timeout: Duration,
    /// The age at which a connection makes way for a new one, so that the load spreads over new
    /// servers. By default `None`: at no age.
    ///
    /// The age of each connection is up to a tenth shorter or longer, so that connections that came
    /// together do not come back together. At that age HTTP/2 gets GOAWAY, and HTTP/1 gets
    /// `Connection: close` with its next answer. Nothing is closed by force, so no request is lost,
    /// unless there is a [grace](Self::connection_age_grace).
    pub max_connection_age: Option<Duration>,
    /// How long after its [age](Self::max_connection_age) a connection is closed by force, with
    /// all that is in flight on it. By default `None`: never.
    pub connection_age_grace: Option<Duration>,
}

impl HttpOptions {
    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_connections: None,
            // Longer than the 60 s after which usual load balancers close idle connections, so
            // that the balancer closes first.
            header_read_timeout: Some(Duration::from_secs(75)),
            idle_timeout: None,
            lingering_close: Some(Duration::from_secs(5)),
            http2_keep_alive: None,
            // As gRPC's servers wait for the same answer.
            goaway_ack_timeout: Duration::from_secs(5),
            max_connection_age: None,
            connection_age_grace: None,
        }
    }

    /// Checks that every value can work.
    ///
    /// [`Serve::with_options`](crate::Serve::with_options) calls it.
    ///
    /// # Errors
    ///
    /// Names the option, its value and what to write instead: no connection at all, a timeout or
    /// grace of zero, which would close every connection at once, or a grace after an age that is
    /// not set. With an age of zero, every connection is asked to close after its first response.
    pub fn check(&self) -> Result<(), InvalidOption> {
        let Self { header_read_timeout, idle_timeout, lingering_close, http2_keep_alive, .. } =
            self;
        let connection_age_grace = &self.connection_age_grace;
        let off = "write `None` to switch it off, or a longer time";
        if self.max_connections == Some(0) {
            let fix = "write `None` for no limit, or a number of connections";
            return Err(InvalidOption::new("max_connections", "zero", fix));
        }
        for (name, value) in [
            ("header_read_timeout", header_read_timeout),
            ("idle_timeout", idle_timeout),
            ("lingering_close", lingering_close),
            ("http2_keep_alive", http2_keep_alive),
            ("connection_age_grace", connection_age_grace),
        ] {
            if *value == Some(Duration::ZERO) {
                return Err(InvalidOption::new(name, "zero", off));
            }
        }
        match (self.connection_age_grace, self.max_connection_age) {
            (Some(grace), None) => Err(InvalidOption::new(
                "connection_age_grace",
                format!("{grace:?} without an age"),
                "set `max_connection_age` too",
            )),
            _ => Ok(()),
        }
    }

    /// When a connection that is accepted now becomes old.
    pub(super) fn old_at(&self) -> Option<Instant> {
        self.max_connection_age.map(|age| later(Instant::now(), spread(age, random())))
    }

    /// When an old connection is closed by force.
    pub(super) fn too_old_at(&self, old_at: Option<Instant>) -> Option<Instant> {
        Some(later(old_at?, self.connection_age_grace?))
    }

    /// The idle timeout of one connection.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        // No shorter than a timer can wait, because it is set to this time again and again.
        self.idle_timeout.map(|timeout| spread(timeout, random()).max(Duration::from_millis(1)))
    }

    /// How long an HTTP/1 connection may wait for a whole head.
    pub(super) fn silence(&self) -> Option<Duration> {
        match (self.header_read_timeout, self.idle_timeout()) {
            (Some(head), Some(idle)) => Some(head.min(idle)),
            (head, idle) => head.or(idle),
        }
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self::new()
    }
}

fn random() -> u64 {
    // The keys are random for each process, and differ for each state.
    RandomState::new().hash_one(())
}

/// From nine to eleven tenths of a time, so that connections do not end together.
fn spread(time: Duration, random: u64) -> Duration {
    let tenth = time / 10;
    // One of 2^32 steps.
    let step = u128::from(random >> 32);
    let nanos = (2 * tenth.as_nanos()).saturating_mul(step) >> 32;
    let more = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    time.saturating_sub(tenth).saturating_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_spread_by_a_tenth_to_both_sides() {
        let age = Duration::from_secs(100);
        assert_eq!(spread(age, 0), Duration::from_secs(90));
        assert_eq!(spread(age, 1 << 63), Duration::from_secs(100));
        let most = spread(age, u64::MAX);
        assert!(most > Duration::from_millis(109_999) && most < Duration::from_secs(110));
        assert!(spread(Duration::MAX, u64::MAX) > Duration::from_secs(1 << 40));
        assert_eq!(spread(Duration::ZERO, u64::MAX), Duration::ZERO);
    }

    #[test]
    fn the_shorter_of_two_times_closes_an_idle_connection() {
        let idle = |head, idle| {
            let seconds = |n: Option<u64>| n.map(Duration::from_secs);
            let mut options = HttpOptions::new();
            options.header_read_timeout = seconds(head);
            options.idle_timeout = seconds(idle);
            options.silence()
        };
        assert_eq!(idle(Some(75), None), Some(Duration::from_secs(75)));
        assert_eq!(idle(Some(75), Some(1000)), Some(Duration::from_secs(75)));
        assert!(idle(Some(75), Some(10)).is_some_and(|time| time <= Duration::from_secs(11)));
        assert!(idle(None, Some(10)).is_some_and(|time| time >= Duration::from_secs(9)));
        assert_eq!(idle(None, None), None);
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut HttpOptions), expected: &str) {
        let mut options = HttpOptions::new();
        change(&mut options);
        let text = options.check().err().map(|error| error.to_string());
        assert!(text.as_ref().is_some_and(|text| text.starts_with(expected)), "{text:?}");
    }

    #[test]
    fn an_option_that_cannot_work_is_named_with_its_value() {
        assert_eq!(HttpOptions::new().check(), Ok(()));
        let zero = Some(Duration::ZERO);
        check(|o| o.header_read_timeout = zero, "the option `header_read_timeout` cannot be zero");
        check(|o| o.idle_timeout = zero, "the option `idle_timeout` cannot be zero: write `None`");
        check(|o| o.lingering_close = zero, "the option `lingering_close` cannot be zero");
        check(|o| o.http2_keep_alive = zero, "the option `http2_keep_alive` cannot be zero");
        let alone = "the option `connection_age_grace` cannot be 1s without an age: set";
        check(|o| o.connection_age_grace = Some(Duration::from_secs(1)), alone);
    }
}
