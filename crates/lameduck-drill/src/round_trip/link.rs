//! Two networks on this machine, and a link between them that delays each packet.
//!
//! Each network is a namespace without a name, with one TUN device in it. The relay reads a packet
//! from one device, holds it for the delay, and writes it to the other device. It delays packets
//! and not bytes, so a handshake and a reset take as long as on a real link. Nothing has to be
//! deleted: the kernel removes devices and namespaces when the process ends, in whatever way.

use std::{
    fs::File,
    io,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, setns, unshare};
use tappers::{AddAddressV4, Tun};

use crate::drill::DrillError;

/// The addresses of both ends, from a block that is reserved for documentation (RFC 5737).
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PREFIX: u8 = 24;

/// The longest packet in bytes.
const MTU: usize = 64 * 1024;

/// How often the round trip is measured. The shortest time counts.
const SAMPLES: usize = 5;

/// The longest time that a round trip may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Two networks, and the link between them.
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

impl Link {
    /// Makes both networks. A packet takes `delay` from one to the other.
    pub(super) fn new(delay: Duration) -> Result<Self, DrillError> {
        let (server, near) = Namespace::new(SERVER)?;
        let (client, far) = Namespace::new(CLIENT)?;
        relay(Arc::clone(&near), Arc::clone(&far), delay);
        relay(far, near, delay);
        Ok(Self { server, client })
    }

    /// How long a connect takes from one network to the other: one round trip.
    pub(super) fn round_trip(&self) -> io::Result<Duration> {
        let listener = self.server.run(|| TcpListener::bind((SERVER, 0)))?;
        let addr = listener.local_addr()?;
        self.client.run(|| {
            let mut shortest = Duration::MAX;
            for _ in 0..SAMPLES {
                let began = now();
                drop(TcpStream::connect_timeout(&addr, LONGEST)?);
                shortest = shortest.min(began.elapsed());
            }
            Ok(shortest)
        })
    }
}

impl Namespace {
    /// Makes a network with one device that has this address.
    fn new(addr: Ipv4Addr) -> Result<(Self, Arc<Tun>), DrillError> {
        let lacking = |what| move |error| DrillError::unavailable(what, Some(error));
        in_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)
                .map_err(io::Error::from)
                .map_err(lacking("root is needed to make a network namespace"))?;
            let mut tun =
                Tun::new().map_err(lacking("`/dev/net/tun` is needed, and the right to use it"))?;
            let mut request = AddAddressV4::new(addr);
            request.set_netmask(PREFIX);
            tun.add_addr(request)
                .and_then(|()| tun.set_up())
                .and_then(|()| File::open("/proc/thread-self/ns/net"))
                .map(|file| (Self { file: Arc::new(file) }, Arc::new(tun)))
                .map_err(lacking("a TUN device cannot be set up"))
        })
    }

    /// Moves this thread into the network, and all threads that it starts from now on.
    pub(super) fn enter(&self) -> io::Result<()> {
        setns(&*self.file, CloneFlags::CLONE_NEWNET).map_err(io::Error::from)
    }

    /// Runs `what` in the network. This thread keeps its own network.
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

/// Each thread has its own network, so `what` runs in a new thread that ends with it.
fn in_thread<T: Send, E: Send>(what: impl FnOnce() -> Result<T, E> + Send) -> Result<T, E> {
    thread::scope(|scope| match scope.spawn(what).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Carries packets from one device to the other until the process ends.
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
        // All packets take equally long, so they arrive in the order in which they left.
        for (due, packet) in packets {
            thread::sleep(due.saturating_duration_since(now()));
            // A packet that the device does not take is dropped, as on a real link.
            _ = to.send(&packet);
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "packets are held back in real time")]
fn now() -> Instant {
    Instant::now()
}
