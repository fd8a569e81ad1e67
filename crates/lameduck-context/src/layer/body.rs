//! The body of a response whose request has a context.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use lameduck_core::{EitherBody, plumbing::BytesOwed};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::{interrupted::grpc_trailers, outcome::Outcome};
use crate::{
    CancelReason, RequestContext,
    context::Scope,
    deadline_timer::{DeadlineTimer, Expiry},
    time::from_now,
};

type BoxError = Box<dyn Error + Send + Sync>;

pin_project! {
    /// Response body of [`ContextService`](crate::ContextService).
    ///
    /// Forwards size hint, end of stream, data and trailers of the handler's body. Fails with the
    /// handler's own error, or with [`BodyInterrupted`].
    pub struct ContextBody<B> {
        #[pin]
        body: EitherBody<B>,
        // Taken at the end of the body: it may be polled after that, and dropped late.
        context: Option<RequestContext>,
        timer: DeadlineTimer,
    }

    impl<B> PinnedDrop for ContextBody<B> {
        fn drop(this: Pin<&mut Self>) {
            if this.context.is_some() {
                this.leave();
            }
        }
    }
}

/// A body that a layer answers with, without a context.
impl<B> From<Bytes> for ContextBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { body: EitherBody::own(bytes), context: None, timer: DeadlineTimer::new() }
    }
}

impl<B> ContextBody<B> {
    /// Drops what is not read yet. The client is gone unless all of the body was handed out.
    #[inline(never)]
    fn leave(self: Pin<&mut Self>) {
        let mut this = self.project();
        let Some(context) = this.context else { return };
        // A server need not poll for the end once the declared length is out.
        if !context.state().owed().is_nothing() {
            context.interrupt(CancelReason::ClientGone);
            Outcome::ClientGone.record(context);
        }
        let scope = Scope::enter(this.context);
        this.body.set(EitherBody::own(Bytes::new()));
        scope.exit();
        if let Some(context) = this.context.take() {
            context.finish();
        }
    }
}

impl<B: Body<Data = Bytes>> ContextBody<B> {
    /// The body of a handler's answer, with the context it goes on with.
    #[inline]
    pub(super) const fn new(body: B, context: Option<RequestContext>) -> Self {
        Self { body: EitherBody::inner(body), context, timer: DeadlineTimer::new() }
    }

    /// The body waits. Ready, with the reason, when it has waited too long.
    #[inline(never)]
    fn wait(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CancelReason> {
        let this = self.project();
        let Some(context) = this.context else { return Poll::Pending };
        let config = context.config();
        if this.timer.was_extended() && caller_expiry(context).is_some() {
            return Poll::Ready(CancelReason::DeadlineExceeded);
        }
        if !this.timer.is_started() {
            let limit = config.options.timeouts.body.map(from_now);
            // A caller's deadline is for the whole answer.
            let at = match (limit, context.state().caller_at()) {
                (Some(limit), Some(caller)) => Some(limit.min(caller)),
                (limit, caller) => limit.or(caller),
            };
            this.timer.start(at, config.phase.as_ref());
        }
        this.timer.poll(config.phase.as_ref(), cx).map(reason_of)
    }

    /// A frame is ready that is not the last. Returns the reason if it comes too late.
    fn check_frame(self: Pin<&mut Self>, frame: &Frame<Bytes>) -> Option<CancelReason> {
        let this = self.project();
        let context = this.context.as_ref()?;
        let expiry = this.timer.expiry(context.config().phase.as_ref());
        if let Some(expiry) = expiry.or_else(|| caller_expiry(context)) {
            // A frame that was ready at the deadline is still handed out.
            if this.timer.was_extended() {
                return Some(reason_of(expiry));
            }
            this.timer.set_extended();
        }
        if let Some(data) = frame.data_ref() {
            let state = context.state();
            state.set_owed(state.owed().after(data.len()));
        }
        None
    }

    /// Drops what is left of the body and ends it with an error.
    ///
    /// An end without one would make a truncated answer look like a complete one.
    #[cold]
    fn cut(
        mut self: Pin<&mut Self>,
        reason: CancelReason,
    ) -> Option<Result<Frame<Bytes>, BoxError>> {
        let this = self.as_mut().project();
        let mut is_grpc = false;
        if let Some(context) = this.context {
            context.interrupt(reason);
            Outcome::BodyCut(reason).record(context);
            // The client sees the error, so it is not one that has left.
            context.state().set_owed(BytesOwed::NOTHING);
            is_grpc = context.client().is_grpc;
        }
        self.leave();
        Some(if is_grpc {
            // Trailers with a status are how a gRPC stream fails.
            Ok(Frame::trailers(grpc_trailers(reason)))
        } else {
            Err(Box::new(BodyInterrupted { reason }))
        })
    }
}

impl<B> Body for ContextBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.as_mut().project();
        if this.context.is_none() {
            return this.body.poll_frame(cx).map_err(Into::into);
        }
        let scope = Scope::enter(this.context);
        let polled = this.body.as_mut().poll_frame(cx);
        scope.exit();
        // By reference, then moved once: a frame is as large as its trailers.
        match &polled {
            Poll::Pending => return self.as_mut().wait(cx).map(|reason| self.cut(reason)),
            Poll::Ready(Some(Ok(frame))) if !this.body.is_end_stream() && !frame.is_trailers() => {
                if let Some(reason) = self.as_mut().check_frame(frame) {
                    return Poll::Ready(self.cut(reason));
                }
            }
            Poll::Ready(last) => {
                if let Some(context) = this.context.take() {
                    if let Some(Err(_)) = last {
                        context.interrupt(CancelReason::BodyFailed);
                    }
                    context.finish();
                }
            }
        }
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: fmt::Debug> fmt::Debug for ContextBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { body, context, timer } = self;
        f.debug_struct("ContextBody")
            .field("body", body)
            .field("context", context)
            .field("timer", timer)
            .finish()
    }
}

/// The error of a response body that was ended before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyInterrupted {
    reason: CancelReason,
}

impl BodyInterrupted {
    /// Why the body was ended: [`CancelReason::DeadlineExceeded`] or [`CancelReason::Shutdown`].
    #[must_use]
    pub const fn reason(&self) -> CancelReason {
        self.reason
    }
}

impl fmt::Display for BodyInterrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            CancelReason::Shutdown => "the server stopped before the response body was complete",
            _ => "the response body took longer than its limit",
        })
    }
}

impl Error for BodyInterrupted {}

/// The context that the body goes on with. `None`, with the context finished, if no body follows.
#[inline]
pub(super) fn carry_on<B: Body>(
    context: RequestContext,
    response: &Response<B>,
) -> Option<RequestContext> {
    // A server drops a body that must not be there unread, and none of it is missing.
    let has_body = context.client().body_rule.allows_body(response.status());
    if response.body().is_end_stream() || !has_body {
        context.finish();
        return None;
    }
    context.state().set_owed(BytesOwed::declared_by(response));
    Some(context)
}

/// Whether the caller's deadline has passed. A body that has never waited has no timer for it.
fn caller_expiry(context: &RequestContext) -> Option<Expiry> {
    let at = context.state().caller_at()?;
    (at <= Instant::now()).then_some(Expiry::Deadline)
}

const fn reason_of(expiry: Expiry) -> CancelReason {
    match expiry {
        Expiry::Deadline => CancelReason::DeadlineExceeded,
        Expiry::Forced => CancelReason::Shutdown,
    }
}
