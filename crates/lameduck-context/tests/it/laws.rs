//! The layer laws, for each layer with all of its options and with none.

use std::time::Duration;

use lameduck_context::{ContextLayer, InboundDeadline, RequestContext, TimeoutLayer};
use lameduck_core::{Phase, phase_channel};
use tower::Layer;

const LIMIT: Duration = Duration::from_secs(30);

lameduck_laws::layer_laws!(context: |inner| {
    let (sender, phase) = phase_channel();
    inner.on_signal(move || {
        sender.publish(Phase::Forced);
    });
    inner.on_held(|| usize::from(RequestContext::current().is_some()));
    ContextLayer::new()
        .with_timeout(LIMIT)
        .with_options(|options| options.timeouts.body = Some(LIMIT))
        .with_phase(phase)
        .with_options(|options| options.extension = true)
        .layer(inner)
});

lameduck_laws::layer_laws!(context_with_all_inbound_headers: |inner| {
    inner.on_held(|| usize::from(RequestContext::current().is_some()));
    ContextLayer::new()
        .with_timeout_by(|_| Some(LIMIT))
        .with_options(|options| options.inbound_deadline = Some(InboundDeadline::new()))
        .with_options(|options| options.trace.get_or_insert_default().own_spans = true)
        .with_tracker(drop)
        .layer(inner)
});

lameduck_laws::layer_laws!(context_without_limits: |inner| {
    inner.on_held(|| usize::from(RequestContext::current().is_some()));
    ContextLayer::new().layer(inner)
});

lameduck_laws::layer_laws!(timeout: |inner| TimeoutLayer::new(LIMIT).layer(inner));
