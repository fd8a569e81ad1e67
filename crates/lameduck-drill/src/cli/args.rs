//! The arguments of `lameduck-drill`.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{
    Parser,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use http::uri::PathAndQuery;

use crate::Kind;

/// Stops a server under load, and counts the requests that its clients lost.
#[derive(Debug, Parser)]
#[command(
    name = "lameduck-drill",
    version,
    override_usage = "lameduck-drill [OPTIONS] -- PROGRAM [ARGS...]",
    after_help = after_help()
)]
pub(super) struct Args {
    /// Where PROGRAM listens (with --rtt, only the port counts)
    #[arg(long)]
    pub(super) addr: Option<SocketAddr>,
    /// GET this path instead of the contract's; may be repeated
    #[arg(long, value_parser = path)]
    pub(super) path: Vec<PathAndQuery>,
    /// Only these scenarios of the contract, separated by commas
    #[arg(long, value_delimiter = ',', value_parser = kinds(), hide_possible_values = true)]
    #[arg(conflicts_with_all = ["path", "rtt"], value_name = "SCENARIO")]
    pub(super) only: Vec<Kind>,
    /// How many clients there are
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive)]
    #[arg(conflicts_with = "rtt")]
    pub(super) clients: u64,
    /// How many connections are opened at SIGTERM
    #[arg(long, value_name = "N", default_value_t = 64)]
    #[arg(conflicts_with = "rtt")]
    pub(super) burst: usize,
    /// How many stops there are, each with another seed
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    #[arg(conflicts_with = "rtt")]
    pub(super) runs: u64,
    /// The seed of the first stop
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// How long the load runs before SIGTERM
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    #[arg(conflicts_with = "rtt")]
    pub(super) signal_after: u64,
    /// How long one run may take before PROGRAM is killed
    #[arg(long, value_name = "S", default_value_t = 45)]
    #[arg(conflicts_with = "rtt")]
    pub(super) time_limit: u64,
    /// The exit code that PROGRAM has to end with
    #[arg(long, value_name = "N", default_value_t = 0)]
    #[arg(conflicts_with = "rtt")]
    pub(super) exit_code: i32,
    /// Put the clients a round trip away (needs Linux and root)
    #[arg(long, value_name = "MS")]
    pub(super) rtt: Option<u64>,
    /// With --rtt: a server that has to lose requests
    #[arg(long, value_name = "PROGRAM", requires = "rtt")]
    pub(super) control: Option<PathBuf>,
    /// With --rtt: 6 stops per server instead of 45
    #[arg(long, requires = "rtt")]
    pub(super) quick: bool,
    /// With --rtt: only say whether it is possible here
    #[arg(long, requires = "rtt")]
    pub(super) check: bool,
    /// Print one JSON document
    #[arg(long, conflicts_with = "rtt")]
    pub(super) json: bool,
    /// No colours, and no line that is overwritten
    #[arg(long)]
    pub(super) plain: bool,
    /// The server, and its arguments
    #[arg(last = true, required_unless_present = "check", value_name = "PROGRAM", hide = true)]
    pub(super) program: Vec<OsString>,
}

/// What the arguments ask for.
pub(super) enum Parsed {
    Args(Box<Args>),
    /// What to print instead: the help, or an error.
    Message {
        text: String,
        is_error: bool,
    },
}

impl Args {
    pub(super) fn read(args: impl IntoIterator<Item = OsString>) -> Parsed {
        match Self::try_parse_from(args) {
            Ok(args) => Parsed::Args(Box::new(args)),
            Err(error) => {
                Parsed::Message { text: error.render().to_string(), is_error: error.use_stderr() }
            }
        }
    }

    /// The requests of `--path`. None if there are none.
    #[cfg(unix)]
    pub(super) fn plans(&self) -> Option<Vec<crate::Plan>> {
        let get = |path: &PathAndQuery| crate::Plan::new(http::Method::GET, path.clone());
        let plans = self.path.iter().map(get);
        Some(plans.collect()).filter(|plans: &Vec<_>| !plans.is_empty())
    }
}

fn after_help() -> String {
    let kinds = Kind::ALL.map(Kind::name);
    let (first, last) = kinds.split_at(kinds.len() / 2);
    format!(
        "PROGRAM prints `listening on http://ADDR`, or --addr says where it listens.\n\
         With --rtt it gets `--addr IP:0` after its ARGS, unless --addr is given.\n\n\
         Scenarios: {},\n           {}\n\
         Exit code: 0 nothing lost, 1 requests lost or an unexpected end, 2 not begun,\n           \
         3 not possible on this system",
        first.join(", "),
        last.join(", "),
    )
}

fn path(text: &str) -> Result<PathAndQuery, String> {
    let path: PathAndQuery = text.parse().map_err(|error| format!("{error}"))?;
    if path.as_str().starts_with('/') { Ok(path) } else { Err("a path begins with `/`".to_owned()) }
}

fn positive(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(0) => Err("there has to be one at least".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

fn kinds() -> impl clap::builder::TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name)).try_map(|name| {
        Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or("an unknown scenario")
    })
}
