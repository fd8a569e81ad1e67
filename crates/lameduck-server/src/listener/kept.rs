//! A listener that stays open while the server drains, and until when.

use std::{
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::futures::OwnedNotified;

use crate::registry::Registry;

/// Waits for the connections that were there when draining began.
#[derive(Debug)]
pub(crate) struct Kept {
    none_left: Pin<Box<OwnedNotified>>,
}

impl Kept {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self { none_left: wait(registry) }
    }

    /// Ready when the last of them is gone.
    pub(crate) fn poll_over(&mut self, registry: &Registry, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // The wait was made before, so that an end in between is not missed.
            if registry.before_draining.is_empty() {
                return Poll::Ready(());
            }
            if self.none_left.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.none_left = wait(registry);
        }
    }
}

fn wait(registry: &Registry) -> Pin<Box<OwnedNotified>> {
    Box::pin(Arc::clone(registry.before_draining.none_left()).notified_owned())
}
