//! Contexts that are kept for the next request, so that a request in steady state allocates none.

use std::cell::RefCell;

use triomphe::{Arc, UniqueArc};

use crate::shared::Shared;

/// How many contexts a thread keeps: the requests that wait on it at once, within reason.
const MOST: usize = 32;

thread_local! {
    static SPARES: RefCell<Vec<UniqueArc<Shared>>> = const { RefCell::new(Vec::new()) };
}

/// A context that nobody else has: one that was kept, or a new one.
#[inline]
pub(crate) fn take() -> UniqueArc<Shared> {
    with(Vec::pop).flatten().unwrap_or_else(|| UniqueArc::new(Shared::default()))
}

/// Keeps a context that nobody else has for the next request, if there is room. Else gives it back.
#[inline]
pub(crate) fn keep(context: Arc<Shared>) -> Option<Arc<Shared>> {
    let mut spare = match Arc::try_unique(context) {
        Ok(spare) => spare,
        Err(held) => return Some(held),
    };
    // Not left to the next request: what it holds must not outlive this one.
    spare.clear();
    with(|spares| {
        if spares.len() < MOST {
            spares.push(spare);
        }
    });
    None
}

#[inline]
fn with<T>(f: impl FnOnce(&mut Vec<UniqueArc<Shared>>) -> T) -> Option<T> {
    // While a thread ends there are none.
    SPARES.try_with(|spares| spares.try_borrow_mut().ok().map(|mut spares| f(&mut spares))).ok()?
}
