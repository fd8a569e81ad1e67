//! Counts the allocations of a request, in a program of its own: a count costs instructions.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]
#![expect(unsafe_code, reason = "an allocator that counts is an allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use lameduck_perf::{Stack, Work, runtime};

const REQUESTS: u64 = 1_000;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: does what the system's allocator does, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn main() -> io::Result<()> {
    let runtime = runtime()?;
    let mut bare = 0.0;
    for stack in Stack::ALL {
        let driver = stack.build(Work::Ready)?;
        // Once before: what is made for the first request is not a cost of each.
        driver.run(&runtime, 1);
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        driver.run(&runtime, REQUESTS);
        let count = ALLOCATIONS.load(Ordering::Relaxed) - before;
        let each = count as f64 / REQUESTS as f64;
        if stack == Stack::Bare {
            bare = each;
        }
        println!("{} {:.3} {each:.3}", stack.name(), each - bare);
    }
    Ok(())
}
