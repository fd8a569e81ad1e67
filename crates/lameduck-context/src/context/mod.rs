//! The context of a request, as its handler sees it.

mod cancel_reason;
mod child;
mod current;
mod pool;
mod run;
mod spawn;
mod state;
mod values;

use std::{
    any::Any,
    borrow::Cow,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use http::HeaderValue;
use lameduck_core::{Phase, PhaseWatch, plumbing::Kept};
use tokio::time::Instant;
use triomphe::Arc;

use self::state::{Parent, State};
pub use self::{
    cancel_reason::CancelReason,
    run::{Cancelled, RunUntilCancelled},
    spawn::{SpawnError, Spawned},
};
pub(crate) use self::{
    child::follow_outer,
    current::{Scope, has_current},
    state::Bounds,
};
use crate::{
    TraceContext,
    layer::{client::Client, config::Config},
    time::from_now,
};

/// What is known about the request in flight: its id, its deadline, whether it is cancelled.
///
/// Clones share one context. See the [crate docs](crate).
#[derive(Clone)]
pub struct RequestContext {
    state: Arc<State>,
}

impl RequestContext {
    /// The context of the request that the running code works on.
    ///
    /// The layer sets it while it calls, polls or drops the inner service's work and the response
    /// body. A task that was spawned by other means than [`spawn`](Self::spawn) has none: pass it a
    /// clone.
    #[must_use]
    pub fn current() -> Option<Self> {
        current::current()
    }

    /// The request's id, unless the layer gives requests none.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id_header().and_then(|id| id.to_str().ok())
    }

    /// The request's id as the value of a header, to send it on.
    #[must_use]
    pub fn request_id_header(&self) -> Option<&HeaderValue> {
        self.state.id()
    }

    /// When the request is cancelled at the latest, if that is known.
    ///
    /// This is the earlier of the request's own limit and the end of the drain. It moves: a stop
    /// that begins brings it forward, and a stop that is cancelled puts it back.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let reserve = self.config().options.timeouts.drain_reserve;
        let drained = self.state.phase().and_then(PhaseWatch::cancelling_at);
        let drained = drained.map(|at| at.checked_sub(reserve).unwrap_or(at));
        match (self.state.deadline(), drained.map(Instant::from_std)) {
            (Some(own), Some(drained)) => Some(own.min(drained)),
            (own, drained) => own.or(drained),
        }
    }

    /// How long the request may still take. Zero if its deadline has passed.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether the request is cancelled.
    ///
    /// One or two atomic loads: cheap enough for a loop. A context that was made in another one
    /// also asks that one, and the clock.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why the request was cancelled, if it was. The first reason stays.
    #[must_use]
    pub fn reason(&self) -> Option<CancelReason> {
        self.state.reason()
    }

    /// Completes when the request is cancelled, at once if it already is.
    ///
    /// It never completes if the answer is complete first: a finished request is not cancelled.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub async fn cancelled(&self) -> CancelReason {
        if let Some(parent) = self.parent() {
            return child::cancelled(self, parent).await;
        }
        let mut cancelled = pin!(self.state.cancelled().notified());
        let mut cancelling = self.state.phase().map(|phase| phase.reached(Phase::Cancelling));
        let reason = poll_fn(|cx| {
            // Each enters a list. The reason is read after that, so that a change between the two
            // is not missed.
            let _ = cancelled.as_mut().poll(cx);
            if let Some(cancelling) = &mut cancelling {
                let _ = Pin::new(cancelling).poll(cx);
            }
            self.reason().map_or(Poll::Pending, Poll::Ready)
        });
        reason.await
    }

    /// Cancels the request, or the part of it that this context was [made](Self::child) for.
    ///
    /// [`cancelled`](Self::cancelled) completes, and spawned work is dropped. The handler itself is
    /// not dropped: it decides what to answer, until its deadline. The first reason stays, and a
    /// finished request is not cancelled. Returns whether `reason` is the reason.
    ///
    /// ```
    /// # #![allow(dead_code)]
    /// # use lameduck_context::{CancelReason, RequestContext};
    /// fn over_quota(context: &RequestContext) {
    ///     context.cancel(CancelReason::Other("over_quota"));
    /// }
    /// ```
    #[expect(clippy::must_use_candidate, reason = "most callers only want it to end")]
    pub fn cancel(&self, reason: CancelReason) -> bool {
        let is_first = self.reason().is_none();
        self.state.cancel(reason);
        is_first && self.reason() == Some(reason)
    }

    /// Makes a context for a part of the work. It is cancelled with this one, and once `fraction`
    /// of the [remaining](Self::remaining) time is over. It has this one's id, trace and values.
    ///
    /// It has no deadline if this one has none. A fraction below 0, or that is not a number, is 0;
    /// one above 1 is 1.
    ///
    /// ```no_run
    /// # #![allow(dead_code)]
    /// # use lameduck_context::RequestContext;
    /// # async fn ask_the_fast_one() {}
    /// # async fn ask_the_slow_one() {}
    /// # async fn handler(context: RequestContext) {
    /// // The fast one has half of the time. If it does not answer, the slow one has the rest.
    /// if context.child(0.5).run(ask_the_fast_one()).await.is_err() {
    ///     ask_the_slow_one().await;
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn child(&self, fraction: f64) -> Self {
        let at = self.remaining().map(|left| from_now(child::part(left, fraction)));
        Self::new(child::make(self, at, true))
    }

    /// As [`child`](Self::child), with a limit of its own. Its deadline is never later than this
    /// one's.
    #[must_use]
    pub fn child_within(&self, limit: Duration) -> Self {
        let at = from_now(limit);
        // Without the end of the drain: a stop may be cancelled, so that end is read each time.
        let own = self.state.deadline();
        Self::new(child::make(self, Some(own.map_or(at, |own| own.min(at))), true))
    }

    /// Runs a part of the work, which is dropped as soon as this context is cancelled.
    ///
    /// The work is polled first: if it is ready in the same tick, it wins. Inside,
    /// [`current`](Self::current) is this context.
    ///
    /// # Errors
    ///
    /// Why the work was dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the work.
    pub fn run<F: Future>(&self, work: F) -> RunUntilCancelled<F> {
        RunUntilCancelled::new(work, self.clone())
    }

    /// Spawns work that may outlive its handler, but not the request's reasons to end: it is
    /// dropped when the client leaves, at the request's deadline and when the server cancels.
    ///
    /// It goes on after the answer is complete, until the request's deadline, if there is one. The
    /// layer's [tracker](crate::ContextLayer::with_tracker) counts it under `name`, from before
    /// this returns until after it is dropped. Inside, [`current`](Self::current) is a context of
    /// its own, with this one's id, trace and values.
    ///
    /// To drop the returned value changes nothing.
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, work: F) -> Spawned<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let child = Self::new(child::make(self, self.state.deadline(), true));
        Spawned::start(self, name.into(), child.run(work))
    }

    /// Spawns work that neither a client that leaves nor a deadline ends. For what has to be
    /// completed once it has begun.
    ///
    /// It is counted as [spawned](Self::spawn) work is. Its own context is cancelled when the
    /// server cancels, and it is dropped when the stop is forced.
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime.
    pub fn detach<F>(&self, name: impl Into<Cow<'static, str>>, work: F) -> Spawned<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let child = Self::new(child::make(self, None, false));
        Spawned::start(self, name.into(), RunUntilCancelled::until_forced(work, child))
    }

    /// Runs `work` on a thread where it may block. It cannot be dropped: it has to ask
    /// [`is_cancelled`](Self::is_cancelled), which is cheap enough for a loop.
    ///
    /// It is counted as [spawned](Self::spawn) work is, until it returns.
    ///
    /// # Panics
    ///
    /// Outside a `tokio` runtime.
    pub fn spawn_blocking<F, T>(&self, name: impl Into<Cow<'static, str>>, work: F) -> Spawned<T>
    where
        F: FnOnce(&Self) -> T + Send + 'static,
        T: Send + 'static,
    {
        let child = Self::new(child::make(self, self.state.deadline(), true));
        Spawned::start_blocking(self, name.into(), child, work)
    }

    /// The value of a type that was [set](Self::set_value), here or in the context that this one
    /// was made in. Takes no lock.
    ///
    /// Use a type of your own (`struct Tenant(String)`), so that no other code uses it by chance.
    #[must_use]
    pub fn value<T: Any>(&self) -> Option<&T> {
        self.state.values()?.find().or_else(|| self.parent()?.context.value())
    }

    /// Sets a value for all code that works on this request, by its type. Two allocations, and one
    /// more for the first of a request.
    ///
    /// Returns whether it was set. It is not if this context has a value of this type already,
    /// because other code may hold a reference to that. All values are dropped when the request is
    /// over and its last context is dropped.
    pub fn set_value<T: Any + Send + Sync>(&self, value: T) -> bool {
        self.state.values_to_set().set(value)
    }

    /// The trace that the request belongs to, if the layer
    /// [reads it](crate::ContextOptions::trace) and the request named one.
    #[must_use]
    pub fn trace(&self) -> Option<&TraceContext> {
        self.state.trace()
    }

    /// Records the request's ids in those of the fields `request_id`, `trace_id`, `span_id` and
    /// `parent_id` that the span has declared.
    ///
    /// These are the names and the forms (lower case, hexadecimal) of OpenTelemetry's log model, so
    /// that a log and a trace find each other. `span_id` is the request's
    /// [own](crate::TraceOptions::own_spans) or else its caller's, `parent_id` its caller's.
    ///
    /// ```
    /// # use http::Request;
    /// use lameduck_context::RequestContext;
    /// use tracing::{Span, field::Empty, info_span};
    ///
    /// // For tower-http's `TraceLayer::make_span_with`, inside of this layer.
    /// fn make_span<B>(request: &Request<B>) -> Span {
    ///     let path = request.uri().path();
    ///     let span = info_span!("request", path, request_id = Empty, trace_id = Empty);
    ///     if let Some(context) = RequestContext::current() {
    ///         context.record_in(&span);
    ///     }
    ///     span
    /// }
    /// # make_span(&Request::new(()));
    /// ```
    #[cfg(feature = "tracing")]
    pub fn record_in(&self, span: &tracing::Span) {
        crate::integrations::tracing::record(self, span);
    }

    /// Begins a request.
    #[inline]
    pub(crate) fn begin(
        config: &Kept<Config>,
        inbound: Option<HeaderValue>,
        client: Client,
    ) -> Self {
        let mut state = pool::take();
        state.begin(config, inbound, client);
        Self { state: state.shareable() }
    }

    /// A context that no layer has begun.
    fn new(state: State) -> Self {
        Self { state: Arc::new(state) }
    }

    #[inline]
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// `None` if there is another clone of this context.
    #[inline]
    pub(crate) fn state_mut(&mut self) -> Option<&mut State> {
        Arc::get_mut(&mut self.state)
    }

    #[inline]
    pub(crate) fn config(&self) -> &Config {
        self.state.config()
    }

    #[inline]
    pub(crate) fn client(&self) -> Client {
        self.state.client()
    }

    /// The context that this one was made in, and how.
    pub(crate) fn parent(&self) -> Option<&Parent> {
        self.state.parent()
    }

    /// The limit of the handler, unless the deadline is that of another context.
    pub(crate) fn own_limit(&self) -> Option<Duration> {
        self.state.limit().filter(|_| self.parent().is_none_or(|parent| !parent.is_shorter))
    }

    /// Whether the layer's is not the only clone, so that other code may see a cancellation.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        !self.state.is_unique()
    }

    /// Notes that the answer is complete.
    #[inline]
    pub(crate) fn finish(self) {
        if let Some(held) = pool::put(self.state) {
            held.finish();
        }
    }

    /// Cancels the request. Also if there is no other clone: code that is dropped may ask for the
    /// context, and what it spawns then ends with it.
    #[cold]
    pub(crate) fn interrupt(&self, reason: CancelReason) {
        self.state.cancel(reason);
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state } = self;
        f.debug_struct("RequestContext").field("state", state).finish()
    }
}
