//! Generates the database's client and server.
//!
//! Written in code, because not every machine has `protoc`. With it, `tonic-prost-build` generates
//! the same from a `.proto` file.

use tonic_build::manual::{Builder, Method, Service};

fn main() {
    let query = Method::builder()
        .name("query")
        .route_name("Query")
        .input_type("crate::wire::Question")
        .output_type("crate::wire::Rows")
        .codec_path("tonic_prost::ProstCodec");
    let database = Service::builder().name("Database").package("chain").method(query.build());
    Builder::new().compile(&[database.build()]);
}
