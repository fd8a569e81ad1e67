//! What a request asked for.

use http::Request;

/// What axum matched, `/users/{id}`, else the path. Without the query: it may carry a secret.
#[inline]
pub(super) fn of_request<B>(request: &Request<B>) -> &str {
    #[cfg(feature = "axum")]
    if let Some(matched) = request.extensions().get::<axum::extract::MatchedPath>() {
        return matched.as_str();
    }
    // Not `path()`, which makes a `/` of none.
    request.uri().path_and_query().map_or("", http::uri::PathAndQuery::path)
}
