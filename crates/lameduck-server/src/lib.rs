//! Tracks the connections of an axum, hyper or tonic server, and closes its listener without a
//! reset.
//!
//! A connection is *open* from its accept until its socket is closed: until the kernel has taken
//! the last byte of the last answer, or until the WebSocket that it became has ended. The mistake
//! this crate exists to avoid is to wait for requests alone: the handler of a large download is
//! done while nearly all of its bytes are still in the server's memory. A second mistake is to
//! close a listener like a file: the kernel then resets every client in its accept queue.
//!
//! # Example
//!
//! ```
//! # #[cfg(not(feature = "axum"))] fn main() {}
//! # #[cfg(feature = "axum")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::get};
//! use lameduck_core::{Phase, phase_channel};
//! use lameduck_server::{Connections, Listener, SocketOptions};
//!
//! let (phase, watch) = phase_channel();
//! let connections = Connections::new(watch, SocketOptions::new());
//! let listener = Listener::bind("127.0.0.1:0", &connections).await?;
//! let app = Router::new().route("/", get(|| async { "hello" }));
//! let server = axum::serve(listener, app).with_graceful_shutdown(connections.shutdown_signal());
//! let server = tokio::spawn(server.into_future());
//!
//! phase.publish(Phase::Running); // until then, clients wait in the accept queue
//! phase.publish(Phase::Draining);
//! assert!(connections.listeners_closed().await.queue_drained);
//! server.await??;
//! connections.all_closed().await; // every socket is closed, WebSockets included
//! # Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! Between the sockets and the server: wrap the listener, and give the server
//! [`Connections::shutdown_signal`] as its stop signal. A loop of your own on hyper calls
//! [`Listener::accept`], and `graceful_shutdown` on each connection when the signal completes. The
//! requests need a layer that answers with `Connection: close` while draining, such as that of
//! `lameduck-drain`, so that clients leave before their connection is closed.
//!
//! With the feature `serve`, `serve(listener, app)` replaces `axum::serve` and needs no signal:
//! `docs/own-server.md` says what it does that stock servers cannot.
//!
//! # Guarantees
//!
//! 1. Every connection of the accept queue is answered; a client that comes later is refused.
//! 2. A handshake under way is let in while no new one is.
//! 3. Several listeners all close, and a dual-stack listener stops both families.
//! 4. An idle server closes its listener as soon as the kernel says that no handshake is under way.
//! 5. A response that no client has read yet counts until it is flushed.
//! 6. A WebSocket or a `CONNECT` tunnel counts until it is closed, and does not hold the signal.
//! 7. [`Connections::all_closed`] completes exactly when the last socket is closed.
//! 8. An idle connection is kept until its client is notified, or for the idle grace.
//! 9. A connection without a byte is served within the first-byte grace and closed after it; half a
//!    request head may be completed within that grace.
//! 10. The client of a request that came too late learns that it was not executed.
//! 11. Force reaches a handler that never ends, an HTTP/2 peer that never answers, a WebSocket.
//! 12. [`Connections::all_notified`] completes when every client that was there is notified.
//! 13. On an own server, GOAWAY comes at lame duck while new connections are served.
//! 14. There a busy client does not delay the close of an idle one, and a panic costs only its
//!     connection.
//! 15. There a rejected upload reads its whole answer.
//! 16. There a client that never acknowledges a GOAWAY does not hold the stop, and a stream above
//!     the last of the GOAWAY is never executed.
//! 17. A TLS handshake that never ends delays neither other clients nor the stop.
//! 18. With TLS, a clean end sends `close_notify`, and a forced end does not look clean.
//! 19. A reload of certificates drops no connection, and a failed one keeps the old certificate.
//!
//! # Cost
//!
//! A call on the IO costs 3 ns more than on the socket. A connection has 80 bytes more in its IO
//! and 176 on the heap. `docs/costs.md` has the measurements, also of whole stops under load.
//!
//! # What it does not do
//!
//! It sees connections and no requests; `lameduck-inflight` counts those. Under a stock server it
//! cannot notify HTTP/2 clients before draining, because that server sends GOAWAY with its stop
//! signal. TLS that ends elsewhere is opaque: it counts as HTTP/1 that is idle or not.
//!
//! A request on the wire while its idle connection closes is lost, unless
//! [`SocketOptions::answer_on_idle_close`] is set. `docs/closing-a-listener.md` has the details.
//! It needs a tokio runtime with IO and time enabled.
//!
//! # Feature flags
//!
//! - `axum`: [`Listener`] is an `axum::serve::Listener`.
//! - `serve`: the own server, `serve`, on hyper.
//! - `tls`: `Listener::with_tls`, by rustls with the process' crypto provider (`docs/tls.md`);
//!   `tls-ring` brings ring.
//! - `tonic`: `Listener::into_incoming`, the stream that a tonic server takes.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]

mod connection;
mod info;
mod listener;
mod options;
mod registry;
#[cfg(feature = "serve")]
mod serve;
mod socket;
#[cfg(feature = "tls")]
mod tls;

#[cfg(feature = "tonic")]
pub use self::listener::TonicIncoming;
#[cfg(feature = "axum")]
pub use self::listener::{AxumListener, connect_info_extensions};
#[cfg(feature = "serve")]
pub use self::serve::{HttpOptions, Serve, serve, serve_make_service};
#[cfg(feature = "tls")]
pub use self::tls::{Tls, TlsError, TlsListener, TlsSocket};
pub use self::{
    info::{ConnectionInfo, ConnectionStage, ConnectionTotals, ListenerClosed, Protocol},
    listener::Listener,
    options::{InvalidOption, ListenerEnd, SocketOptions},
    registry::{Connections, TrackedIo},
    socket::{Socket, SocketListener},
};
