//! tower-http's type for a request's id, for layers that look for it.

use http::{Extensions, HeaderValue};
use tower_http::request_id::RequestId;

/// Puts an id where tower-http's `SetRequestIdLayer` puts it.
pub(crate) fn insert(id: &HeaderValue, extensions: &mut Extensions) {
    extensions.insert(RequestId::new(id.clone()));
}
