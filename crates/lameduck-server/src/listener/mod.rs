//! A listener whose connections are tracked, and which closes itself without a reset.

#[cfg(feature = "axum")]
mod axum;
mod bind;
mod closing;
mod kept;
mod open;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
#[cfg(feature = "tonic")]
mod tonic;

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use lameduck_core::{Phase, PhaseReached};
use tokio::{
    net::{TcpListener, ToSocketAddrs},
    time::{Instant, Sleep},
};

#[cfg(feature = "axum")]
pub use self::axum::connect_info_extensions;
use self::{closing::Closing, kept::Kept, open::poll_open};
use crate::{Connections, ListenerClosed, ListenerEnd, SocketListener, TrackedIo};

/// A [`Listener`] as [`Listener::into_axum`] makes it.
#[cfg(feature = "axum")]
pub type AxumListener<L = TcpListener> =
    ::axum::serve::TapIo<Listener<L>, fn(&mut TrackedIo<<L as SocketListener>::Io>)>;

/// The connections of a [`Listener`], as a stream that does not end. Made by
/// [`Listener::into_incoming`].
#[cfg(feature = "tonic")]
#[must_use = "streams do nothing unless polled"]
pub struct TonicIncoming<L: SocketListener = TcpListener> {
    listener: Listener<L>,
}

/// A listener that tracks what it accepts, and closes itself when draining begins.
///
/// When the phase reaches `Draining`, unless [`ListenerEnd`] says otherwise, it stops new clients,
/// accepts those in its queue or in a handshake, and closes its socket. From then on
/// [`accept`](Self::accept) stays pending. See the [crate docs](crate).
#[must_use = "a listener does nothing until it is accepted from"]
pub struct Listener<L: SocketListener = TcpListener> {
    addr: Option<L::Addr>,
    connections: Connections,
    running: PhaseReached,
    draining: PhaseReached,
    cancelling: PhaseReached,
    state: State<L>,
    /// Whether connections inherit their options from the listening socket.
    inherits: bool,
    backoff: Option<Pin<Box<Sleep>>>,
}

enum State<L> {
    Open(L),
    /// Draining, and still accepted from.
    Kept(L, Kept),
    Closing(L, Closing),
    /// The socket is open, and not accepted from.
    Left(L),
    Closed,
}

impl Listener {
    /// Binds a TCP listener to the first address that can be bound.
    ///
    /// A port that was in use a moment ago can be bound again at once (`SO_REUSEADDR`), and `[::]`
    /// serves IPv4 as well. The backlog and the options of connections are those of
    /// [`SocketOptions`](crate::SocketOptions).
    ///
    /// # Errors
    ///
    /// Names the address, and what to do if its port is in use or needs a privilege. An invalid
    /// [option](crate::SocketOptions::check) is an error, too.
    pub async fn bind(addr: impl ToSocketAddrs, connections: &Connections) -> io::Result<Self> {
        let socket = bind::bind(addr, &connections.registry().options).await?;
        // On Linux, accepted sockets inherit the options of the listener.
        let inherits = cfg!(any(target_os = "linux", target_os = "android"));
        Ok(Self::with_inherits(socket, connections, inherits))
    }
}

impl<L: SocketListener> Listener<L> {
    /// Wraps a bound listener.
    ///
    /// Its own options stay as they are. Those of [`SocketOptions`](crate::SocketOptions) are set
    /// on every connection that it accepts.
    pub fn new(listener: L, connections: &Connections) -> Self {
        Self::with_inherits(listener, connections, false)
    }

    pub(crate) fn with_inherits(listener: L, connections: &Connections, inherits: bool) -> Self {
        let watch = &connections.registry().watch;
        let [running, draining, cancelling] =
            [Phase::Running, Phase::Draining, Phase::Cancelling].map(|phase| watch.reached(phase));
        connections.registry().on_listen();
        Self {
            addr: listener.local_addr().ok(),
            connections: connections.clone(),
            running,
            draining,
            cancelling,
            state: State::Open(listener),
            inherits,
            backoff: None,
        }
    }

