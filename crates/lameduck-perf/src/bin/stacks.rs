//! Drives stacks: one of them for a tool that counts, or all of them against the clock.
#![expect(clippy::print_stdout, reason = "a program talks on its output")]

use std::{env, io};

use lameduck_perf::{Stack, Work, nanoseconds, runtime};

const USAGE: &str = "stacks nanoseconds | stacks run STACK ready|waiting|empty REQUESTS";

fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["nanoseconds"] => print_nanoseconds(),
        ["run", stack, work, requests] => {
            let stack = Stack::from_name(stack).ok_or(io::Error::other(USAGE))?;
            let work = Work::from_name(work).ok_or(io::Error::other(USAGE))?;
            let requests = requests.parse().map_err(io::Error::other)?;
            stack.build(work)?.run(&runtime()?, requests);
            Ok(())
        }
        _ => Err(io::Error::other(USAGE)),
    }
}

fn print_nanoseconds() -> io::Result<()> {
    for (name, work, threads) in [
        ("ready", Work::Ready, 1),
        ("waiting", Work::Waiting, 1),
        ("empty_two_threads", Work::Empty, 2),
    ] {
        for cost in nanoseconds(work, threads)? {
            let stack = cost.stack.name();
            println!("{name} {stack} {:.1} {:.1}", cost.over_bare, cost.whole);
        }
    }
    Ok(())
}
