//! How a listener is accepted from while it is open.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use lameduck_core::plumbing::log_later;
use tokio::time::{Sleep, sleep};

use crate::{
    SocketListener,
    registry::Registry,
    socket::{Accepted, is_connection_error},
};

/// How long to wait after an accept that failed for lack of descriptors or memory: as long as hyper
/// and axum do.
pub(super) const BACKOFF: Duration = Duration::from_secs(1);

/// Accepts, or waits after an accept that failed. `None`: try again at once.
pub(super) fn poll_open<L: SocketListener>(
    listener: &L,
    backoff: &mut Option<Pin<Box<Sleep>>>,
    registry: &Registry,
    cx: &mut Context<'_>,
) -> Poll<Option<Accepted<L>>> {
    if let Some(wait) = backoff {
        ready!(wait.as_mut().poll(cx));
        *backoff = None;
    }
    match ready!(listener.poll_accept(cx)) {
        Ok(accepted) => return Poll::Ready(Some(accepted)),
        Err(error) if is_connection_error(&error) => {}
        Err(error) => {
            let error = error.to_string();
            log_later!(error, "accept.failed", { error }, "accept failed, and is tried again soon");
            registry.on_accept_error();
            *backoff = Some(Box::pin(sleep(BACKOFF)));
        }
    }
    Poll::Ready(None)
}
