//! The example's flags. A server of your own would write its windows into its code.

use std::time::Duration;

use lameduck::StopTimeouts;

xflags::xflags! {
    /// A live axum server that stops without losing a request.
    cmd demo-server {
        /// Where to listen. By default 127.0.0.1:0, a free port.
        optional --addr addr: String
        /// How long to go on serving after SIGTERM, in milliseconds.
        optional --lame-duck ms: u64
        /// How long requests in flight may take to finish, in milliseconds.
        optional --drain ms: u64
        /// How long cancelled requests may take to answer, in milliseconds.
        optional --cancel ms: u64
    }
}

impl DemoServer {
    /// The windows: lameduck's own, but for those that were given.
    pub(crate) fn windows(&self) -> StopTimeouts {
        let mut windows = StopTimeouts::new();
        if let Some(ms) = self.lame_duck {
            windows = windows.with_lame_duck(Duration::from_millis(ms));
        }
        if let Some(ms) = self.drain {
            let drain = Duration::from_millis(ms);
            let stop_accepting = windows.stop_accepting().min(drain);
            windows = windows.with_drain(drain).with_stop_accepting(stop_accepting);
        }
        if let Some(ms) = self.cancel {
            windows = windows.with_cancel(Duration::from_millis(ms));
        }
        windows
    }

    pub(crate) fn addr(&self) -> &str {
        self.addr.as_deref().unwrap_or("127.0.0.1:0")
    }
}
