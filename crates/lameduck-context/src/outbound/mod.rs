//! Outbound calls: the deadline, the id and the trace go with them, and they end with the request.

mod custom_request;
mod error;
mod grpc;
mod layer;
mod service;

pub use self::{
    error::OutboundError,
    grpc::{GrpcOutboundFuture, GrpcOutboundLayer, GrpcOutboundService},
    layer::{OutboundLayer, OutboundOptions},
    service::{OutboundFuture, OutboundService},
};
