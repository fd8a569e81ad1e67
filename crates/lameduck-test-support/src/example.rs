//! What the servers in `examples/` have in common, and servers of your own need not have.

use std::{net::SocketAddr, time::Duration};

xflags::xflags! {
    /// An example of lameduck.
    cmd example {
        /// Where to listen. By default 127.0.0.1:0, a free port.
        optional --addr addr: String
        /// How long to go on serving after SIGTERM, in milliseconds. By default 5000.
        optional --lame-duck ms: u64
    }
}

/// How an example was started.
///
/// A server of your own would write the window into its code: five seconds, as is the default, so
/// that load balancers see in time that it leaves. The examples' tests have less patience.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExampleArgs {
    /// Where to listen.
    pub addr: String,
    /// How long to go on serving after SIGTERM.
    pub lame_duck: Duration,
}

impl ExampleArgs {
    /// Reads the arguments of this process; with wrong ones, says so and ends it.
    #[must_use]
    pub fn read() -> Self {
        let Example { addr, lame_duck } = Example::from_env_or_exit();
        Self {
            addr: addr.unwrap_or_else(|| "127.0.0.1:0".to_owned()),
            lame_duck: Duration::from_millis(lame_duck.unwrap_or(5_000)),
        }
    }

    /// Tells whoever started the example where it listens.
    #[expect(clippy::print_stdout, reason = "the first line tells the port to whoever started it")]
    pub fn tell(scheme: &str, addr: SocketAddr) {
        println!("listening on {scheme}://{addr}");
    }
}
