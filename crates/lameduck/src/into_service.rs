//! The apps that `serve` serves: a router with the layer on its routes, or around it.

use axum::{
    BoxError, Router,
    body::{Body, HttpBody},
};
use http::{Extensions, Request, Response};
use lameduck_context::{ContextBody, ContextService};
use lameduck_drain::DrainService;
use lameduck_inflight::{InFlightBody, InFlightService};
use lameduck_server::connect_info_extensions;
use tower_service::Service;

/// A router with the layer around it. Made by [`Lameduck::wrap`](crate::Lameduck::wrap).
///
/// It is a service, so other layers can go around it:
/// [`serve_make_service`](crate::Lameduck::serve_make_service) serves the result.
pub type WrappedRouter = InFlightService<DrainService<ContextService<Router>>>;

/// What [`serve`](crate::Lameduck::serve) serves: a [`Router`], or a [`WrappedRouter`].
///
/// For any other service use [`serve_make_service`](crate::Lameduck::serve_make_service), or
/// implement this trait.
pub trait IntoService: Sized {
    /// The body of its responses.
    type Body: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static;

    /// The service. Every connection gets a clone.
    type Service: Service<
            Request<Body>,
            Response = Response<Self::Body>,
            Error: Into<BoxError>,
            Future: Send + 'static,
        > + Clone
        + Send
        + 'static;

    /// Makes the service. Called once.
    fn into_service(self) -> Self::Service;

    /// What every request on a connection with that peer has in its extensions. By default nothing.
    ///
    /// Called once for each connection. Every request gets a clone.
    fn extensions<A: Clone + Send + Sync + 'static>(peer: A) -> Extensions {
        drop(peer);
        Extensions::new()
    }

    /// The same app, whose handlers can extract `ConnectInfo` with the kind of address of the
    /// listener: `ConnectInfo<SocketAddr>` on TCP.
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

/// An app whose requests have the address of their peer. Made by
/// [`IntoService::with_connect_info`].
#[derive(Clone, Debug)]
#[must_use = "an app has no effect until it is served"]
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
        let mut extensions = connect_info_extensions(peer.clone());
        extensions.extend(T::extensions(peer));
        extensions
    }
}
