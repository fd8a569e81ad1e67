//! The body of a response whose request has a context.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Response, header};
use http_body::{Body, Frame, SizeHint};
use lameduck_core::EitherBody;
use pin_project_lite::pin_project;
use tokio::time::Instant;

use crate::{
    Reason, RequestContext,
    alarm::{Alarm, Ring, from_now},
    answer::grpc_trailers,
    ended::Ended,
    scope::Scope,
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
        alarm: Alarm,
    }

    impl<B> PinnedDrop for ContextBody<B> {
        fn drop(this: Pin<&mut Self>) {
            if this.context.is_some() {
                this.leave();
            }
        }
    }
}

/// A body of a layer's own answer, without a context.
impl<B> From<Bytes> for ContextBody<B> {
    fn from(bytes: Bytes) -> Self {
        Self { body: EitherBody::own(bytes), context: None, alarm: Alarm::new() }
    }
}

impl<B> ContextBody<B> {
    /// Drops what is not read yet. It was given up unless all of it was handed out.
    #[inline(never)]
    fn leave(self: Pin<&mut Self>) {
        let mut this = self.project();
        let Some(context) = this.context else { return };
        // Some are not asked for their end once the length they declared is out.
        if !context.shared().owes_nothing() {
            context.interrupt(Reason::ClientGone);
            context.note(Ended::Gone);
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
    pub(crate) const fn new(body: B, context: Option<RequestContext>) -> Self {
        Self { body: EitherBody::inner(body), context, alarm: Alarm::new() }
    }

    /// The body waits. Says when it has waited too long, and why.
    #[inline(never)]
    fn wait(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Reason> {
        let this = self.project();
        let Some(context) = this.context else { return Poll::Pending };
        let config = context.config();
        if this.alarm.is_late() && is_over(context).is_some() {
            return Poll::Ready(Reason::DeadlineExceeded);
        }
        if !this.alarm.is_armed() {
            let limit = config.body_limit.map(from_now);
            // A caller's deadline is for the whole answer.
            let at = match (limit, context.shared().caller_at()) {
                (Some(limit), Some(caller)) => Some(limit.min(caller)),
                (limit, caller) => limit.or(caller),
            };
            this.alarm.arm(at, config.phase.as_ref());
        }
        this.alarm.poll(config.phase.as_ref(), cx).map(reason_of)
    }

    /// A frame is ready that is not the last. Says when it comes too late, and why.
    fn go_on(self: Pin<&mut Self>, frame: &Frame<Bytes>) -> Option<Reason> {
        let this = self.project();
        let context = this.context.as_ref()?;
        let rang = this.alarm.rang(context.config().phase.as_ref());
        if let Some(ring) = rang.or_else(|| is_over(context)) {
            // What was ready when the time came is still handed out.
            if this.alarm.is_late() {
                return Some(reason_of(ring));
            }
            this.alarm.set_late();
        }
        if let Some(data) = frame.data_ref() {
            context.shared().pay(data.len());
        }
        None
    }

    /// Drops what is left of the body and ends it with an error.
    ///
    /// An end without one would make a truncated answer look like a complete one.
    #[cold]
    fn cut(mut self: Pin<&mut Self>, reason: Reason) -> Option<Result<Frame<Bytes>, BoxError>> {
        let this = self.as_mut().project();
        let mut is_grpc = false;
        if let Some(context) = this.context {
            context.interrupt(reason);
            context.note(Ended::BodyCut(reason));
            // Nothing is owed to a client that is told.
            context.shared().owe(0);
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
        // First by reference, then moved once: a frame is as large as its trailers.
        match &polled {
            Poll::Pending => return self.as_mut().wait(cx).map(|reason| self.cut(reason)),
            Poll::Ready(Some(Ok(frame))) if !this.body.is_end_stream() && !frame.is_trailers() => {
                if let Some(reason) = self.as_mut().go_on(frame) {
                    return Poll::Ready(self.cut(reason));
                }
            }
            Poll::Ready(last) => {
                if let Some(context) = this.context.take() {
                    if let Some(Err(_)) = last {
                        context.interrupt(Reason::BodyFailed);
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
        let Self { body, context, alarm } = self;
        f.debug_struct("ContextBody")
            .field("body", body)
            .field("context", context)
            .field("alarm", alarm)
            .finish()
    }
}

/// The error of a response body that was ended before it was complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyInterrupted {
    reason: Reason,
}

impl BodyInterrupted {
    /// Why the body was ended: [`Reason::DeadlineExceeded`] or [`Reason::Shutdown`].
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl fmt::Display for BodyInterrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::Shutdown => "the server stopped before the response body was complete",
            _ => "the response body took longer than its limit",
        })
    }
}

impl Error for BodyInterrupted {}

/// What of a context is left once the handler has answered. Nothing, if there is no body to come.
#[inline]
pub(crate) fn carry_on<B: Body>(
    context: RequestContext,
    response: &Response<B>,
) -> Option<RequestContext> {
    // A body that must not be there is dropped unread, and nothing of it is missing.
    if response.body().is_end_stream() || !context.client().may_have_body(response.status()) {
        context.finish();
        return None;
    }
    match response.body().size_hint().exact() {
        // The body may take the context later, so this does not wait for somebody to hold it.
        Some(length) => context.shared().owe(length),
        None => note_length(&context, response),
    }
    Some(context)
}

/// Notes how long a response says that its body is, which does not know that itself.
#[cold]
fn note_length<B>(context: &RequestContext, response: &Response<B>) {
    let length = response.headers().get(header::CONTENT_LENGTH);
    if let Some(length) = length.and_then(|length| length.to_str().ok()?.parse().ok()) {
        context.shared().owe(length);
    }
}

/// Whether the caller's time is over, which no alarm says of a body that has never waited.
fn is_over(context: &RequestContext) -> Option<Ring> {
    let at = context.shared().caller_at()?;
    (at <= Instant::now()).then_some(Ring::Time)
}

const fn reason_of(ring: Ring) -> Reason {
    match ring {
        Ring::Time => Reason::DeadlineExceeded,
        Ring::Forced => Reason::Shutdown,
    }
}
