//! An allocator that counts, for tests of what a request allocates.
#![expect(unsafe_code, reason = "`GlobalAlloc` is an unsafe trait")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    // One for each thread, because tests run at the same time.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which counts the allocations of each thread.
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
    /// Makes the allocator. Declare it as the `#[global_allocator]`: otherwise every count is zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }

    /// How many allocations `work` makes on this thread. An allocation that grows counts again.
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

// SAFETY: each call is passed on to the system's allocator.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // While a thread ends, its count no longer exists.
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
