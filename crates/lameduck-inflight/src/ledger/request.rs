//! One line of the ledger, as it is shown.

use std::{fmt, time::Duration};

use coarsetime::Instant;
use http::Method;

use super::escaped::Escaped;

/// The longest method that is shown whole, in characters.
const METHOD_LIMIT: usize = 16;

/// The longest route that is shown whole, in characters.
const ROUTE_LIMIT: usize = 128;

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestStage {
    /// The handler works on it; there is no response head yet.
    Handler,
    /// The response head is out, and the body is not at its end.
    Body,
    /// Not a request of a layer, but work under an [`InFlightGuard`](crate::InFlightGuard).
    Guard,
}

impl RequestStage {
    pub(super) const fn from_u8(number: u8) -> Self {
        match number {
            0 => Self::Handler,
            1 => Self::Body,
            _ => Self::Guard,
        }
    }

    /// The stage's name in logs: lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Body => "body",
            Self::Guard => "guard",
        }
    }
}

impl fmt::Display for RequestStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A request in flight, as it was when [`blockers`](crate::InFlight::blockers) was called.
///
/// Displays as one line of at most some 350 printable ASCII characters, whatever the client sent:
/// `GET /reports/{id} body 12.345s sent=1048576 id=7f3a`.
#[derive(Clone)]
pub struct InFlightRequest {
    pub(super) number: u64,
    pub(super) since: Instant,
    pub(super) age: Duration,
    pub(super) method: Option<Method>,
    pub(super) route: String,
    pub(super) request_id: Option<String>,
    pub(super) stage: RequestStage,
    pub(super) bytes_sent: u64,
}

impl InFlightRequest {
    /// The oldest first; those of one age and one thread in the order in which they came.
    pub(crate) fn sort(requests: &mut [Self]) {
        requests.sort_by_key(|request| (request.since, request.number));
    }

    /// How long it has been in flight, with the precision of the system's clock ticks: on Linux
    /// usually up to 10 ms.
    #[must_use]
    pub const fn age(&self) -> Duration {
        self.age
    }

    /// Its method, or `None` if it is a guard. At most the first 64 bytes.
    #[must_use]
    pub const fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    /// The route that axum matched (feature `axum`, and the layer inside the router), else the
    /// path without the query; for a guard, its name. At most the first 256 bytes.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// Its id: the one that was [set](crate::set_request_id), else the one in its `x-request-id`
    /// header if the options [read that](crate::RequestIdSource::Header).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// How far it has come.
    #[must_use]
    pub const fn stage(&self) -> RequestStage {
        self.stage
    }

    /// How many bytes of the response body were handed to the server. Not all of them need have
    /// left the machine.
    #[must_use]
    pub const fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }
}

impl fmt::Display for InFlightRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(method) = self.method() {
            write!(f, "{} ", Escaped { text: method.as_str(), limit: METHOD_LIMIT })?;
        }
        let route = Escaped { text: self.route(), limit: ROUTE_LIMIT };
        write!(f, "{route} {} {:.3}s", self.stage(), self.age.as_secs_f64())?;
        if self.stage() == RequestStage::Body {
            write!(f, " sent={}", self.bytes_sent())?;
        }
        match self.request_id() {
            // No limit: an id that is kept is short and visible.
            Some(id) => write!(f, " id={id}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for InFlightRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number: _, since: _, age, method, route, request_id, stage, bytes_sent } = self;
        f.debug_struct("InFlightRequest")
            .field("age", age)
            .field("method", method)
            .field("route", route)
            .field("request_id", request_id)
            .field("stage", stage)
            .field("bytes_sent", bytes_sent)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_shown_to_the_millisecond() {
        let request = InFlightRequest {
            number: 1,
            since: Instant::from_ticks(0),
            age: Duration::from_micros(12_345_678),
            method: Some(Method::GET),
            route: "/export".to_owned(),
            request_id: None,
            stage: RequestStage::Handler,
            bytes_sent: 0,
        };
        assert_eq!(request.to_string(), "GET /export handler 12.346s");
    }
}
