//! The time of day, read cheaply.

use std::time::SystemTime;

/// Milliseconds since 1970, as of the system's last tick: on Linux up to 10 ms ago, and a fifth of
/// the price of the exact time. A machine whose processors were taken away from it is later.
///
/// Zero before 1970. The time of day may be set back.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
pub(crate) fn unix_millis() -> u64 {
    at_last_tick().unwrap_or_else(exact)
}

/// Milliseconds since 1970.
///
/// Zero before 1970. The time of day may be set back.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn unix_millis() -> u64 {
    exact()
}

/// `None` before 1970, and where there is no such clock: in a sandbox that imitates the kernel, or
/// that forbids what it does not know.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn at_last_tick() -> Option<u64> {
    use nix::time::{ClockId, clock_gettime};

    let now = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).ok()?;
    // Their types differ from system to system; the division leaves room in all of them.
    let seconds = u64::try_from(now.tv_sec()).ok()?;
    let millis = u64::try_from(now.tv_nsec() / 1_000_000).ok()?;
    Some(seconds.saturating_mul(1000).saturating_add(millis))
}

#[cold]
fn exact() -> u64 {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    time.as_secs() * 1000 + u64::from(time.subsec_millis())
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn the_cheap_clock_is_behind_the_exact_one_and_not_by_much() {
        let before = exact();
        let ticked = at_last_tick().expect("this system has it");
        assert!(ticked <= exact(), "it is ahead");
        // Not a tick: that is as long as a busy machine makes it.
        assert!(ticked + 1000 > before, "{ticked} is long before {before}");
    }
}
