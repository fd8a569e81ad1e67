//! A source of even numbers between zero and one that a test can seed.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

/// A splitmix64 generator: one atomic addition for each draw, shared by all threads.
///
/// It spreads clients over time. Not for secrets.
#[derive(Debug)]
pub(crate) struct Sampler {
    state: AtomicU64,
}

impl Sampler {
    /// A generator that draws the same numbers for the same seed. Without one, it draws other
    /// numbers in every process.
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let seed = seed.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        Self { state: AtomicU64::new(seed) }
    }

    /// A number from 0.0 up to, but not including, 1.0.
    pub(crate) fn draw(&self) -> f64 {
        const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
        // Relaxed: it only matters that no two draws see the same state.
        let mut z = self.state.fetch_add(GOLDEN, Ordering::Relaxed).wrapping_add(GOLDEN);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        // The upper 53 bits, as many as an f64 holds exactly.
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}
