//! The stacks that are compared.

use std::{convert::Infallible, fmt, io};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use lameduck::{
    Lameduck, Phase,
    context::{ContextLayer, TimeoutLayer},
    drain::DrainLayer,
    inflight::{InFlight, InFlightLayer, InFlightOptions},
};
use lameduck_perf_peer as peer;
use tokio::runtime::Runtime;
use tower::{Layer, Service, layer::util::Stack as Layers};

use crate::{Handler, LIMIT, Work, drive, runtime};

/// A handler with nothing, theirs or ours around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stack {
    /// Nothing.
    Bare,
    /// tower-http's time limit.
    PeerTimeout,
    /// Our time limit.
    OurTimeout,
    /// tower-http's count, tokio-util's tracker and token.
    PeerGate,
    /// Our count and our drain. As the peer's, the count does not show which requests were aborted.
    OurGate,
    /// tower-http's request id, set and propagated.
    PeerContext,
    /// Our context, with its request id.
    OurContext,
    /// The same, with the id in the request's extensions and header, too.
    OurContextInFull,
    /// The four jobs of our whole layer, with their parts.
    PeerWhole,
    /// The six layers of a usual tower-http server.
    PeerTypical,
    /// The facade's layer: count, drain, context with a time limit.
    OurWhole,
}

impl Stack {
    /// All, the bare handler first.
    pub const ALL: [Self; 11] = [
        Self::Bare,
        Self::PeerTimeout,
        Self::OurTimeout,
        Self::PeerGate,
        Self::OurGate,
        Self::PeerContext,
        Self::OurContext,
        Self::OurContextInFull,
        Self::PeerWhole,
        Self::PeerTypical,
        Self::OurWhole,
    ];

    /// The name on the command line and in the output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::PeerTimeout => "peer_timeout",
            Self::OurTimeout => "our_timeout",
            Self::PeerGate => "peer_gate",
            Self::OurGate => "our_gate",
            Self::PeerContext => "peer_context",
            Self::OurContext => "our_context",
            Self::OurContextInFull => "our_context_in_full",
            Self::PeerWhole => "peer_whole",
            Self::PeerTypical => "peer_typical",
            Self::OurWhole => "our_whole",
        }
    }

    /// The stack with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stack| stack.name() == name)
    }

    /// Puts the stack around a handler for that work.
    ///
    /// # Errors
    ///
    /// If no runtime can be made for the facade to start on.
    pub fn build(self, work: Work) -> io::Result<Box<dyn Driver>> {
        let handler = Handler::new(work);
        Ok(match self {
            Self::Bare => boxed(handler, work),
            Self::PeerTimeout => boxed(peer::timeout().layer(handler), work),
            Self::OurTimeout => boxed(TimeoutLayer::new(LIMIT).layer(handler), work),
            Self::PeerGate => boxed(peer::gate().layer(handler), work),
            Self::OurGate => boxed(our_gate()?.layer(handler), work),
            Self::PeerContext => boxed(peer::request_id().layer(handler), work),
            Self::OurContext => boxed(ContextLayer::new().layer(handler), work),
            Self::OurContextInFull => {
                let layer = ContextLayer::new().with_options(|options| {
                    options.request_id.get_or_insert_default().tower_http = true;
                });
                boxed(layer.layer(handler), work)
            }
            Self::PeerWhole => boxed(peer::same_jobs().layer(handler), work),
            Self::PeerTypical => boxed(peer::typical().layer(handler), work),
            Self::OurWhole => boxed(serving_duck()?.layer().layer(handler), work),
        })
    }
}

fn our_gate() -> io::Result<Layers<DrainLayer, InFlightLayer>> {
    // Leaked: a count without a reader is not spread over the threads, and one in use has readers.
    let mut options = InFlightOptions::new();
    options.detects_aborted = false;
    let in_flight: &InFlight = Box::leak(Box::new(InFlight::with_options(options)));
    let drain = DrainLayer::new(serving_duck()?.watch());
    Ok(Layers::new(drain, InFlightLayer::new(in_flight.clone())))
}

/// A started facade with a time limit, which serves for as long as the process lives.
///
/// It is started on a runtime of its own, so that no timer of it is pending on those that measure.
///
/// # Errors
///
/// If that runtime cannot be made.
pub fn serving_duck() -> io::Result<&'static Lameduck> {
    // Leaked, both: a stack may be driven until the process ends.
    let runtime: &Runtime = Box::leak(Box::new(runtime()?));
    Ok(runtime.block_on(async {
        let duck: &Lameduck = Box::leak(Box::new(Lameduck::builder().with_timeout(LIMIT).build()));
        drop(duck.shutdown_signal());
        duck.watch().reached(Phase::Running).await;
        duck
    }))
}

/// A stack whose types are forgotten.
pub trait Driver: Send {
    /// Sends `count` requests, see [`drive`].
    fn run(&self, runtime: &Runtime, count: u64);

    /// The same service, for another thread: its counters are shared.
    fn fork(&self) -> Box<dyn Driver>;
}

impl fmt::Debug for dyn Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

struct Driven<S> {
    service: S,
    work: Work,
}

fn boxed<S, B>(service: S, work: Work) -> Box<dyn Driver>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    B: Body + 'static,
{
    Box::new(Driven { service, work })
}

impl<S, B> Driver for Driven<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    B: Body + 'static,
{
    fn run(&self, runtime: &Runtime, count: u64) {
        runtime.block_on(drive(&self.service, self.work, count));
    }

    fn fork(&self) -> Box<dyn Driver> {
        boxed(self.service.clone(), self.work)
    }
}
