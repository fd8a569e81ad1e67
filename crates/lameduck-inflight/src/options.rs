//! What a count keeps beside the number.

/// What an [`InFlight`](crate::InFlight) keeps beside the number of requests.
///
/// ```
/// use lameduck_inflight::{InFlight, InFlightOptions, RequestIdSource};
///
/// let mut options = InFlightOptions::new();
/// options.ledger = Some(RequestIdSource::Header);
/// let in_flight = InFlight::with_options(options);
/// # assert!(in_flight.is_idle());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct InFlightOptions {
    /// Whether [`totals`](crate::InFlight::totals) distinguish aborted requests from finished ones.
    /// By default they do.
    ///
    /// If not, every request that is over counts as finished, and the method, status and length of
    /// a response are not looked at.
    pub detects_aborted: bool,

    /// Lists each request, for [`blockers`](crate::InFlight::blockers), with an id from this
    /// source. By default there is no ledger.
    ///
    /// A request then costs one reading of a coarse clock and a line of its own. The ledger keeps
    /// about 640 bytes for each request that ever was in flight at the same time as others.
    pub ledger: Option<RequestIdSource>,
}

/// Where the ledger takes the id of a request from.
///
/// From every source, a layer further in may replace the id with
/// [`set_request_id`](crate::set_request_id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestIdSource {
    /// The request's `x-request-id` header, if that is at most 128 visible ASCII characters.
    Header,
    /// No header: a request has the id that a layer further in sets, or none.
    Assigned,
}

impl InFlightOptions {
    /// The default options.
    #[must_use]
    pub const fn new() -> Self {
        Self { detects_aborted: true, ledger: None }
    }
}

impl Default for InFlightOptions {
    fn default() -> Self {
        Self::new()
    }
}
