//! What the count is made of: real atomics and tokio's `Notify`, or loom's under `--cfg loom`.
//!
//! The protocol in `shard`, `waiters`, `count` and `ledger` is the same text in both worlds. Three
//! things differ in the model, and are therefore argued and not checked. `Notify` is a stand-in
//! that keeps tokio's promise (a `Notified` completes at every notification after its creation),
//! because tokio's own is not built on loom. So is the cell, which hands over what its user did
//! before, as crossbeam's does. And where production relies on sequentially consistent accesses,
//! the model adds [`full_fence`], because loom treats such accesses as acquire and release.

#[cfg(loom)]
mod model;
#[cfg(not(loom))]
mod real;

#[cfg(loom)]
use self::model as imp;
#[cfg(not(loom))]
use self::real as imp;

pub(crate) use self::imp::{
    AtomicCell, AtomicU8, AtomicU64, AtomicUsize, Mutex, MutexGuard, Notify, fence, full_fence,
    thread_number,
};
