//! Tracks every connection of a stock axum or hyper server, and closes its listener without a reset.
//!
//! A connection is *open* from its accept until its socket is closed: until the last byte of the
//! last answer was taken by the kernel, and until a WebSocket that it became has ended. Waiting
//! for requests alone is the mistake this crate exists to avoid: the handler of a large download
//! is done while nearly all of it is still in the server's memory. The other one is to close a
//! listener as one closes a file: everything in its accept queue is reset.
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
//! phase.publish(Phase::Running); // until then, clients wait in the queue
//! phase.publish(Phase::Draining);
//! assert!(connections.listeners_closed().await.queue_drained); // the accept queue was seen empty
//! server.await??;
//! connections.all_closed().await; // every socket is closed, WebSockets included
//! # Ok(())
//! # }
//! ```
//!
//! # Where to put it
//!
//! Under the server: wrap its listener, and give it [`Connections::shutdown_signal`] as its stop
//! signal. A loop of your own on hyper calls [`Listener::accept`], waits for the same future and
//! then calls `graceful_shutdown` on every connection. It needs a layer that answers with
//! `Connection: close` once draining, such as that of `lameduck-drain`: a client that was told so
//! does not send its next request into a closing connection. A tonic server takes
//! `listener.into_incoming()`, with the feature `tonic`.
//!
//! Handlers that extract axum's `ConnectInfo<SocketAddr>` need one call more, because axum 0.8
//! knows the address of its own listeners and of what `tap_io` makes of others:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # #[expect(dead_code, reason = "shown, not run")]
//! # async fn f(
//! #     tcp: tokio::net::TcpListener, app: axum::Router, connections: lameduck_server::Connections,
//! # ) -> std::io::Result<()> {
//! # use std::net::SocketAddr;
//! # use lameduck_server::Listener;
//! let listener = Listener::new(tcp, &connections).into_axum();
//! axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
//!     .with_graceful_shutdown(connections.shutdown_signal())
//!     .await
//! # }
//! ```
//!
//! With the feature `serve` there is also a server of our own, `serve(listener, app)`, in place of
//! `axum::serve`. It needs no stop signal. It tells HTTP/2 clients by GOAWAY from lame duck on,
//! closes each connection in its own time, and lets a client whose upload is turned away read the
//! whole answer.
//!
//! # How a listener closes
//!
//! When draining begins, new clients are kept out first: on Linux every SYN is dropped by
//! `IP_MINTTL` and `IPV6_MINHOPCOUNT` of 255, which no privilege is needed for, and which does not
//! touch handshakes under way. Then the queue is accepted from, until the kernel says (by
//! `sock_diag`) that no handshake to the port is under way. From then on nothing can come into the
//! queue, for what could has ended, and what would is kept out; so one more sweep finds all there
//! is, and the close resets nobody. Handshakes last for a round trip, and an idle server has none,
//! so it closes after 2 ms and needs no settle time.
//!
//! A client whose SYN was dropped sends it again after a second and is refused: it knows that
//! nothing was executed. A client whose handshake ended in between may lose the first packet of
//! its request, and sends it again after 200 ms; the first-byte grace waits for it.
//!
//! Where a sandbox forbids to ask, [`SocketOptions::accept_settle_time`] is waited instead. Where the
//! option does not exist (other systems), the queue is accepted from until it is empty once.
//! [`ListenerClosed`] says which it was, and how many were left in the queue if the time was too short.
//! [`ListenerEnd`] is for those who do not want a close at all. A Unix socket is shut for reading instead, which refuses
//! new clients at once and keeps the queue.
//!
//! # TLS
//!
//! With the feature `tls`, `listener.with_tls(&Tls::from_pem_files(chain, key)?)` encrypts what it
//! accepts. The handshake runs in the connection's own task, with its first read, so one that
//! never ends holds up neither an accept nor, beyond the first-byte grace, a stop. Everything else
//! looks at what is inside: counts, holds, answers and GOAWAY are the same with it and without.
//! Every end says `close_notify` but a forced one, which must not look whole. `Tls::reload` reads
//! the files again, and touches no open connection; a broken file leaves the old certificate.
//!
//! # Guarantees
//!
//! 1. Every connection of the accept queue is answered; a client that comes later is refused.
//! 2. A handshake under way is let in while nobody new is.
//! 3. Several listeners all close and are told of together, and a dual-stack listener stops both
//!    families.
//! 4. An idle server closes as soon as the kernel says that nobody comes.
//! 5. A response that nobody has read yet counts until it is flushed.
//! 6. A WebSocket or a `CONNECT` tunnel counts until it is closed and does not hold the signal.
//! 7. Idle completes exactly when the last socket is closed.
//! 8. An idle connection is kept until it is told; one that stays silent is closed after the hold.
//! 9. A connection without a byte is served within its grace and closed after; half a request head
//!    may be completed within the grace and ends after.
//! 10. A request that came too late is told that it was not executed.
//! 11. Force reaches a handler that never ends, an HTTP/2 peer that never answers, a WebSocket.
//! 12. A stream leaves when everybody was told, if it waits for [`Connections::all_notified`].
//!
//! And of a server of our own (feature `serve`):
//!
//! 13. GOAWAY comes at lame duck while new connections are served, and a stream opened before it
//!     finishes.
//! 14. A client that talks does not hold up the close of a silent one.
//! 15. A rejected upload reads its whole answer, and a close lingers only for clients that send.
//! 16. The limit of connections holds up neither the stop nor those in the queue.
//! 17. A panic costs only its connection.
//! 18. The server ends when its last WebSocket does.
//! 19. A peer that never answers the PING is told the last stream after the timeout, and a stream
//!     above the last of the GOAWAY is never executed.
//!
//! And with TLS:
//!
//! 20. A handshake that never ends holds up neither others nor the stop, and one under way at the
//!     stop may finish within the grace.
//! 21. A clean end says so, and a forced end does not look clean.
//! 22. A reload drops no connection, and one that fails keeps the old certificate.
//!
//! # Cost
//!
//! A call on the IO costs 3 ns more than on the socket, which is lost in the system call: a byte
//! there and back takes 13 µs with and without. Two relaxed stores and a load of the phase go with
//! each read and write; a waker is kept only when it changed, and no clock is read before
//! draining. A connection has 80 bytes more in its IO and 170 on the heap, and takes a lock twice
//! in its life; accept and close together take 1 µs longer (of 17), and 4 µs from
//! [`Listener::new`], which sets options on each connection where [`Listener::bind`] lets them be
//! inherited. `cargo bench -p lameduck-server` measures it. An answer of up to 1 KiB in several pieces is
//! written as one, which is 0.2 µs cheaper.
//!
//! A server of our own costs as much of the processor per request as bare `axum::serve`, though it has
//! a timeout for heads and counts: 0.96, 0.98 and 1.01 of it in three runs of 61 to 91 paired turns on
//! a busy machine (`cargo xtask perf --part processor`). An idle connection takes 18.0 KB of its memory, of
//! bare axum's 18.9 KB (9,500 connections each, `cargo run --profile perf -p lameduck-perf --bin idle`).
//!
//! A stop asks for handshakes once, or every 5 ms while there are some, and on the thread that
//! accepts. That takes 0.3 ms, or 10 ms on a machine with 46,000 sockets in `TIME_WAIT`; it is
//! never more than a tenth of the time.
//!
//! Measured against stock axum 0.8.9 in 20 stops each, 64 clients, 20 ms round trip, no lame duck,
//! as an unprivileged user: with a connection per request 0 of 1,280 clients met a reset (stock:
//! 155 of 320), with kept connections 0 of 1,280 (stock: 91 of 192). The process ended 60 ms after
//! the signal with kept connections, and 245 ms after it with new ones.
//!
//! In 20 stops each on the loopback (`cargo xtask demo --runs 20`, with `--wrapped` for the other), with
//! a lame duck of 5 s and 64 clients of ten kinds, `serve` lost 0 of 211,592 requests, and a stock axum
//! in this listener and our layers 0 of 250,094. They differ on HTTP/2: the stock one tells its clients
//! with draining, so it turned away 15 % of their requests; `serve` tells them before, and turned
//! away 0.15 %.
//!
//! # What it does not do
//!
//! It does not see requests; `lameduck-inflight` does. It does not answer them, but for the one
//! that comes too late. Under a stock server it does not tell HTTP/2 clients to leave before
//! draining: that sends GOAWAY with its stop signal. TLS that is not its own is opaque to
//! it: such a connection counts as HTTP/1 that is silent or not.
//!
//! Of TLS of its own, the last look sees what the kernel has. A part of a record that was already
//! taken from there is like a request on the wire: not seen, and not to be counted.
//!
//! Nor does it linger there for a client that is turned away in the middle of an upload. Of 400 that
//! sent 4 MiB and gave up at the first write that failed, 258 read the whole answer under a stock
//! axum with our listener, 180 without it, and all 400 under `serve`. A client that reads although
//! a write has failed got it each time (loopback, on a busy machine).
//!
//! A request that is on the wire when an idle connection is closed is still lost, and cannot be
//! counted. That is why nothing is closed before two seconds of silence. Provoked with a hold of
//! 20 ms and clients that pause for up to 200 ms, it was 1 request in 1,330 closes on the loopback
//! (the 53 others of the kind got the 503), and 221 in 1,140 with a round trip of 20 ms.
//! [`SocketOptions::answer_on_idle_close`] makes it none: 282 of 282 such clients were told.
//!
//! In a SYN flood the kernel answers with cookies instead of remembering handshakes. The last
//! packet of such a handshake is then one for the listener, and is dropped with the SYNs; once the
//! listener is closed, its client is reset. This is from reading the kernel's source, not measured.
//!
//! It needs a tokio runtime with IO and time enabled.
//!
//! # Feature flags
//!
//! - `axum`: [`Listener`] is an `axum::serve::Listener`.
//! - `tls`: `Listener::with_tls`, by rustls, with the crypto provider that the process installs;
//!   `tls-ring` brings ring along.
//! - `serve`: a server of our own on hyper, `serve`, for GOAWAY at lame duck, a close for each
//!   connection in its own time, and answers that a client in the middle of an upload can read.
//! - `tonic`: [`Listener::into_incoming`], the listener as a tonic server takes it.
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
