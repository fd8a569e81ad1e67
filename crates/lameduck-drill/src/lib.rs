//! Contract probes that every tower layer should pass, and a client that counts lost requests.
//!
//! A request is *lost* when its client cannot know whether it was executed: it was sent, at least
//! in part, and no complete answer came back. The mistake this crate exists to avoid is to believe
//! that a server stops gracefully because its code says so: most lose requests at each stop, and
//! no log of theirs tells it. The second half is for those who write layers: it turns the laws a
//! layer is to keep into tests, one for each law.
//!
//! # Example
//!
//! All laws, as tests of a layer of your own:
//!
//! ```
//! # struct MyLayer;
//! # impl MyLayer { fn layer<S>(&self, inner: S) -> S { inner } }
//! // tests/it/laws.rs
//! lameduck_laws::layer_laws!(|inner| MyLayer.layer(inner));
//! # fn main() { let _ = MyLayer.layer(0); }
//! ```
//!
//! The loss oracle, around the stop of a server:
//!
//! ```
//! # #[cfg(all(feature = "app", feature = "oracle"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use lameduck_drill::{Kind, Oracle};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let addr = listener.local_addr()?;
//! let app = lameduck_drill::app(std::future::pending::<()>);
//! let mut server = tokio::task::JoinSet::new();
//! server.spawn(async { axum::serve(listener, app).await });
//!
//! let running = Oracle::new(addr).with_seed(7).with_client(Kind::KeepAlive, 4).start();
//! tokio::time::sleep(std::time::Duration::from_millis(100)).await; // … stop the server here
//! let verdict = running.finish().await;
//! assert!(verdict.is_clean(), "{verdict}");
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "app", feature = "oracle")))]
//! # fn main() {}
//! ```
//!
//! # Where to put it
//!
//! Under `[dev-dependencies]`. The laws go into the tests of a crate that has a layer, the oracle
//! into the tests of a server, and the drill, `lameduck-drill -- SERVER`, around a server that is
//! built: it starts the program, sends it SIGTERM under load, and prints a verdict. `lameduck-rtt`
//! does so with clients that are 20 ms away, where losses show that the loopback hides.
//!
//! # Guarantees
//!
//! 1. Each law fails for a layer that breaks it: a layer that boxes, clones, spawns, or polls a
//!    timer first is found.
//! 2. A correct server loses nothing: what a client can know before it writes is no loss, so
//!    nothing is written after `Connection: close`, and an idle connection that was closed before
//!    is refused.
//! 3. The oracle counts exactly what the server did: an answer counts if its status is right, its
//!    end is marked, and its body was compared byte by byte.
//! 4. Every request has one outcome: sent = answered + rejected + refused + lost.
//! 5. A program that does not end is killed, by its own process id, and nothing else is.
//!
//! # Cost
//!
//! It is a test. The laws of one layer take 0.1 s. The oracle asks servers of this machine only,
//! with clients that think for up to 40 ms, so that two cores serve 64 of them with a debug build.
//! The crate turns tokio's `test-util` on, whose clock can be paused.
//!
//! # What it does not do
//!
//! - It cannot see whether a layer reads the environment or starts a thread for each request; law 3
//!   forbids both.
//! - It sees boxes by the size of what holds them, so a layer may still box what is its own. To
//!   count allocations there is [`CountingAllocator`].
//! - The oracle does not speak TLS, and measures no speed. Only `lameduck-rtt` delays packets.
//! - A message that crosses a server's WebSocket close frame is not missed: the close frame says
//!   to ask elsewhere.
//!
//! # Feature flags
//!
//! All are off by default; the laws need none.
//!
//! - `oracle`: the client that counts lost requests, and connections held at one point of a
//!   request.
//! - `app`: the paths the oracle asks, as an axum router.
//! - `drill`: the drill, as a function and as the program `lameduck-drill`. Unix only.
//! - `rtt`: the drill with clients that are a round trip away, as the program `lameduck-rtt`. Linux
//!   only.
//! - `server`: the real binary of a server in a test, [`TestServer`]. Unix only.
//! - `example`: what the project's own examples have in common.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

#[cfg(feature = "app")]
mod app;
#[cfg(any(feature = "app", feature = "oracle"))]
pub mod contract;
#[cfg(all(feature = "drill", unix))]
pub mod drill;
#[cfg(feature = "oracle")]
mod oracle;
#[cfg(all(feature = "rtt", target_os = "linux"))]
pub mod rtt;

#[cfg(feature = "app")]
pub use self::app::app;
#[cfg(feature = "oracle")]
pub use self::oracle::{
    Counts, Held, HeldWebSocket, Kind, Loss, LossReason, Oracle, Outcome, Running, Snapshot,
    Verdict, burst_in_accept_queue, finish_all, half_body, half_head, idle_connection,
    open_web_socket, sent_request, silent_connection, silent_http2_peer, unread_download,
};
