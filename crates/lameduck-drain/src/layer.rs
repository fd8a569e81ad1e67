//! The layer.

use lameduck_core::{
    PhaseWatch,
    plumbing::{LayerConfig, Recycled},
};
use tower_layer::Layer;

use crate::{DrainOptions, DrainService, Rejections, config::Config, shared::Shared};

/// Wraps services in [`DrainService`]. See the [crate docs](crate).
///
/// The configurations of the first 64 layers of a process that wrap a service live as long as the
/// process does; a layer and its clones share one. So neither a request nor the clone of a service
/// that a server makes for it touches a reference count. Later ones are counted, and freed.
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct DrainLayer {
    config: LayerConfig<Config, Recycled<Shared>>,
}

impl DrainLayer {
    /// Makes a layer that rejects requests from [`Phase::Draining`] on, with the default options.
    ///
    /// [`Phase::Draining`]: lameduck_core::Phase::Draining
    pub fn new(watch: PhaseWatch) -> Self {
        Self::of(Config::new(watch, DrainOptions::new(), Rejections::default()))
    }

    /// Sets the options. Services that the layer has made before keep theirs.
    pub fn with_options(self, options: DrainOptions) -> Self {
        let (watch, rejections) = (self.config.watch().clone(), self.rejections());
        Self::of(Config::new(watch, options, rejections))
    }

    /// How many requests were rejected, by every service of this layer and of its clones.
    #[must_use]
    pub fn rejections(&self) -> Rejections {
        self.config.rejections().clone()
    }

    fn of(config: Config) -> Self {
        Self { config: LayerConfig::new(config) }
    }
}

impl<S> Layer<S> for DrainLayer {
    type Service = DrainService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        DrainService::new(inner, self.config.keep_with(Shared::keep))
    }
}
