//! The socket of a handler, which closes itself.

use std::{fmt, future::poll_fn, pin::Pin, task::Waker};

use futures_core::Stream;
use futures_sink::Sink;
use lameduck_core::{PhaseWatch, plumbing::inner_accessors};
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::{CloseMessage, CloseOptions, CloseReason};
use crate::until::Until;

/// Lets a WebSocket close itself when the server drains.
///
/// The handler stays a loop that reads until there is nothing more. When draining begins and no
/// message is ready, the peer is sent a close frame, 1001 by default. Messages that cross it are
/// still read. The loop ends when the peer has answered with a close frame of its own, after 2 s
/// without one, or at [`Cancelling`](crate::Phase::Cancelling).
///
/// ```
/// # #[cfg(feature = "axum")]
/// # mod shown {
/// use axum::extract::ws::WebSocket;
/// use lameduck_drain::{PhaseWatch, close_on_drain};
///
/// # #[expect(dead_code, reason = "shown, not run")]
/// async fn echo(socket: WebSocket, watch: PhaseWatch) {
///     let mut socket = close_on_drain(socket, watch);
///     while let Some(Ok(message)) = socket.recv().await {
///         if socket.send(message).await.is_err() {
///             return;
///         }
///     }
/// }
/// # }
/// ```
///
/// It works for every socket that is a `Stream` and a `Sink` of messages, such as axum's
/// `WebSocket` and tokio-tungstenite's `WebSocketStream`, and for the halves that `split` makes.
/// The socket must be read from: a handler that only sends never closes it, and does not answer the
/// pings of its peer either.
pub fn close_on_drain<S, M, E>(socket: S, watch: PhaseWatch) -> CloseOnDrain<S, M>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    M: CloseMessage,
{
    CloseOnDrain::new(socket, watch, M::close)
}

pin_project! {
    /// A WebSocket that closes itself when its server drains. Made by [`close_on_drain`].
    ///
    /// As a stream it ends when the socket is closed. As a sink it takes messages to the end, but
    /// drops those after the close frame, which nothing may follow. So a loop that answers what
    /// crossed the close frame does not fail, and goes on until its peer has answered.
    pub struct CloseOnDrain<S, M> {
        #[pin]
        pub(super) socket: S,
        pub(super) until: Until,
        pub(super) state: State,
        pub(super) options: CloseOptions,
        pub(super) close: fn(&CloseReason) -> M,
        // Made when the socket begins to close.
        pub(super) timer: Option<Pin<Box<Sleep>>>,
        // The task that waits to send. A socket keeps one waker, and closing replaces it.
        pub(super) sender: Option<Waker>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// The close frame is about to be sent.
    Sending,
    /// It is sent, and not flushed yet.
    Flushing,
    /// The peer has not answered yet.
    Sent,
    Ended,
}

impl<S, M> CloseOnDrain<S, M> {
    /// As [`close_on_drain`], for a message type that the crate does not know.
    ///
    /// ```
    /// # #[cfg(feature = "axum")]
    /// # #[expect(dead_code, reason = "shown, not run")]
    /// # fn f(socket: axum::extract::ws::WebSocket, watch: lameduck_drain::PhaseWatch) {
    /// # use axum::extract::ws::{CloseFrame, Message};
    /// # use lameduck_drain::CloseOnDrain;
    /// let socket = CloseOnDrain::new(socket, watch, |reason| {
    ///     Message::Close(Some(CloseFrame { code: reason.code(), reason: reason.text().into() }))
    /// });
    /// # drop(socket);
    /// # }
    /// ```
    pub const fn new(socket: S, watch: PhaseWatch, close: fn(&CloseReason) -> M) -> Self {
        let options = CloseOptions::new();
        Self {
            socket,
            until: Until::new(watch, options.phase),
            state: State::Open,
            options,
            close,
            timer: None,
            sender: None,
        }
    }

    /// Sets the options.
    #[must_use]
    pub fn with_options(mut self, options: CloseOptions) -> Self {
        self.until.set_phase(options.phase);
        self.options = options;
        self
    }

    /// Whether the close frame is sent: later messages are dropped.
    #[must_use]
    pub const fn is_close_sent(&self) -> bool {
        !matches!(self.state, State::Open | State::Sending)
    }

    inner_accessors!(const socket: S, "socket");

    /// The next message, without `StreamExt`. `None` once the socket is closed.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when the future is dropped.
    pub async fn recv<E>(&mut self) -> Option<Result<M, E>>
    where
        S: Stream<Item = Result<M, E>> + Sink<M> + Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Sends a message and flushes it, without `SinkExt`.
    ///
    /// # Errors
    ///
    /// Those of the socket. Between the close frame and its answer there are none.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the message may be sent or not.
    pub async fn send(&mut self, message: M) -> Result<(), S::Error>
    where
        S: Sink<M> + Unpin,
    {
        poll_fn(|cx| Pin::new(&mut *self).poll_ready(cx)).await?;
        Pin::new(&mut *self).start_send(message)?;
        poll_fn(|cx| Pin::new(&mut *self).poll_flush(cx)).await
    }
}

impl<S, M> fmt::Debug for CloseOnDrain<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket: _, until, state, options, close: _, timer: _, sender: _ } = self;
        f.debug_struct("CloseOnDrain")
            .field("until", until)
            .field("state", state)
            .field("options", options)
            .finish_non_exhaustive()
    }
}
