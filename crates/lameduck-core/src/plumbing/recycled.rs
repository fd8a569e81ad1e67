//! Values that are leaked, so that every request may refer to them plainly, and used again.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crossbeam_utils::CachePadded;

use super::Allowance;

/// The values of one kind. A `static` for each kind.
///
/// Values within the [`Allowance`] live as long as the process, and their handles are not counted.
/// The handles of later ones are. A value whose last handle is gone is used again; it is never
/// freed, so that a request may refer to it without a handle.
pub struct Pool<T: 'static> {
    allowance: Allowance,
    returned: Mutex<Vec<&'static Block<T>>>,
    /// Clears a value whose last handle is gone.
    clear: fn(&T),
}

struct Block<T: 'static> {
    value: T,
    /// Only read: handles that are not counted write to nothing.
    is_counted: bool,
    pool: &'static Pool<T>,
    // Apart from the value, which every request reads.
    handles: Box<CachePadded<AtomicUsize>>,
}

impl<T> Pool<T> {
    /// An empty pool. `clear` is called with a value whose last handle is gone.
    #[must_use]
    pub const fn new(clear: fn(&T)) -> Self {
        Self { allowance: Allowance::new(), returned: Mutex::new(Vec::new()), clear }
    }

    /// A value, with one handle. `reuse` makes a value that has no handle new, and returns whether
    /// that is possible. `make` makes one, and is given whether its handles are counted.
    pub fn take(
        &'static self,
        reuse: impl Fn(&'static T) -> bool,
        make: impl FnOnce(bool) -> T,
    ) -> Recycled<T> {
        // A model is one life of many, and what it leaves behind means nothing to the next.
        if cfg!(loom) || self.allowance.take() {
            return self.leak(make(false), false);
        }
        let unused = self.returned(|blocks| {
            // From the end: the last one returned is the most likely to be in the cache.
            let place = blocks.iter().rposition(|block| reuse(&block.value))?;
            Some(blocks.swap_remove(place))
        });
        let Some(block) = unused else { return self.leak(make(true), true) };
        // Relaxed: the program publishes the handle.
        block.handles.store(1, Ordering::Relaxed);
        Recycled { block }
    }

    fn leak(&'static self, value: T, is_counted: bool) -> Recycled<T> {
        let handles = Box::new(CachePadded::new(AtomicUsize::new(1)));
        Recycled { block: Box::leak(Box::new(Block { value, is_counted, pool: self, handles })) }
    }

    fn returned<R>(&self, work: impl FnOnce(&mut Vec<&'static Block<T>>) -> R) -> R {
        // The list is whole at every point, also if `reuse` panics.
        work(&mut self.returned.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { allowance, returned: _, clear: _ } = self;
        f.debug_struct("Pool").field("allowance", allowance).finish_non_exhaustive()
    }
}

/// A handle on a value of a [`Pool`].
pub struct Recycled<T: 'static> {
    block: &'static Block<T>,
}

impl<T> Recycled<T> {
    /// The value. The reference may outlive the handle, and then another use of the value.
    #[inline]
    #[must_use]
    pub const fn get(&self) -> &'static T {
        &self.block.value
    }
}

impl<T> Block<T> {
    #[cold]
    fn add_handle(&self) {
        // Relaxed, as in `Arc`: a new handle is made from another.
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    #[cold]
    fn remove_handle(&'static self) {
        // AcqRel, as in `Arc`: what was done through any handle happened before the last is gone.
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            (self.pool.clear)(&self.value);
            self.pool.returned(|blocks| blocks.push(self));
        }
    }
}

impl<T> Clone for Recycled<T> {
    #[inline]
    fn clone(&self) -> Self {
        let Self { block } = *self;
        if block.is_counted {
            block.add_handle();
        }
        Self { block }
    }
}

impl<T> Drop for Recycled<T> {
    #[inline]
    fn drop(&mut self) {
        if self.block.is_counted {
            self.block.remove_handle();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Recycled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}
