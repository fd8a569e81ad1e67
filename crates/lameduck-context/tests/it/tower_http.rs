//! The id, where tower-http has it.

use lameduck_context::ContextLayer;
use tower::{Layer, ServiceExt};
use tower_http::request_id::RequestId;

use crate::support::{Ask, Left, ask, ask_with, current_id, handler, hello};

/// The id in the extensions.
async fn id(layer: ContextLayer, request: Ask) -> Option<String> {
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |request: Ask| {
        let id = request.extensions().get::<RequestId>();
        let id = id.map(|id| id.header_value().to_str().expect("ASCII").to_owned());
        assert!(id.is_none() || id == current_id());
        theirs.leave(id);
        async { hello() }
    }));
    service.oneshot(request).await.expect("infallible");
    left.take()
}

#[tokio::test]
async fn the_id_is_where_tower_http_has_it_if_that_is_asked_for() {
    assert_eq!(id(ContextLayer::new(), ask()).await, None);
    let layer = ContextLayer::new().with_tower_http_request_id();
    assert!(id(layer.clone(), ask()).await.is_some());
    assert_eq!(id(layer.clone(), ask_with("x-request-id", "mine")).await.as_deref(), Some("mine"));
    assert_eq!(id(layer.without_request_id(), ask()).await, None);
}
