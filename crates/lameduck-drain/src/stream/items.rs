//! A stream of anything that ends when its server drains.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{FusedStream, Stream};
use lameduck_core::{Phase, PhaseWatch, plumbing::inner_accessors};
use pin_project_lite::pin_project;

use crate::until::{Until, is_really_pending};

/// Ends a stream when the server drains.
///
/// What the stream has ready is delivered first: it ends when it has nothing more at hand, and at
/// [`Cancelling`](Phase::Cancelling) at the latest.
///
/// For server-sent events, send the time to come back. `EventSource` then connects again by itself,
/// to another server or to the next one of this name:
///
/// ```
/// use std::convert::Infallible;
///
/// # #[cfg(feature = "axum")]
/// use axum::response::sse::{Event, Sse};
/// use futures_core::Stream;
/// use lameduck_drain::{PhaseWatch, RetryAfter, until_drain};
///
/// # #[cfg(feature = "axum")]
/// # #[expect(dead_code, reason = "shown, not run")]
/// fn events(
///     ticks: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
///     watch: PhaseWatch, // from the server's state
/// ) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
///     let again = Event::default().retry(RetryAfter::default().draw());
///     Sse::new(until_drain(ticks, watch).with_last(Ok(again)))
/// }
/// ```
///
/// [`UntilDrainLayer`](crate::UntilDrainLayer) does this for a whole route, and more. End a stream
/// of gRPC messages `with_last(Err(Status::unavailable("the server is stopping")))`.
///
/// # Cancel safety
///
/// The stream may be dropped at any time. A wait for its next item may be dropped too, and no item
/// is lost.
pub const fn until_drain<S: Stream>(stream: S, watch: PhaseWatch) -> UntilDrain<S> {
    UntilDrain { inner: stream, until: Until::new(watch, Phase::Draining), last: None, state: Open }
}

pin_project! {
    /// A stream that ends when its server drains. Made by [`until_drain`].
    #[must_use = "streams do nothing unless polled"]
    pub struct UntilDrain<S: Stream> {
        #[pin]
        inner: S,
        until: Until,
        // Taken at the end.
        last: Option<S::Item>,
        state: State,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The end is due. Only what is ready now still comes.
    Emptying,
    Ended,
}
use State::{Emptying, Ended, Open};

impl<S: Stream> UntilDrain<S> {
    /// Sets the item that comes last if the server drains. By default there is none.
    ///
    /// A stream that ends by itself ends without it.
    pub fn with_last(mut self, item: S::Item) -> Self {
        self.last = Some(item);
        self
    }

    /// Sets the phase in which the stream ends. By default [`Draining`](Phase::Draining).
    ///
    /// With [`LameDuck`](Phase::LameDuck) its client leaves while all others are still served. A
    /// stream that has ended does not come back when the stop is cancelled.
    pub fn with_phase(mut self, phase: Phase) -> Self {
        self.until.set_phase(phase);
        self
    }

    inner_accessors!(const inner: S, "stream");
}

impl<S: Stream> Stream for UntilDrain<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        while *this.state != Ended {
            // Checked before the stream: one that never pauses would not end otherwise.
            if this.until.is_over() {
                break;
            }
            match this.inner.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => return Poll::Ready(Some(item)),
                Poll::Ready(None) => {
                    *this.state = Ended;
                    *this.last = None;
                }
                Poll::Pending if !is_really_pending(cx) => return Poll::Pending,
                Poll::Pending if *this.state == Emptying => break,
                Poll::Pending => {
                    ready!(this.until.poll_due(cx));
                    // Once more: what came before the phase is delivered.
                    *this.state = Emptying;
                }
            }
        }
        *this.state = Ended;
        Poll::Ready(this.last.take())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let last = usize::from(self.last.is_some());
        match self.state {
            Ended => (0, Some(0)),
            // It may end at any time.
            Open | Emptying => {
                (0, self.inner.size_hint().1.and_then(|upper| upper.checked_add(last)))
            }
        }
    }
}

impl<S: Stream> FusedStream for UntilDrain<S> {
    fn is_terminated(&self) -> bool {
        self.state == Ended
    }
}

impl<S: Stream> fmt::Debug for UntilDrain<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner: _, until, last, state } = self;
        f.debug_struct("UntilDrain")
            .field("until", until)
            .field("has_last", &last.is_some())
            .field("state", state)
            .finish_non_exhaustive()
    }
}
