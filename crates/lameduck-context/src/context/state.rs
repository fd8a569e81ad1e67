//! What all clones of a context share.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue};
use lameduck_core::{
    Phase, PhaseWatch,
    plumbing::{BytesOwed, Kept},
};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use super::values::Values;
use crate::{
    CancelReason, RequestContext, RequestIdOptions, TraceContext,
    layer::{client::Client, config::Config},
    request_id,
    time::from_now,
};

/// The request is in flight. A cancelled one has the number of its reason.
const LIVE: u8 = 0;

/// The answer is complete; nothing cancels the request any more.
const FINISHED: u8 = 1;

/// What all clones of a context share.
pub(crate) struct State {
    /// None while no request has the context.
    config: Option<Kept<Config>>,
    client: Client,
    /// The id as text: the client's, or one that was made here and is certain to be read.
    id: Option<HeaderValue>,
    /// The id that was made here.
    fresh: Option<Uuid>,
    /// `fresh` as text, from its first read on. Most are never read.
    text: OnceLock<HeaderValue>,
    /// How long the request may take, as its head says. Stale unless the configuration
    /// [reads heads](Config::reads_head): it is not cleared, because most requests never read it.
    bounds: Bounds,
    /// The end of the limit, from the moment on at which the clock was started.
    deadline: OnceLock<Instant>,
    rare: OnceLock<Box<RareState>>,
    stage: AtomicU8,
    /// [`BytesOwed`] of the response body.
    owed: AtomicU64,
    cancelled: Notify,
}

/// How long a request may take, as its head says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// How long the handler may take.
    pub(crate) limit: Option<Duration>,
    /// The caller's deadline.
    pub(crate) caller_at: Option<Instant>,
    /// Whether the caller's deadline had passed on arrival.
    pub(crate) is_expired: bool,
}

/// What only some requests have. Made when it is first needed.
#[derive(Debug, Default)]
struct RareState {
    /// What the headers of the request say about a trace.
    trace: OnceLock<TraceContext>,
    /// What the handler has set.
    values: Values,
    /// Why the handler cancelled the request, in its words.
    words: OnceLock<&'static str>,
    parent: Option<Parent>,
    /// Whether it was made by hand, so that no layer's limit is its own.
    is_child: bool,
}

/// The context that another one was made in.
#[derive(Debug)]
pub(crate) struct Parent {
    pub(crate) context: RequestContext,
    /// Whether the child is cancelled with its parent.
    pub(crate) is_followed: bool,
    /// Whether the parent's deadline is the earlier one.
    pub(crate) is_shorter: bool,
}

impl State {
    /// Starts a request. Nothing else refers to `self`.
    #[inline]
    pub(super) fn begin(
        &mut self,
        config: &Kept<Config>,
        inbound: Option<HeaderValue>,
        client: Client,
    ) {
        self.client = client;
        // Asked once whether it is leaked or counted.
        let read: &Config = config;
        if let Some(id) = inbound {
            self.id = Some(id);
        } else if read.options.request_id.is_some() {
            let fresh = request_id::fresh();
            if read.shows_id {
                // As text at once: it is read before the handler is called.
                let is_shared = read.insert_id.is_some();
                let text =
                    if is_shared { request_id::to_shared_header } else { request_id::to_header };
                self.id = Some(text(&fresh));
            }
            self.fresh = Some(fresh);
        }
        self.config = Some(config.clone());
    }

    /// Forgets the request.
    #[inline]
    pub(super) fn clear(&mut self) {
        let Self {
            config,
            client: _,
            id,
            fresh,
            text,
            bounds: _,
            deadline,
            rare,
            stage,
            owed,
            cancelled: _,
        } = self;
        *config = None;
        *id = None;
        if fresh.take().is_some() {
            *text = OnceLock::new();
        }
        *deadline = OnceLock::new();
        // Asked first: to drop an empty one is a call.
        if rare.get().is_some() {
            *rare = OnceLock::new();
        }
        *stage.get_mut() = LIVE;
        *owed.get_mut() = BytesOwed::UNKNOWN.to_bits();
    }

    /// What the layer shares with its requests. Kept as long as the context is.
    #[inline]
    pub(super) fn kept(&self) -> &Kept<Config> {
        self.config.as_ref().expect("a context that is in use has a configuration")
    }

    #[inline]
    pub(super) fn config(&self) -> &Config {
        self.kept()
    }

    #[inline]
    pub(super) const fn client(&self) -> Client {
        self.client
    }

    #[inline]
    pub(super) fn phase(&self) -> Option<&PhaseWatch> {
        self.config().phase.as_ref()
    }

