//! System calls that a server should not make for a request, counted by strace.

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use super::{numbers::Numbers, programs::Programs};
use crate::step;

const FEW: u64 = 100;
const MANY: u64 = 1_100;

const STACKS: [&str; 8] = [
    "bare",
    "peer_timeout",
    "our_timeout",
    "peer_context",
    "our_context",
    "peer_whole",
    "peer_typical",
    "our_whole",
];

pub(super) fn measure(sh: &Shell, programs: &Programs, numbers: &mut Numbers) -> Result<()> {
    eprintln!("$ strace -f -e trace=write,getrandom stacks run {{each of {}}}", STACKS.len());
    let start = step::now();
    for stack in STACKS {
        let few = run(sh, programs, stack, FEW)?;
        let many = run(sh, programs, stack, MANY)?;
        let each = |calls: fn(&Calls) -> u64| {
            (calls(&many) as f64 - calls(&few) as f64) / (MANY - FEW) as f64
        };
        numbers.put("eventfd", stack, each(|calls| calls.eventfd));
        numbers.put("getrandom", stack, each(|calls| calls.getrandom));
    }
    eprintln!("  {}", step::seconds(start.elapsed()));
    // A probe that sees nothing where there is something would let everything pass.
    if numbers.get("eventfd", "peer_timeout").is_none_or(|seen| seen < 0.99) {
        bail!("strace no longer sees tokio wake its driver for a timer");
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Calls {
    eventfd: u64,
    getrandom: u64,
}

fn run(sh: &Shell, programs: &Programs, stack: &str, count: u64) -> Result<Calls> {
    let (stacks, out) = (programs.path("stacks"), programs.path("strace.out"));
    let count = count.to_string();
    let tool =
        cmd!(sh, "strace -f -e trace=write,getrandom -o {out} {stacks} run {stack} ready {count}");
    tool.quiet().run().context("strace failed; where ptrace is not allowed it cannot work")?;
    Ok(parse(&sh.read_file(&out)?))
}

/// An eventfd is the only thing that is written a one of eight bytes to.
fn parse(trace: &str) -> Calls {
    let count = |part: &str| trace.lines().filter(|line| line.contains(part)).count() as u64;
    Calls { eventfd: count(r#", "\1\0\0\0\0\0\0\0", 8)"#), getrandom: count("getrandom(") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_write_to_an_eventfd_counts() {
        let trace = "7 write(4, \"\\1\\0\\0\\0\\0\\0\\0\\0\", 8) = 8\n\
                     7 write(1, \"bare 1.0\\n\", 9) = 9\n\
                     8 getrandom(\"\\x0a\", 16, 0) = 16\n";
        assert_eq!(parse(trace), Calls { eventfd: 1, getrandom: 1 });
    }
}
