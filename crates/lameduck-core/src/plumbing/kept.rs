//! Values that every request reads: leaked and plainly referenced, within a bound.

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How many values of one kind a process may leak.
///
/// A server makes one or two of each kind, and then clones its services for each connection or
/// request. A program that rebuilds its router again and again passes this number, and what it
/// makes from then on is counted and freed.
const MOST_LEAKED: usize = 64;

/// How many values of one kind the process has leaked. A `static` for each kind.
#[derive(Debug, Default)]
pub struct Allowance {
    leaked: AtomicUsize,
}

impl Allowance {
    /// An allowance of which nothing is used.
    #[must_use]
    pub const fn new() -> Self {
        Self { leaked: AtomicUsize::new(0) }
    }

    /// Whether one more value may be leaked. Counts it if so.
    #[must_use]
    pub fn take(&self) -> bool {
        let next = |leaked| (leaked < MOST_LEAKED).then_some(leaked + 1);
        // Relaxed: nothing else depends on the number.
        self.leaked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }
}

/// A shared value: leaked within the [`Allowance`] of its kind, else reference-counted.
///
/// A clone of a leaked value writes to no memory that threads share. An `Arc` alone would have all
/// requests of all threads write to one counter.
#[expect(clippy::exhaustive_enums, reason = "only crates of lameduck match it")]
pub enum Kept<T: 'static> {
    /// Lives as long as the process.
    Leaked(&'static T),
    /// Lives as long as its last clone.
    Counted(Arc<T>),
}

impl<T> Kept<T> {
    /// Keeps a value.
    #[must_use]
    pub fn new(value: Arc<T>, allowance: &Allowance) -> Self {
        if allowance.take() {
            Self::Leaked(&**Box::leak(Box::new(value)))
        } else {
            Self::Counted(value)
        }
    }
}

impl<T> Clone for Kept<T> {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            Self::Leaked(value) => Self::Leaked(value),
            Self::Counted(value) => Self::Counted(Arc::clone(value)),
        }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self {
            Self::Leaked(value) => value,
            Self::Counted(value) => value,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

/// The configuration of a layer: changed while the layer is built, then kept once for all services
/// of the layer and of its clones.
pub struct LayerConfig<T: 'static, K = Kept<T>> {
    config: Arc<T>,
    /// The same, from the moment on at which it first wraps a service.
    kept: Arc<OnceLock<K>>,
}

impl<T, K> LayerConfig<T, K> {
    /// A configuration that is not kept yet.
    #[must_use]
    pub fn new(config: T) -> Self {
        Self { config: Arc::new(config), kept: Arc::default() }
    }

    /// Changes the configuration. Clones and services that were made before keep theirs.
    pub fn change(&mut self, change: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        change(Arc::make_mut(&mut self.config));
        // What was kept before this is that of another layer.
        self.kept = Arc::default();
    }

    /// The configuration as the services of the layer share it, which `keep` makes once.
    pub fn keep_with(&self, keep: impl FnOnce(Arc<T>) -> K) -> K
    where
        K: Clone,
    {
        self.kept.get_or_init(|| keep(Arc::clone(&self.config))).clone()
    }
}

impl<T> LayerConfig<T> {
    /// The configuration as the services of the layer share it.
    #[must_use]
    pub fn keep(&self, allowance: &Allowance) -> Kept<T> {
        self.keep_with(|config| Kept::new(config, allowance))
    }
}

impl<T, K> Clone for LayerConfig<T, K> {
    fn clone(&self) -> Self {
        let Self { config, kept } = self;
        Self { config: Arc::clone(config), kept: Arc::clone(kept) }
    }
}

impl<T, K> Deref for LayerConfig<T, K> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.config
    }
}

impl<T: fmt::Debug, K> fmt::Debug for LayerConfig<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_the_allowance_is_freed_with_its_last_clone() {
        let allowance = Allowance::new();
        let kept = (0..MOST_LEAKED).map(|_| Kept::new(Arc::new(7), &allowance));
        assert!(kept.into_iter().all(|kept| matches!(kept, Kept::Leaked(7))));

        let value = Arc::new(8);
        let (first, alive) = (Kept::new(Arc::clone(&value), &allowance), Arc::downgrade(&value));
        drop(value);
        let second = first.clone();
        drop(first);
        assert_eq!(*second, 8);
        drop(second);
        assert!(alive.upgrade().is_none());
    }

    #[test]
    fn a_configuration_is_kept_once_for_a_layer_and_its_clones() {
        let allowance = Allowance::new();
        let mut config: LayerConfig<_> = LayerConfig::new(1);
        for _ in 0..2 * MOST_LEAKED {
            assert!(matches!(config.clone().keep(&allowance), Kept::Leaked(1)));
        }
        let before = config.clone();
        config.change(|config| *config = 2);
        assert!(matches!(config.keep(&allowance), Kept::Leaked(2)));
        assert_eq!(*before.keep(&allowance), 1);
    }
}