    /// The id as text. Makes the text if there is none yet.
    pub(super) fn id(&self) -> Option<&HeaderValue> {
        let made = || {
            let fresh = self.fresh.as_ref();
            fresh.map(|uuid| self.text.get_or_init(|| request_id::to_shared_header(uuid)))
        };
        self.id.as_ref().or_else(made)
    }

    /// A copy of the id as text.
    #[inline]
    pub(crate) fn to_id(&self) -> Option<HeaderValue> {
        match (self.id.as_ref().or_else(|| self.text.get()), &self.fresh) {
            // Not stored: most requests need it once.
            (None, Some(uuid)) => Some(request_id::to_header(uuid)),
            (id, _) => id.cloned(),
        }
    }

    /// Writes the id into the headers of a response, if the options say so.
    #[inline]
    pub(crate) fn write_id(&self, headers: &mut HeaderMap) {
        let Some(ids) = response_ids(self.config()) else { return };
        if let Some(id) = self.to_id() {
            set(headers, &ids.header, id);
        }
    }

    /// As [`write_id`](Self::write_id), for the only holder of the context: moves a text that was
    /// made here. It is made anew if it is read later.
    #[inline]
    pub(crate) fn move_id(&mut self, headers: &mut HeaderMap) {
        let Self { config, id, fresh, text, .. } = self;
        let Some(ids) = config.as_deref().and_then(response_ids) else { return };
        // Each arm by itself: a header value is larger than a pointer, and is moved once.
        match (fresh, text.get()) {
            (Some(_), _) if id.is_some() => {
                if let Some(id) = id.take() {
                    set(headers, &ids.header, id);
                }
            }
            (Some(uuid), None) => set(headers, &ids.header, request_id::to_header(uuid)),
            (Some(_), Some(text)) => set(headers, &ids.header, text.clone()),
            (None, _) => {
                if let Some(id) = id {
                    set(headers, &ids.header, id.clone());
                }
            }
        }
    }

    /// How long the handler may take: by the layer's limit, the route's or the caller's.
    pub(super) fn limit(&self) -> Option<Duration> {
        let config = self.config();
        if config.reads_head { self.bounds.limit } else { config.options.timeouts.handler }
    }

    /// The caller's deadline, for the whole answer.
    pub(crate) fn caller_at(&self) -> Option<Instant> {
        if self.config().reads_head { self.bounds.caller_at } else { None }
    }

    /// Whether the caller's deadline had passed on arrival.
    pub(crate) fn is_expired(&self) -> bool {
        self.config().reads_head && self.bounds.is_expired
    }

