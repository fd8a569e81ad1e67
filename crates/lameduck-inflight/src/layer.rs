//! The layer.

use tower_layer::Layer;

use crate::{InFlight, InFlightService};

/// Wraps services in [`InFlightService`]. Put it outermost, so that it counts what every other
/// layer still works on. See the [crate docs](crate).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct InFlightLayer {
    in_flight: InFlight,
}

impl InFlightLayer {
    /// Counts with `in_flight`. All services of all clones of the layer share its count.
    pub const fn new(in_flight: InFlight) -> Self {
        Self { in_flight }
    }
}

impl<S> Layer<S> for InFlightLayer {
    type Service = InFlightService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        InFlightService::new(inner, self.in_flight.clone())
    }
}
