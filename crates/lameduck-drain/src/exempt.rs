//! Requests that are served to the very end.

use std::{fmt, sync::Arc};

use http::{HeaderMap, Method, Request, Uri};

/// A decision about a request by its head, without its body.
type Predicate = Arc<dyn Fn(&Method, &Uri, &HeaderMap) -> bool + Send + Sync>;

/// The paths of probes. A liveness probe that is rejected gets the process killed.
const PROBES: [&str; 4] = ["/livez", "/readyz", "/healthz", "/grpc.health.v1.Health/"];

/// The requests that are never rejected. By default [probes](Self::PROBES).
///
/// ```
/// use lameduck_drain::DrainOptions;
///
/// let mut options = DrainOptions::new();
/// options.exempt.add_path("/admin/");
/// options.exempt.add(|method, _uri, headers| {
///     method == "OPTIONS" || headers.contains_key("x-vip")
/// });
/// ```
#[derive(Clone, Default)]
pub struct Exempt {
    has_no_probes: bool,
    paths: Vec<String>,
    predicates: Vec<Predicate>,
}

impl Exempt {
    /// Probes: `/livez`, `/readyz`, `/healthz` and all below `/grpc.health.v1.Health/`.
    ///
    /// A liveness probe that is rejected gets the process killed.
    pub const PROBES: Self =
        Self { has_no_probes: false, paths: Vec::new(), predicates: Vec::new() };

    /// Nothing, not even probes.
    pub const NOTHING: Self =
        Self { has_no_probes: true, paths: Vec::new(), predicates: Vec::new() };

    /// Adds the requests for a path. One that ends in `/` stands for all below it.
    pub fn add_path(&mut self, path: impl Into<String>) {
        self.paths.push(path.into());
    }

    /// Adds the requests for which this closure returns `true`. It is called only while draining.
    pub fn add(
        &mut self,
        predicate: impl Fn(&Method, &Uri, &HeaderMap) -> bool + Send + Sync + 'static,
    ) {
        self.predicates.push(Arc::new(predicate));
    }

    pub(crate) fn has<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        !self.has_no_probes && PROBES.iter().any(|exempt| covers(exempt, path))
            || self.paths.iter().any(|exempt| covers(exempt, path))
            || self
                .predicates
                .iter()
                .any(|exempt| exempt(request.method(), request.uri(), request.headers()))
    }
}

/// Whether a path is that one, or lies below it if that ends in a slash.
fn covers(exempt: &str, path: &str) -> bool {
    match exempt.strip_suffix('/') {
        Some(folder) => path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')),
        None => path == exempt,
    }
}

impl fmt::Debug for Exempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { has_no_probes, paths, predicates } = self;
        f.debug_struct("Exempt")
            .field("probes", &!has_no_probes)
            .field("paths", paths)
            .field("predicates", &predicates.len())
            .finish()
    }
}
