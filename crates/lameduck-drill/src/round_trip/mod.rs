//! The drill at a real round-trip time: a server and its clients in networks of their own.
//!
//! On the loopback a packet takes no time. A client sees that a connection is closed before it can
//! send its next request, and a handshake is complete before the listener is closed. A server that
//! loses requests because news takes time to arrive loses them only where it does take time.
//!
//! It needs Linux, root and `/dev/net/tun`. The server runs as the user nobody.

mod link;
mod report;
mod row;

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    ops::ControlFlow,
    path::PathBuf,
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{runtime::Builder, sync::Notify};

pub use self::report::RoundTripReport;
use self::{
    link::Link,
    report::{Server, Stops},
    row::Row,
};
use crate::{
    Kind, Plan,
    drill::{Drill, DrillError, DrillOptions, DrillReport, Place, Progress},
};

/// The number of the user nobody on Linux. The server must not need a privilege.
const NOBODY: u32 = 65_534;

/// How long the load runs before SIGTERM: at least this time, and at least so many round trips. A
/// client that connects for each request sends about 15 in that time.
const LOAD: Duration = Duration::from_millis(700);
const LOAD_TRIPS: u32 = 35;

/// How much longer than the delays a round trip may take.
const SLACK: Duration = Duration::from_millis(10);

/// A drill at a round-trip time that is described, but has not begun.
#[derive(Clone, Debug)]
#[must_use = "nothing is started before `run`"]
pub struct RoundTripDrill {
    program: PathBuf,
    options: RoundTripOptions,
}

/// What may be chosen for a drill at a round-trip time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RoundTripOptions {
    /// The round trip. By default 20 ms.
    pub rtt: Duration,
    /// The arguments of the program. By default none.
    pub args: Vec<OsString>,
    /// The port on which the program listens, on all addresses. `None`, the default: the program
    /// gets `--addr IP:0` after its arguments and prints `listening on http://ADDR`.
    pub port: Option<u16>,
    /// What the clients send. By default `GET /` of the [contract](crate::contract).
    pub plans: Vec<Plan>,
    /// A server that loses requests, as a control: if it loses none, the drill proves nothing. By
    /// default none.
    pub control: Option<PathBuf>,
    /// Whether there are 6 stops in about 8 s for each server, instead of 45 in about a minute. By
    /// default false.
    pub is_quick: bool,
    /// The seed of the load. By default 1.
    pub seed: u64,
}

impl RoundTripOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rtt: Duration::from_millis(20),
            args: Vec::new(),
            port: None,
            plans: Kind::KeepAlive.scenario().plans,
            control: None,
            is_quick: false,
            seed: 1,
        }
    }
}

impl Default for RoundTripOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl RoundTripDrill {
    /// Describes a drill of a program.
    pub fn new(program: impl Into<PathBuf>, options: RoundTripOptions) -> Self {
        Self { program: program.into(), options }
    }

    /// Whether this system and this user can run such a drill.
    ///
    /// # Errors
    ///
    /// Says what is missing. [`DrillError::is_unavailable`] is then true.
    pub fn check() -> Result<(), DrillError> {
        Link::new(Duration::ZERO).map(drop)
    }

    /// Runs all stops, and calls `observe` ten times a second with the name of the stop. If it
    /// breaks, the program is killed and the drill ends with an error.
    ///
    /// # Errors
    ///
    /// If this system or user cannot run it, if a program cannot be started or does not listen, or
    /// if the link does not have the round-trip time. Lost requests are a result and not an error.
    pub fn run(
        &self,
        mut observe: impl FnMut(&str, &Progress) -> ControlFlow<()> + Send,
    ) -> Result<RoundTripReport, DrillError> {
        let Self { program, options } = self;
        let link = Link::new(options.rtt / 2)?;
        let mut report = RoundTripReport::new(self.check_round_trip(&link)?);
        let server = Server::new(program, &options.args, false);
        let control = options.control.as_deref().map(|control| Server::new(control, &[], true));
        for row in Row::all(options.is_quick) {
            for server in [Some(&server), control.as_ref()].into_iter().flatten() {
                let stops = self.stop(&link, row, server, &mut observe)?;
                report.add(row, server, stops);
            }
        }
        // The load must not have made the link slower.
        self.check_round_trip(&link)?;
        Ok(report)
    }

    fn check_round_trip(&self, link: &Link) -> Result<Duration, DrillError> {
        let measured = link
            .round_trip()
            .map_err(|error| DrillError::io("the round trip cannot be measured", error))?;
        let rtt = self.options.rtt;
        if measured < rtt || measured > rtt + SLACK {
            let what = format!("a round trip takes {measured:.1?} instead of {rtt:?}");
            return Err(DrillError::new(what));
        }
        Ok(measured)
    }

    /// Runs all stops of a row, with the clients in their network.
    fn stop(
        &self,
        link: &Link,
        row: Row,
        server: &Server,
        observe: &mut (impl FnMut(&str, &Progress) -> ControlFlow<()> + Send),
    ) -> Result<Stops, DrillError> {
        let broke = |error| DrillError::io("the clients cannot be started", error);
        thread::scope(|scope| {
            let stops = scope.spawn(|| {
                if row.is_apart {
                    link.client.enter().map_err(broke)?;
                }
                // Made here, so that its threads are in the network of this one.
                let runtime = Builder::new_multi_thread().enable_all().build().map_err(broke)?;
                let mut stops = Stops::default();
                for stop in 0..row.stops {
                    let name =
                        format!("{}, {row}, stop {} of {}", server.name, stop + 1, row.stops);
                    let drill = self.drill(link, row, server, stop);
                    let observe = |progress: &Progress| observe(&name, progress);
                    stops.add(runtime.block_on(unless_broken(drill, observe))?);
                }
                Ok(stops)
            });
            stops.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn drill(&self, link: &Link, row: Row, server: &Server, stop: u64) -> Drill {
        let RoundTripOptions { rtt, port, plans, seed, .. } = &self.options;
        let ip = if row.is_apart { link::SERVER } else { Ipv4Addr::LOCALHOST };
        let mut options = DrillOptions::new();
        options.args = server.args.to_vec();
        match port {
            Some(port) => options.addr = Some(SocketAddr::from((ip, *port))),
            None => options.args.extend(["--addr".into(), format!("{ip}:0").into()]),
        }
        options.scenarios = vec![row.scenario(plans.clone())];
        options.clients = row.clients;
        options.burst = 0;
        options.seed = seed.wrapping_add(stop);
        // Each stop comes at another moment of the clients' pauses.
        let shift = Duration::from_millis(stop * 7 % 40);
        options.signal_after = LOAD.max(*rtt * LOAD_TRIPS) + shift;
        let mut place = Place { user: Some(NOBODY), enter: None };
        if row.is_apart {
            let namespace = link.server.clone();
            place.enter = Some(Arc::new(move || namespace.enter()));
        }
        Drill::in_place(server.program.clone(), options, place)
    }
}

/// Runs a drill until `observe` breaks. The drill is then dropped, which kills its program.
async fn unless_broken(
    drill: Drill,
    mut observe: impl FnMut(&Progress) -> ControlFlow<()>,
) -> Result<DrillReport, DrillError> {
    let broken = Notify::new();
    let observe = |progress: &Progress| {
        if observe(progress).is_break() {
            broken.notify_one();
        }
    };
    tokio::select! {
        report = drill.run(observe) => report,
        () = broken.notified() => Err(DrillError::new("interrupted")),
    }
}
