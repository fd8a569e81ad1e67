//! The atomics of the standard library, and the rest as production uses it.

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

/// A number of the calling thread: the first thread that calls this is 0, the next is 1.
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
