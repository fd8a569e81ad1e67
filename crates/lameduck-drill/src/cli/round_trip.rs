//! Runs the drill at a round-trip time.

use std::{
    io::{self, IsTerminal as _, Write as _},
    ops::ControlFlow,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use super::{
    args::Args,
    interrupt::{runtime, until_interrupted},
    print,
};
use crate::{
    drill::{DrillError, render::Styles},
    round_trip::{RoundTripDrill, RoundTripOptions},
};

/// Runs the drill at a round-trip time. Whether it is passed.
pub(super) fn round_trip(args: Args) -> Result<bool, DrillError> {
    if args.check {
        return RoundTripDrill::check().map(|()| true);
    }
    let plans = args.plans();
    let mut program = args.program.into_iter();
    let Some(first) = program.next() else {
        return Err(DrillError::new("no program: write `-- PROGRAM`"));
    };
    let mut options = RoundTripOptions::new();
    options.plans = plans.unwrap_or(options.plans);
    options.rtt = Duration::from_millis(args.rtt.unwrap_or_default());
    options.args = program.collect();
    options.port = args.addr.map(|addr| addr.port());
    options.control = args.control;
    options.is_quick = args.quick;
    options.seed = args.seed;
    let is_interrupted = AtomicBool::new(false);
    let (runtime, mut line) = (runtime()?, StepLine::new(args.plain));
    let report = std::thread::scope(|scope| {
        let drill = scope.spawn(|| {
            RoundTripDrill::new(first, options).run(|stop, progress| {
                line.step(stop, progress.snapshot.total.lost);
                match is_interrupted.load(Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })
        });
        runtime.block_on(async {
            let ended = async {
                while !drill.is_finished() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Ok(())
            };
            // Relaxed: it is only a wish, which no other data depends on.
            if until_interrupted(ended).await.is_err() {
                is_interrupted.store(true, Ordering::Relaxed);
            }
        });
        drill.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    line.end();
    let report = report?;
    let mut text = String::from("\n");
    // Writing to a string does not fail.
    let _ = report.write(&mut text, Styles::COLOURED);
    print::result(&text, args.plain);
    Ok(report.is_passed())
}

/// Prints which stop runs: one line that is overwritten, or one line for each stop.
struct StepLine {
    is_live: bool,
    step: String,
}

impl StepLine {
    fn new(is_plain: bool) -> Self {
        Self { is_live: !is_plain && io::stderr().is_terminal(), step: String::new() }
    }

    fn step(&mut self, step: &str, lost: u64) {
        if self.is_live {
            let _ = write!(io::stderr(), "\r{step}: lost {lost}\x1b[K");
        } else if self.step != step {
            step.clone_into(&mut self.step);
            let _ = writeln!(io::stderr(), "{step}");
        }
    }

    fn end(&self) {
        if self.is_live {
            let _ = writeln!(io::stderr());
        }
    }
}
