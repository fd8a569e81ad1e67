//! Stops a server under load, and counts the requests that its clients lost.
//!
//! A request is *lost* when its client cannot know whether it was executed: at least a part of it
//! was sent, and no complete answer arrived. The mistake that this crate avoids is to believe that
//! a server stops gracefully because its code says so. Most servers lose requests at each stop, and
//! their logs do not show it: only the clients know.
//!
//! # Example
//!
//! In a test of a server, around its stop:
//!
//! ```
//! # #[cfg(feature = "app")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use lameduck_drill::{Connections, Oracle, Plan, Scenario};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let addr = listener.local_addr()?;
//! let mut server = tokio::task::JoinSet::new();
//! # let app = lameduck_drill::app(std::future::pending::<()>);
//! server.spawn(async { axum::serve(listener, app).await });
//!
//! let browsers = Scenario::new("browsers", Connections::Kept, [Plan::get("/")]);
//! let running = Oracle::new(addr).with_client(browsers, 4).start();
//! running.each_scenario_answered().await;
//! // … stop the server here …
//! let verdict = running.finish().await;
//! assert!(verdict.is_clean(), "{verdict}");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "app"))]
//! # fn main() {}
//! ```
//!
//! Or around a program, from outside:
//!
//! ```console
//! $ cargo install lameduck-drill --features cli
//! $ lameduck-drill --addr 127.0.0.1:8080 --path / --path /users/7 -- target/debug/my-server
//! ```
//!
//! # Where to put it
//!
//! Under `[dev-dependencies]`. An [`Oracle`] runs [`Scenario`]s against a server of your test. A
//! [`Drill`](drill::Drill) starts a program, sends it SIGTERM under load and reports the result. A
//! [`RoundTripDrill`](round_trip::RoundTripDrill) does the same with clients that are 20 ms away,
//! where a server loses requests that it does not lose on the loopback.
//!
//! A request and its right answer are data, a [`Plan`], so any server and any path will do. The
//! [`contract`] is one set of plans, with paths that exercise a server in every way. To hold a
//! connection at one exact point of a request, there is [`Held`].
//!
//! # Guarantees
//!
//! 1. A correct server loses nothing. What a client can know before it writes is not a loss: it
//!    writes nothing after `Connection: close`, and counts an idle connection that was closed
//!    before as refused.
//! 2. The oracle counts exactly what the server did. An answer counts if its status is right, its
//!    end is marked, and its body is the expected one, byte by byte.
//! 3. Every request has one outcome: sent = answered + rejected + refused + lost.
//! 4. A program that does not end is killed, by its own process id.
//!
//! # Cost
//!
//! The clients pause for up to 40 ms between two requests. Two cores then serve 64 of them with a
//! debug build.
//!
//! # What it does not do
//!
//! - It does not speak TLS.
//! - It does not measure speed.
//! - It only sends requests to this machine.
//! - A message that crosses a server's WebSocket close frame does not count as lost, because the
//!   close frame tells the client to connect elsewhere.
//!
//! # Feature flags
//!
//! The oracle needs none. All are off by default.
//!
//! - `app`: the paths of the contract as an axum router.
//! - `drill`: drills of a program. Unix only, and Linux only at a round-trip time.
//! - `cli`: the program `lameduck-drill`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc(test(attr(deny(warnings))))]
#![forbid(unsafe_code)]

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod contract;
#[cfg(all(feature = "drill", unix))]
pub mod drill;
mod oracle;
#[cfg(all(feature = "drill", target_os = "linux"))]
pub mod round_trip;

#[cfg(feature = "app")]
pub use self::contract::app;
pub use self::{
    contract::{
        Kind, burst_in_accept_queue, half_body, half_head, idle_connection, open_web_socket,
        sent_request, silent_connection, unread_download,
    },
    oracle::{
        Connections, Counts, Expect, Held, HeldAt, HeldWebSocket, Loss, LossReason, Oracle,
        Outcome, Plan, PlanBody, Running, Scenario, Snapshot, Verdict, finish_all,
        silent_http2_peer,
    },
};
