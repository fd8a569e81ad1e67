//! Counts the allocations of a request, in a program of its own: a count costs instructions.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use std::io;

use lameduck_laws::CountingAllocator;
use lameduck_perf::{Stack, Work, runtime};

const REQUESTS: u64 = 1_000;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

fn main() -> io::Result<()> {
    let runtime = runtime()?;
    let mut bare = 0.0;
    for stack in Stack::ALL {
        let driver = stack.build(Work::Ready)?;
        // Once before: what is made for the first request is not a cost of each.
        driver.run(&runtime, 1);
        let count = ALLOCATOR.count(|| driver.run(&runtime, REQUESTS));
        let each = count as f64 / REQUESTS as f64;
        if stack == Stack::Bare {
            bare = each;
        }
        println!("{} {:.3} {each:.3}", stack.name(), each - bare);
    }
    Ok(())
}
