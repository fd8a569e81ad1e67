//! Two networks of this machine, and a way between them that takes its time.
//!
//! Each network is a namespace without a name, with one TUN device in it. What the one device sends
//! is read here, kept for the delay, and written to the other one: packets, not bytes, so that a
//! handshake takes as long as on a real way, and a reset too. Nothing has to be deleted: the kernel
//! takes devices and namespaces back with the process that holds them, however it ends.

use std::{
    fmt,
    fs::File,
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, setns, unshare};
use tappers::{AddAddressV4, Tun};

/// The addresses of both ends: from a block that is kept for documentation (RFC 5737).
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PREFIX: u8 = 24;

/// The longest packet.
const MTU: usize = 64 * 1024;

/// How often the round trip is measured; the shortest counts.
const LOOKS: usize = 5;

/// How long a round trip is waited for.
const LONGEST: Duration = Duration::from_secs(10);

/// Two networks, and the way between them.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) server: Namespace,
    pub(super) client: Namespace,
}

/// A network without a name.
#[derive(Clone, Debug)]
pub(super) struct Namespace {
    file: Arc<File>,
}

/// What keeps this process from making a network.
#[derive(Debug)]
pub(super) struct Lacking {
    what: &'static str,
    error: io::Error,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, error } = self;
        write!(f, "{what} ({error})")
    }
}

impl Link {
    /// Makes both networks; a packet takes `delay` from the one to the other.
    pub(super) fn new(delay: Duration) -> Result<Self, Lacking> {
        let (server, near) = Namespace::new(SERVER)?;
        let (client, far) = Namespace::new(CLIENT)?;
        relay(Arc::clone(&near), Arc::clone(&far), delay);
        relay(far, near, delay);
        Ok(Self { server, client })
    }

    /// How long a connect takes from the one network to the other: a round trip.
    pub(super) fn round_trip(&self) -> io::Result<Duration> {
        let listener = self.server.run(|| TcpListener::bind((SERVER, 0)))?;
        let addr = listener.local_addr()?;
        self.client.run(|| {
            let mut shortest = Duration::MAX;
            for _ in 0..LOOKS {
                let began = now();
                drop(TcpStream::connect_timeout(&addr, LONGEST)?);
                shortest = shortest.min(began.elapsed());
            }
            Ok(shortest)
        })
    }
}

impl Namespace {
    /// Makes a network with one device, which has this address.
    fn new(addr: Ipv4Addr) -> Result<(Self, Arc<Tun>), Lacking> {
        let lacking = |what| move |error| Lacking { what, error };
        in_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .map_err(io::Error::from)
                .map_err(lacking("it takes root to make a network namespace"))?;
            let mut tun =
                Tun::new().map_err(lacking("it takes `/dev/net/tun`, and the right to use it"))?;
            let mut request = AddAddressV4::new(addr);
            request.set_netmask(PREFIX);
            tun.add_addr(request)
                .and_then(|()| tun.set_up())
                .and_then(|()| File::open("/proc/thread-self/ns/net"))
                .map(|file| (Self { file: Arc::new(file) }, Arc::new(tun)))
                .map_err(lacking("a TUN device cannot be set up"))
        })
    }

    /// Moves this thread into the network, and with it those that it starts.
    pub(super) fn enter(&self) -> io::Result<()> {
        setns(&*self.file, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)
    }

    /// Does something there, and stays here.
    pub(super) fn run<T: Send>(
        &self,
        what: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        in_thread(|| {
            self.enter()?;
            what()
        })
    }
}

/// Threads have a network each. One that moves is not used again.
fn in_thread<T: Send, E: Send>(what: impl FnOnce() -> Result<T, E> + Send) -> Result<T, E> {
    thread::scope(|scope| match scope.spawn(what).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Carries packets from the one device to the other for as long as the process lives.
fn relay(from: Arc<Tun>, to: Arc<Tun>, delay: Duration) {
    let (sender, packets) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; MTU];
        while let Ok(length) = from.recv(&mut buffer) {
            let packet = buffer.get(..length).unwrap_or_default().to_vec();
            if sender.send((now() + delay, packet)).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        // All take equally long, so they come in the order in which they left.
        for (due, packet) in packets {
            thread::sleep(due.saturating_duration_since(now()));
            // One that the device does not take is lost, as happens to packets.
            _ = to.send(&packet);
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "packets are held back in real time")]
fn now() -> Instant {
    Instant::now()
}
