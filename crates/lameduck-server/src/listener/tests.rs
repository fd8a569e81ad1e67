//! Systems that cannot stop clients, do not answer or never end: a TCP listener with replaced
//! parts.

use std::{
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use lameduck_core::{Phase, PhaseSender, StopDeadlines, phase_channel};
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

use super::{open::BACKOFF, *};
use crate::{
    SocketOptions,
    socket::{Accepted, sealed::Accept},
};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

/// A TCP listener on a system with these properties.
#[derive(Default)]
struct System {
    tcp: Option<TcpListener>,
    /// New clients cannot be stopped.
    refuses: bool,
    /// What it says about handshakes. `None`: what the real system says.
    says: Option<Option<bool>>,
    /// So many accepts fail for lack of a descriptor.
    failures: AtomicUsize,
    /// There is always one more client.
    floods: bool,
}

impl System {
    fn tcp(&self) -> &TcpListener {
        self.tcp.as_ref().unwrap()
    }

    fn fails(&self) -> io::Result<()> {
        let take = |left: usize| left.checked_sub(1);
        match self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Err(io::Error::from_raw_os_error(libc::EMFILE)),
            Err(_) => Ok(()),
        }
    }
}

impl SocketListener for System {
    type Io = TcpStream;
    type Addr = SocketAddr;
}

impl Accept for System {
    const CERTAIN_AFTER: Duration = TcpListener::CERTAIN_AFTER;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().local_addr()
    }

    fn peer(addr: &SocketAddr) -> Option<SocketAddr> {
        Some(*addr)
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted<Self>>> {
        self.fails()?;
        self.tcp().poll_accept(cx)
    }

    fn accept_now(&self) -> io::Result<Option<Accepted<Self>>> {
        self.fails()?;
        if self.floods {
            drop(connect_and_send(self.local_addr()?, b"x"));
        }
        self.tcp().accept_now()
    }

    fn refuse_new(&self) -> io::Result<()> {
        if self.refuses {
            Err(io::ErrorKind::PermissionDenied.into())
        } else {
            self.tcp().refuse_new()
        }
    }

    fn filter_syns(&self) -> io::Result<()> {
        if self.refuses {
            Err(io::ErrorKind::PermissionDenied.into())
        } else {
            self.tcp().filter_syns()
        }
    }

    fn queued(&self) -> Option<u64> {
        self.tcp().queued()
    }

    fn admit(io: &TcpStream) -> io::Result<()> {
        TcpListener::admit(io)
    }

    fn handshakes(&self) -> Option<bool> {
        self.says.unwrap_or_else(|| self.tcp().handshakes())
    }
}

/// A listener on that system, bound to `addr`, whose handshakes end with the client's first byte.
fn listen(
    addr: impl Into<SocketAddr>,
    system: System,
    options: SocketOptions,
) -> (PhaseSender, Connections, Listener<System>) {
    let addr = addr.into();
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).unwrap();
    if addr.is_ipv6() {
        socket.set_only_v6(false).unwrap();
    }
    let defer = libc::TCP_DEFER_ACCEPT;
    crate::socket::set_option(std::os::fd::AsFd::as_fd(&socket), libc::IPPROTO_TCP, defer, 60)
        .unwrap();
    socket.bind(&addr.into()).unwrap();
    socket.listen(64).unwrap();
    socket.set_nonblocking(true).unwrap();
    let tcp = TcpListener::from_std(socket.into()).unwrap();
    let (phase, watch) = phase_channel();
    phase.publish(Phase::Running);
    let connections = Connections::new(watch, options);
    let listener = Listener::new(System { tcp: Some(tcp), ..system }, &connections);
    (phase, connections, listener)
}

fn connect_and_send(addr: SocketAddr, bytes: &[u8]) -> std::net::TcpStream {
    let mut client = std::net::TcpStream::connect(addr).unwrap();
    client.write_all(bytes).unwrap();
    client
}

/// The default options with a change.
fn sockets(change: impl FnOnce(&mut SocketOptions)) -> SocketOptions {
    let mut options = SocketOptions::new();
    change(&mut options);
    options
}

/// Begins to drain, with so long for the accept queue.
fn drain_within(phase: &PhaseSender, accept_queue: Duration) {
    let now = Instant::now().into_std();
    let mut deadlines = StopDeadlines::new();
    deadlines.draining_at = Some(now);
    deadlines.accept_queue_until = Some(now + accept_queue);
    phase.set_deadlines(deadlines);
    phase.publish(Phase::Draining);
}

/// Accepts until the listener has closed itself, and drops what it got.
async fn sweep(connections: &Connections, listener: &mut Listener<System>) -> ListenerClosed {
    let closed = connections.listeners_closed();
    tokio::select! {
        closed = timeout(LONG / 2, closed) => closed.expect("it closes itself"),
        () = async { loop { drop(listener.accept().await) } } => unreachable!(),
    }
}

const LOOPBACK: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

#[tokio::test]
async fn where_new_clients_cannot_be_stopped_the_queue_is_emptied_once_and_reported() {
    let system = System { refuses: true, ..System::default() };
    // Neither time is waited for: where new clients are not stopped, there is no reason to.
    let options = sockets(|o| o.accept_settle_time = LONG);
    let (phase, connections, mut listener) = listen(LOOPBACK, system, options);
    let addr = listener.local_addr().unwrap();
    let _clients: Vec<_> = (0..20).map(|_| connect_and_send(addr, b"x")).collect();
    drain_within(&phase, LONG);
    let closed = sweep(&connections, &mut listener).await;
    assert_eq!((closed.from_queue, closed.unaccepted), (20, Some(0)));
    assert!(!closed.syns_stopped && !closed.settled && closed.queue_drained, "{closed}");
}

