//! The laws that every layer keeps, in each of the phases in which the handler is called.

use lameduck_drain::{DrainLayer, Phase, phase_channel};
use tower::Layer;

fn in_phase(phase: Phase) -> DrainLayer {
    let (sender, watch) = phase_channel();
    sender.publish(phase);
    DrainLayer::new(watch)
}

mod while_running {
    use super::*;

    lameduck_laws::layer_laws!(|inner| in_phase(Phase::Running).layer(inner));
}

mod while_lame_duck {
    use super::*;

    lameduck_laws::layer_laws!(|inner| in_phase(Phase::LameDuck).layer(inner));
}

/// A drain begins at the moment at which the inner work is ready.
mod while_a_drain_begins {
    use super::*;

    lameduck_laws::layer_laws!(|inner| {
        let (sender, watch) = phase_channel();
        sender.publish(Phase::Running);
        inner.on_signal(move || {
            sender.publish(Phase::Draining);
        });
        DrainLayer::new(watch).layer(inner)
    });
}
