//! Processor time of a server per request, over real sockets.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::{
    numbers::{Numbers, median, number},
    programs::Programs,
};
use crate::step;

/// Program, and mode.
type Served = (&'static str, &'static str);

/// Servers that take turns with each other and with no other, so that each finds its code where it
/// left it as often as the others do. The first is the bare one that the others are compared with.
const GROUPS: [&[Served]; 4] = [
    &[("peer-server", "bare"), ("peer-server", "typical"), ("peer-server", "same_jobs")],
    &[("server", "ours_bare"), ("server", "ours")],
    &[("server", "ours_bare"), ("server", "own")],
    &[("server", "ours_bare"), ("bare-server", "own_bare")],
];
/// How often all servers are started anew: where a process lies in memory moves its times by more
/// than rounds do.
const STARTS: usize = 5;
const ROUNDS: usize = 15;
const MILLISECONDS: &str = "100";

pub(super) fn measure(sh: &Shell, programs: &Programs, numbers: &mut Numbers) -> Result<()> {
    for group in GROUPS {
        let output = load(sh, programs, group)?;
        let Some((_, bare)) = group.first() else { continue };
        for (name, over_bare) in against(bare, &output, 2, |time, bare| time - bare)? {
            numbers.put("processor", &name, over_bare);
        }
        // In percent of the bare server's requests per second.
        for (name, ratio) in against(bare, &output, 3, |rate, bare| 100.0 * rate / bare)? {
            numbers.put("throughput", &name, ratio);
        }
    }
    Ok(())
}

/// Loads servers in turns. A line for each turn: round, mode, processor time, rate.
fn load(sh: &Shell, programs: &Programs, group: &[Served]) -> Result<String> {
    let mut output = String::new();
    for start in 0..STARTS {
        let servers = group
            .iter()
            .map(|(program, mode)| Server::start(programs, program, mode))
            .collect::<Result<Vec<_>>>()?;
        let targets = servers.iter().map(Server::target);
        let (load, rounds) = (programs.path("load"), ROUNDS.to_string());
        let lines = step::read(cmd!(sh, "{load} {rounds} {MILLISECONDS} {targets...}"))?;
        // Each start counts its rounds from zero: its number keeps them apart.
        output.extend(lines.lines().map(|line| format!("{start}.{line}\n")));
    }
    Ok(output)
}

/// The median over the rounds of what `compare` makes of a server's number and that of the bare one
/// in the same round. The numbers stand at that word of each line.
fn against(
    bare: &str,
    output: &str,
    word: usize,
    compare: impl Fn(f64, f64) -> f64,
) -> Result<BTreeMap<String, f64>> {
    let mut rounds: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for line in output.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let round = words.first().copied().unwrap_or_default();
        let name = words.get(1).copied().unwrap_or_default();
        rounds.entry(round).or_default().insert(name, number(words.get(word).copied(), line)?);
    }
    let mut compared: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for numbers in rounds.values() {
        let bare = numbers.get(bare).context("a round without the bare server")?;
        for (name, number) in numbers {
            compared.entry((*name).to_owned()).or_default().push(compare(*number, *bare));
        }
    }
    Ok(compared.into_iter().filter_map(|(name, all)| Some((name, median(all)?))).collect())
}

/// A server that lives as long as this does.
struct Server {
    name: &'static str,
    child: Child,
    address: String,
}

impl Server {
    fn start(programs: &Programs, program: &str, name: &'static str) -> Result<Self> {
        let mut child = Command::new(programs.path(program))
            .arg(name)
            .stdout(Stdio::piped())
            .spawn()
            .context("the server does not start")?;
        let mut address = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut address)?;
        }
        let address = address.trim().to_owned();
        Ok(Self { name, child, address })
    }

    fn target(&self) -> String {
        format!("{}={}@{}", self.name, self.child.id(), self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Killed: it has no clients to close.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "0 bare 100 50\n0 typical 150 40\n1 typical 1100 8\n\
        1 bare 1000 10\n2 bare 10 5\n2 typical 40 3\n";

    #[test]
    fn differences_are_taken_within_a_round() {
        let over_bare = against("bare", OUTPUT, 2, |time, bare| time - bare).unwrap();
        assert_eq!(over_bare.get("typical"), Some(&50.0));
        assert_eq!(over_bare.get("bare"), Some(&0.0));
    }

    #[test]
    fn rates_are_compared_within_a_round() {
        let ratios = against("bare", OUTPUT, 3, |rate, bare| rate / bare).unwrap();
        assert_eq!(ratios.get("typical"), Some(&0.8));
        assert!(against("bare", "0 bare 100", 3, |rate, bare| rate / bare).is_err());
        assert!(against("bare", "0 ours 100", 2, |rate, bare| rate / bare).is_err());
    }
}
