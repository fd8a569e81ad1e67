//! Stops a server under load, and counts the requests that its clients lost.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    lameduck_drill::cli::main(env::args_os())
}
