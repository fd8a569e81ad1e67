//! What all clones of a context share.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use http::HeaderValue;
use lameduck_core::{Phase, PhaseWatch};
use tokio::{sync::Notify, time::Instant};
use uuid::Uuid;

use crate::{
    Reason,
    answer::Client,
    bounds::Bounds,
    config::Config,
    id,
    more::{More, Parent},
};

/// The request is being worked on. A cancelled one has the number of its reason.
const LIVE: u8 = 0;

/// The answer is complete; nothing cancels the request any more.
const FINISHED: u8 = 1;

/// No length was declared.
const UNKNOWN: u64 = u64::MAX;

/// What all clones of a context share.
pub(crate) struct Shared {
    /// None while no request has the context.
    config: Option<&'static Config>,
    client: Client,
    /// The id as text: the client's, or one that was made here and is read for certain.
    id: Option<HeaderValue>,
    /// The id that was made here.
    fresh: Option<Uuid>,
    /// The same as text, once somebody reads it who was not expected to.
    text: OnceLock<HeaderValue>,
    /// What the request's head said of its time. Of an earlier request, unless the configuration
    /// [reads heads](Config::reads_head): not cleared, because most never look at it.
    pub(crate) bounds: Bounds,
    /// When the limit is over, once the clock was started.
    pub(crate) deadline: OnceLock<Instant>,
    /// What only some requests have.
    pub(crate) more: OnceLock<Box<More>>,
    state: AtomicU8,
    /// Bytes of the body that are still to come, if the response declares its length.
    owed: AtomicU64,
    cancelled: Notify,
}

impl Shared {
    /// Starts a request. Nobody else has `self`.
    #[inline]
    pub(crate) fn begin(
        &mut self,
        config: &'static Config,
        inbound: Option<HeaderValue>,
        client: Client,
    ) {
        self.client = client;
        if let Some(id) = inbound {
            self.id = Some(id);
        } else if config.id.is_some() {
            let fresh = id::fresh();
            if config.shows_id {
                // As text at once: somebody reads it before the handler is called.
                let is_shared = config.insert_id.is_some();
                let text = if is_shared { id::to_shared_header } else { id::to_header };
                self.id = Some(text(&fresh));
            }
            self.fresh = Some(fresh);
        }
        self.config = Some(config);
    }

    /// Forgets the request.
    #[inline]
    pub(crate) fn clear(&mut self) {
        let Self {
            config,
            client: _,
            id,
            fresh,
            text,
            bounds: _,
            deadline,
            more,
            state,
            owed,
            cancelled: _,
        } = self;
        *config = None;
        *id = None;
        if fresh.take().is_some() {
            *text = OnceLock::new();
        }
        *deadline = OnceLock::new();
        *more = OnceLock::new();
        *state.get_mut() = LIVE;
        *owed.get_mut() = UNKNOWN;
    }

