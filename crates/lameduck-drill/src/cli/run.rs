//! Runs the drill that the arguments describe.

use std::{fmt, time::Duration};

#[cfg(target_os = "linux")]
use super::round_trip::round_trip;
use super::{
    args::Args,
    interrupt::{runtime, until_interrupted},
    print::{self, ProgressLine},
};
use crate::{
    Connections, Plan, Scenario, Verdict,
    drill::{
        Drill, DrillError, DrillOptions, DrillReport, raise_file_limit,
        render::{self, Styles},
    },
};

/// Runs it. Whether it is passed.
pub(super) fn run(args: Args) -> Result<bool, DrillError> {
    raise_file_limit();
    if args.rtt.is_some() { round_trip(args) } else { on_loopback(args) }
}

fn on_loopback(args: Args) -> Result<bool, DrillError> {
    let runtime = runtime()?;
    let (is_plain, is_json, seed, runs) = (args.plain, args.json, args.seed, args.runs);
    let mut line = ProgressLine::new(is_plain);
    let Some((program, options)) = options(args) else {
        return Err(DrillError::new("no program: write `-- PROGRAM`"));
    };
    let mut reports = Vec::new();
    for run in 0..runs {
        let mut options = options.clone();
        options.seed = seed.wrapping_add(run);
        if runs > 1 {
            line.begin(&format!("run {} of {runs}", run + 1));
        }
        let drill = Drill::new(&program, options)
            .run(|progress| line.update(progress.snapshot.elapsed, progress));
        let report = runtime.block_on(until_interrupted(drill));
        line.end();
        reports.push(report?);
    }
    let is_passed = reports.iter().all(DrillReport::is_passed);
    let text = match is_json {
        true => json(&reports, is_passed),
        false => text(&reports).unwrap_or_default(),
    };
    print::result(&text, is_plain);
    Ok(is_passed)
}

/// The program, and the drill's options.
fn options(args: Args) -> Option<(std::ffi::OsString, DrillOptions)> {
    let plans = args.plans();
    let mut program = args.program.into_iter();
    let first = program.next()?;
    let mut options = DrillOptions::new();
    options.args = program.collect();
    options.addr = args.addr;
    options.clients = usize::try_from(args.clients).unwrap_or(usize::MAX);
    options.burst = args.burst;
    options.signal_after = Duration::from_millis(args.signal_after);
    options.time_limit = Duration::from_secs(args.time_limit);
    options.exit_code = args.exit_code;
    if let Some(plans) = plans {
        options.scenarios = scenarios(plans);
    } else if !args.only.is_empty() {
        options.scenarios = args.only.into_iter().map(Scenario::from).collect();
    }
    Some((first, options))
}

/// What clients do with paths that are not of the contract.
fn scenarios(plans: Vec<Plan>) -> Vec<Scenario> {
    let kept = Scenario::new("keep_alive", Connections::Kept, plans.clone());
    vec![kept, Scenario::new("new_connection", Connections::PerRequest, plans)]
}

fn json(reports: &[DrillReport], is_passed: bool) -> String {
    let runs: Vec<_> = reports.iter().map(DrillReport::to_value).collect();
    format!("{:#}\n", serde_json::json!({ "passed": is_passed, "runs": runs }))
}

fn text(reports: &[DrillReport]) -> Result<String, fmt::Error> {
    let styles = Styles::COLOURED;
    let mut text = String::from("\n");
    if let [report] = reports {
        render::report(&mut text, report, styles)?;
        return Ok(text);
    }
    let mut all = Verdict::default();
    for (run, report) in (1..).zip(reports) {
        let lost = report.verdict.total.lost;
        let exit = report.signal_to_exit.as_millis();
        let verdict = match report.is_passed() {
            true => styles.good("passed").to_string(),
            false => styles.bad("failed").to_string(),
        };
        text.push_str(&format!(
            "  {verdict}  run {run}: lost {lost}, {exit} ms from SIGTERM to exit\n"
        ));
        all.merge(report.verdict.clone());
    }
    text.push('\n');
    render::table(&mut text, &all, styles)?;
    text.push('\n');
    render::sum(&mut text, &all, styles)?;
    Ok(text)
}

#[cfg(not(target_os = "linux"))]
fn round_trip(_: Args) -> Result<bool, DrillError> {
    Err(DrillError::unavailable("`--rtt` needs the network namespaces of Linux", None))
}
