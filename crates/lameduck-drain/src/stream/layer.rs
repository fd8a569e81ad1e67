//! The layer that ends the streams of a route.

use lameduck_core::{
    PhaseWatch,
    plumbing::{Allowance, LayerConfig},
};
use tower_layer::Layer;

use super::{UntilDrainOptions, UntilDrainService, route::Route};

/// The configurations that may be leaked.
static ALLOWANCE: Allowance = Allowance::new();

/// Ends event streams (`text/event-stream`) when the server drains, on every route it wraps.
///
/// - What is ready is sent first, and an event that has begun is sent whole, until
///   [`Cancelling`](crate::Phase::Cancelling) at the latest. At most 32 frames that are ready then
///   still follow. Then comes `retry:` with a time to come back, drawn for each client, and the end
///   of the body. `EventSource` connects again by itself.
/// - On HTTP/1 the head of a stream says `Connection: close`, from the start on: the stream is the
///   last response of its connection. Otherwise `EventSource` would use that connection again and
///   be rejected, and it gives up after a 503.
/// - A body with another content type is left alone, unless the
///   [options](UntilDrainOptions::content_types) add that. So is a body with a known length, which
///   must not look complete when it is not, a compressed one, and one with [`RunOn`] in the
///   extensions of its response. Those run on, as every request in flight does.
///
/// ```
/// # #[cfg(feature = "axum")]
/// # #[expect(dead_code, reason = "shown, not run")]
/// # fn f(
/// #     events: axum::routing::MethodRouter, upload: axum::routing::MethodRouter,
/// #     watch: lameduck_drain::PhaseWatch,
/// # ) -> axum::Router {
/// use axum::Router;
/// use lameduck_drain::UntilDrainLayer;
///
/// Router::new()
///     .route("/events", events.layer(UntilDrainLayer::new(watch)))
///     .route("/upload", upload)
/// # }
/// ```
///
/// Put it inside of compression and of the [`DrainLayer`](crate::DrainLayer). As there, the
/// configurations of the first 64 layers live as long as the process.
///
/// [`RunOn`]: crate::RunOn
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct UntilDrainLayer {
    route: LayerConfig<Route>,
}

impl UntilDrainLayer {
    /// Makes a layer that ends event streams at [`Draining`](crate::Phase::Draining), with the
    /// default options.
    pub fn new(watch: PhaseWatch) -> Self {
        Self { route: LayerConfig::new(Route::new(watch, UntilDrainOptions::new())) }
    }

    /// Sets the options. Services that the layer has made before keep theirs.
    pub fn with_options(self, options: UntilDrainOptions) -> Self {
        Self { route: LayerConfig::new(Route::new(self.route.watch().clone(), options)) }
    }
}

impl<S> Layer<S> for UntilDrainLayer {
    type Service = UntilDrainService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        UntilDrainService::new(inner, self.route.keep(&ALLOWANCE))
    }
}
