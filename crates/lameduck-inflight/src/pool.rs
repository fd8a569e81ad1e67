//! Counts are leaked, so that a request holds a plain reference. This bounds how many.

use std::sync::{Arc, Mutex, PoisonError};

use lameduck_core::plumbing::Allowance;

use crate::{InFlightOptions, count::Count};

/// The counts that may be leaked for good.
static ALLOWANCE: Allowance = Allowance::new();

/// Counts past the allowance that no handle has any more.
static RETURNED: Mutex<Vec<&'static Count>> = Mutex::new(Vec::new());

/// Returns a count to the pool when the last handle, layer or service of it is dropped.
///
/// Requests and guards may still be in flight then. They hold no lease: the count itself says when
/// the last of them is gone, and it is not used again before.
pub(crate) struct Lease {
    count: &'static Count,
}

impl Drop for Lease {
    fn drop(&mut self) {
        returned(|counts| counts.push(self.count));
    }
}

/// A count at zero, and the lease on it. Within the allowance there is none: the count lives as
/// long as the process, and its clones write to no memory that threads share.
pub(crate) fn take(options: InFlightOptions) -> (&'static Count, Option<Arc<Lease>>) {
    // A model is one life of many: what it leaves behind means nothing to the next.
    if cfg!(loom) || ALLOWANCE.take() {
        return (leak(options), None);
    }
    let count = returned(|counts| take_unused(counts, options)).unwrap_or_else(|| leak(options));
    (count, Some(Arc::new(Lease { count })))
}

fn leak(options: InFlightOptions) -> &'static Count {
    Box::leak(Box::new(Count::new(options)))
}

/// A count of this kind that nothing uses any more.
fn take_unused(
    counts: &mut Vec<&'static Count>,
    options: InFlightOptions,
) -> Option<&'static Count> {
    // From the end: the last one returned is the most likely to be in the cache.
    let place = counts.iter().rposition(|count| count.options() == options && count.reset())?;
    Some(counts.swap_remove(place))
}

fn returned<T>(work: impl FnOnce(&mut Vec<&'static Count>) -> T) -> T {
    // Nothing panics under the lock, and the list is whole at every point.
    work(&mut RETURNED.lock().unwrap_or_else(PoisonError::into_inner))
}
