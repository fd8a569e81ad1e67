//! How far a lame duck has come, as a share of the clients that leave.

use std::time::Duration;

use lameduck_core::{Phase, PhaseWatch};
use tokio::time::Instant;

use crate::sampler::Sampler;

/// Whether the request at hand belongs to a share that grows evenly from nothing to all over the
/// last `window` of lame duck. After lame duck all do.
///
/// `None` if the end of lame duck is not known, so that there is no share to belong to.
pub(crate) fn is_in_share(
    window: Duration,
    phase: Phase,
    watch: &PhaseWatch,
    sampler: &Sampler,
) -> Option<bool> {
    if phase != Phase::LameDuck {
        return Some(phase > Phase::LameDuck);
    }
    let end = watch.draining_at()?;
    let left = end.saturating_duration_since(Instant::now().into_std());
    // A window of zero has no "last part": all of it begins at its end.
    if window.is_zero() {
        return Some(left.is_zero());
    }
    let share = 1.0 - left.as_secs_f64() / window.as_secs_f64();
    Some(sampler.draw() < share)
}
