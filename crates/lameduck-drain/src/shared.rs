//! Where the services of a layer find its configuration.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use lameduck_core::{
    Phase, PhaseWatch, phase_channel,
    plumbing::{Pool, Recycled},
};

use crate::config::Config;

/// The configurations of all layers.
static SHARED: Pool<Shared> = Pool::new(Shared::clear);

/// Where the services of a layer find its configuration.
pub(crate) struct Shared {
    /// That of the configuration, if it is leaked. Else one that has always stopped, so that every
    /// request takes the path for a server that is not running, and looks further.
    watch: PhaseWatch,
    /// The configuration of a layer within the allowance. Requests refer to it plainly.
    leaked: Option<Arc<Config>>,
    /// The configuration of a later layer. Requests hold a reference count.
    counted: RwLock<Option<Arc<Config>>>,
}

impl Shared {
    /// Keeps a configuration for the services of its layer.
    pub(crate) fn keep(config: Arc<Config>) -> Recycled<Self> {
        let make = |is_counted: bool| Self {
            watch: if is_counted { stopped() } else { config.watch().clone() },
            leaked: (!is_counted).then(|| Arc::clone(&config)),
            counted: RwLock::new(None),
        };
        let kept = SHARED.take(|_| true, make);
        let shared = kept.get();
        if shared.leaked.is_none() {
            *shared.counted.write().unwrap_or_else(PoisonError::into_inner) = Some(config);
        }
        kept
    }

    /// Whether a request that comes now is let in, and nothing is to be done with its response if
    /// that is ready now. Not always, if the configuration is counted.
    ///
    /// Read anew for the response: the phase may have moved since the request came. If it moves
    /// while the handler is polled, that response says nothing; its client keeps the connection and
    /// is notified on the next response.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        !self.watch.has_reached(Phase::LameDuck)
    }

    /// As [`is_running`](Self::is_running), for the service that has this handle.
    // Neither inlined nor given the value behind the handle: with either, the compiler takes each
    // request apart before this is read, and copies most of it twice. Linking inlines it.
    pub(crate) fn lets_in(handle: &Recycled<Self>) -> bool {
        handle.get().is_running()
    }

    /// The configuration, if it is leaked.
    pub(crate) fn leaked(&self) -> Option<&Config> {
        self.leaked.as_deref()
    }

    /// The configuration, if it is counted. A service holds a handle, so it is not cleared before.
    pub(crate) fn counted(&self) -> Option<Arc<Config>> {
        self.counted.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Frees the configuration: the last service is gone.
    fn clear(&self) {
        let config = self.counted.write().unwrap_or_else(PoisonError::into_inner).take();
        // Not under the lock: closures of the user are dropped.
        drop(config);
    }
}

/// The phase of a server that has stopped.
fn stopped() -> PhaseWatch {
    static STOPPED: OnceLock<PhaseWatch> = OnceLock::new();
    let make = || {
        let (sender, watch) = phase_channel();
        sender.publish(Phase::Stopped);
        watch
    };
    STOPPED.get_or_init(make).clone()
}
