//! The program `lameduck-drill`.

use std::{
    env,
    error::Error,
    io::{self, IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use tokio::runtime::Builder;

use super::{
    DrillError, DrillReport, Progress,
    args::{self, Args},
    limits,
    paint::Paint,
    render,
};
use crate::Verdict;

/// How often a line of progress is written where lines stay.
const LINE: Duration = Duration::from_secs(1);

/// Runs `lameduck-drill` with the arguments of this process.
///
/// The exit code is 0 if no run lost a request and each ended as expected, 1 if not, 2 if there
/// was no run.
#[must_use]
pub fn main() -> ExitCode {
    match args::parse(env::args_os().skip(1)) {
        Ok(Some(args)) => match drill(&args) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::from(1),
            Err(error) => fail(&*error),
        },
        Ok(None) => {
            // Whoever closed the pipe does not want the rest.
            let _ = io::stdout().write_all(args::USAGE.as_bytes());
            ExitCode::SUCCESS
        }
        Err(what) => fail(&*Box::<dyn Error>::from(what + "; see --help")),
    }
}

fn fail(error: &dyn Error) -> ExitCode {
    let mut out = io::stderr().lock();
    let _ = write!(out, "lameduck-drill: {error}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(out, ": {error}");
        source = error.source();
    }
    let _ = writeln!(out);
    ExitCode::from(2)
}

/// Runs all drills. Whether all are passed.
fn drill(args: &Args) -> Result<bool, Box<dyn Error>> {
    limits::raise();
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let is_tty = !args.is_plain && io::stdout().is_terminal();
    let paint = Paint::when(is_tty && env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()));
    let mut teller = Teller::new(!args.is_plain && io::stderr().is_terminal());
    let mut reports = Vec::new();
    for run in 0..args.runs {
        let drill = args.drill.clone().with_seed(args.seed.wrapping_add(run));
        teller.begin(run, args.runs);
        let report = runtime.block_on(drill.run(|progress| teller.tell(progress)));
        teller.end();
        let report: Result<DrillReport, DrillError> = report;
        reports.push(report?);
    }
    let passed = reports.iter().all(DrillReport::is_passed);
    let text = if args.is_json { json(&reports, passed) } else { text(&reports, paint)? };
    // The verdict is also the exit code, so a pipe that is closed loses nothing.
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(passed)
}

fn json(reports: &[DrillReport], passed: bool) -> String {
    let runs: Vec<_> = reports.iter().map(render::to_json).collect();
    format!("{:#}\n", serde_json::json!({ "passed": passed, "runs": runs }))
}

fn text(reports: &[DrillReport], paint: Paint) -> Result<String, std::fmt::Error> {
    let mut text = String::from("\n");
    if let [report] = reports {
        render::report(&mut text, report, paint)?;
        return Ok(text);
    }
    let mut all = Verdict::default();
    for (run, report) in (1..).zip(reports) {
        let lost = report.verdict.total.lost;
        let exit = report.signal_to_exit.as_millis();
        let line = format!("run {run}: lost {lost}, {exit} ms from SIGTERM to exit");
        let verdict = if report.is_passed() { paint.good("passed") } else { paint.bad("failed") };
        text.push_str(&format!("  {verdict}  {line}\n"));
        all.merge(report.verdict.clone());
    }
    text.push('\n');
    render::table(&mut text, &all, paint)?;
    text.push('\n');
    render::sum(&mut text, &all, paint)?;
    Ok(text)
}

/// Tells progress on standard error: a line that is written over, or one each second.
struct Teller {
    is_live: bool,
    told: Option<Duration>,
}

impl Teller {
    const fn new(is_live: bool) -> Self {
        Self { is_live, told: None }
    }

    fn begin(&mut self, run: u64, runs: u64) {
        self.told = None;
        if runs > 1 {
            let _ = writeln!(io::stderr(), "run {} of {runs}", run + 1);
        }
    }

    fn tell(&mut self, progress: &Progress) {
        let elapsed = progress.snapshot.elapsed;
        if self.is_live {
            // Erased to its end: the line before may have been longer.
            let _ = write!(io::stderr(), "\r{progress}\x1b[K");
        } else if self.told.is_none_or(|told| elapsed >= told + LINE) {
            self.told = Some(elapsed);
            let _ = writeln!(io::stderr(), "{progress}");
        }
    }

    fn end(&self) {
        if self.is_live {
            let _ = writeln!(io::stderr());
        }
    }
}