    /// The next connection and the address of its client.
    ///
    /// Waits until the phase is [`Running`](Phase::Running): earlier clients wait in the queue. A
    /// start that fails goes on to `Draining`, where the queue is emptied as usual.
    ///
    /// An accept that fails because the client has left is repeated at once. After any other
    /// failure, such as too many open files, it is logged, counted in
    /// [`ConnectionTotals::accept_errors`](crate::ConnectionTotals::accept_errors), and repeated
    /// after a second. Once the listener has closed, the future stays pending.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost when the future is dropped.
    pub async fn accept(&mut self) -> (TrackedIo<L::Io>, L::Addr) {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The address of the listener. Known even after it has closed.
    ///
    /// # Errors
    ///
    /// If the system did not return it when the listener was made.
    pub fn local_addr(&self) -> io::Result<L::Addr> {
        self.addr.clone().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }

    /// The same listener in a form for which axum's own `ConnectInfo<SocketAddr>` works.
    ///
    /// axum 0.8 knows the client's address for its own listeners and for what its `tap_io` returns,
    /// and no other crate can add to that. So this is `tap_io` with a function that does nothing.
    /// Without it everything works but `into_make_service_with_connect_info::<SocketAddr>()`.
    #[cfg(feature = "axum")]
    pub fn into_axum(self) -> AxumListener<L> {
        ::axum::serve::ListenerExt::tap_io(self, |_| {})
    }

    /// The same listener as the stream that `serve_with_incoming_shutdown` of a tonic server takes.
    ///
    /// The stream does not end when the listener has closed, because tonic would then close its
    /// connections at once. The [shutdown signal](Connections::shutdown_signal) does so in time.
    ///
    /// ```no_run
    /// # #[expect(dead_code, reason = "shown, not run")]
    /// # async fn f(
    /// #     server: tonic::transport::server::Router, connections: lameduck_server::Connections,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// # use lameduck_server::Listener;
    /// let listener = Listener::bind("[::]:50051", &connections).await?;
    /// let signal = connections.shutdown_signal();
    /// server.serve_with_incoming_shutdown(listener.into_incoming(), signal).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tonic")]
    pub const fn into_incoming(self) -> TonicIncoming<L> {
        TonicIncoming { listener: self }
    }

    /// Encrypts the connections that are accepted from now on.
    ///
    /// Accepting does not wait for a handshake: it runs in the task of its connection, with the
    /// first read. So a client that never finishes its handshake delays no other. It has the
    /// [handshake timeout](crate::Tls::with_handshake_timeout), and while draining the first-byte
    /// grace. So it works the same under [`serve`](crate::serve()) and under `axum::serve`.
    ///
    /// Counts, graces, answers and GOAWAY are the same as without TLS, because they look at the
    /// decrypted bytes. Every end but a forced one sends `close_notify`, so that the client knows
    /// that nothing is missing.
    #[cfg(feature = "tls")]
    pub fn with_tls(self, tls: &crate::Tls) -> Listener<crate::TlsListener<L>> {
        let tls = tls.clone();
        self.map(|inner| crate::TlsListener::new(inner, tls))
    }

    /// The same listener around another socket with the same addresses.
    #[cfg(feature = "tls")]
    fn map<M: SocketListener<Addr = L::Addr>>(
        mut self,
        change: impl FnOnce(L) -> M,
    ) -> Listener<M> {
        let state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(listener) => State::Open(change(listener)),
            State::Kept(listener, kept) => State::Kept(change(listener), kept),
            State::Closing(listener, closing) => State::Closing(change(listener), closing),
            State::Left(listener) => State::Left(change(listener)),
            State::Closed => State::Closed,
        };
        let watch = self.connections.registry().watch.clone();
        let [running, draining, cancelling] =
            [Phase::Running, Phase::Draining, Phase::Cancelling].map(|phase| watch.reached(phase));
        // The old listener counts as closed, so its drop reports nothing: the registry knows one
        // listener.
        Listener {
            addr: self.addr.clone(),
            connections: self.connections.clone(),
            running,
            draining,
            cancelling,
            state,
            inherits: self.inherits,
            backoff: self.backoff.take(),
        }
    }

