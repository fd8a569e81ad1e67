//! The future of a request in its context.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Response};
use http_body::Body;
use pin_project_lite::pin_project;

use super::{
    begin::write_id,
    body::{ContextBody, carry_on},
    interrupted::Interrupted,
    outcome::Outcome,
};
use crate::{
    CancelReason, RequestContext,
    context::Scope,
    deadline_timer::{DeadlineTimer, Expiry},
    time::from_now,
};

pin_project! {
    /// Response future of [`ContextService`](crate::ContextService).
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime whose time is enabled, if there is a time limit and the handler
    /// has to wait. If it is polled after it has completed.
    #[must_use = "futures do nothing unless polled"]
    pub struct ContextFuture<F> {
        // Taken to drop the handler in its own scope, and before the layer answers.
        #[pin]
        inner: Option<F>,
        // Taken at the end: the body goes on with it.
        context: Option<RequestContext>,
        timer: DeadlineTimer,
    }

    impl<F> PinnedDrop for ContextFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(context) = this.drop_inner(CancelReason::ClientGone) {
                Outcome::ClientGone.record(&context);
                context.finish();
            }
        }
    }
}

impl<F> ContextFuture<F> {
    #[inline]
    pub(super) const fn new(inner: F, context: Option<RequestContext>) -> Self {
        Self { inner: Some(inner), context, timer: DeadlineTimer::new() }
    }

    /// A request whose deadline has passed on arrival: its handler is not called.
    #[cold]
    pub(super) const fn rejected(context: Option<RequestContext>) -> Self {
        Self { inner: None, context, timer: DeadlineTimer::new() }
    }

    /// The handler waits. Ends it when it has waited too long.
    #[inline(never)]
    fn wait<B>(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response<ContextBody<B>>> {
        let this = self.as_mut().project();
        let Some(context) = this.context else { return Poll::Pending };
        let config = context.config();
        if !this.timer.is_started() {
            this.timer.start(context.state().deadline(), config.phase.as_ref());
        }
        loop {
            match this.timer.poll(config.phase.as_ref(), cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Expiry::Forced) => return self.cut(CancelReason::Shutdown),
                Poll::Ready(Expiry::Deadline) => match config.options.timeouts.grace {
                    // Without a clone of its context, a handler cannot see the cancellation.
                    Some(grace)
                        if !this.timer.was_extended() && context.is_held() && !grace.is_zero() =>
                    {
                        context.interrupt(CancelReason::DeadlineExceeded);
                        config.counts.note_notified();
                        // From now and not from the deadline: it was notified just now.
                        this.timer.extend(from_now(grace));
                    }
                    _ => return self.cut(CancelReason::DeadlineExceeded),
                },
            }
        }
    }

    /// Answers for a handler that was not called.
    #[cold]
    fn reject<B>(self: Pin<&mut Self>) -> Response<ContextBody<B>> {
        let Some(context) = self.project().context.take() else {
            panic!("`ContextFuture` polled after it has completed");
        };
        Outcome::Expired.record(&context);
        answer(context, Interrupted::rejected)
    }

    /// Drops the handler and answers for it.
    #[cold]
    fn cut<B>(self: Pin<&mut Self>, reason: CancelReason) -> Poll<Response<ContextBody<B>>> {
        let Some(context) = self.drop_inner(reason) else { return Poll::Pending };
        Outcome::Cut(reason).record(&context);
        let limit = context.own_limit();
        Poll::Ready(answer(context, |id| Interrupted::new(reason, limit, id)))
    }

    /// Drops the handler, which may still ask for its context and for the reason.
    #[inline]
    fn drop_inner(self: Pin<&mut Self>, reason: CancelReason) -> Option<RequestContext> {
        let mut this = self.project();
        this.context.as_ref()?.interrupt(reason);
        let scope = Scope::enter(this.context);
        this.inner.set(None);
        scope.exit();
        this.context.take()
    }
}

/// Ends a request with an answer of our own.
fn answer<B>(
    mut context: RequestContext,
    interrupted: impl FnOnce(Option<HeaderValue>) -> Interrupted,
) -> Response<ContextBody<B>> {
    let interrupted = interrupted(context.state().to_id());
    let custom = context.config().response.as_ref();
    let mut response = interrupted.into_response(context.client(), custom);
    write_id(&mut context, &mut response);
    context.finish();
    response
}

impl<F, B, E> Future for ContextFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes>,
{
    type Output = Result<Response<ContextBody<B>>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.as_mut().project();
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Ready(Ok(self.reject())) };
        let scope = Scope::enter(this.context);
        let mut polled = inner.poll(cx);
        scope.exit();
        // By reference, then moved once: a response is as large as many futures.
        let context = match &mut polled {
            Poll::Pending => return self.wait(cx).map(Ok),
            Poll::Ready(answer) => this.context.take().and_then(|mut context| match answer {
                Ok(response) => {
                    if this.timer.was_extended() {
                        Outcome::AnsweredInGrace.record(&context);
                    }
                    write_id(&mut context, response);
                    carry_on(context, response)
                }
                Err(_) => {
                    context.finish();
                    None
                }
            }),
        };
        match polled {
            Poll::Ready(Ok(response)) => {
                Poll::Ready(Ok(response.map(|body| ContextBody::new(body, context))))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<F> fmt::Debug for ContextFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, context, timer } = self;
        f.debug_struct("ContextFuture")
            .field("completed", &inner.is_none())
            .field("context", context)
            .field("timer", timer)
            .finish()
    }
}
