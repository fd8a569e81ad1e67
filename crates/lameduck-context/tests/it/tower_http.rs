//! The id in the places where tower-http writes it.

use http::{HeaderMap, HeaderValue};
use lameduck_context::ContextLayer;
use tower::{Layer, ServiceExt};
use tower_http::request_id::RequestId;

use crate::support::{Ask, Left, ask, ask_with, current_id, handler, hello};

/// Where an id is found: in the request's extensions, its header, the response's header.
type Places = [Option<String>; 3];

fn text(id: Option<&HeaderValue>) -> Option<String> {
    id.map(|id| id.to_str().expect("ASCII").to_owned())
}

fn in_header(headers: &HeaderMap) -> Option<String> {
    text(headers.get("x-request-id"))
}

async fn places(layer: ContextLayer, request: Ask) -> Places {
    let left = Left::new();
    let theirs = left.clone();
    let service = layer.layer(handler(move |request: Ask| {
        let id = text(request.extensions().get().map(RequestId::header_value));
        assert!(id.is_none() || id == current_id());
        theirs.leave(Some((id, in_header(request.headers()))));
        async { hello() }
    }));
    let response = service.oneshot(request).await.expect("infallible");
    let (extension, header) = left.take().expect("the handler was called");
    [extension, header, in_header(response.headers())]
}

#[tokio::test]
async fn the_id_is_where_tower_http_writes_it_if_that_is_an_option() {
    let [extension, header, response] = places(ContextLayer::new(), ask()).await;
    assert_eq!((extension, header, response.is_some()), (None, None, true));

    let layer = ContextLayer::new()
        .with_options(|options| options.request_id.get_or_insert_default().tower_http = true);
    let fresh = places(layer.clone(), ask()).await;
    assert!(fresh[0].is_some());
    assert!(fresh.iter().all(|id| *id == fresh[0]), "{fresh:?}");

    let mine = places(layer.clone(), ask_with("x-request-id", "mine")).await;
    assert!(mine.iter().all(|id| id.as_deref() == Some("mine")), "{mine:?}");

    // The handler does not see an unsafe one.
    let replaced = places(layer.clone(), ask_with("x-request-id", "not mine")).await;
    assert!(replaced.iter().all(|id| id.is_some() && *id == replaced[0]), "{replaced:?}");
    assert_ne!(replaced[0].as_deref(), Some("not mine"));

    assert_eq!(
        places(layer.with_options(|options| options.request_id = None), ask()).await,
        [const { None }; 3]
    );
}
