//! Nanoseconds per request: the stacks take turns, so that a noisy neighbour hits all of them.

use std::{io, sync::Barrier, thread};

use tokio::runtime::Runtime;

use crate::{Driver, Stack, Work, pin_to_cpu, runtime, thread_time};

/// How often each stack has its turn.
const ROUNDS: usize = 31;
/// How many requests one turn has: some milliseconds.
const REQUESTS: u64 = 8_000;

/// What one request costs with a stack around the handler.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Cost {
    /// The stack.
    pub stack: Stack,
    /// Nanoseconds more than the bare handler: the median of the differences within each round.
    pub over_bare: f64,
    /// Nanoseconds in all: the median.
    pub whole: f64,
}

/// Measures every stack on one thread, or on two that share its counters.
///
/// # Errors
///
/// If a runtime cannot be made.
pub fn nanoseconds(work: Work, threads: usize) -> io::Result<Vec<Cost>> {
    let drivers =
        Stack::ALL.into_iter().map(|stack| stack.build(work)).collect::<io::Result<Vec<_>>>()?;
    let mut rounds = vec![[0.0; Stack::ALL.len()]; ROUNDS];
    for (round, times) in rounds.iter_mut().enumerate() {
        for turn in 0..drivers.len() {
            // Another one begins each round: none is always the one after the same neighbour.
            let at = (round + turn) % drivers.len();
            times[at] = time(&*drivers[at], threads)?;
        }
    }
    let cost = |at: usize| Cost {
        stack: Stack::ALL[at],
        over_bare: median(rounds.iter().map(|times| times[at] - times[0]).collect()),
        whole: median(rounds.iter().map(|times| times[at]).collect()),
    };
    Ok((0..drivers.len()).map(cost).collect())
}

/// Nanoseconds per request, on each of so many threads at once.
fn time(driver: &dyn Driver, threads: usize) -> io::Result<f64> {
    let start = Barrier::new(threads);
    let per_thread = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|cpu| {
                let (driver, start) = (driver.fork(), &start);
                scope.spawn(move || {
                    pin_to_cpu(cpu);
                    let runtime = runtime();
                    start.wait();
                    run(&*driver, &runtime?)
                })
            })
            .collect();
        let joined = running.into_iter().map(|thread| match thread.join() {
            Ok(time) => time,
            Err(_) => Err(io::Error::other("a stack panicked")),
        });
        joined.collect::<io::Result<Vec<f64>>>()
    })?;
    Ok(per_thread.iter().sum::<f64>() / threads as f64)
}

fn run(driver: &dyn Driver, runtime: &Runtime) -> io::Result<f64> {
    driver.run(runtime, REQUESTS / 10);
    let start = thread_time()?;
    driver.run(runtime, REQUESTS);
    Ok((thread_time()? - start).as_nanos() as f64 / REQUESTS as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