#[tokio::test]
async fn what_is_left_in_the_queue_at_the_deadline_is_counted() {
    let system = System { refuses: true, ..System::default() };
    let options = sockets(|o| o.syn_filter = true);
    let (phase, connections, mut listener) = listen(LOOPBACK, system, options);
    let addr = listener.local_addr().unwrap();
    let _clients: Vec<_> = (0..20).map(|_| connect_and_send(addr, b"x")).collect();
    drain_within(&phase, Duration::ZERO);
    let closed = sweep(&connections, &mut listener).await;
    assert_eq!((closed.from_queue, closed.unaccepted), (0, Some(20)), "{closed}");
    assert!(
        !closed.queue_drained && closed.to_string().ends_with("20 reset in the queue"),
        "{closed}"
    );
}

#[tokio::test]
async fn a_flood_that_cannot_be_stopped_ends_at_the_deadline() {
    let system = System { refuses: true, floods: true, ..System::default() };
    let options = SocketOptions::new();
    let (phase, connections, mut listener) = listen(LOOPBACK, system, options);
    drain_within(&phase, SHORT);
    let closed = sweep(&connections, &mut listener).await;
    assert!(!closed.queue_drained && closed.from_queue > 0, "{closed}");
    assert!(closed.elapsed < LONG / 2, "{closed}");
}

#[tokio::test]
async fn where_the_kernel_does_not_say_it_the_listener_waits_for_the_settle_time() {
    let system = System { says: Some(None), ..System::default() };
    let options = sockets(|o| o.accept_settle_time = SHORT);
    let (phase, connections, mut listener) = listen(LOOPBACK, system, options);
    drain_within(&phase, LONG);
    let closed = sweep(&connections, &mut listener).await;
    assert!(closed.elapsed >= SHORT, "{closed}");
    assert!(closed.syns_stopped && !closed.settled && closed.queue_drained, "{closed}");
}

#[tokio::test]
async fn handshakes_that_never_end_are_waited_for_until_the_deadline() {
    let system = System { says: Some(Some(true)), ..System::default() };
    let options = sockets(|o| o.accept_settle_time = LONG);
    let (phase, connections, mut listener) = listen(LOOPBACK, system, options);
    drain_within(&phase, SHORT);
    let closed = sweep(&connections, &mut listener).await;
    assert!(closed.elapsed >= SHORT && !closed.queue_drained && !closed.settled, "{closed}");
}

#[tokio::test]
async fn a_handshake_under_way_is_let_in_while_no_new_one_is() {
    let options = sockets(|o| o.accept_settle_time = LONG);
    let everywhere = (Ipv6Addr::UNSPECIFIED, 0);
    let (phase, connections, mut listener) = listen(everywhere, System::default(), options);
    let port = listener.local_addr().unwrap().port();
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    // Both clients see a connection; to the server the handshake is under way.
    let mut clients =
        [TcpStream::connect(v4).await.unwrap(), TcpStream::connect(v6).await.unwrap()];
    drain_within(&phase, LONG);
    let mut closed = Box::pin(connections.listeners_closed());
    // The listener is closing, and does not come to its end.
    let waits = timeout(SHORT, async {
        tokio::select! {
            _ = &mut closed => {}
            _ = listener.accept() => {}
        }
    });
    assert!(waits.await.is_err());

    let mut late = [Box::pin(TcpStream::connect(v4)), Box::pin(TcpStream::connect(v6))];
    for late in &mut late {
        assert!(timeout(SHORT, late).await.is_err(), "nobody answers its SYN");
    }
    for client in &mut clients {
        client.write_all(b"ping").await.unwrap();
        let (mut io, _) = timeout(LONG, listener.accept()).await.unwrap();
        // More than the first packet, which came with the handshake: later ones are not dropped.
        client.write_all(b"pong").await.unwrap();
        let mut bytes = [0; 8];
        timeout(LONG, io.read_exact(&mut bytes)).await.unwrap().unwrap();
        assert_eq!(&bytes, b"pingpong");
    }
    let closed = sweep(&connections, &mut listener).await;
    assert_eq!(closed.from_queue, 2);
    assert!(closed.syns_stopped && closed.settled && closed.queue_drained, "{closed}");
    // Their SYN is sent again after a second, and meets a closed port.
    for late in late {
        let error = timeout(LONG, late).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}

#[tokio::test]
async fn an_accept_that_fails_for_want_of_a_descriptor_is_tried_again_after_a_second() {
    let system = System { failures: 1.into(), ..System::default() };
    let (phase, connections, mut listener) = listen(LOOPBACK, system, SocketOptions::new());
    let _client = connect_and_send(listener.local_addr().unwrap(), b"x");
    let began = Instant::now();
    drop(listener.accept().await);
    assert!(began.elapsed() >= BACKOFF);
    assert_eq!(connections.totals().accept_errors, 1);

    // While it closes, there is no time for that wait.
    let State::Open(system) = &listener.state else { panic!("it is open") };
    system.failures.store(1, Ordering::Relaxed);
    let _client = connect_and_send(listener.local_addr().unwrap(), b"x");
    phase.publish(Phase::Draining);
    let closed = sweep(&connections, &mut listener).await;
    assert_eq!(closed.from_queue, 1);
    assert!(closed.elapsed < BACKOFF, "{closed}");
}

#[tokio::test]
async fn a_listener_that_waits_after_a_failure_still_sees_the_stop() {
    let system = System { failures: 1.into(), ..System::default() };
    let (phase, connections, mut listener) = listen(LOOPBACK, system, SocketOptions::new());
    assert!(timeout(SHORT, listener.accept()).await.is_err());
    phase.publish(Phase::Draining);
    let closed = sweep(&connections, &mut listener).await;
    assert!(closed.elapsed < BACKOFF && closed.queue_drained, "{closed}");
}
