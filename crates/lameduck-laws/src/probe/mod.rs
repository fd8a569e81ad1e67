//! The inner service of the laws: it does what its script says, and records what is done to it.

mod body;
mod future;
mod record;
mod script;

use std::{
    fmt,
    marker::{PhantomData, PhantomPinned},
    rc::Rc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

pub(crate) use self::body::{hint, is_end, trailers};
use self::record::Shared;
pub use self::{
    body::ProbeBody,
    future::ProbeFuture,
    record::Record,
    script::{BodyStep, End, ProbeError, ReadyStep, Script},
};

/// The kind of a [`Probe`] that is `Send`, `Sync` and `Unpin`, as are its future and its body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Plain;

/// The kind of a [`Probe`] that is none of `Send`, `Sync` and `Unpin`.
#[derive(Clone, Debug)]
pub struct Local {
    _not_send: Rc<()>,
    _not_unpin: PhantomPinned,
}

/// An inner service that does what its [`Script`] says, and records what is done to it.
///
/// Clones share one script and one record. The layer under test takes a probe by value.
pub struct Probe<K = Plain> {
    shared: Shared,
    kind: PhantomData<K>,
}

impl Probe {
    /// Makes a probe that is `Send`, `Sync` and `Unpin`.
    #[must_use]
    pub fn new(script: Script) -> Self {
        Self::scripted(script)
    }
}

impl Probe<Local> {
    /// Makes a probe that is none of `Send`, `Sync` and `Unpin`.
    #[must_use]
    pub fn local(script: Script) -> Self {
        Self::scripted(script)
    }
}

impl<K> Probe<K> {
    pub(crate) fn scripted(script: Script) -> Self {
        Self { shared: Shared::new(script), kind: PhantomData }
    }

    /// Adds a function that fires the signal which the layer listens to: a phase, a token.
    ///
    /// A law then fires it at the moment when the inner work becomes ready. The layer has to return
    /// the inner result:
    ///
    /// ```
    /// # use lameduck_laws::{Probe, Script};
    /// # use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
    /// # let inner = Probe::new(Script::new());
    /// let cancelled = Arc::new(AtomicBool::new(false));
    /// let signal = Arc::clone(&cancelled);
    /// inner.on_signal(move || signal.store(true, Ordering::SeqCst));
    /// // … and return the layer that reads `cancelled`, around `inner`.
    /// ```
    pub fn on_signal(&self, signal: impl Fn() + Send + 'static) {
        self.shared.add_signal(Box::new(signal));
    }

    /// Adds a function that reads what the layer holds for requests, for example a count.
    ///
    /// After a drop or a panic, a law then checks that the value is the same as before the request.
    pub fn on_held(&self, held: impl Fn() -> usize + Send + 'static) {
        self.shared.add_held(Box::new(held));
    }

    /// Fires all signals that [`on_signal`](Self::on_signal) added.
    pub fn signal(&self) {
        self.shared.signal();
    }

    /// The sum of all values that [`on_held`](Self::on_held) added. Zero if there are none.
    #[must_use]
    pub fn held(&self) -> usize {
        self.shared.held()
    }

    /// What was done to the probe so far.
    #[must_use]
    pub fn record(&self) -> Record {
        self.shared.record()
    }

    /// A request whose body belongs to this probe: it counts in
    /// [`live_bodies`](Record::live_bodies).
    #[must_use]
    pub fn request(&self) -> Request<ProbeBody<K>> {
        Request::new(ProbeBody::request(self.shared.clone()))
    }

    /// Another handle of the same probe, which does not count as a clone.
    pub(crate) fn observer(&self) -> Self {
        Self { shared: self.shared.clone(), kind: PhantomData }
    }
}

/// By hand, because a clone is recorded and `K` need not be `Clone`.
impl<K> Clone for Probe<K> {
    fn clone(&self) -> Self {
        self.shared.note(|record| record.clones += 1);
        self.observer()
    }
}

impl<K> fmt::Debug for Probe<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shared, kind: _ } = self;
        f.debug_struct("Probe").field("shared", shared).finish()
    }
}

impl<K> Service<Request<ProbeBody<K>>> for Probe<K> {
    type Response = Response<ProbeBody<K>>;
    type Error = ProbeError;
    type Future = ProbeFuture<K>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ProbeError>> {
        self.shared.note(|record| record.ready_polls += 1);
        match self.shared.next_ready() {
            None => Poll::Ready(Ok(())),
            Some(ReadyStep::Error(error)) => Poll::Ready(Err(error)),
            Some(ReadyStep::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn call(&mut self, request: Request<ProbeBody<K>>) -> ProbeFuture<K> {
        self.shared.note(|record| record.calls += 1);
        let panics = self.shared.script().end == End::PanicInCall;
        assert!(!panics, "the probe panics in `call`, as its script says");
        ProbeFuture::new(self.shared.clone(), request)
    }
}
