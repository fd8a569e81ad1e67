//! The future of a probe.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
};

use http::{Request, Response, StatusCode};

use super::{ProbeBody, ProbeError, record::Shared, script::End};
use crate::Plain;

/// So large that a layer's future is smaller only if it does not contain this one.
const BULK: usize = 1024;

/// The future of a [`Probe`](crate::Probe).
///
/// It is large, so that the future of a layer that boxes it is smaller.
#[must_use = "futures do nothing unless polled"]
pub struct ProbeFuture<K = Plain> {
    shared: Shared,
    /// Kept to the end, as a handler keeps its request.
    request: Request<ProbeBody<K>>,
    /// An atomic, so that a poll needs no `&mut` and the future may be pinned.
    polls: AtomicUsize,
    _bulk: [u8; BULK],
}

impl<K> ProbeFuture<K> {
    pub(super) fn new(shared: Shared, request: Request<ProbeBody<K>>) -> Self {
        shared.note(|record| record.live_futures += 1);
        Self { shared, request, polls: AtomicUsize::new(0), _bulk: [0; BULK] }
    }
}

impl<K> Future for ProbeFuture<K> {
    type Output = Result<Response<ProbeBody<K>>, ProbeError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.shared.note(|record| record.future_polls += 1);
        // Relaxed: a future is polled by one task at a time.
        if self.polls.fetch_add(1, Ordering::Relaxed) < self.shared.script().pending {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.shared.script().end {
            End::Error(error) => Poll::Ready(Err(error)),
            End::Answer => {
                let body = ProbeBody::response(self.shared.clone());
                let answer = Response::builder()
                    .status(StatusCode::NON_AUTHORITATIVE_INFORMATION)
                    .header("x-probe", "answer");
                Poll::Ready(answer.body(body).map_err(|_| ProbeError::new(u32::MAX)))
            }
            End::PanicInCall | End::PanicInPoll => {
                panic!("the probe panics in `poll`, as its script says")
            }
        }
    }
}

impl<K> Drop for ProbeFuture<K> {
    fn drop(&mut self) {
        self.shared.note(|record| record.live_futures -= 1);
    }
}

impl<K> fmt::Debug for ProbeFuture<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared, request, polls, _bulk: _ } = self;
        f.debug_struct("ProbeFuture")
            .field("shared", shared)
            .field("request", request)
            .field("polls", polls)
            .finish_non_exhaustive()
    }
}
