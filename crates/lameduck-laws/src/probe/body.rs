//! The body of a probe.

use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Body, Frame, SizeHint};

use super::{ProbeError, record::Shared, script::BodyStep};
use crate::Plain;

/// So large that a layer's body is smaller only if it does not contain this one.
const BULK: usize = 1024;

/// The body of a probe's request.
const REQUEST: &[BodyStep] = &[BodyStep::Data("ask")];

/// The body of a [`Probe`](crate::Probe)'s responses and requests.
///
/// It is large, so that the body of a layer that boxes it is smaller.
pub struct ProbeBody<K = Plain> {
    shared: Shared,
    is_response: bool,
    /// The body of an answer by the layer, instead of the script.
    own: Option<Bytes>,
    /// Steps taken. An atomic, so that a poll needs no `&mut` and the body may be pinned.
    done: AtomicUsize,
    _bulk: [u8; BULK],
    kind: PhantomData<K>,
}

impl<K> ProbeBody<K> {
    pub(super) fn request(shared: Shared) -> Self {
        Self::new(shared, false)
    }

    pub(super) fn response(shared: Shared) -> Self {
        Self::new(shared, true)
    }

    fn new(shared: Shared, is_response: bool) -> Self {
        shared.note(|record| record.live_bodies += 1);
        let done = AtomicUsize::new(0);
        Self { shared, is_response, own: None, done, _bulk: [0; BULK], kind: PhantomData }
    }

    fn steps(&self) -> &[BodyStep] {
        if self.is_response { &self.shared.script().body } else { REQUEST }
    }
}

impl<K> Body for ProbeBody<K> {
    type Data = Bytes;
    type Error = ProbeError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ProbeError>>> {
        if self.is_response {
            self.shared.note(|record| record.body_polls += 1);
        }
        // Relaxed: a body is polled by one task at a time.
        let done = self.done.fetch_add(1, Ordering::Relaxed);
        if let Some(own) = &self.own {
            return Poll::Ready((done == 0).then(|| Ok(Frame::data(own.clone()))));
        }
        match self.steps().get(done).copied() {
            None => Poll::Ready(None),
            Some(BodyStep::Data(data)) => {
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(data.as_bytes())))))
            }
            Some(BodyStep::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers())))),
            Some(BodyStep::Error(error)) => Poll::Ready(Some(Err(error))),
            Some(BodyStep::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(BodyStep::Panic) => panic!("the probe panics in `poll_frame`, as its script says"),
        }
    }

    fn is_end_stream(&self) -> bool {
        let done = self.done.load(Ordering::Relaxed);
        if self.own.is_some() { done > 0 } else { is_end(self.steps(), done) }
    }

    fn size_hint(&self) -> SizeHint {
        hint(self.steps(), self.done.load(Ordering::Relaxed), self.shared.script().is_sized)
    }
}

/// A layer that answers a request itself makes the body from bytes.
impl<K> From<Bytes> for ProbeBody<K> {
    fn from(bytes: Bytes) -> Self {
        let mut body = Self::new(Shared::new(crate::Script::default()), true);
        body.own = Some(bytes);
        body
    }
}

impl<K> Drop for ProbeBody<K> {
    fn drop(&mut self) {
        self.shared.note(|record| record.live_bodies -= 1);
    }
}

impl<K> fmt::Debug for ProbeBody<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared, is_response, own, done, _bulk: _, kind: _ } = self;
        f.debug_struct("ProbeBody")
            .field("shared", shared)
            .field("is_response", is_response)
            .field("own", own)
            .field("done", done)
            .finish_non_exhaustive()
    }
}

/// The trailers of a body that has some.
pub(crate) fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let name = HeaderName::from_static("x-probe");
    trailers.insert(name, HeaderValue::from_static("trailer"));
    trailers
}

/// Whether nothing is left after `done` steps.
pub(crate) fn is_end(steps: &[BodyStep], done: usize) -> bool {
    done >= steps.len()
}

/// How much data is left after `done` steps: exactly, or an unusual range.
pub(crate) fn hint(steps: &[BodyStep], done: usize, exact: bool) -> SizeHint {
    let left = steps.get(done..).unwrap_or_default().iter().map(|step| match step {
        BodyStep::Data(data) => data.len() as u64,
        _ => 0,
    });
    let left = left.sum();
    if exact {
        return SizeHint::with_exact(left);
    }
    let mut hint = SizeHint::new();
    hint.set_lower(left / 2);
    hint.set_upper(left + 4321);
    hint
}
