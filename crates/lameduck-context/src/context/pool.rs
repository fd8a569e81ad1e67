//! Contexts that a thread keeps for its next requests, so that a request allocates none.

use std::cell::RefCell;

use triomphe::{Arc, UniqueArc};

use super::state::State;

/// How many contexts a thread keeps. This covers the requests that wait on one thread at a time; a
/// larger peak allocates, and does not hold its memory after it.
const MOST: usize = 32;

thread_local! {
    static POOL: RefCell<Vec<UniqueArc<State>>> = const { RefCell::new(Vec::new()) };
}

/// Takes a context from the pool, or makes one.
#[inline]
pub(super) fn take() -> UniqueArc<State> {
    with(Vec::pop).flatten().unwrap_or_else(|| UniqueArc::new(State::default()))
}

/// Puts a context back. Returns it if other code still holds it.
#[inline]
pub(super) fn put(context: Arc<State>) -> Option<Arc<State>> {
    let mut unused = match Arc::try_unique(context) {
        Ok(unused) => unused,
        Err(held) => return Some(held),
    };
    // Now and not at its next use: what it holds must not outlive its request.
    unused.clear();
    with(|pool| {
        if pool.len() < MOST {
            pool.push(unused);
        }
    });
    None
}

#[inline]
fn with<T>(f: impl FnOnce(&mut Vec<UniqueArc<State>>) -> T) -> Option<T> {
    // A thread that ends has no pool any more.
    POOL.try_with(|pool| pool.try_borrow_mut().ok().map(|mut pool| f(&mut pool))).ok()?
}
