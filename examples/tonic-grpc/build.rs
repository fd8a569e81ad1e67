//! Generates the client and the server of the service.
//!
//! The service is described here because not every machine has `protoc`. With `protoc`,
//! `tonic-prost-build` generates the same from a `.proto` file.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let codec = "tonic_prost::ProstCodec";
    let greet = Method::builder()
        .name("greet")
        .route_name("Greet")
        .input_type("crate::pond::Name")
        .output_type("crate::pond::Greeting")
        .codec_path(codec);
    let tick = Method::builder()
        .name("tick")
        .route_name("Tick")
        .input_type("crate::pond::Start")
        .output_type("crate::pond::Tick")
        .codec_path(codec)
        .server_streaming();
    let pond =
        Service::builder().name("Pond").package("duck").method(greet.build()).method(tick.build());
    // Only the tests connect as a client, and they bring their own channel.
    Builder::new().build_transport(false).compile(&[pond.build()]);
}
