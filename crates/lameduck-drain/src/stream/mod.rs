//! Streams that end when their server drains: of items, and the bodies of a whole route.

mod body;
mod events;
mod future;
mod items;
mod layer;
mod messages;
mod options;
mod route;
mod service;

pub use self::{
    body::UntilDrainBody,
    future::UntilDrainFuture,
    items::{UntilDrain, until_drain},
    layer::UntilDrainLayer,
    options::UntilDrainOptions,
    route::RunOn,
    service::UntilDrainService,
};
