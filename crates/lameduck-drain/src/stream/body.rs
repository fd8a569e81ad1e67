//! A body that ends when its server drains, if it is one that does.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::{events::Events, messages::Messages};
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

/// So many more frames a body may have ready when the time is over: an answer that is finished
/// then still arrives, and one that never pauses ends.
const OVERRUN: u8 = 32;

/// How a stream ends.
#[derive(Debug)]
pub(super) struct End {
    until: Until,
    state: State,
    farewell: Farewell,
    /// Frames since the time was over.
    overrun: u8,
}

/// Where a stream stands, and what it says last.
#[derive(Debug)]
pub(super) enum Farewell {
    Events(Events, Bytes),
    /// In trailers.
    Grpc(Messages, HeaderMap),
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The end is due. Only what is ready now, or belongs to an event that has begun, still comes.
    Emptying,
    Ended,
}

impl End {
    pub(super) const fn new(until: Until, farewell: Farewell) -> Self {
        Self { until, state: State::Open, farewell, overrun: 0 }
    }

    fn see<D: Buf>(&mut self, frame: &Frame<D>) {
        match (frame.data_ref(), &mut self.farewell) {
            (Some(data), Farewell::Events(events, _)) => events.see(data),
            (Some(data), Farewell::Grpc(messages, _)) => messages.see(data),
            (Some(_), Farewell::Nothing) => {}
            // Trailers: nothing may follow them.
            (None, _) => self.state = State::Ended,
        }
    }

    const fn is_between(&self) -> bool {
        match &self.farewell {
            Farewell::Events(events, _) => events.is_between(),
            Farewell::Grpc(messages, _) => messages.is_between(),
            Farewell::Nothing => true,
        }
    }

    /// Whether the body had its time, and more frames than an answer has.
    fn is_overrun(&mut self) -> bool {
        if self.until.is_over() {
            self.overrun = self.overrun.saturating_add(1);
        }
        self.overrun > OVERRUN
    }

    /// Waits, when the inner body has nothing ready, for the moment to end. `false`: it is to be
    /// asked once more before that.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !is_meant(cx) {
            return Poll::Pending;
        }
        if self.state == State::Open {
            ready!(self.until.poll_due(cx));
            self.state = State::Emptying;
            return Poll::Ready(false);
        }
        if !self.is_between() {
            // Half an event or message is of no use to its client.
            ready!(self.until.poll_over(cx));
        }
        Poll::Ready(true)
    }

    /// Ends. Returns what is said last.
    fn end<D: From<Bytes>>(&mut self) -> Option<Frame<D>> {
        self.state = State::Ended;
        let is_between = self.is_between();
        match std::mem::replace(&mut self.farewell, Farewell::Nothing) {
            Farewell::Events(_, last) => is_between.then(|| Frame::data(last.into())),
            Farewell::Grpc(_, trailers) => Some(Frame::trailers(trailers)),
            Farewell::Nothing => None,
        }
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
            if end.is_overrun() {
                return Poll::Ready(end.end().map(Ok));
            }
            match this.inner.as_mut().poll_frame(cx) {
                Poll::Ready(Some(frame)) => {
                    if let Ok(frame) = &frame {
                        end.see(frame);
                    }
                    return Poll::Ready(Some(frame));
                }
                Poll::Ready(None) => end.state = State::Ended,
                Poll::Pending => {
                    if ready!(end.poll(cx)) {
                        return Poll::Ready(end.end().map(Ok));
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
        let last = match &end.farewell {
            Farewell::Events(_, last) => last.len() as u64,
            Farewell::Grpc(..) | Farewell::Nothing => 0,
        };
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
