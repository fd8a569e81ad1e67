//! The time of day, read cheaply.

use std::{cell::Cell, time::SystemTime};

use coarsetime::Instant;

thread_local! {
    /// The last tick of the coarse clock that this thread saw, and the time of day that it read
    /// then.
    static LAST: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
}

/// Milliseconds since 1970, zero before that. The time of day may be set back.
///
/// Each thread reads the exact clock once for each tick of the coarse one, which costs a fraction
/// of it. So the time is never ahead of the exact one, and as a rule up to 10 ms behind. A machine
/// that is kept from running makes its ticks longer.
#[inline]
pub(super) fn unix_millis() -> u64 {
    let tick = Instant::now_without_cache_update();
    match LAST.get() {
        Some((last, millis)) if last == tick => millis,
        _ => read(tick),
    }
}

#[inline(never)]
fn read(tick: Instant) -> u64 {
    let millis = exact();
    LAST.set(Some((tick, millis)));
    millis
}

fn exact() -> u64 {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    time.as_secs() * 1000 + u64::from(time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheap_clock_is_behind_the_exact_one_and_not_by_much() {
        for _ in 0..100 {
            let before = exact();
            let cheap = unix_millis();
            assert!(cheap <= exact(), "it is ahead");
            // Not a tick: a busy machine makes them longer.
            assert!(cheap + 1000 > before, "{cheap} is long before {before}");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    #[test]
    fn a_thread_reads_the_exact_clock_anew_when_the_coarse_one_has_ticked() {
        let old = Instant::now_without_cache_update() - coarsetime::Duration::from_secs(1);
        LAST.set(Some((old, 7)));
        assert!(unix_millis() > 7);
    }
}
