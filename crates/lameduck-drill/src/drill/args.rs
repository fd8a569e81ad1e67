//! The arguments of `lameduck-drill`.

use std::{ffi::OsString, time::Duration};

use super::Drill;
use crate::Kind;

pub(super) const USAGE: &str = "\
Stops a server under load, and counts what was lost.

usage: lameduck-drill [OPTIONS] -- PROGRAM [ARGS...]

PROGRAM takes a free port and prints `listening on http://ADDR`. If it writes its log as JSON lines
to standard error, the verdict tells the time of each phase.

  --clients N        clients in all (64)
  --only KIND,..     only these kinds of load: keep_alive, new_connection, slow_handler, download,
                     slow_upload, sse, web_socket, http2, idle, half_head
  --seed N           the seed of the load (1); run N of several takes the Nth seed from there
  --signal-after MS  how long the load runs before SIGTERM (2000)
  --burst N          how many connections are opened in the moment of SIGTERM (64)
  --seconds N        how long one run may take before PROGRAM is killed (45)
  --exit-code N      the exit code that PROGRAM has to end with (0)
  --runs N           how many runs (1)
  --json             one JSON document on standard output
  --plain            no colour, no line that is written over

Exit code: 0 if no run lost a request and each ended as expected, 1 if not, 2 if there was no run.
";

/// What was asked for.
pub(super) struct Args {
    pub(super) drill: Drill,
    pub(super) seed: u64,
    pub(super) runs: u64,
    pub(super) is_json: bool,
    pub(super) is_plain: bool,
}

/// Reads the arguments, without the program's own name. None if the usage was asked for.
pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Args>, String> {
    let mut args = args.into_iter();
    let mut drill = Drill::new("");
    let (mut seed, mut runs, mut is_json, mut is_plain) = (1, 1, false, false);
    while let Some(arg) = args.next() {
        let name = arg.to_str().ok_or("an option that is not text")?;
        match name {
            "--" => break,
            "-h" | "--help" => return Ok(None),
            "--json" => is_json = true,
            "--plain" => is_plain = true,
            "--only" => drill = drill.with_kinds(kinds(&value(name, &mut args)?)?),
            "--clients" => drill = drill.with_clients(number(name, &mut args)?),
            "--burst" => drill = drill.with_burst(number(name, &mut args)?),
            "--seed" => seed = number(name, &mut args)?,
            "--runs" => runs = number(name, &mut args)?,
            "--exit-code" => drill = drill.with_exit_code(number(name, &mut args)?),
            "--signal-after" => {
                drill = drill.with_signal_after(Duration::from_millis(number(name, &mut args)?));
            }
            "--seconds" => {
                drill = drill.with_longest(Duration::from_secs(number(name, &mut args)?));
            }
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    let program = args.next().ok_or("no program: write `-- PROGRAM`")?;
    drill.program = program.into();
    drill = drill.with_args(args);
    if runs == 0 || drill.clients == 0 {
        return Err("nothing to do".to_owned());
    }
    Ok(Some(Args { drill, seed, runs, is_json, is_plain }))
}

fn value(name: &str, args: &mut impl Iterator<Item = OsString>) -> Result<String, String> {
    let value = args.next().and_then(|value| value.into_string().ok());
    value.ok_or_else(|| format!("`{name}` needs a value"))
}

fn number<T: std::str::FromStr>(
    name: &str,
    args: &mut impl Iterator<Item = OsString>,
) -> Result<T, String> {
    value(name, args)?.parse().map_err(|_| format!("`{name}` needs a number"))
}

fn kinds(list: &str) -> Result<Vec<Kind>, String> {
    let kind = |name: &str| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| format!("no kind of load is named `{name}`"))
    };
    list.split(',').map(kind).collect()
}