    /// Sets how long the request may take. Every request has to call it whose head is read.
    pub(crate) fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// The end of the handler's limit. Starts the clock if it has not started.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if let Some(at) = self.deadline.get() {
            return Some(*at);
        }
        if self.rare.get().is_some_and(|rare| rare.is_child) {
            return None;
        }
        let limit = self.limit()?;
        let at = || {
            let at = from_now(limit);
            // The limit begins later than the caller's deadline, and may end later.
            self.caller_at().map_or(at, |caller| caller.min(at))
        };
        Some(*self.deadline.get_or_init(at))
    }

    /// Sets the deadline, which starts no clock.
    pub(crate) fn set_deadline(&mut self, at: Instant) {
        self.deadline = OnceLock::from(at);
    }

    /// Follows the context of a layer further out: takes over its id, if `with_id`, and its
    /// deadline, if that is the earlier one.
    pub(super) fn set_outer(&mut self, context: RequestContext, with_id: bool) {
        if let Some(id) = context.request_id_header().filter(|_| with_id) {
            self.id = Some(id.clone());
            self.fresh = None;
            self.text = OnceLock::new();
        }
        let outer = context.state().deadline();
        let outer = outer.filter(|at| self.deadline().is_none_or(|own| *at < own));
        if let Some(at) = outer {
            self.set_deadline(at);
        }
        let is_shorter = outer.is_some();
        self.rare_mut().parent = Some(Parent { context, is_followed: true, is_shorter });
    }

    /// Makes this the context of a part of another one's work.
    pub(super) fn set_parent(&mut self, context: RequestContext, is_followed: bool) {
        let rare = self.rare_mut();
        rare.is_child = true;
        rare.parent = Some(Parent { context, is_followed, is_shorter: false });
    }

    pub(super) fn parent(&self) -> Option<&Parent> {
        self.rare.get()?.parent.as_ref()
    }

    /// The trace, here or in the context that this one was made in.
    pub(super) fn trace(&self) -> Option<&TraceContext> {
        let rare = self.rare.get()?;
        rare.trace.get().or_else(|| rare.parent.as_ref()?.context.trace())
    }

    pub(crate) fn set_trace(&self, trace: TraceContext) {
        let _ = self.rare().trace.set(trace);
    }

    /// The values that were set here.
    pub(super) fn values(&self) -> Option<&Values> {
        self.rare.get().map(|rare| &rare.values)
    }

    /// As [`values`](Self::values), to set one.
    pub(super) fn values_to_set(&self) -> &Values {
        &self.rare().values
    }

    /// Why the request was cancelled, if it was.
    pub(super) fn reason(&self) -> Option<CancelReason> {
        // Acquire: what the canceller did before is visible to code that acts on the reason.
        let stage = match self.stage.load(Ordering::Acquire) {
            // The phase is read here: its writer does not know the contexts.
            LIVE if self.is_cancelling() => self.end(CancelReason::Shutdown.to_number()),
            LIVE => match self.parent() {
                Some(parent) => self.follow(parent),
                None => LIVE,
            },
            stage => stage,
        };
        CancelReason::from_number(stage, || self.rare.get()?.words.get().copied())
    }

    /// Cancels the request, unless it is finished or cancelled already.
    pub(super) fn cancel(&self, reason: CancelReason) {
        // A phase that nothing has read since may have been the first reason.
        if self.reason().is_none() {
            if let CancelReason::Other(words) = reason {
                // Of two at once, the words of the first are the reason of both.
                let _ = self.rare().words.set(words);
            }
            self.end(reason.to_number());
        }
        self.cancelled.notify_waiters();
    }

    /// Notes that the answer is complete.
    pub(super) fn finish(&self) {
        self.end(FINISHED);
    }

    /// Notified when the request is cancelled, but not when a phase does that.
    pub(super) const fn cancelled(&self) -> &Notify {
        &self.cancelled
    }

    /// How much of the response body is still to come.
    pub(crate) fn owed(&self) -> BytesOwed {
        // Relaxed, here and below: only the holder of the body reads and writes it.
        BytesOwed::from_bits(self.owed.load(Ordering::Relaxed))
    }

    pub(crate) fn set_owed(&self, owed: BytesOwed) {
        self.owed.store(owed.to_bits(), Ordering::Relaxed);
    }

    fn rare(&self) -> &RareState {
        self.rare.get_or_init(Box::default)
    }

    fn rare_mut(&mut self) -> &mut RareState {
        self.rare();
        self.rare.get_mut().expect("made in the line above")
    }

    /// Moves the request to its last stage, unless it has one. Returns its last stage.
    fn end(&self, stage: u8) -> u8 {
        // AcqRel: as for the load in `reason`, on both sides.
        let ended = self.stage.compare_exchange(LIVE, stage, Ordering::AcqRel, Ordering::Acquire);
        ended.map_or_else(|before| before, |_| stage)
    }

    /// A context that was made in another one ends with it, and at its own deadline.
    #[cold]
    fn follow(&self, parent: &Parent) -> u8 {
        let reason = if parent.is_followed { parent.context.reason() } else { None };
        let is_over = || self.deadline().is_some_and(|at| at <= Instant::now());
        match reason {
            Some(CancelReason::Other(words)) => {
                let _ = self.rare().words.set(words);
                self.end(CancelReason::Other(words).to_number())
            }
            Some(reason) => self.end(reason.to_number()),
            None if is_over() => self.end(CancelReason::DeadlineExceeded.to_number()),
            None => LIVE,
        }
    }

    fn is_cancelling(&self) -> bool {
        self.phase().is_some_and(|phase| phase.current() >= Phase::Cancelling)
    }
}

/// The options of ids, if responses carry them.
#[inline]
fn response_ids(config: &Config) -> Option<&RequestIdOptions> {
    config.options.request_id.as_ref().filter(|ids| ids.response_header)
}

/// Sets a header. A head that already has as many headers as the map allows stays without it.
#[inline]
fn set(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    let _ = headers.try_insert(name, value);
}

impl Default for State {
    fn default() -> Self {
        Self {
            config: None,
            client: Client::default(),
            id: None,
            fresh: None,
            text: OnceLock::new(),
            bounds: Bounds::default(),
            deadline: OnceLock::new(),
            rare: OnceLock::new(),
            stage: AtomicU8::new(LIVE),
            owed: AtomicU64::new(BytesOwed::UNKNOWN.to_bits()),
            cancelled: Notify::new(),
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            config: _,
            client: _,
            id,
            fresh,
            text,
            bounds: _,
            deadline,
            rare,
            stage,
            owed: _,
            cancelled: _,
        } = self;
        f.debug_struct("State")
            .field("id", &id.as_ref().or_else(|| text.get()))
            .field("fresh", fresh)
            .field("deadline", &deadline.get())
            .field("rare", &rare.get())
            .field("reason", &CancelReason::from_number(stage.load(Ordering::Relaxed), || None))
            .finish_non_exhaustive()
    }
}
