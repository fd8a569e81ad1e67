//! One connection, from its first byte to its close.

use std::{
    error::Error,
    future::{Future, poll_fn},
    io,
    pin::pin,
    sync::Arc,
    task::Poll,
};

use http::{Request, Response};
use http_body::Body;
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, sleep, sleep_until},
};

use super::{
    handler::Handler,
    http2,
    leave::Leave,
    link::Link,
    live::Seat,
    options::ServeOptions,
    wire::{First, Wire},
};
use crate::{Connections, Socket, Tracked};

type BoxError = Box<dyn Error + Send + Sync>;

/// Serves a connection to its end.
pub(super) async fn connection<I, S, B>(
    mut io: Tracked<I>,
    service: S,
    connections: Connections,
    options: Arc<ServeOptions>,
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
        // The peer has left, or has not come to the point in time.
        Ok(None) => {
            _ = io.shutdown().await;
            return;
        }
        Err(error) => return tracing::debug!(%error, "a connection failed before its first byte"),
    };
    let link = Arc::new(Link::new(is_http2, Arc::clone(io.conn()), seat));
    let handler = Handler::new(service, Arc::clone(&link), old_at);
    let wire = Wire::new(io, first, options.lingering_close, Arc::clone(&link));
    let wire = TokioIo::new(wire);
    let ended = if is_http2 {
        http2::serve(wire, handler, &connections, &options, old_at, accepted, link).await
    } else {
        serve_http1(wire, handler, leave, &link, &options, old_at).await
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended with an error");
    }
}

/// Reads what tells the protocol. `None`: there is nothing to serve.
async fn begin<I: Socket>(
    io: &mut Tracked<I>,
    first: &mut First,
    leave: &mut Leave,
    options: &ServeOptions,
) -> io::Result<Option<bool>> {
    let mut timer = pin!(options.header_read_timeout.map(sleep));
    poll_fn(|cx| {
        if let Poll::Ready(told) = first.poll_read(io, cx) {
            return Poll::Ready(told);
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

async fn serve_http1<I, S, B>(
    wire: TokioIo<Wire<I>>,
    handler: Handler<S>,
    mut leave: Leave,
    link: &Link,
    options: &ServeOptions,
    old_at: Option<Instant>,
) -> hyper::Result<()>
where
    I: Socket,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(options.silence());
    let mut conn = pin!(builder.serve_connection(wire, handler).with_upgrades());
    let mut too_old = pin!(options.too_old_at(old_at).map(sleep_until));
    let mut is_leaving = false;
    poll_fn(|cx| {
        // First, so that the last look below is one at what hyper cannot have read.
        if let Poll::Ready(ended) = conn.as_mut().poll(cx) {
            return Poll::Ready(ended);
        }
        if !is_leaving {
            if let Poll::Ready(was_silent) = leave.poll(cx) {
                is_leaving = true;
                if was_silent {
                    link.on_silence();
                }
                conn.as_mut().graceful_shutdown();
                return conn.as_mut().poll(cx);
            }
        }
        match too_old.as_mut().as_pin_mut() {
            Some(too_old) => too_old.poll(cx).map(Ok),
            None => Poll::Pending,
        }
    })
    .await
}
