//! What was done to a probe, shared by the probe, its futures and its bodies.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{ReadyStep, Script};

/// What was done to a [`Probe`](crate::Probe) so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// How often the probe was cloned.
    pub clones: usize,
    /// How often `poll_ready` was called.
    pub ready_polls: usize,
    /// How often `call` was called.
    pub calls: usize,
    /// How often a future of the probe was polled.
    pub future_polls: usize,
    /// How often a response body of the probe was polled.
    pub body_polls: usize,
    /// How many futures of the probe exist now.
    pub live_futures: usize,
    /// How many bodies of the probe exist now, including those of requests.
    pub live_bodies: usize,
}

/// One state for a probe and all its clones, futures and bodies.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

struct Inner {
    script: Script,
    state: Mutex<State>,
    signal: Mutex<Vec<Box<dyn Fn() + Send>>>,
    held: Mutex<Vec<Box<dyn Fn() -> usize + Send>>>,
}

#[derive(Default)]
struct State {
    record: Record,
    ready_done: usize,
}

impl Shared {
    pub(crate) fn new(script: Script) -> Self {
        Self(Arc::new(Inner {
            script,
            state: Mutex::default(),
            signal: Mutex::default(),
            held: Mutex::default(),
        }))
    }

    pub(crate) fn script(&self) -> &Script {
        &self.0.script
    }

    pub(crate) fn record(&self) -> Record {
        lock(&self.0.state).record
    }

    /// Changes the record. The lock is released before a script may panic.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Record)) {
        note(&mut lock(&self.0.state).record);
    }

    /// The next scripted result of `poll_ready`. None at the end of the script.
    pub(crate) fn next_ready(&self) -> Option<ReadyStep> {
        let mut state = lock(&self.0.state);
        let step = self.0.script.ready.get(state.ready_done).copied();
        state.ready_done += 1;
        step
    }

    pub(crate) fn add_signal(&self, signal: Box<dyn Fn() + Send>) {
        lock(&self.0.signal).push(signal);
    }

    pub(crate) fn signal(&self) {
        lock(&self.0.signal).iter().for_each(|signal| signal());
    }

    pub(crate) fn add_held(&self, held: Box<dyn Fn() -> usize + Send>) {
        lock(&self.0.held).push(held);
    }

    pub(crate) fn held(&self) -> usize {
        lock(&self.0.held).iter().map(|held| held()).sum()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(inner) = self;
        let Inner { script, state: _, signal: _, held: _ } = &**inner;
        f.debug_struct("Shared")
            .field("script", script)
            .field("record", &self.record())
            .finish_non_exhaustive()
    }
}

/// Locks even after a panic: scripts panic on purpose, and the laws read the record afterwards.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
