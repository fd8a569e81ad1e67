//! The layer.

use tower_layer::Layer;

use crate::{InFlight, InFlightService};

/// Wraps services in [`InFlightService`]. Put it outermost, so that it counts what every other
/// layer still works on. See the [crate docs](crate).
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing until it wraps a service"]
pub struct InFlightLayer {
    in_flight: InFlight,
    entries: bool,
}

impl InFlightLayer {
    /// Counts with `in_flight`. All services of all clones of the layer share its count.
    pub const fn new(in_flight: InFlight) -> Self {
        Self { in_flight, entries: false }
    }

    /// Puts a [`LedgerEntry`](crate::LedgerEntry) into the extensions of every request, so that a
    /// layer further in can say which id it gave the request.
    ///
    /// By default not: an extension is an allocation (three, for the first of a request). Without
    /// a ledger there is no entry, and nothing is put in.
    pub fn with_ledger_entry(mut self) -> Self {
        self.entries = true;
        self
    }
}

impl<S> Layer<S> for InFlightLayer {
    type Service = InFlightService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let service = InFlightService::new(inner, &self.in_flight);
        if self.entries { service.with_ledger_entry() } else { service }
    }
}
