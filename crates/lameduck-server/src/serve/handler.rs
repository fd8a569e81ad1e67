//! The service as hyper calls it on HTTP/1.

use std::{
    cell::RefCell,
    error::Error,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use http::{HeaderMap, HeaderValue, Method, Request, Response, header::CONNECTION};
use http_body::Body as _;
use hyper::{body::Incoming, service::Service};
use pin_project_lite::pin_project;
use tokio::time::Instant;

use super::{
    answer::{AnswerBody, UnderWay},
    link::Link,
};
use crate::connection::protocol::has_close;

type BoxError = Box<dyn Error + Send + Sync>;

/// A tower service, called once for each request.
#[derive(Debug)]
pub(super) struct Handler<S> {
    /// Borrowed during a call, in the one task of the connection.
    service: RefCell<S>,
    link: Arc<Link>,
    /// From then on an answer says that the connection closes.
    old_at: Option<Instant>,
}

impl<S> Handler<S> {
    pub(super) const fn new(service: S, link: Arc<Link>, old_at: Option<Instant>) -> Self {
        Self { service: RefCell::new(service), link, old_at }
    }
}

impl<S, B> Service<Request<Incoming>> for Handler<S>
where
    S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
    S: Clone,
{
    type Response = Response<AnswerBody<B>>;
    type Error = BoxError;
    type Future = Answering<S, S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        // From fields alone: a request whose address is passed on is copied before it is moved.
        let has_body = request.body().size_hint().upper() != Some(0);
        self.link.on_http1_request(has_body, *request.method() == Method::CONNECT);
        // Before the call, so that a panic in it ends the request.
        let under_way = Some(UnderWay::begin(Arc::clone(&self.link)));
        let service = &mut *self.service.borrow_mut();
        // Most services are ready at once.
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Answering {
                call: Call::Running { future: service.call(request) },
                old_at: self.old_at,
                under_way,
            },
            Poll::Ready(Err(error)) => Answering {
                call: Call::Failed { error: Some(error.into()) },
                old_at: None,
                under_way,
            },
            Poll::Pending => {
                // A service is ready for the caller that polled it. So this one waits for its
                // request, and a clone serves the next one.
                let next = service.clone();
                let waits = mem::replace(service, next);
                Answering {
                    call: Call::Waiting { call: Box::new((waits, Some(request))) },
                    old_at: self.old_at,
                    under_way,
                }
            }
        }
    }
}

pin_project! {
    /// The call of a service, once it is ready for the request.
    #[project = CallProjection]
    enum Call<S, F> {
        Running { #[pin] future: F },
        // Boxed: it is as large as a request and a service, and the others move with each answer.
        Waiting { call: Box<(S, Option<Request<Incoming>>)> },
        Failed { error: Option<BoxError> },
    }
}

impl<S> Future for Call<S, S::Future>
where
    S: tower_service::Service<Request<Incoming>, Error: Into<BoxError>>,
{
    type Output = Result<S::Response, BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let future = match self.as_mut().project() {
                CallProjection::Running { future } => return future.poll(cx).map_err(Into::into),
                CallProjection::Failed { error } => match error.take() {
                    Some(error) => return Poll::Ready(Err(error)),
                    // Polled after its end, which hyper does not do.
                    None => return Poll::Pending,
                },
                CallProjection::Waiting { call } => {
                    let (service, request) = &mut **call;
                    ready!(service.poll_ready(cx)).map_err(Into::into)?;
                    let Some(request) = request.take() else { return Poll::Pending };
                    service.call(request)
                }
            };
            self.set(Self::Running { future });
        }
    }
}

pin_project! {
    /// The answer to come. On an old connection it says that it is the last one.
    pub(super) struct Answering<S, F> {
        #[pin]
        call: Call<S, F>,
        old_at: Option<Instant>,
        under_way: Option<UnderWay>,
    }
}

impl<S, B> Future for Answering<S, S::Future>
where
    S: tower_service::Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
{
    type Output = Result<Response<AnswerBody<B>>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.call.poll(cx))?;
        let status = response.status();
        let switches = this.under_way.as_ref().is_some_and(|request| request.on_answer(status));
        if let Some(at) = *this.old_at {
            // An upgraded connection is not HTTP's to close.
            if !switches && Instant::now() >= at {
                say_close(response.headers_mut());
            }
        }
        let under_way = this.under_way.take();
        Poll::Ready(Ok(response.map(|body| AnswerBody::new(body, under_way))))
    }
}

/// Added to the other values, because they may name hop-by-hop headers.
fn say_close(headers: &mut HeaderMap) {
    if !headers.get_all(CONNECTION).iter().any(|value| has_close(value.as_bytes())) {
        headers.append(CONNECTION, HeaderValue::from_static("close"));
    }
}
