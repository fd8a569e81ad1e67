//! Which waker a connection keeps.

use std::task::Waker;

/// Which waker is kept. Not a waker: comparing needs no share in its task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct WakerId(usize, usize);

impl WakerId {
    pub(crate) const NONE: Self = Self(0, 0);

    pub(crate) fn of(waker: &Waker) -> Self {
        // A kept waker keeps its task's memory, so no other task can have the same address.
        Self(waker.data().addr(), std::ptr::from_ref(waker.vtable()).addr())
    }
}
