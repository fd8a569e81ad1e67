//! Stops a server under load, and counts what was lost.

use std::process::ExitCode;

fn main() -> ExitCode {
    lameduck_test::drill::main()
}
