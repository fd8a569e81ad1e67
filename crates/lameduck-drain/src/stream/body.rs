//! A body that may end when its server drains.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use lameduck_core::plumbing::inner_accessors;
use pin_project_lite::pin_project;

use super::{events::Events, messages::Messages};
use crate::until::{Until, is_really_pending};

pin_project! {
    /// The body of an [`UntilDrainService`](crate::UntilDrainService)'s responses: one that may end
    /// when the server drains, or one that is left alone.
    #[derive(Debug)]
    pub struct UntilDrainBody<B> {
        #[pin]
        inner: B,
        // Boxed, so that it does not enlarge bodies that are left alone, which are nearly all.
        end: Option<Box<End>>,
    }
}

/// How many more frames a body may have ready when the time is over. A response that is finished
/// then still arrives, and a body that never pauses ends.
const OVERRUN: u8 = 32;

/// How a stream ends.
#[derive(Debug)]
pub(super) struct End {
    until: Until,
    state: State,
    ending: Ending,
    /// Frames since the time was over.
    overrun: u8,
}

/// Where a stream stands, and what it sends last.
#[derive(Debug)]
pub(super) enum Ending {
    Events(Events, Bytes),
    /// Ends with trailers.
    Grpc(Messages, HeaderMap),
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The end is due. Only what is ready now, or is part of an event that has begun, still comes.
    Emptying,
    Ended,
}

impl End {
    pub(super) const fn new(until: Until, ending: Ending) -> Self {
        Self { until, state: State::Open, ending, overrun: 0 }
    }

    fn see<D: Buf>(&mut self, frame: &Frame<D>) {
        match (frame.data_ref(), &mut self.ending) {
            (Some(data), Ending::Events(events, _)) => events.see(data),
            (Some(data), Ending::Grpc(messages, _)) => messages.see(data),
            (Some(_), Ending::Nothing) => {}
            // Trailers: nothing may follow them.
            (None, _) => self.state = State::Ended,
        }
    }

    const fn is_between(&self) -> bool {
        match &self.ending {
            Ending::Events(events, _) => events.is_between(),
            Ending::Grpc(messages, _) => messages.is_between(),
            Ending::Nothing => true,
        }
    }

    /// Whether the time is over, and the body had more frames than [`OVERRUN`] since.
    fn is_overrun(&mut self) -> bool {
        if self.until.is_over() {
            self.overrun = self.overrun.saturating_add(1);
        }
        self.overrun > OVERRUN
    }

    /// Waits for the moment to end, while the inner body has nothing ready. `false`: poll that once
    /// more first.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if !is_really_pending(cx) {
            return Poll::Pending;
        }
        if self.state == State::Open {
            ready!(self.until.poll_due(cx));
            self.state = State::Emptying;
            return Poll::Ready(false);
        }
        if !self.is_between() {
            // Half an event or message is useless to its client.
            ready!(self.until.poll_over(cx));
        }
        Poll::Ready(true)
    }

    /// Ends. Returns what is sent last.
    fn end<D: From<Bytes>>(&mut self) -> Option<Frame<D>> {
        self.state = State::Ended;
        let is_between = self.is_between();
        match std::mem::replace(&mut self.ending, Ending::Nothing) {
            Ending::Events(_, last) => is_between.then(|| Frame::data(last.into())),
            Ending::Grpc(_, trailers) => Some(Frame::trailers(trailers)),
            Ending::Nothing => None,
        }
    }
}

impl<B> UntilDrainBody<B> {
    pub(super) fn new(inner: B, end: Option<End>) -> Self {
        Self { inner, end: end.map(Box::new) }
    }

    inner_accessors!(const inner: B, "body");
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
            // Checked before the body: one that never pauses would not end otherwise.
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
        let last = match &end.ending {
            Ending::Events(_, last) => last.len() as u64,
            Ending::Grpc(..) | Ending::Nothing => 0,
        };
        if let Some(upper) = self.inner.size_hint().upper() {
            hint.set_upper(upper.saturating_add(last));
        }
        hint
    }
}

/// For the own responses of a layer outside of this one.
impl<B: From<Bytes>> From<Bytes> for UntilDrainBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { inner: B::from(bytes), end: None }
    }
}
