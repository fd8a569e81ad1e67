//! The drill at a real round-trip time: a server and its clients in networks of their own.
//!
//! On the loopback a packet takes no time, so that a client is told of a close before it can send
//! its next request, and a handshake is over before the listener is. What a server loses for the
//! time that news takes shows only where it takes some.

mod args;
mod link;
mod row;

use std::{
    env,
    error::Error,
    fmt::{self, Write as _},
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    signal::unix::{SignalKind, signal},
};

use self::{
    args::{Args, Asked},
    link::Link,
    row::{Found, Row, Server},
};
use crate::{
    Kind,
    drill::{Drill, DrillReport, Place, limits, paint::Paint},
};

/// The user that the server runs as, as Linux counts it: nobody. No privilege is to help it.
const NOBODY: u32 = 65_534;

/// How long the load runs before SIGTERM, at least and in round trips: some 15 requests per client
/// that connects for each.
const LOAD: Duration = Duration::from_millis(700);
const LOAD_TRIPS: u32 = 35;

/// How much longer than the delays a round trip may take.
const SLACK: Duration = Duration::from_millis(10);

/// Exit codes other than that of a verdict.
const BROKE_OFF: u8 = 2;
const LACKING: u8 = 3;

type Failure = Box<dyn Error + Send + Sync>;

/// Runs `lameduck-rtt` with the arguments of this process.
///
/// The exit code is 0 if the program lost no request, refused nobody late and ended well each time,
/// 1 if not, 2 if the drill broke off, and 3 if this system or user cannot run it.
#[must_use]
pub fn main() -> ExitCode {
    let args = match args::parse(env::args_os().skip(1)) {
        Ok(Asked::Drill(args)) => args,
        Ok(Asked::Check) => {
            let made = Link::new(Duration::ZERO);
            return made.map_or_else(|lacking| say(&lacking, LACKING), |_| ExitCode::SUCCESS);
        }
        Ok(Asked::Usage) => {
            // Whoever closed the pipe does not want the rest.
            let _ = io::stdout().write_all(args::USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(what) => return say(&format!("{what}; see --help"), BROKE_OFF),
    };
    limits::raise();
    let link = match Link::new(args.rtt / 2) {
        Ok(link) => link,
        Err(lacking) => return say(&lacking, LACKING),
    };
    match drill(&args, &link) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => say(&error, BROKE_OFF),
    }
}

fn say(what: &dyn fmt::Display, code: u8) -> ExitCode {
    let _ = writeln!(io::stderr(), "lameduck-rtt: {what}");
    ExitCode::from(code)
}

/// Runs all rows, and prints the table. Whether the drill is passed.
fn drill(args: &Args, link: &Link) -> Result<bool, Failure> {
    let round_trip = check_round_trip(args, link)?;
    let paint = Paint::when(
        io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()),
    );
    let mut text = String::new();
    row::head(&mut text, paint)?;
    let mut is_passed = true;
    let server = Server::new(&args.program, &args.args, false);
    let control = args.control.as_deref().map(|program| Server::new(program, &[], true));
    for row in Row::all(args.is_quick) {
        let found = run(args, link, row, &server)?;
        is_passed &= found.is_clean();
        found.write(&mut text, &row, &server, round_trip, paint)?;
        let Some(control) = &control else { continue };
        let found = run(args, link, row, control)?;
        found.write(&mut text, &row, control, round_trip, paint)?;
        // Of kept connections at a distance a stock server loses many. If it loses none, the drill
        // is blind.
        if row.is_apart && row.kind == Kind::KeepAlive && found.lost() == 0 {
            is_passed = false;
            writeln!(text, "    the control lost nothing, so this drill proves nothing")?;
        }
    }
    // The way must not have become longer under the load that it carried.
    check_round_trip(args, link)?;
    let verdict = if is_passed { paint.good("passed") } else { paint.bad("failed") };
    writeln!(text, "\n  {verdict}")?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(is_passed)
}

fn check_round_trip(args: &Args, link: &Link) -> Result<Duration, Failure> {
    let measured = link.round_trip()?;
    let _ = writeln!(io::stderr(), "a round trip takes {measured:.1?}");
    if measured < args.rtt || measured > args.rtt + SLACK {
        return Err(format!("a round trip takes {measured:?} instead of {:?}", args.rtt).into());
    }
    Ok(measured)
}

/// Runs all stops of a row, with the clients in their network.
fn run(args: &Args, link: &Link, row: Row, server: &Server<'_>) -> Result<Found, Failure> {
    let mut place = Place { user: Some(NOBODY), enter: None };
    if row.is_apart {
        let namespace = link.server.clone();
        place.enter = Some(Arc::new(move || namespace.enter()));
    }
    let ip = if row.is_apart { link::SERVER } else { std::net::Ipv4Addr::LOCALHOST };
    let addr = [std::ffi::OsString::from("--addr"), format!("{ip}:0").into()];
    let drill = Drill::new(server.program)
        .with_args(server.args.iter().cloned().chain(addr))
        .with_kinds([row.kind])
        .with_clients(row.clients)
        .with_burst(0)
        .with_place(place);
    let load = LOAD.max(args.rtt * LOAD_TRIPS);
    let mut found = Found::default();
    thread::scope(|scope| {
        let stops = scope.spawn(|| {
            if row.is_apart {
                link.client.enter()?;
            }
            // Made here, so that its threads are where this one is.
            let runtime = Builder::new_multi_thread().enable_all().build()?;
            for stop in 0..row.stops {
                // Another moment of the clients' pauses each time.
                let signal_after = load + Duration::from_millis(stop * 7 % 40);
                let seed = args.seed.wrapping_add(stop);
                let drill = drill.clone().with_seed(seed).with_signal_after(signal_after);
                let report = runtime.block_on(until_interrupted(drill))?;
                let lost = report.verdict.total.lost;
                let way = if row.is_apart { "at a distance" } else { "on the loopback" };
                let _ = writeln!(
                    io::stderr(),
                    "{}, {} {way}, stop {} of {}: lost {lost}",
                    server.name,
                    row.name,
                    stop + 1,
                    row.stops
                );
                found.add(report);
            }
            Ok::<_, Failure>(())
        });
        stops.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    Ok(found)
}

/// A drill that leaves no program behind when the user has had enough.
async fn until_interrupted(drill: Drill) -> Result<DrillReport, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        report = drill.run(|_| ()) => Ok(report?),
        // Dropped, the drill kills its program.
        _ = interrupt.recv() => Err("interrupted".into()),
        _ = terminate.recv() => Err("terminated".into()),
    }
}
