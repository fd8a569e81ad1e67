//! The own server, where it does more than a stock one.

mod drill;
mod goaway;
mod grpc;
mod half_frame;
mod hold;
mod limits;
mod peer;
mod sockets;
mod upload;

use lameduck_server::{HttpOptions, serve};

use super::*;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

/// The default options with a change.
pub(super) fn http(change: impl FnOnce(&mut HttpOptions)) -> HttpOptions {
    let mut options = HttpOptions::new();
    change(&mut options);
    options
}

impl Duck {
    /// An own server on a free port of the loopback.
    pub(super) async fn run(&self, app: Router) -> (SocketAddr, JoinHandle<()>) {
        let listener = Listener::bind("127.0.0.1:0", &self.connections).await.unwrap();
        let addr = listener.local_addr().unwrap();
        (addr, spawn(serve(listener, app).into_future()))
    }
}
