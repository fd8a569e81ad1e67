//! The clock, and where a thread runs.

use std::{
    io,
    time::{Duration, Instant},
};

/// The clock of the measurements, which no test pauses.
#[must_use]
pub fn now() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "real time is what is measured")]
    Instant::now()
}

/// How long the calling thread has been on a processor. Neighbours do not count.
///
/// # Errors
///
/// If the system does not say.
#[cfg(target_os = "linux")]
pub fn thread_time() -> io::Result<Duration> {
    use rustix::time::{ClockId, clock_gettime};

    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).map_err(io::Error::other)
}

/// How long the calling thread has been on a processor.
///
/// # Errors
///
/// Always: only Linux is measured.
#[cfg(not(target_os = "linux"))]
pub fn thread_time() -> io::Result<Duration> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Keeps the calling thread on the `nth` of the processors that the process may use.
///
/// Returns whether it does. Where there are fewer, or the system cannot, the thread stays free.
#[cfg(target_os = "linux")]
#[expect(clippy::must_use_candidate, reason = "a free thread measures, too, only with more noise")]
pub fn pin_to_cpu(nth: usize) -> bool {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let Ok(allowed) = sched_getaffinity(None) else { return false };
    let Some(cpu) = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu)).nth(nth) else {
        return false;
    };
    let mut one = CpuSet::new();
    one.set(cpu);
    sched_setaffinity(None, &one).is_ok()
}

/// Keeps nothing: only Linux is measured.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::must_use_candidate, reason = "a free thread measures, too, only with more noise")]
pub fn pin_to_cpu(_nth: usize) -> bool {
    false
}
