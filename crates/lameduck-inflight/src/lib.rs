//! Counts the HTTP requests a service is still working on, and waits for the last one.
//!
//! A request is *in flight* from the moment [`Service::call`](tower_service::Service::call) is
//! called until its response body has been read to the end, has failed, or has been dropped.
//! Counting only to the response head is the mistake this crate exists to avoid: the head of a
//! large download leaves early, the bytes do not.
//!
//! # Example
//!
//! ```
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use lameduck_inflight::{InFlight, InFlightLayer};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let in_flight = InFlight::new();
//! let service = ServiceBuilder::new()
//!     .layer(InFlightLayer::new(in_flight.clone()))
//!     .service(service_fn(async |_: Request<()>| {
//!         Ok::<_, std::convert::Infallible>(Response::new(Full::<bytes::Bytes>::from("hello")))
//!     }));
//!
//! let response = service.oneshot(Request::new(())).await.unwrap();
//! assert_eq!(in_flight.count(), 1); // the head is here, the body is not
//!
//! response.into_body().collect().await.unwrap();
//! in_flight.idle().await;
//! assert_eq!(in_flight.totals().finished(), 1);
//! # }
//! ```
//!
//! # Where to put it
//!
//! Outside everything that can answer or reject a request, above all outside of a drain. A request
//! must be counted before it is decided whether it is served, else the count reads zero while one
//! slips in. Inside panic recovery: a panic that passes through counts as an aborted request.
//!
//! Make one [`InFlight`] and give clones of it to layers. For work that outlives its response (an
//! upgraded connection, a spawned job) take a guard with [`InFlight::enter_named`] before the
//! response is returned, and move it into the work.
//!
//! With a [ledger](InFlightOptions::ledger) the count also lists *which* requests are in flight,
//! for the log line that explains why a stop takes so long. Inside an axum router
//! (`Router::layer`, with the feature `axum`) a request is listed by its route, outside by its
//! path.
//!
//! # Guarantees
//!
//! 1. A request counts until its body has ended, failed or been dropped.
//! 2. A request that is cancelled, fails or panics is no longer in flight.
//! 3. Idle is never read while something is in flight, however many threads come and go.
//! 4. The last request to leave wakes all waiters. A wait may be given up and begun anew.
//! 5. Once nothing is in flight, every request that came is either finished or aborted.
//! 6. A hostile request id, path or method never appears raw: a line is one line of printable
//!    ASCII, and bounded.
//! 7. A request is shown with its own data, never with a part of another's.
//! 8. Counts that are made again and again, with a router, use no more memory.
//!
//! The third, the fourth and the seventh are model-checked with loom, in `tests/loom`, which also
//! shows that the checker catches the usual mistakes.
//!
//! # Cost
//!
//! No allocation, no lock and no registered waiter: a request writes only to the counters of its
//! thread. Future and body grow by three words each. With a ledger, one reading of a coarse clock
//! and a line of memory for each request in flight. `docs/costs.md` has the measurements.
//!
//! # What it does not do
//!
//! - It rejects no request. Do that first, for example with `lameduck-drain`, then wait.
//! - It does not see bytes leave: the body is handed to the server, which may still hold all of it
//!   in its buffers. Wait for the connections too before the process ends.
//! - It does not see an upgraded connection, whose response is over at its head. Use a guard.
//! - It ends no request. To bound the wait, race it against a timer and read
//!   [`InFlight::blockers`].
//!
//! # Feature flags
//!
//! - `axum`: lists a request by the route that axum matched, such as `/users/{id}`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

mod body;
mod count;
mod future;
mod guard;
mod in_flight;
mod layer;
mod ledger;
mod options;
mod request_guard;
mod service;
mod shard;
mod sync;
mod totals;
mod waiters;

pub use self::{
    body::InFlightBody,
    future::InFlightFuture,
    guard::InFlightGuard,
    in_flight::InFlight,
    layer::InFlightLayer,
    ledger::{InFlightRequest, RequestStage, set_request_id},
    options::{InFlightOptions, RequestIdSource},
    service::InFlightService,
    totals::RequestTotals,
};
