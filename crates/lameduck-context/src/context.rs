//! A request's context, as its handler sees it.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use http::{HeaderValue, Request, Response};
use lameduck_core::{Phase, PhaseWatch};
use tokio::time::Instant;
use triomphe::Arc;

use crate::{
    Reason, RequestHead,
    answer::Client,
    child,
    config::{Config, InsertId},
    head, scope,
    shared::Shared,
    spare,
};

/// What is known of the request that is being worked on: its id, its deadline, whether it is
/// cancelled.
///
/// Clones share one context. See the [crate docs](crate).
#[derive(Clone)]
pub struct RequestContext {
    shared: Arc<Shared>,
}

impl RequestContext {
    /// The context of the request that the running code works on.
    ///
    /// Known while the layer calls, polls or drops its inner service's work, the response body
    /// included. Not known in a task that was spawned: take the context along.
    #[must_use]
    pub fn current() -> Option<Self> {
        scope::current()
    }

    /// The request's id, unless the layer makes none.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id_header().and_then(|id| id.to_str().ok())
    }

    /// The request's id as the value of a header, to send it on.
    #[must_use]
    pub fn request_id_header(&self) -> Option<&HeaderValue> {
        self.shared.id()
    }

    /// When the request is cancelled at the latest, if that is known.
    ///
    /// The earlier of the request's own limit and the end of the drain. It moves: a stop that
    /// begins brings it forward, a stop that is called off puts it back.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let reserve = self.config().drain_reserve;
        let drained = self.shared.phase().and_then(PhaseWatch::cancelling_at);
        let drained = drained.map(|at| at.checked_sub(reserve).unwrap_or(at));
        match (self.shared.deadline(), drained.map(Instant::from_std)) {
            (Some(own), Some(drained)) => Some(own.min(drained)),
            (own, drained) => own.or(drained),
        }
    }

    /// How long the request may still take, zero if its deadline has passed.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline().map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether nobody waits for the answer any more.
    ///
    /// One or two atomic loads: cheap enough for a loop. A context that was made in another also asks
    /// that one, and the clock.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.reason().is_some()
    }

    /// Why the request was cancelled, if it was. The first reason stays.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.shared.reason()
    }

    /// Completes when the request is cancelled, at once if it already is.
    ///
    /// Never, if the answer is completed first: a finished request is not cancelled.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and made anew at any time.
    pub async fn cancelled(&self) -> Reason {
        if let Some(parent) = self.parent() {
            return child::cancelled(self, parent).await;
        }
        let mut cancelled = pin!(self.shared.cancelled().notified());
        let mut cancelling = self.shared.phase().map(|phase| phase.reached(Phase::Cancelling));
        let reason = poll_fn(|cx| {
            // Polled first, which enters the lists; the reason is read after that, so that a
            // change that comes between the two is not missed.
            let _ = cancelled.as_mut().poll(cx);
            if let Some(cancelling) = &mut cancelling {
                let _ = Pin::new(cancelling).poll(cx);
            }
            self.reason().map_or(Poll::Pending, Poll::Ready)
        });
        reason.await
    }

    /// Begins a request of which nothing else has to be known.
    #[inline]
    pub(crate) fn fresh(config: &'static Config, client: Client) -> Self {
        let context = Self::with_id(config, None, client);
        context.tell_id(config);
        context
    }

    /// Begins a request that may have an id.
    pub(crate) fn begin<B>(config: &'static Config, request: &mut Request<B>) -> Self {
        let policy = config.id.as_ref();
        let inbound = policy.and_then(|policy| policy.take_over(request.headers_mut()));
        Self::with_id(config, inbound, Client::of(request))
    }

    #[inline]
    fn with_id(config: &'static Config, inbound: Option<HeaderValue>, client: Client) -> Self {
        let mut shared = spare::take();
        shared.begin(config, inbound, client);
        Self { shared: shared.shareable() }
    }

    /// Reads what the head decides, and tells who wants to know that a request has begun. Returns
    /// whether its time was over before that.
    pub(crate) fn prepare<B>(&mut self, config: &Config, request: &mut Request<B>) -> bool {
        if config.reads_head {
            if let Some(shared) = Arc::get_mut(&mut self.shared) {
                head::read(shared, config, &RequestHead::of(request));
            }
        }
        if let Some(outer) = Self::current() {
            self.inherit(&outer, request.headers());
        }
        self.tell_id(config);
        if config.extension {
            request.extensions_mut().insert(self.clone());
        }
        if let Some(insert) = config.insert_id {
            self.insert_id(insert, request);
        }
        self.shared.is_expired()
    }

    #[inline]
    fn tell_id(&self, config: &Config) {
        if let Some(on_id) = &config.on_id {
            if let Some(id) = self.request_id_header() {
                on_id(id);
            }
        }
    }

    /// Puts the id where tower-http has it: into the request's extensions and headers.
    fn insert_id<B>(&self, insert: InsertId, request: &mut Request<B>) {
        let (Some(id), Some(policy)) = (self.request_id_header(), &self.config().id) else {
            return;
        };
        insert(id, request.extensions_mut());
        // One that the client sent is the same, or was taken off. A request with so many headers
        // that one more is refused goes without.
        let _ = request.headers_mut().try_insert(&policy.header, id.clone());
    }

    /// Tells the client the request's id.
    #[inline]
    pub(crate) fn echo<B>(&mut self, response: &mut Response<B>) {
        let config = self.shared.config();
        if let Some(policy) = config.id.as_ref().filter(|policy| policy.echo) {
            let id = match Arc::get_mut(&mut self.shared) {
                Some(shared) => shared.give_id(),
                None => self.shared.to_id(),
            };
            if let Some(id) = id {
                // A response with so many headers that one more is refused goes without.
                let _ = response.headers_mut().try_insert(&policy.header, id);
            }
        }
    }

    /// A context that no layer has begun.
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    #[inline]
    pub(crate) fn config(&self) -> &Config {
        self.shared.config()
    }

    #[inline]
    pub(crate) fn client(&self) -> Client {
        self.shared.client()
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Nothing, if anybody else has this context.
    pub(crate) fn shared_mut(&mut self) -> Option<&mut Shared> {
        Arc::get_mut(&mut self.shared)
    }

    /// The limit that the handler is held to, unless that is another's.
    pub(crate) fn own_limit(&self) -> Option<Duration> {
        self.shared.limit().filter(|_| self.parent().is_none_or(|parent| !parent.is_shorter))
    }

    /// Whether anybody but the layer has this context, and so may hear that it is cancelled.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        !self.shared.is_unique()
    }

    /// The answer is complete.
    #[inline]
    pub(crate) fn finish(self) {
        if let Some(held) = spare::keep(self.shared) {
            held.finish();
        }
    }

    /// Cancels the request. Also if nobody holds its context: what is dropped may ask for it, and
    /// what is spawned by that ends with it.
    #[cold]
    pub(crate) fn interrupt(&self, reason: Reason) {
        self.shared.cancel(reason);
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared } = self;
        f.debug_struct("RequestContext").field("shared", shared).finish()
    }
}
