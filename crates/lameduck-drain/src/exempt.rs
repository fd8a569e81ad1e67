//! Requests that are served to the very end.

use std::{fmt, sync::Arc};

use http::{HeaderMap, Method, Uri};

/// What a decision about a request may look at: its head, without its body.
type Predicate = Arc<dyn Fn(&Method, &Uri, &HeaderMap) -> bool + Send + Sync>;

/// Paths of probes. A liveness probe that is turned away would have the process killed.
const PROBES: [&str; 4] = ["/livez", "/readyz", "/healthz", "/grpc.health.v1.Health/"];

/// The requests that are never turned away.
#[derive(Clone)]
pub(crate) struct Exempt {
    paths: Vec<String>,
    predicates: Vec<Predicate>,
}

impl Exempt {
    pub(crate) fn probes() -> Self {
        Self { paths: PROBES.map(String::from).to_vec(), predicates: Vec::new() }
    }

    pub(crate) const fn nothing() -> Self {
        Self { paths: Vec::new(), predicates: Vec::new() }
    }

    pub(crate) fn add_path(&mut self, path: String) {
        self.paths.push(path);
    }

    pub(crate) fn add(
        &mut self,
        predicate: impl Fn(&Method, &Uri, &HeaderMap) -> bool + Send + Sync + 'static,
    ) {
        self.predicates.push(Arc::new(predicate));
    }

    pub(crate) fn has<B>(&self, request: &http::Request<B>) -> bool {
        let path = request.uri().path();
        let is_listed = self.paths.iter().any(|exempt| match exempt.strip_suffix('/') {
            // A path that ends in a slash stands for all below it.
            Some(folder) => path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
            None => path == exempt,
        });
        is_listed
            || self
                .predicates
                .iter()
                .any(|exempt| exempt(request.method(), request.uri(), request.headers()))
    }
}

impl fmt::Debug for Exempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { paths, predicates } = self;
        f.debug_struct("Exempt")
            .field("paths", paths)
            .field("predicates", &predicates.len())
            .finish()
    }
}
