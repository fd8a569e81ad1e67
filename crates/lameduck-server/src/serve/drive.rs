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
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use lameduck_core::Phase;
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, sleep, sleep_until},
};

use super::{
    handler::{Handler, Streams},
    leave::{Awaited, Leave},
    live::Seat,
    options::Options,
    upload::Upload,
    wire::{First, Wire},
};
use crate::{Connections, Socket, Tracked};

type BoxError = Box<dyn Error + Send + Sync>;

/// Serves a connection to its end.
pub(super) async fn connection<I, S, B>(
    mut io: Tracked<I>,
    service: S,
    connections: Connections,
    options: Arc<Options>,
    seat: Arc<Seat>,
) where
    I: Socket,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let old_at = options.old_at();
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
    let upload = Arc::new(Upload::new(is_http2));
    let handler = Handler::new(service, Arc::clone(&upload), old_at);
    let linger = options.lingering_close;
    let wire = Wire::new(io, first, linger, Arc::clone(&upload), Arc::clone(&seat));
    let wire = TokioIo::new(wire);
    let ended = if is_http2 {
        serve_http2(wire, handler, &connections, &options, old_at, seat).await
    } else {
        serve_http1(wire, handler, leave, &upload, &options).await
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
    options: &Options,
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
    upload: &Upload,
    options: &Options,
) -> hyper::Result<()>
where
    I: Socket,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + 'static,
    B::Error: Into<BoxError>,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(options.header_read_timeout);
    let mut conn = pin!(builder.serve_connection(wire, handler).with_upgrades());
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
                    upload.on_silence();
                }
                conn.as_mut().graceful_shutdown();
                return conn.as_mut().poll(cx);
            }
        }
        Poll::Pending
    })
    .await
}

async fn serve_http2<I, S, B>(
    wire: TokioIo<Wire<I>>,
    handler: Handler<S>,
    connections: &Connections,
    options: &Options,
    old_at: Option<Instant>,
    seat: Arc<Seat>,
) -> hyper::Result<()>
where
    I: Socket,
    S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let mut builder = http2::Builder::new(Streams::new(seat));
    builder.timer(TokioTimer::new()).keep_alive_interval(options.http2_keep_alive);
    let mut conn = pin!(builder.serve_connection(wire, handler));
    let mut lame_duck = Awaited::new(connections, Phase::LameDuck);
    let mut old = pin!(old_at.map(sleep_until));
    let mut is_told = false;
    poll_fn(|cx| {
        // Before the connection, which then sends the GOAWAY.
        if !is_told {
            let is_old = old.as_mut().as_pin_mut().is_some_and(|old| old.poll(cx).is_ready());
            if is_old || lame_duck.poll(connections, cx).is_ready() {
                is_told = true;
                conn.as_mut().graceful_shutdown();
            }
        }
        conn.as_mut().poll(cx)
    })
    .await
}
