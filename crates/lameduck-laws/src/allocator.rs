//! An allocator that counts, for tests that say what a request costs.
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    // Of each thread for itself: tests run side by side.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, with a count of its allocations for each thread.
///
/// ```
/// use lameduck_laws::CountingAllocator;
///
/// #[global_allocator]
/// static ALLOCATOR: CountingAllocator = CountingAllocator::new();
///
/// # fn main() {
/// assert_eq!(ALLOCATOR.count(|| drop(Box::new(1))), 1);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator(());

impl CountingAllocator {
    /// Makes the allocator. To be declared as the `#[global_allocator]`; else every count is zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }

    /// How many allocations `work` makes on this thread. One that grows counts again.
    pub fn count(&self, work: impl FnOnce()) -> usize {
        let before = ALLOCATIONS.get();
        work();
        ALLOCATIONS.get() - before
    }

    /// How many more bytes are allocated after `work` than before it, on this thread.
    ///
    /// Negative if `work` frees more than it allocates. What is freed on another thread than the
    /// one that allocated it counts there.
    pub fn growth(&self, work: impl FnOnce()) -> isize {
        let before = BYTES.get();
        work();
        BYTES.get() - before
    }
}

// SAFETY: does what the system's allocator does, and counts.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // While a thread ends there is nothing to count into.
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() - layout.size() as isize));
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}
