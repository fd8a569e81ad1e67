//! One connection, from its first byte to its close.

use std::{
    error::Error,
    fmt::Display,
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use lameduck_core::plumbing::log_later;
use tokio::{io::AsyncWriteExt as _, time::sleep};

use super::{
    handler::Handler,
    http1, http2,
    leave::Leave,
    link::Link,
    live::Seat,
    options::HttpOptions,
    streams::StreamHandler,
    wire::{First, Wire},
};
use crate::{Connections, Socket, TrackedIo};

type BoxError = Box<dyn Error + Send + Sync>;

/// Serves a connection to its end.
pub(super) async fn connection<I, S, B>(
    mut io: TrackedIo<I>,
    service: S,
    connections: Connections,
    options: Arc<HttpOptions>,
    seat: Seat,
) where
    I: Socket,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let (old_at, accepted) = (options.old_at(), io.conn().accepted());
    let mut leave = Leave::new(&connections, io.conn());
    let mut first = First::default();
    let is_http2 = match begin(&mut io, &mut first, &mut leave, &options).await {
        Ok(Some(is_http2)) => is_http2,
        // The client has closed, or did not begin a request in time.
        Ok(None) => {
            _ = io.shutdown().await;
            return;
        }
        Err(error) => return log_failed(&error),
    };
    let link = Arc::new(Link::new(is_http2, Arc::clone(io.conn()), seat));
    let wire = Wire::new(io, first, options.lingering_close, Arc::clone(&link));
    let wire = TokioIo::new(wire);
    let ended = if is_http2 {
        let handler = StreamHandler::new(service, Arc::clone(&link));
        http2::serve(wire, handler, &connections, &options, old_at, accepted, link).await
    } else {
        let handler = Handler::new(service, Arc::clone(&link), old_at);
        let ended = http1::serve(wire, handler, leave, &link, &options, old_at).await;
        if link.is_switched() {
            // The IO cannot always see it: the request may have come along with another one.
            connections.registry().switched(link.conn());
        }
        ended
    };
    if let Err(error) = ended {
        log_failed(&error);
    }
}

/// Logs why a connection failed. Most clients that fail are gone, so it is of interest to few.
fn log_failed(error: &dyn Display) {
    if tracing::enabled!(target: "lameduck", tracing::Level::DEBUG) {
        let error = error.to_string();
        log_later!(debug, "connection.failed", { error }, "a connection ended with an error");
    }
}

/// Reads until the protocol is known. `None`: there is nothing to serve.
async fn begin<I: Socket>(
    io: &mut TrackedIo<I>,
    first: &mut First,
    leave: &mut Leave,
    options: &HttpOptions,
) -> io::Result<Option<bool>> {
    let mut timer = pin!(options.header_read_timeout.map(sleep));
    poll_fn(|cx| {
        if let Poll::Ready(begun) = first.poll_read(io, cx) {
            return Poll::Ready(begun);
        }
        if leave.poll(cx).is_ready() {
            return Poll::Ready(Ok(None));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(cx).map(|()| Ok(None)),
            None => Poll::Pending,
        }
    })
    .await
}
