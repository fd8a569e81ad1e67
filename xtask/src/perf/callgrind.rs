//! Instructions and timer registrations, counted by callgrind.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use super::{numbers::Numbers, programs::Programs};
use crate::step;

/// What start and end cost is the same for both, and gone from the difference.
const FEW: u64 = 500;
const MANY: u64 = 2_500;

const STACKS: [&str; 11] = [
    "bare",
    "peer_timeout",
    "our_timeout",
    "peer_gate",
    "our_gate",
    "peer_context",
    "our_context",
    "our_context_in_full",
    "peer_whole",
    "peer_typical",
    "our_whole",
];

/// tokio's own function that puts a timer into its wheel.
const REGISTRATION: &str = "time::handle::Handle>::reregister";

pub(super) fn measure(sh: &Shell, programs: &Programs, numbers: &mut Numbers) -> Result<()> {
    eprintln!("$ valgrind --tool=callgrind stacks run {{each of {}}}", STACKS.len());
    let start = step::now();
    for handler in ["ready", "waiting"] {
        let mut bare = Counts::default();
        for stack in STACKS {
            let each = per_request(sh, programs, stack, handler)?;
            if stack == "bare" {
                bare = each;
            }
            let instructions = each.instructions - bare.instructions;
            numbers.put(&format!("instructions_{handler}"), stack, instructions);
            numbers.put(&format!("timers_{handler}"), stack, each.registrations);
        }
    }
    eprintln!("  {}", step::seconds(start.elapsed()));
    // A probe that sees nothing where there is something would let everything pass.
    if numbers.get("timers_ready", "peer_timeout").is_none_or(|seen| seen < 0.99) {
        bail!("callgrind no longer sees tokio register a timer: `{REGISTRATION}` is not called");
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    instructions: f64,
    registrations: f64,
}

fn per_request(sh: &Shell, programs: &Programs, stack: &str, handler: &str) -> Result<Counts> {
    let few = run(sh, programs, stack, handler, FEW)?;
    let many = run(sh, programs, stack, handler, MANY)?;
    let requests = (MANY - FEW) as f64;
    Ok(Counts {
        instructions: (many.instructions - few.instructions) / requests,
        registrations: (many.registrations - few.registrations) / requests,
    })
}

fn run(sh: &Shell, programs: &Programs, stack: &str, handler: &str, count: u64) -> Result<Counts> {
    let stacks = programs.path("stacks");
    let out = programs.path("callgrind.out");
    let count = count.to_string();
    let arg = format!("--callgrind-out-file={}", out.display());
    let tool = cmd!(sh, "valgrind --tool=callgrind {arg} {stacks} run {stack} {handler} {count}");
    tool.quiet().ignore_stderr().run().context("valgrind failed")?;
    parse(&sh.read_file(&out)?)
}

/// Reads the sum, and how often the registration was called, from callgrind's file.
fn parse(file: &str) -> Result<Counts> {
    let total = file
        .lines()
        .find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")));
    let instructions = total.and_then(|total| total.trim().parse().ok());
    // A name is written once, behind its number; after that the number stands for it.
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut callee, mut registrations) = ("", 0.0);
    for line in file.lines() {
        if let Some(name) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
            let (number, name) = name.split_once(' ').unwrap_or((name, ""));
            if !name.is_empty() {
                names.insert(number, name);
            }
            callee = names.get(number).copied().unwrap_or_default();
        } else if let Some(calls) = line.strip_prefix("calls=") {
            if callee.ends_with(REGISTRATION) {
                registrations += super::numbers::number(calls.split(' ').next(), line)?;
            }
        }
    }
    Ok(Counts { instructions: instructions.context("callgrind says no sum")?, registrations })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_summed_up_by_name() {
        let file = "totals: 4200\nfn=(1) main\ncfn=(7) a::time::handle::Handle>::reregister\n\
                    calls=3 0\n1 30\ncfn=(2) other\ncalls=9 0\nfn=(3) b\ncfn=(7)\ncalls=2 0\n";
        let counts = Counts { instructions: 4200.0, registrations: 5.0 };
        assert_eq!(parse(file).unwrap(), counts);
    }
}