    #[inline]
    pub(crate) fn config(&self) -> &'static Config {
        self.config.expect("a context that is in use has a configuration")
    }

    #[inline]
    pub(crate) const fn client(&self) -> Client {
        self.client
    }

    #[inline]
    pub(crate) fn phase(&self) -> Option<&PhaseWatch> {
        self.config().phase.as_ref()
    }

    /// The id as text, which is made here if it is not yet.
    pub(crate) fn id(&self) -> Option<&HeaderValue> {
        let made =
            || self.fresh.as_ref().map(|uuid| self.text.get_or_init(|| id::to_shared_header(uuid)));
        self.id.as_ref().or_else(made)
    }

    /// The id as text of one's own.
    #[inline]
    pub(crate) fn to_id(&self) -> Option<HeaderValue> {
        match (self.id.as_ref().or_else(|| self.text.get()), &self.fresh) {
            // Not kept: most requests need it once.
            (None, Some(uuid)) => Some(id::to_header(uuid)),
            (id, _) => id.cloned(),
        }
    }

    /// The same, of who has the context alone: the text that is here, which is made anew if
    /// somebody still reads it.
    #[inline]
    pub(crate) fn give_id(&mut self) -> Option<HeaderValue> {
        match &self.fresh {
            None => self.id.clone(),
            Some(_) if self.id.is_some() => self.id.take(),
            Some(uuid) => Some(self.text.take().unwrap_or_else(|| id::to_header(uuid))),
        }
    }

    /// Has another's id instead of one that was made here, if the other has one.
    pub(crate) fn take_over_id(&mut self, id: Option<&HeaderValue>) {
        if let Some(id) = id {
            self.id = Some(id.clone());
            self.fresh = None;
            self.text = OnceLock::new();
        }
    }

    /// What only some requests have, made here.
    pub(crate) fn more(&self) -> &More {
        self.more.get_or_init(Box::default)
    }

    /// As [`more`](Self::more), to change it.
    pub(crate) fn more_mut(&mut self) -> &mut More {
        self.more();
        self.more.get_mut().expect("made in the line above")
    }

    /// Why the request was cancelled, if it was.
    pub(crate) fn reason(&self) -> Option<Reason> {
        // Acquire: what the canceller did before is visible to who acts on it.
        let state = match self.state.load(Ordering::Acquire) {
            // The phase is read here, and not written to each context by whoever moves it.
            LIVE if self.is_cancelling() => self.end(Reason::Shutdown.to_number()),
            LIVE => match self.more.get().and_then(|more| more.parent.as_ref()) {
                Some(parent) => self.follow(parent),
                None => LIVE,
            },
            state => state,
        };
        let words = || self.more.get().and_then(|more| more.words.get().copied());
        Reason::from_number(state, words)
    }

    /// Cancels the request, unless it is finished or cancelled already.
    pub(crate) fn cancel(&self, reason: Reason) {
        // A phase that nobody has looked at since may have been the first reason.
        if self.reason().is_none() {
            if let Reason::Other(words) = reason {
                // Of two at once, the words of the first are the reason of both.
                let _ = self.more().words.set(words);
            }
            self.end(reason.to_number());
        }
        self.cancelled.notify_waiters();
    }

    /// Says that the answer is complete.
    pub(crate) fn finish(&self) {
        self.end(FINISHED);
    }

    /// Notified when the request is cancelled, but not when a phase does that.
    pub(crate) const fn cancelled(&self) -> &Notify {
        &self.cancelled
    }

    /// Notes the length that the response declares.
    pub(crate) fn owe(&self, bytes: u64) {
        // Relaxed, here and below: written and read by the one who has the body.
        self.owed.store(bytes, Ordering::Relaxed);
    }

    /// Notes that a part of the body was handed out.
    pub(crate) fn pay(&self, bytes: usize) {
        let owed = self.owed.load(Ordering::Relaxed);
        if owed != UNKNOWN {
            self.owe(owed.saturating_sub(bytes as u64));
        }
    }

    /// Whether all that was declared was handed out.
    pub(crate) fn owes_nothing(&self) -> bool {
        self.owed.load(Ordering::Relaxed) == 0
    }

    /// Ends the request's life, if it has not ended. Returns how it ended.
    fn end(&self, state: u8) -> u8 {
        // AcqRel: as for the load in `reason`, on both sides.
        let ended = self.state.compare_exchange(LIVE, state, Ordering::AcqRel, Ordering::Acquire);
        ended.map_or_else(|before| before, |_| state)
    }

    /// A context that was made in another ends with it, and at its own deadline.
    #[cold]
    fn follow(&self, parent: &Parent) -> u8 {
        let reason = if parent.is_followed { parent.context.reason() } else { None };
        let is_over = || self.deadline().is_some_and(|at| at <= Instant::now());
        match reason {
            Some(Reason::Other(words)) => {
                let _ = self.more().words.set(words);
                self.end(Reason::Other(words).to_number())
            }
            Some(reason) => self.end(reason.to_number()),
            None if is_over() => self.end(Reason::DeadlineExceeded.to_number()),
            None => LIVE,
        }
    }

    fn is_cancelling(&self) -> bool {
        self.phase().is_some_and(|phase| phase.current() >= Phase::Cancelling)
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            config: None,
            client: Client::default(),
            id: None,
            fresh: None,
            text: OnceLock::new(),
            bounds: Bounds::default(),
            deadline: OnceLock::new(),
            more: OnceLock::new(),
            state: AtomicU8::new(LIVE),
            owed: AtomicU64::new(UNKNOWN),
            cancelled: Notify::new(),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            config: _,
            client: _,
            id,
            fresh,
            text,
            bounds: _,
            deadline,
            more,
            state,
            owed: _,
            cancelled: _,
        } = self;
        f.debug_struct("Shared")
            .field("id", &id.as_ref().or_else(|| text.get()))
            .field("fresh", fresh)
            .field("deadline", &deadline.get())
            .field("more", &more.get())
            .field("reason", &Reason::from_number(state.load(Ordering::Relaxed), || None))
            .finish_non_exhaustive()
    }
}
