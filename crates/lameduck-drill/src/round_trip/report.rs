//! The result of a drill at a round-trip time.

use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::row::Row;
use crate::{
    Counts, Verdict,
    drill::{DrillReport, render::Styles},
};

/// The latest moment at which a client may learn that it is refused. A SYN that was dropped is sent
/// again after 1 s. If that one is dropped too, the next one comes 2 s later.
const LATEST_REFUSAL: Duration = Duration::from_millis(1_500);

/// How many losses of a row are shown.
const SHOWN: usize = 5;

/// A server that is stopped.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    /// A control has to lose requests.
    is_control: bool,
}

impl Server {
    pub(super) fn new(program: &Path, args: &[OsString], is_control: bool) -> Self {
        let name = program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, program: program.to_owned(), args: args.to_owned(), is_control }
    }
}

/// What became of the requests of all stops of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Stops {
    verdict: Verdict,
    count: u64,
    /// The stops after which the server did not end as expected.
    unexpected_ends: u64,
}

impl Stops {
    pub(super) fn add(&mut self, report: DrillReport) {
        self.count += 1;
        self.unexpected_ends += u64::from(!report.ended_as_expected());
        self.verdict.merge(report.verdict);
    }

    /// Whether no request was lost, some were answered, each client learned in time that it was
    /// refused, and the server ended as expected.
    fn is_clean(&self) -> bool {
        self.verdict.is_clean()
            && self.unexpected_ends == 0
            && self.slowest_refusal() < LATEST_REFUSAL
    }

    fn slowest_refusal(&self) -> Duration {
        self.verdict.slowest_refusal.unwrap_or_default()
    }
}

/// The result of a drill at a round-trip time. Its `Display` is a table.
#[derive(Clone, Debug)]
pub struct RoundTripReport {
    round_trip: Duration,
    rows: Vec<(Row, Server, Stops)>,
}

impl RoundTripReport {
    pub(super) const fn new(round_trip: Duration) -> Self {
        Self { round_trip, rows: Vec::new() }
    }

    pub(super) fn add(&mut self, row: Row, server: &Server, stops: Stops) {
        self.rows.push((row, server.clone(), stops));
    }

    /// Whether the server lost no request, refused each client in time, and ended as expected, and
    /// the control lost some.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.rows.iter().all(|(row, server, stops)| match server.is_control {
            false => stops.is_clean(),
            true => !row.must_lose() || stops.verdict.total.lost > 0,
        })
    }

    /// Writes the table.
    pub(crate) fn write(&self, f: &mut dyn fmt::Write, styles: Styles) -> fmt::Result {
        let names = format!(
            "  {:<26}{:<10}{:<13}{:>9}{:>9}{:>8}{:>9}  lost of clients x stops",
            "", "distance", "server", "answered", "rejected", "refused", "within"
        );
        writeln!(f, "{}", styles.faint(names))?;
        for (row, server, stops) in &self.rows {
            self.write_row(f, *row, server, stops, styles)?;
        }
        match self.is_passed() {
            true => writeln!(f, "\n  {}", styles.good("passed")),
            false => writeln!(f, "\n  {}", styles.bad("failed")),
        }
    }

    fn write_row(
        &self,
        f: &mut dyn fmt::Write,
        row: Row,
        server: &Server,
        stops: &Stops,
        styles: Styles,
    ) -> fmt::Result {
        let Counts { answered, rejected, refused, lost, .. } = stops.verdict.total;
        let distance = if row.is_apart {
            format!("{:.1} ms", self.round_trip.as_secs_f64() * 1000.0)
        } else {
            "loopback".to_owned()
        };
        write!(f, "  {:<26}{distance:<10}{:<13}", row.name, server.name)?;
        let slowest = format!("{:.2} s", stops.slowest_refusal().as_secs_f64());
        write!(f, "{answered:>9}{rejected:>9}{refused:>8}{slowest:>9}  ")?;
        let of = format!("{lost} of {}", row.clients as u64 * stops.count);
        if server.is_control {
            writeln!(f, "{}", styles.faint(of))?;
            if row.must_lose() && lost == 0 {
                writeln!(f, "    the control lost nothing, so this drill proves nothing")?;
            }
        } else if stops.is_clean() {
            writeln!(f, "{}", styles.good(of))?;
        } else {
            writeln!(f, "{}", styles.bad(of))?;
            for loss in stops.verdict.losses.iter().take(SHOWN) {
                writeln!(f, "    {loss}")?;
            }
        }
        match stops.unexpected_ends {
            0 => Ok(()),
            count => writeln!(f, "    after {count} stops the server did not end as expected"),
        }
    }
}

impl fmt::Display for RoundTripReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, Styles::PLAIN)
    }
}
