//! Stops a server whose clients are a round trip away, and counts what was lost.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    lameduck_drill::rtt::main()
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::print_stderr, reason = "nobody else would say so")]
fn main() -> ExitCode {
    eprintln!("lameduck-rtt makes network namespaces, which only Linux has");
    ExitCode::from(3)
}
