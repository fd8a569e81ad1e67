//! What tracking costs: per connection, per call, per byte. Run it with
//! `cargo bench -p lameduck-server`.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Waker},
    time::Duration,
};

use lameduck_core::{Phase, phase_channel};
use lameduck_server::{Connections, Listener, SocketOptions};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::Instant,
};

/// Counts live bytes of the heap.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe to implement; this one only counts")]
// SAFETY: every call is handed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const CALLS: u32 = 200_000;
const CONNECTIONS: u32 = 2_000;

fn per_call(name: &str, took: Duration, calls: u32) {
    println!("{name:<46} {:>9.1} ns", took.as_nanos() as f64 / f64::from(calls));
}

/// The best of five: what else the machine does only ever adds.
async fn best(mut once: impl AsyncFnMut() -> Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        best = best.min(once().await);
    }
    best
}

fn flush(io: &mut (impl AsyncWrite + Unpin)) -> Duration {
    let mut cx = Context::from_waker(Waker::noop());
    let began = Instant::now();
    for _ in 0..CALLS {
        _ = black_box(Pin::new(&mut *io).poll_flush(&mut cx));
    }
    began.elapsed()
}

async fn ping(io: &mut (impl AsyncRead + AsyncWrite + Unpin), peer: &mut TcpStream) -> Duration {
    let mut byte = [0];
    let began = Instant::now();
    for _ in 0..CALLS / 4 {
        io.write_all(b"x").await.expect("loopback");
        peer.read_exact(&mut byte).await.expect("loopback");
        peer.write_all(&byte).await.expect("loopback");
        io.read_exact(&mut byte).await.expect("loopback");
    }
    began.elapsed()
}

/// Accepts and closes so many connections, each from a client that is connected already.
macro_rules! accept_all {
    ($listener:expr, $addr:expr) => {{
        let mut spent = Duration::ZERO;
        for _ in 0..CONNECTIONS / 500 {
            let clients: Vec<_> =
                (0..500).map(|_| std::net::TcpStream::connect($addr).expect("loopback")).collect();
            let began = Instant::now();
            for _ in 0..500 {
                drop(black_box($listener.accept().await));
            }
            spent += began.elapsed();
            drop(clients);
        }
        spent
    }};
}

fn socket() -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    socket.listen(4096).expect("a socket")
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (phase, watch) = phase_channel();
    phase.publish(Phase::Running);
    let connections = Connections::new(watch, SocketOptions::new());

    let plain = socket();
    let plain_addr = plain.local_addr().expect("bound");
    let mut wrapped = Listener::new(socket(), &connections);
    let wrapped_addr = wrapped.local_addr().expect("bound");
    let mut bound = Listener::bind("127.0.0.1:0", &connections).await.expect("a free port");
    let addr = bound.local_addr().expect("bound");

    let mut raw_peer = TcpStream::connect(plain_addr).await.expect("loopback");
    let (mut raw, _) = plain.accept().await.expect("loopback");
    raw.set_nodelay(true).expect("an option");
    let mut peer = TcpStream::connect(addr).await.expect("loopback");
    let (mut tracked, _) = bound.accept().await;
    println!("{:<46} {:>9} B", "the IO: plain", size_of_val(&raw));
    println!("{:<46} {:>9} B", "the IO: tracked", size_of_val(&tracked));
    heap(&connections).await;

    let took = best(async || flush(&mut raw)).await;
    per_call("a call that does nothing: plain", took, CALLS);
    let took = best(async || flush(&mut tracked)).await;
    per_call("a call that does nothing: tracked", took, CALLS);
    let took = best(async || ping(&mut raw, &mut raw_peer).await).await;
    per_call("a byte there and back: plain", took, CALLS / 4);
    let took = best(async || ping(&mut tracked, &mut peer).await).await;
    per_call("a byte there and back: tracked", took, CALLS / 4);

    let took = best(async || accept_all!(plain, plain_addr)).await;
    per_call("accept and close: plain", took, CONNECTIONS);
    let took = best(async || accept_all!(bound, addr)).await;
    per_call("accept and close: tracked, from bind", took, CONNECTIONS);
    let took = best(async || accept_all!(wrapped, wrapped_addr)).await;
    per_call("accept and close: tracked, from new", took, CONNECTIONS);

    phase.publish(Phase::Draining);
    let took = best(async || ping(&mut tracked, &mut peer).await).await;
    per_call("a byte there and back: tracked, draining", took, CALLS / 4);
}

/// What a thousand tracked connections have on the heap more than as many plain ones.
async fn heap(connections: &Connections) {
    let listener = socket();
    let addr = listener.local_addr().expect("bound");
    let mut clients = Vec::with_capacity(1000);
    let mut plain = Vec::with_capacity(1000);
    for _ in 0..1000 {
        clients.push(std::net::TcpStream::connect(addr).expect("loopback"));
        plain.push(listener.accept().await.expect("loopback").0);
    }
    let mut tracked = Vec::with_capacity(1000);
    let before = LIVE.load(Ordering::Relaxed);
    for io in plain {
        tracked.push(connections.track(io, None));
    }
    let after = LIVE.load(Ordering::Relaxed) + 1000 * size_of::<TcpStream>();
    println!("{:<46} {:>9} B", "heap of a tracked connection", (after - before) / 1000);
}
