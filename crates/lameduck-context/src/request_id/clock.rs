//! The time of day, read cheaply.

use std::{cell::Cell, time::SystemTime};

use coarsetime::Instant;

/// The last tick of the coarse clock that a thread saw, and the time of day that it read then.
struct Last {
    tick: Cell<u64>,
    millis: Cell<u64>,
}

thread_local! {
    // The clock does not tick that far.
    static LAST: Last = const { Last { tick: Cell::new(u64::MAX), millis: Cell::new(0) } };
}

/// Milliseconds since 1970, zero before that. The time of day may be set back.
///
/// Each thread reads the exact clock once for each tick of the coarse one, which costs a fraction
/// of it. So the time is never ahead of the exact one, and as a rule up to 10 ms behind. A machine
/// that is kept from running makes its ticks longer.
#[inline]
pub(super) fn unix_millis() -> u64 {
    let tick = Instant::now_without_cache_update().as_ticks();
    LAST.with(|last| if last.tick.get() == tick { last.millis.get() } else { read(last, tick) })
}

#[cold]
#[inline(never)]
fn read(last: &Last, tick: u64) -> u64 {
    let millis = exact();
    last.tick.set(tick);
    last.millis.set(millis);
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
        LAST.with(|last| {
            last.tick.set(old.as_ticks());
            last.millis.set(7);
        });
        assert!(unix_millis() > 7);
    }
}
