//! The route of a request.

use http::Request;

/// What axum matched, `/users/{id}`, else the path. Without the query, which may carry a secret.
#[inline]
pub(super) fn of_request<B>(request: &Request<B>) -> &str {
    #[cfg(feature = "axum")]
    if let Some(matched) = request.extensions().get::<axum::extract::MatchedPath>() {
        return matched.as_str();
    }
    // Not `path()`, which returns `/` if there is none.
    request.uri().path_and_query().map_or("", http::uri::PathAndQuery::path)
}
