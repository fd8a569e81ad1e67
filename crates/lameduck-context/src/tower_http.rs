//! tower-http's type for a request's id, for layers that look for that.

use tower_http::request_id::RequestId;

use crate::ContextLayer;

impl ContextLayer {
    /// Also inserts the id into the request's extensions as tower-http's
    /// [`RequestId`], where handlers and layers written for `SetRequestIdLayer` look for it. By
    /// default it does not.
    ///
    /// Two or three allocations for each request.
    pub fn with_tower_http_request_id(self) -> Self {
        self.with(|config| {
            config.insert_id = Some(|id, extensions| {
                extensions.insert(RequestId::new(id.clone()));
            });
        })
    }
}
