//! How far a lame duck has come, as a share of the clients to be sent away.

use std::time::Duration;

use lameduck_core::{Phase, PhaseWatch};
use tokio::time::Instant;

use crate::sampler::Sampler;

/// A share that grows evenly from nothing to all over the last part of lame duck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gradual {
    window: Duration,
}

impl Gradual {
    pub(crate) const fn new(window: Duration) -> Self {
        Self { window }
    }

    /// Whether the request at hand belongs to the share. After lame duck all do.
    ///
    /// `None` if nobody said when lame duck ends, so that there is no share to belong to.
    pub(crate) fn takes(
        &self,
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
        if self.window.is_zero() {
            return Some(left.is_zero());
        }
        let share = 1.0 - left.as_secs_f64() / self.window.as_secs_f64();
        Some(sampler.draw() < share)
    }
}
