//! The layer laws, as for every layer.

use lameduck_inflight::{InFlight, InFlightLayer};
use tower::Layer;

use crate::support;

lameduck_laws::layer_laws!(|inner| {
    let in_flight = InFlight::new();
    let held = in_flight.clone();
    inner.on_held(move || held.count());
    InFlightLayer::new(in_flight).layer(inner)
});

lameduck_laws::layer_laws!(with_ledger: |inner| {
    let in_flight = support::with_ledger();
    let held = in_flight.clone();
    inner.on_held(move || held.count() + held.blockers().len());
    InFlightLayer::new(in_flight).layer(inner)
});
