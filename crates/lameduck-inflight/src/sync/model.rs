//! The stand-ins of a model.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use loom::sync::atomic::Ordering;

pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU8, AtomicU64, AtomicUsize, fence},
};

pub(crate) fn full_fence() {
    fence(Ordering::SeqCst);
}

/// Models choose their shard themselves.
pub(crate) fn thread_number() -> usize {
    0
}

/// Stands in for crossbeam's.
pub(crate) struct AtomicCell<T>(Mutex<T>);

impl<T> AtomicCell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn swap(&self, value: T) -> T {
        std::mem::replace(&mut *self.0.lock().expect("no panic under the lock"), value)
    }
}

/// Stands in for `tokio::sync::Notify`.
pub(crate) struct Notify {
    state: Mutex<State>,
}

struct State {
    /// How often the waiters were notified.
    notifications: u64,
    wakers: Vec<Waker>,
}

impl Notify {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { notifications: 0, wakers: Vec::new() }) }
    }

    pub(crate) fn notify_waiters(&self) {
        let wakers = {
            let mut state = self.lock();
            state.notifications += 1;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn notified(&self) -> Notified<'_> {
        Notified { notify: self, before: self.lock().notifications }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under the lock")
    }
}

pub(crate) struct Notified<'a> {
    notify: &'a Notify,
    before: u64,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.notify.lock();
        if state.notifications != self.before {
            return Poll::Ready(());
        }
        state.wakers.push(cx.waker().clone());
        Poll::Pending
    }
}
