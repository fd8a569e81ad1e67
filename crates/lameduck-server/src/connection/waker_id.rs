//! Which waker a connection has stored.

use std::task::Waker;

/// Identifies a waker. It is none itself, so a comparison needs no share in the task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct WakerId(usize, usize);

impl WakerId {
    pub(crate) const NONE: Self = Self(0, 0);

    pub(crate) fn of(waker: &Waker) -> Self {
        // A stored waker keeps the memory of its task, so no other task can have the same address.
        Self(waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
    }
}
