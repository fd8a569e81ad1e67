//! What a layer was told, shared by its services, futures and bodies.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Extensions, HeaderValue, Response};
use lameduck_core::PhaseWatch;

use crate::{Interrupted, id::IdPolicy};

/// Called once the id of a request is known.
pub(crate) type OnRequest = Arc<dyn Fn(&HeaderValue, &Extensions) + Send + Sync>;

/// Makes the answer for a handler that was stopped.
pub(crate) type MakeResponse = Arc<dyn Fn(Interrupted) -> Response<Bytes> + Send + Sync>;

/// What a layer was told.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) timeout: Option<Duration>,
    pub(crate) body_limit: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) phase: Option<PhaseWatch>,
    pub(crate) id: Option<IdPolicy>,
    pub(crate) extension: bool,
    pub(crate) on_request: Option<OnRequest>,
    pub(crate) response: Option<MakeResponse>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timeout: None,
            body_limit: None,
            grace: Duration::from_millis(500),
            phase: None,
            id: Some(IdPolicy::default()),
            extension: false,
            on_request: None,
            response: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { timeout, body_limit, grace, phase, id, extension, on_request, response } = self;
        f.debug_struct("Config")
            .field("timeout", timeout)
            .field("body_limit", body_limit)
            .field("grace", grace)
            .field("phase", phase)
            .field("id", id)
            .field("extension", extension)
            .field("on_request", &on_request.is_some())
            .field("response", &response.is_some())
            .finish()
    }
}
