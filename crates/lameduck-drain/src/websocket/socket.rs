//! The socket of a handler, which closes itself.

use std::{fmt, future::poll_fn, pin::Pin, task::Waker, time::Duration};

use futures_core::Stream;
use futures_sink::Sink;
use lameduck_core::{Phase, PhaseWatch};
use pin_project_lite::pin_project;
use tokio::time::Sleep;

use super::{CloseMessage, CloseReason};
use crate::until::Until;

/// A round trip to the far side of the world and a pause there. Browsers answer at once.
const TIME_TO_ANSWER: Duration = Duration::from_secs(2);

/// Lets a WebSocket say goodbye when the server drains.
///
/// The handler stays a loop that reads until there is nothing more. When draining begins and no
/// message is at hand, the peer is sent a close frame, 1001 by default. What it had already sent is
/// still read. The loop ends when the peer has answered with a close frame of its own, or after 2 s
/// without one, or at [`Cancelling`](Phase::Cancelling).
///
/// ```
/// # #[cfg(feature = "axum")]
/// # mod shown {
/// use axum::extract::ws::WebSocket;
/// use lameduck_core::PhaseWatch;
/// use lameduck_drain::close_on_drain;
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
/// `WebSocket` and tokio-tungstenite's `WebSocketStream`, and for what `split` makes of it. The
/// socket must be read from: a handler that only sends is not told, and neither are its peer's
/// pings answered.
pub fn close_on_drain<S, M, E>(socket: S, watch: PhaseWatch) -> CloseOnDrain<S, M>
where
    S: Stream<Item = Result<M, E>> + Sink<M>,
    M: CloseMessage,
{
    CloseOnDrain::new(socket, watch, M::close)
}

pin_project! {
    /// A WebSocket that says goodbye when its server drains. Made by [`close_on_drain`].
    ///
    /// As a stream it ends when the goodbye is over. As a sink it takes messages to the end, but
    /// what is sent after the close frame goes nowhere: nothing may follow one. So a loop that
    /// answers what crossed the close frame does not fail, and goes on until its peer has answered.
    pub struct CloseOnDrain<S, M> {
        #[pin]
        pub(super) socket: S,
        pub(super) until: Until,
        pub(super) state: State,
        pub(super) reason: CloseReason,
        pub(super) close: fn(&CloseReason) -> M,
        pub(super) time_to_answer: Duration,
        // Made when the goodbye begins.
        pub(super) timer: Option<Pin<Box<Sleep>>>,
        // Whoever waits to send: a socket has one place for a waker, and the goodbye takes it.
        pub(super) sender: Option<Waker>,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// The close frame is to be sent.
    Telling,
    /// It is sent, and to be flushed.
    Flushing,
    /// The peer is to answer.
    Told,
    Ended,
}

impl<S, M> CloseOnDrain<S, M> {
    /// As [`close_on_drain`], for a message that the crate does not know.
    ///
    /// ```
    /// # #[cfg(feature = "axum")]
    /// # #[expect(dead_code, reason = "shown, not run")]
    /// # fn f(socket: axum::extract::ws::WebSocket, watch: lameduck_core::PhaseWatch) {
    /// # use axum::extract::ws::{CloseFrame, Message};
    /// # use lameduck_drain::CloseOnDrain;
    /// let socket = CloseOnDrain::new(socket, watch, |reason| {
    ///     Message::Close(Some(CloseFrame { code: reason.code(), reason: reason.text().into() }))
    /// });
    /// # drop(socket);
    /// # }
    /// ```
    pub const fn new(socket: S, watch: PhaseWatch, close: fn(&CloseReason) -> M) -> Self {
        Self {
            socket,
            until: Until::new(watch, Phase::Draining),
            state: State::Open,
            reason: CloseReason::GOING_AWAY,
            close,
            time_to_answer: TIME_TO_ANSWER,
            timer: None,
            sender: None,
        }
    }

    /// Sets what the close frame says. By default [`CloseReason::GOING_AWAY`], code 1001.
    #[must_use]
    pub fn with_reason(mut self, reason: CloseReason) -> Self {
        self.reason = reason;
        self
    }

    /// Sets how long the close frame may take to be sent and answered. By default 2 s.
    #[must_use]
    pub const fn with_time_to_answer(mut self, time: Duration) -> Self {
        self.time_to_answer = time;
        self
    }

    /// Sets the phase in which the peer is told. By default [`Draining`](Phase::Draining).
    ///
    /// With [`LameDuck`](Phase::LameDuck) it leaves while everybody else is still served. A socket
    /// that was closed so does not come back when lame duck is undone.
    #[must_use]
    pub fn with_phase(mut self, phase: Phase) -> Self {
        self.until.set_phase(phase);
        self
    }

    /// Whether the peer was told: what is sent now goes nowhere.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        !matches!(self.state, State::Open | State::Telling)
    }

    /// The inner socket.
    pub const fn get_ref(&self) -> &S {
        &self.socket
    }

    /// Unwraps the inner socket.
    pub fn into_inner(self) -> S {
        self.socket
    }

    /// The next message, without `StreamExt`. `None`: the socket is closed, or the goodbye is over.
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
    /// Those of the socket. After the close frame there are none, until the goodbye is over.
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
        let Self { socket: _, until, state, reason, close: _, time_to_answer, timer: _, sender: _ } =
            self;
        f.debug_struct("CloseOnDrain")
            .field("until", until)
            .field("state", state)
            .field("reason", reason)
            .field("time_to_answer", time_to_answer)
            .finish_non_exhaustive()
    }
}
