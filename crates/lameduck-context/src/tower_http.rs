//! tower-http's type for a request's id, for layers that look for that.

use tower_http::request_id::RequestId;

use crate::ContextLayer;

impl ContextLayer {
    /// Also puts the id where tower-http's `SetRequestIdLayer` has it: as a [`RequestId`] into the
    /// request's extensions, and into its header. By default it does neither.
    ///
    /// For handlers and layers that were written for it. The response has the id in its header, as
    /// always, but not in its extensions. Some three allocations for each request.
    pub fn with_tower_http_request_id(self) -> Self {
        self.with(|config| {
            config.insert_id = Some(|id, extensions| {
                extensions.insert(RequestId::new(id.clone()));
            });
        })
    }
}
