//! What is to be decided about the connections of one server.

use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) max_connections: usize,
    pub(super) header_read_timeout: Option<Duration>,
    pub(super) lingering_close: Duration,
    pub(super) http2_keep_alive: Option<Duration>,
}

impl Options {
    pub(super) const fn new() -> Self {
        Self {
            max_connections: usize::MAX,
            // Longer than the 60 s after which usual load balancers close idle connections, so
            // that it is they who do.
            header_read_timeout: Some(Duration::from_secs(75)),
            lingering_close: Duration::from_secs(5),
            http2_keep_alive: None,
        }
    }
}
