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

use crate::{
    ContextBody, Interrupted, Reason, RequestContext,
    alarm::{Alarm, Ring, from_now},
    body::carry_on,
    ended::Ended,
    scope::Scope,
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
        // Taken to drop the handler in its own scope, and before it is answered for.
        #[pin]
        inner: Option<F>,
        // Taken at the end: the body goes on with it.
        context: Option<RequestContext>,
        alarm: Alarm,
    }

    impl<F> PinnedDrop for ContextFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(context) = this.drop_inner(Reason::ClientGone) {
                context.note(Ended::Gone);
                context.finish();
            }
        }
    }
}

impl<F> ContextFuture<F> {
    #[inline]
    pub(crate) const fn new(inner: F, context: Option<RequestContext>) -> Self {
        Self { inner: Some(inner), context, alarm: Alarm::new() }
    }

    /// A request whose deadline has passed on arrival: its handler is not called.
    #[cold]
    pub(crate) const fn refused(context: Option<RequestContext>) -> Self {
        Self { inner: None, context, alarm: Alarm::new() }
    }

    /// The handler waits. Ends that when it has waited too long.
    #[inline(never)]
    fn wait<B>(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response<ContextBody<B>>> {
        let this = self.as_mut().project();
        let Some(context) = this.context else { return Poll::Pending };
        let config = context.config();
        if !this.alarm.is_armed() {
            this.alarm.arm(context.shared().deadline(), config.phase.as_ref());
        }
        loop {
            match this.alarm.poll(config.phase.as_ref(), cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ring::Forced) => return self.cut(Reason::Shutdown),
                // Who does not hold the context does not hear of it, and gains nothing.
                Poll::Ready(Ring::Time)
                    if this.alarm.is_late() || !context.is_held() || config.grace.is_zero() =>
                {
                    return self.cut(Reason::DeadlineExceeded);
                }
                Poll::Ready(Ring::Time) => {
                    context.interrupt(Reason::DeadlineExceeded);
                    config.counts.note_told();
                    // From now and not from the deadline: it was told just now.
                    this.alarm.put_off(from_now(config.grace));
                }
            }
        }
    }

    /// Answers in the stead of a handler that was not called.
    #[cold]
    fn refuse<B>(self: Pin<&mut Self>) -> Response<ContextBody<B>> {
        let Some(context) = self.project().context.take() else {
            panic!("`ContextFuture` polled after it has completed");
        };
        context.note(Ended::Expired);
        answer(context, Interrupted::refused)
    }

    /// Drops the handler and answers in its stead.
    #[cold]
    fn cut<B>(self: Pin<&mut Self>, reason: Reason) -> Poll<Response<ContextBody<B>>> {
        let Some(context) = self.drop_inner(reason) else { return Poll::Pending };
        context.note(Ended::Cut(reason));
        let limit = context.own_limit();
        Poll::Ready(answer(context, |id| Interrupted::new(reason, limit, id)))
    }

    /// Drops the handler, which may still ask for its context and why this happens.
    #[inline]
    fn drop_inner(self: Pin<&mut Self>, reason: Reason) -> Option<RequestContext> {
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
    let interrupted = interrupted(context.shared().to_id());
    let custom = context.config().response.as_ref();
    let mut response = interrupted.into_response(context.client(), custom);
    context.echo(&mut response);
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
        let Some(inner) = this.inner.as_pin_mut() else { return Poll::Ready(Ok(self.refuse())) };
        let scope = Scope::enter(this.context);
        let mut polled = inner.poll(cx);
        scope.exit();
        // First by reference, then moved once: a response is as large as many futures.
        let context = match &mut polled {
            Poll::Pending => return self.wait(cx).map(Ok),
            Poll::Ready(answer) => this.context.take().and_then(|mut context| match answer {
                Ok(response) => {
                    if this.alarm.is_late() {
                        context.note(Ended::InGrace);
                    }
                    context.echo(response);
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
        let Self { inner, context, alarm } = self;
        f.debug_struct("ContextFuture")
            .field("completed", &inner.is_none())
            .field("context", context)
            .field("alarm", alarm)
            .finish()
    }
}
