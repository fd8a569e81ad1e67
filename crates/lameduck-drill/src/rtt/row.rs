//! One row of the drill: a load, a place, and so many stops.

use std::{borrow::Cow, ffi::OsString, fmt, path::Path, time::Duration};

use crate::{
    Counts, Kind, Verdict,
    drill::{DrillReport, paint::Paint},
};

/// Until when a client has to know that it is refused. A SYN that was dropped is sent again after a
/// second; one that is dropped then, too, after two.
const LATEST_REFUSAL: Duration = Duration::from_millis(1_500);

/// A server that is stopped.
#[derive(Debug)]
pub(super) struct Server<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) program: &'a Path,
    pub(super) args: &'a [OsString],
    /// It is only shown, and has to lose requests.
    pub(super) is_control: bool,
}

impl<'a> Server<'a> {
    pub(super) fn new(program: &'a Path, args: &'a [OsString], is_control: bool) -> Self {
        let name = program.file_stem().unwrap_or_default().to_string_lossy();
        Self { name, program, args, is_control }
    }
}

/// A load, and how often it is stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) clients: usize,
    pub(super) stops: u64,
    /// Whether the clients are a round trip away, or on the loopback.
    pub(super) is_apart: bool,
}

impl Row {
    /// What is measured, with so few stops that a test has the time if `is_quick`.
    pub(super) fn all(is_quick: bool) -> [Self; 3] {
        let (storm, kept) = if is_quick { (2, 2) } else { (20, 5) };
        let storm = Self {
            name: "a connection per request",
            kind: Kind::NewConnection,
            clients: 16,
            stops: storm,
            is_apart: false,
        };
        let kept = Self {
            name: "connections that are kept",
            kind: Kind::KeepAlive,
            clients: 64,
            stops: kept,
            is_apart: true,
        };
        [storm, Self { is_apart: true, ..storm }, kept]
    }
}

/// What became of the requests of one row.
#[derive(Debug, Default)]
pub(super) struct Found {
    verdict: Verdict,
    stops: u64,
    /// Stops whose server did not end as it has to.
    ended_badly: u64,
}

impl Found {
    pub(super) fn add(&mut self, report: DrillReport) {
        let ended_well = report.was_signalled
            && !report.was_killed
            && report.exit_code == Some(report.expected_exit_code);
        self.stops += 1;
        self.ended_badly += u64::from(!ended_well);
        self.verdict.merge(report.verdict);
    }

    /// Whether nothing was lost, something was answered, nobody was left waiting, and every stop
    /// ended well.
    pub(super) fn is_clean(&self) -> bool {
        self.verdict.is_clean() && self.ended_badly == 0 && self.slowest_refusal() < LATEST_REFUSAL
    }

    fn slowest_refusal(&self) -> Duration {
        self.verdict.slowest_refusal.unwrap_or_default()
    }

    pub(super) const fn lost(&self) -> u64 {
        self.verdict.total.lost
    }

    /// Writes a line of the table.
    pub(super) fn write(
        &self,
        out: &mut dyn fmt::Write,
        row: &Row,
        server: &Server<'_>,
        round_trip: Duration,
        paint: Paint,
    ) -> fmt::Result {
        let Counts { answered, rejected, refused, lost, .. } = self.verdict.total;
        let way = if row.is_apart {
            format!("{:.1} ms", round_trip.as_secs_f64() * 1000.0)
        } else {
            "loopback".to_owned()
        };
        let lost = format!("{lost} of {}", row.clients as u64 * self.stops);
        write!(out, "  {:<27}{way:<10}{:<12}", row.name, server.name)?;
        let slowest = format!("{:.2} s", self.slowest_refusal().as_secs_f64());
        write!(out, "{answered:>9}{rejected:>9}{refused:>8}{slowest:>9}  ")?;
        match self.is_clean() {
            true => writeln!(out, "{}", paint.good(lost))?,
            false if server.is_control => writeln!(out, "{}", paint.faint(lost))?,
            false => writeln!(out, "{}", paint.bad(lost))?,
        }
        if !server.is_control {
            for loss in self.verdict.losses.iter().take(5) {
                writeln!(out, "    {loss}")?;
            }
        }
        match self.ended_badly {
            0 => Ok(()),
            stops => writeln!(out, "    {stops} stops did not end as they have to"),
        }
    }
}

/// The head of the table.
pub(super) fn head(out: &mut dyn fmt::Write, paint: Paint) -> fmt::Result {
    let names = format!(
        "  {:<27}{:<10}{:<12}{:>9}{:>9}{:>8}{:>9}  lost of clients x stops",
        "", "way", "server", "answered", "rejected", "refused", "within"
    );
    writeln!(out, "{}", paint.faint(names))
}
