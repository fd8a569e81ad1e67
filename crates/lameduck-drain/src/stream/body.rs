//! A body that ends when its server drains, if it is one that does.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::events::Events;
use crate::until::{Until, is_meant};

pin_project! {
    /// The body of an [`UntilDrainService`](crate::UntilDrainService)'s answers: one that may end
    /// when the server drains, or one that is left alone.
    #[derive(Debug)]
    pub struct UntilDrainBody<B> {
        #[pin]
        inner: B,
        // Boxed, so that it makes bodies that are left alone no larger: they are nearly all.
        end: Option<Box<End>>,
    }
}

/// How a stream ends.
#[derive(Debug)]
pub(super) struct End {
    until: Until,
    state: State,
    /// For event streams: where it stands, and what it says last.
    events: Option<(Events, Bytes)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The end is due. Only what is ready now, or belongs to an event that has begun, still comes.
    Emptying,
    Ended,
}

impl End {
    pub(super) fn new(until: Until, farewell: Option<Bytes>) -> Self {
        let events = farewell.map(|farewell| (Events::new(), farewell));
        Self { until, state: State::Open, events }
    }

    fn see(&mut self, data: &impl Buf) {
        if let Some((events, _)) = &mut self.events {
            events.see(data);
        }
    }

    /// Waits, when the inner body has nothing ready, for the moment to end. `false`: it is to be
    /// asked once more before that.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !is_meant() {
            return Poll::Pending;
        }
        if self.state == State::Open {
            ready!(self.until.poll_due(cx));
            self.state = State::Emptying;
            return Poll::Ready(false);
        }
        if self.events.as_ref().is_some_and(|(events, _)| !events.is_between()) {
            // Half an event would be thrown away by its client.
            ready!(self.until.poll_over(cx));
        }
        Poll::Ready(true)
    }

    /// Ends. Returns what is said last.
    fn end(&mut self) -> Option<Bytes> {
        self.state = State::Ended;
        let (events, farewell) = self.events.take()?;
        events.is_between().then_some(farewell)
    }
}

impl<B> UntilDrainBody<B> {
    pub(super) fn new(inner: B, end: Option<End>) -> Self {
        Self { inner, end: end.map(Box::new) }
    }

    /// The inner body.
    pub const fn get_ref(&self) -> &B {
        &self.inner
    }

    /// Unwraps the inner body.
    pub fn into_inner(self) -> B {
        self.inner
    }
}

impl<B> Body for UntilDrainBody<B>
where
    B: Body,
    B::Data: From<Bytes>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(end) = this.end.as_deref_mut() else { return this.inner.poll_frame(cx) };
        while end.state != State::Ended {
            // Before the body: one that never pauses would not end otherwise.
            if end.until.is_over() {
                return Poll::Ready(end.end().map(|last| Ok(Frame::data(last.into()))));
            }
            match this.inner.as_mut().poll_frame(cx) {
                Poll::Ready(Some(frame)) => {
                    if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
                        end.see(data);
                    }
                    return Poll::Ready(Some(frame));
                }
                Poll::Ready(None) => end.state = State::Ended,
                Poll::Pending => {
                    if ready!(end.poll(cx)) {
                        return Poll::Ready(end.end().map(|last| Ok(Frame::data(last.into()))));
                    }
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() || self.end.as_ref().is_some_and(|end| end.state == State::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(end) = &self.end else { return self.inner.size_hint() };
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        // It may end at any time.
        let mut hint = SizeHint::new();
        let last = end.events.as_ref().map_or(0, |(_, farewell)| farewell.len() as u64);
        if let Some(upper) = self.inner.size_hint().upper() {
            hint.set_upper(upper.saturating_add(last));
        }
        hint
    }
}

/// For a layer outside of this one that answers itself.
impl<B: From<Bytes>> From<Bytes> for UntilDrainBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { inner: B::from(bytes), end: None }
    }
}
