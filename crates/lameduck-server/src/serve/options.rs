//! What is to be decided about the connections of one server.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use crate::connection::later;

/// Options of a server of our own: how many connections it has, and how long it keeps them.
///
/// Those of the sockets are [`SocketOptions`](crate::SocketOptions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpOptions {
    pub(super) max_connections: usize,
    pub(super) header_read_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) lingering_close: Duration,
    pub(super) http2_keep_alive: Option<Duration>,
    pub(super) goaway_ack_timeout: Duration,
    pub(super) max_age: Option<Duration>,
    pub(super) age_grace: Option<Duration>,
}

impl HttpOptions {
    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_connections: usize::MAX,
            // Longer than the 60 s after which usual load balancers close idle connections, so
            // that it is they who do.
            header_read_timeout: Some(Duration::from_secs(75)),
            idle_timeout: None,
            lingering_close: Duration::from_secs(5),
            http2_keep_alive: None,
            // As gRPC's servers wait for the same answer.
            goaway_ack_timeout: Duration::from_secs(5),
            max_age: None,
            age_grace: None,
        }
    }

    /// Sets how many connections may be open at a time. Those beyond it wait in the accept queue.
    ///
    /// By default there is no limit. The limit does not hold during the end of the listener: who
    /// is in the queue then is let in, and with [`KeepOpen`](crate::ListenerEnd::KeepOpen) whoever
    /// comes until it is closed. Zero is taken for one.
    #[must_use]
    pub const fn with_max_connections(mut self, limit: usize) -> Self {
        self.max_connections = if limit == 0 { 1 } else { limit };
        self
    }

    /// Sets how long a client may take until the head of its request is whole.
    ///
    /// By default 75 s. On HTTP/1 it is counted from the accept (and once more from the first
    /// byte), and on a kept connection from the answer before. So it is also for how long an idle
    /// connection is kept: 15 s longer than usual load balancers keep theirs. It is looked at four
    /// times in that time and may take a quarter longer. HTTP/2 is only held to it until its
    /// preface is whole. `None` means for ever.
    #[must_use]
    pub const fn with_header_read_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.header_read_timeout = timeout;
        self
    }

    /// Sets after which idleness a connection is closed.
    ///
    /// By default `None`: on HTTP/1 the
    /// [timeout of a request's head](Self::with_header_read_timeout) closes it, HTTP/2 is kept. The
    /// time of each connection is up to a tenth shorter or longer, so that clients that came
    /// together do not come back together. HTTP/2 gets GOAWAY and loses nothing; it is looked at
    /// once in that time, so it may be idle for twice as long. HTTP/1 is closed as it is, and a
    /// request that crosses the close is lost: choose a time longer than your clients' own, and
    /// shorter than that of the head, which holds as well.
    #[must_use]
    pub const fn with_idle_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets how long a close may linger for an HTTP/1 client that is still sending.
    ///
    /// By default 5 s. A close on top of bytes that were not read is a reset, and a reset may
    /// destroy the answer before the client has read it. So our direction is closed first, and
    /// what comes is read and thrown away: until the client closes too, until nothing has come
    /// for 2 s (500 ms in a stop), until 64 MiB have come, or for this time. It is only done after a request with
    /// a body, or when unread bytes are seen. nginx takes 5 s and 30 s, which a stop has not.
    /// Zero switches it off.
    #[must_use]
    pub const fn with_lingering_close(mut self, time: Duration) -> Self {
        self.lingering_close = time;
        self
    }

    /// Sets after which time a connection is asked to make way for a new one, so that the load
    /// spreads over new servers.
    ///
    /// By default never. The age of each connection is up to a tenth shorter or longer, so that
    /// those that came together do not come back together. At that age HTTP/2 gets GOAWAY, and
    /// HTTP/1 `Connection: close` with its next answer. Nothing is closed by force, so no request
    /// is lost, unless a [grace](Self::with_connection_age_grace) is set.
    #[must_use]
    pub const fn with_max_connection_age(mut self, age: Option<Duration>) -> Self {
        self.max_age = age;
        self
    }

    /// Sets how long after its [age](Self::with_max_connection_age) a connection is closed by
    /// force, whatever is in flight on it.
    ///
    /// By default never.
    #[must_use]
    pub const fn with_connection_age_grace(mut self, grace: Option<Duration>) -> Self {
        self.age_grace = grace;
        self
    }

    /// Sets after which silence an HTTP/2 client is asked whether it is still there (PING).
    ///
    /// By default never, for TCP does it too (see
    /// [`SocketOptions::with_tcp_keepalive`](crate::SocketOptions::with_tcp_keepalive)), but that
    /// asks the next proxy, not the client. A client that does not answer within 20 s is closed.
    #[must_use]
    pub const fn with_http2_keep_alive(mut self, interval: Option<Duration>) -> Self {
        self.http2_keep_alive = interval;
        self
    }

    /// Sets how long an HTTP/2 client that was told to leave may take to say that it knows.
    ///
    /// By default 5 s. The first GOAWAY lets new streams in, for they may cross it, and comes with
    /// a PING. The answer to that proves that no more can, so the second GOAWAY then names the
    /// last stream, and the connection ends with it. A client that does not answer gets it after
    /// this time all the same, and with [`Cancelling`](lameduck_core::Phase::Cancelling) at the
    /// latest: it must not hold a stop.
    #[must_use]
    pub const fn with_goaway_ack_timeout(mut self, patience: Duration) -> Self {
        self.goaway_ack_timeout = patience;
        self
    }

    /// When a connection that was accepted now is old.
    pub(super) fn old_at(&self) -> Option<Instant> {
        self.max_age.map(|age| later(Instant::now(), spread(age, random())))
    }

    /// When a connection that is old then is closed, whatever it does.
    pub(super) fn too_old_at(&self, old_at: Option<Instant>) -> Option<Instant> {
        Some(later(old_at?, self.age_grace?))
    }

    /// The idle timeout of one connection.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        // Not zero: it is looked for again after that time.
        self.idle_timeout.map(|timeout| spread(timeout, random()).max(Duration::from_millis(1)))
    }

    /// How long HTTP/1 may be silent before a head is whole.
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
    // The keys are random in each process, and others in each state.
    RandomState::new().hash_one(())
}

/// From nine to eleven tenths of a time: who came together must not come back together.
fn spread(time: Duration, random: u64) -> Duration {
    let tenth = time / 10;
    // Of 2^32 steps, one.
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
            HttpOptions::new()
                .with_header_read_timeout(seconds(head))
                .with_idle_timeout(seconds(idle))
                .silence()
        };
        assert_eq!(idle(Some(75), None), Some(Duration::from_secs(75)));
        assert_eq!(idle(Some(75), Some(1000)), Some(Duration::from_secs(75)));
        assert!(idle(Some(75), Some(10)).is_some_and(|time| time <= Duration::from_secs(11)));
        assert!(idle(None, Some(10)).is_some_and(|time| time >= Duration::from_secs(9)));
        assert_eq!(idle(None, None), None);
    }
}
