//! What the count is made of: real atomics and tokio's bell, or loom's under `--cfg loom`.
//!
//! The protocol in `shard`, `door`, `count` and `ledger` is the same text in both worlds. Three
//! things differ in the model, and are therefore argued and not checked: the bell is a stand-in that
//! keeps tokio's promise (a `Notified` hears every ring after its creation), because tokio's own is
//! not built on loom; so is the cell, which hands over what its user did before, as crossbeam's
//! does; and where production relies on sequentially consistent accesses, the model adds
//! [`full_fence`], because loom treats such accesses as acquire and release.
#[cfg(loom)]
pub(crate) use self::model::{
    AtomicCell, AtomicU8, AtomicU64, AtomicUsize, Mutex, MutexGuard, Notify, fence, full_fence,
    thread_number,
};
#[cfg(not(loom))]
pub(crate) use self::real::{
    AtomicCell, AtomicU8, AtomicU64, AtomicUsize, Mutex, MutexGuard, Notify, fence, full_fence,
    thread_number,
};

#[cfg(not(loom))]
mod real {
    use std::{cell::Cell, sync::atomic::Ordering};

    pub(crate) use crossbeam_utils::atomic::AtomicCell;
    pub(crate) use std::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, fence},
    };
    pub(crate) use tokio::sync::Notify;

    /// Nothing: production's accesses are sequentially consistent themselves.
    pub(crate) const fn full_fence() {}

    /// No thread has this number yet.
    const NONE: usize = usize::MAX;

    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(NONE) };
    }

    /// A number of the calling thread: the first thread to ask is 0, the next is 1.
    #[inline]
    pub(crate) fn thread_number() -> usize {
        // The thread may be ending, with its locals gone. Any number is right: it only spreads.
        NUMBER
            .try_with(|number| match number.get() {
                NONE => first_number(number),
                known => known,
            })
            .unwrap_or(0)
    }

    #[cold]
    fn first_number(number: &Cell<usize>) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: the number orders nothing.
        let mine = NEXT.fetch_add(1, Ordering::Relaxed);
        number.set(mine);
        mine
    }
}

#[cfg(loom)]
mod model {
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
        heard: Mutex<(u64, Vec<Waker>)>,
    }

    impl Notify {
        pub(crate) fn new() -> Self {
            Self { heard: Mutex::new((0, Vec::new())) }
        }

        pub(crate) fn notify_waiters(&self) {
            let wakers = {
                let mut heard = self.heard.lock().expect("no panic under the lock");
                heard.0 += 1;
                std::mem::take(&mut heard.1)
            };
            wakers.into_iter().for_each(Waker::wake);
        }

        pub(crate) fn notified(&self) -> Notified<'_> {
            let rings = self.heard.lock().expect("no panic under the lock").0;
            Notified { notify: self, rings }
        }
    }

    pub(crate) struct Notified<'a> {
        notify: &'a Notify,
        rings: u64,
    }

    impl Notified<'_> {
        pub(crate) fn enable(self: Pin<&mut Self>) -> bool {
            false
        }
    }

    impl Future for Notified<'_> {
        type Output = ();

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let mut heard = self.notify.heard.lock().expect("no panic under the lock");
            if heard.0 != self.rings {
                return Poll::Ready(());
            }
            heard.1.push(cx.waker().clone());
            Poll::Pending
        }
    }
}
