//! What `serve` serves: a router that has the layer on its routes, or around it.

use axum::{
    BoxError, Router,
    body::{Body, HttpBody},
};
use http::{Request, Response};
use lameduck_context::{ContextBody, ContextService};
use lameduck_drain::DrainService;
use lameduck_inflight::{InFlightBody, InFlightService};
use tower_layer::Layer as _;
use tower_service::Service;

use crate::Lameduck;

/// A router with the layer around it. Made by [`Lameduck::around`].
///
/// A service like any other: [`serve_each_on`](Lameduck::serve_each_on) serves it inside of more.
pub type Around = InFlightService<DrainService<ContextService<Router>>>;

impl Lameduck {
    /// Puts the [layer](Self::layer) around a whole router, with the options set so far.
    ///
    /// The cheapest place for it: on the routes, axum adds four allocations for each request and some
    /// 1,500 instructions, a tenth of what it needs for one. Two things are different here. Requests are
    /// counted before their route is known, so
    /// [`blockers`](lameduck_inflight::InFlight::blockers) names them by their path. And the layers of
    /// the router are inside: a refusal has no CORS headers, which a page from another origin needs to
    /// read its status. Where one of them matters, put [`layer`](Self::layer) on the router.
    pub fn around(&self, app: Router) -> Around {
        // The state once, so that nothing is left to be done for each request.
        self.layer().layer(app.with_state(()))
    }
}

/// What [`Lameduck::serve`] serves: a [`Router`], or what [`Lameduck::around`] makes of one.
///
/// Any other service is served by [`Lameduck::serve_each_on`], or by an implementation of this.
pub trait App {
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
}

impl App for Router {
    type Body = Body;
    type Service = Self;

    fn into_service(self) -> Self {
        self.with_state(())
    }
}

impl App for Around {
    type Body = InFlightBody<ContextBody<Body>>;
    type Service = Self;

    fn into_service(self) -> Self {
        self
    }
}
