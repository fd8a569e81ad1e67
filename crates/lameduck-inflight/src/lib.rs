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
//! Outside everything that can answer or refuse a request, a drain above all: a request must be
//! counted before it is decided whether it is served, or the count reads zero while one slips in.
//! Inside panic recovery: a panic that passes through counts as an aborted request.
//!
//! Make one [`InFlight`] and give clones of it to layers. For work that outlives its response (an
//! upgraded connection, a spawned job) take a guard with [`InFlight::enter_named`] before the
//! response is returned, and move it into the work.
//!
//! With a ledger, [`InFlight::with_ledger`], the count can also say *who* is in flight, for the
//! log line that explains why a stop takes so long. Inside an axum router (`Router::layer`, with
//! the feature `axum`) a request is listed by its route, outside by its path.
//!
//! # Guarantees
//!
//! 1. A request counts until its body has ended, failed or been dropped.
//! 2. A request that is cancelled, fails or panics is no longer in flight.
//! 3. Idle is never read while somebody is in flight, however many threads come and go.
//! 4. The last to leave wakes whoever waits. A wait may be given up and begun anew.
//! 5. Once nothing is in flight, every request that came is either finished or aborted.
//! 6. A hostile request id, path or method never appears raw: a line is one line of printable
//!    ASCII, and bounded.
//! 7. A request is shown with what is its own, never with a part of another's.
//!
//! The third, the fourth and the last are model-checked with loom, in `tests/loom`, which also shows
//! that the checker catches the usual mistakes.
//!
//! # Cost
//!
//! A request that is served on the thread that cloned the service writes to no cache line that
//! another thread writes to: the count is split into shards, as many as the machine has threads.
//! It makes no allocation, takes no lock and registers no waiter; future and body grow by three
//! words each (`tests/cost.rs`). A wait sums up the shards, at most 64 of them. `cargo xtask perf`
//! measures it beside tower-http's count and tokio-util's tracker.
//!
//! With a ledger there is still no allocation once as many were in flight as ever are, but one reading
//! of a coarse clock, and a line of the request's own that it writes its method, route and id into. A
//! request that comes while its thread has others in flight takes a lock of its shard to find a free
//! line, and to give it back; one that is alone takes none. Who shows the ledger does not hold up the
//! requests on it.
//!
//! # What it does not do
//!
//! - It turns nobody away. Close the door first, for example with `lameduck-drain`, then wait.
//! - It does not see bytes leave: the body is handed to the server, which may still hold all of it
//!   in its buffers. Wait for the connections too before the process ends.
//! - It does not see an upgraded connection, whose response is over at its head. Use a guard.
//! - It ends nobody: to bound the wait, race it against a timer and read
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
mod door;
mod future;
mod guard;
mod layer;
mod ledger;
mod service;
mod shard;
mod sync;
mod ticket;
mod totals;

pub use self::{
    body::InFlightBody,
    count::InFlight,
    future::InFlightFuture,
    guard::InFlightGuard,
    layer::InFlightLayer,
    ledger::{InFlightRequest, RequestStage, set_request_id},
    service::InFlightService,
    totals::RequestTotals,
};
