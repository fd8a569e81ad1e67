//! What `serve` serves: a router that has the layer on its routes, or around it.

use axum::{
    BoxError, Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
};
use http::{Extensions, Request, Response};
use lameduck_context::{ContextBody, ContextService};
use lameduck_drain::DrainService;
use lameduck_inflight::{InFlightBody, InFlightService};
use tower_layer::Layer as _;
use tower_service::Service;

use crate::Lameduck;

/// A router with the layer around it. Made by [`Lameduck::wrap`].
///
/// A service like any other: [`serve_make_service`](Lameduck::serve_make_service) serves it inside of more.
pub type WrappedRouter = InFlightService<DrainService<ContextService<Router>>>;

impl Lameduck {
    /// Puts the [layer](Self::layer) around a whole router, with the options set so far.
    ///
    /// The cheapest place for it: on the routes, axum adds four allocations for each request and some
    /// 1,500 instructions, a tenth of what it needs for one. Two things are different here. Requests are
    /// counted before their route is known, so
    /// [`blockers`](lameduck_inflight::InFlight::blockers) names them by their path. And the layers of
    /// the router are inside: a refusal has no CORS headers, which a page from another origin needs to
    /// read its status. Where one of them matters, put [`layer`](Self::layer) on the router, and not
    /// both: each request would be counted twice.
    pub fn wrap(&self, app: Router) -> WrappedRouter {
        // The state once, so that nothing is left to be done for each request.
        self.layer().layer(app.with_state(()))
    }
}

/// What [`Lameduck::serve`] serves: a [`Router`], or what [`Lameduck::wrap`] makes of one.
///
/// Any other service is served by [`Lameduck::serve_make_service`], or by an implementation of this.
pub trait IntoService: Sized {
    /// The body of its answers.
    type Body: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static;

    /// The service, of which every connection has a clone.
    type Service: Service<
            Request<Body>,
            Response = Response<Self::Body>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static;

    /// Makes it ready to be served. Called once.
    fn into_service(self) -> Self::Service;

    /// What every request on a connection with that peer has in its extensions. By default nothing.
    ///
    /// Called once for each connection; every request has a copy.
    fn extensions<A: Clone + Send + Sync + 'static>(peer: A) -> Extensions {
        drop(peer);
        Extensions::new()
    }

    /// The same, whose handlers can extract `ConnectInfo` of the listener's kind of address:
    /// `ConnectInfo<SocketAddr>` on TCP.
    ///
    /// As `into_make_service_with_connect_info` for `axum::serve`. One allocation for each request.
    ///
    /// ```no_run
    /// # use axum::{Router, routing::get};
    /// # use lameduck::Lameduck;
    /// # #[tokio::main] async fn main() -> std::process::ExitCode {
    /// use std::net::SocketAddr;
    ///
    /// use axum::extract::ConnectInfo;
    /// use lameduck::IntoService as _;
    ///
    /// let duck = Lameduck::new();
    /// let hello = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| format!("hello {peer}");
    /// let app = duck.wrap(Router::new().route("/", get(hello)));
    /// duck.serve("0.0.0.0:8080", app.with_connect_info()).await.into()
    /// # }
    /// ```
    fn with_connect_info(self) -> WithConnectInfo<Self> {
        WithConnectInfo { app: self }
    }
}

impl IntoService for Router {
    type Body = Body;
    type Service = Self;

    fn into_service(self) -> Self {
        self.with_state(())
    }
}

impl IntoService for WrappedRouter {
    type Body = InFlightBody<ContextBody<Body>>;
    type Service = Self;

    fn into_service(self) -> Self {
        self
    }
}

/// An app whose requests know their peer. Made by [`IntoService::with_connect_info`].
#[derive(Clone, Debug)]
#[must_use = "an app does nothing until it is served"]
pub struct WithConnectInfo<T> {
    app: T,
}

impl<T: IntoService> IntoService for WithConnectInfo<T> {
    type Body = T::Body;
    type Service = T::Service;

    fn into_service(self) -> T::Service {
        self.app.into_service()
    }

    fn extensions<A: Clone + Send + Sync + 'static>(peer: A) -> Extensions {
        let mut extensions = room_for_a_router();
        extensions.extend(T::extensions(peer.clone()));
        extensions.insert(ConnectInfo(peer));
        extensions
    }
}

/// Extensions that are empty, and have room for those that a router adds to a request.
///
/// It adds three, and for the fourth a map is made anew. A copy of a map has the room that the map
/// once needed, so a request with a copy of this has its map made once.
fn room_for_a_router() -> Extensions {
    /// Takes a place in the map.
    #[derive(Clone)]
    struct Room<const N: u8>;

    let mut map = Extensions::new();
    map.insert(Room::<0>);
    map.insert(Room::<1>);
    map.insert(Room::<2>);
    map.insert(Room::<3>);
    map.clear();
    map
}
