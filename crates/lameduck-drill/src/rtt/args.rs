//! The arguments of `lameduck-rtt`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

pub(super) const USAGE: &str = "\
Stops a server whose clients are a round trip away, and counts what was lost.

usage: lameduck-rtt [OPTIONS] -- PROGRAM [ARGS...]

PROGRAM is started as the user nobody, with `--addr IP:0` after its ARGS, and prints
`listening on http://ADDR` on its output. It answers `GET /`. Its clients are in a network of their
own, and so is it: packets take their time between the two.

  --rtt MS           the round trip (20)
  --control PROGRAM  a stock server to show beside it, which has to lose requests
  --quick            12 stops in some 15 s, instead of 90 in some 2 minutes
  --seed N           the seed of the load (1)
  --check            only says whether this system and user can run it

Exit code: 0 if PROGRAM lost no request, refused nobody later than after 1.5 s (one SYN that was
dropped), and ended well each time; 1 if not; 2 if the drill broke off; 3 if this system or user
cannot run it. It takes Linux, root, and /dev/net/tun. The networks have no names and end with the
drill.
";

/// What was asked for.
#[derive(Debug)]
pub(super) enum Asked {
    Usage,
    Check,
    Drill(Args),
}

/// The drill that was asked for.
#[derive(Debug)]
pub(super) struct Args {
    pub(super) rtt: Duration,
    pub(super) control: Option<PathBuf>,
    pub(super) is_quick: bool,
    pub(super) seed: u64,
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
}

/// Reads the arguments, without the program's own name.
pub(super) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Asked, String> {
    let mut args = args.into_iter();
    let (mut rtt, mut control, mut is_quick, mut seed) = (20, None, false, 1);
    while let Some(arg) = args.next() {
        let name = arg.to_str().ok_or("an option that is not text")?;
        match name {
            "--" => break,
            "-h" | "--help" => return Ok(Asked::Usage),
            "--check" => return Ok(Asked::Check),
            "--quick" => is_quick = true,
            "--rtt" => rtt = number(name, args.next())?,
            "--seed" => seed = number(name, args.next())?,
            "--control" => {
                let path = args.next().ok_or("`--control` needs a program")?;
                control = Some(PathBuf::from(path));
            }
            other => return Err(format!("unknown option `{other}`")),
        }
    }
    let program = args.next().ok_or("no program: write `-- PROGRAM`")?.into();
    let rtt = Duration::from_millis(rtt);
    Ok(Asked::Drill(Args { rtt, control, is_quick, seed, program, args: args.collect() }))
}

fn number(name: &str, value: Option<OsString>) -> Result<u64, String> {
    let value = value.and_then(|value| value.into_string().ok()?.parse().ok());
    value.ok_or_else(|| format!("`{name}` needs a number"))
}