    #[cfg(feature = "serve")]
    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed | State::Left(_))
    }

    #[cfg(feature = "serve")]
    pub(crate) const fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(crate) fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(TrackedIo<L::Io>, L::Addr)> {
        loop {
            let registry = self.connections.registry();
            let accepted = match &mut self.state {
                State::Open(listener) => {
                    // Before the accept: a flood of clients must not hide the stop.
                    if Pin::new(&mut self.draining).poll(cx).is_ready() {
                        self.begin_to_end();
                        continue;
                    }
                    // Until the start is over, clients wait in the queue.
                    ready!(Pin::new(&mut self.running).poll(cx));
                    ready!(poll_open(listener, &mut self.backoff, registry, cx))
                }
                State::Kept(listener, kept) => {
                    let is_cancelling = Pin::new(&mut self.cancelling).poll(cx).is_ready();
                    if is_cancelling || kept.poll_over(registry, cx).is_ready() {
                        self.begin_to_close(Instant::now());
                        // Clients that are in the queue then are still accepted.
                        self.cancelling = self.connections.registry().watch.reached(Phase::Forced);
                        continue;
                    }
                    ready!(poll_open(listener, &mut self.backoff, registry, cx))
                }
                State::Closing(listener, closing) => {
                    let is_cancelling = Pin::new(&mut self.cancelling).poll(cx).is_ready();
                    let accepted = ready!(closing.poll_accept(listener, is_cancelling, cx));
                    if accepted.is_none() {
                        self.close();
                    }
                    accepted
                }
                State::Left(_) | State::Closed => return Poll::Pending,
            };
            if let Some((io, addr)) = accepted {
                return Poll::Ready(self.track(io, addr));
            }
        }
    }

    fn track(&self, io: L::Io, addr: L::Addr) -> (TrackedIo<L::Io>, L::Addr) {
        let peer = L::peer(&addr);
        let io = if self.inherits {
            self.connections.track_raw(io, peer)
        } else {
            self.connections.track(io, peer)
        };
        (io, addr)
    }

    /// Draining has begun.
    fn begin_to_end(&mut self) {
        let registry = self.connections.registry();
        let began = registry.draining_since();
        match registry.options.listener_end {
            ListenerEnd::Close => self.begin_to_close(began),
            ListenerEnd::KeepOpen => {
                registry.mark_before_draining();
                let kept = Kept::new(registry);
                self.change(|listener| State::Kept(listener, kept));
            }
            ListenerEnd::Leave => {
                self.change(State::Left);
                let elapsed = began.elapsed();
                let left = ListenerClosed { listeners: 1, left_open: 1, elapsed, ..NONE };
                self.connections.registry().on_listener_closed(left);
            }
        }
    }

    /// Begins to close. The time for the accept queue is counted from `since`.
    fn begin_to_close(&mut self, since: Instant) {
        self.backoff = None;
        let connections = self.connections.clone();
        let registry = connections.registry();
        let (began, until) = (registry.draining_since(), registry.accept_queue_until(since));
        self.change(|listener| {
            let closing = Closing::begin(&listener, began, until, &registry.options);
            State::Closing(listener, closing)
        });
    }

    /// Replaces the state.
    fn change(&mut self, into: impl FnOnce(L) -> State<L>) {
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(listener) | State::Kept(listener, _) => into(listener),
            other => other,
        };
    }

    /// Closes the socket, then reports it.
    fn close(&mut self) {
        let account = match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(listener) | State::Kept(listener, _) => {
                let unaccepted = listener.queued();
                ListenerClosed {
                    listeners: 1,
                    settled: false,
                    queue_drained: false,
                    unaccepted,
                    ..NONE
                }
            }
            State::Closing(listener, closing) => closing.account(&listener),
            // It was reported before.
            State::Left(_) | State::Closed => return,
        };
        self.connections.registry().on_listener_closed(account);
    }
}

const NONE: ListenerClosed = ListenerClosed::NONE;

impl<L: SocketListener> Drop for Listener<L> {
    fn drop(&mut self) {
        if let State::Closing(_, closing) = &mut self.state {
            closing.cut();
        }
        self.close();
    }
}

impl<L: SocketListener> fmt::Debug for Listener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            addr: _,
            connections,
            running: _,
            draining: _,
            cancelling: _,
            state,
            inherits: _,
            backoff: _,
        } = self;
        let state = match state {
            State::Open(_) => "open",
            State::Kept(..) => "kept open",
            State::Closing(..) => "closing",
            State::Left(_) => "left open",
            State::Closed => "closed",
        };
        f.debug_struct("Listener")
            .field("state", &state)
            .field("connections", connections)
            .finish_non_exhaustive()
    }
}
