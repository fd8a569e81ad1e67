//! What a request asked for.

use std::borrow::Cow;

use http::{Request, uri::PathAndQuery};

/// Each variant is cloned by a reference count, never by copying text.
#[derive(Clone)]
pub(crate) enum Route {
    /// What axum matched: `/users/{id}`.
    #[cfg(feature = "axum")]
    Matched(axum::extract::MatchedPath),
    /// With its query, which is held but never shown: it may carry a secret.
    Path(Option<PathAndQuery>),
    /// The name of a guard.
    Name(Cow<'static, str>),
}

impl Route {
    pub(super) fn of_request<B>(request: &Request<B>) -> Self {
        #[cfg(feature = "axum")]
        if let Some(matched) = request.extensions().get::<axum::extract::MatchedPath>() {
            return Self::Matched(matched.clone());
        }
        Self::Path(request.uri().path_and_query().cloned())
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            #[cfg(feature = "axum")]
            Self::Matched(matched) => matched.as_str(),
            Self::Path(path) => path.as_ref().map_or("", PathAndQuery::path),
            Self::Name(name) => name,
        }
    }
}
