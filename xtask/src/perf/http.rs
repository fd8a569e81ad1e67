//! Processor time of a server per request, over real sockets.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::{
    Numbers, Programs,
    numbers::{median, number},
};
use crate::step;

const SERVERS: [&str; 4] = ["bare", "typical", "same_jobs", "ours"];
const ROUNDS: &str = "61";
const MILLISECONDS: &str = "100";

pub(super) fn measure(sh: &Shell, programs: &Programs, numbers: &mut Numbers) -> Result<()> {
    let servers =
        SERVERS.iter().map(|name| Server::start(programs, name)).collect::<Result<Vec<_>>>()?;
    let targets = servers.iter().map(Server::target);
    let load = programs.path("load");
    let output = step::read(cmd!(sh, "{load} {ROUNDS} {MILLISECONDS} {targets...}"))?;
    for (name, over_bare) in over_bare(&output)? {
        numbers.put("processor", &name, over_bare);
    }
    Ok(())
}

/// The median difference to the bare server of the same round, in nanoseconds.
fn over_bare(output: &str) -> Result<BTreeMap<String, f64>> {
    let mut rounds: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for line in output.lines() {
        let mut words = line.split(' ');
        let round = words.next().unwrap_or_default();
        let name = words.next().unwrap_or_default();
        rounds.entry(round).or_default().insert(name, number(words.next(), line)?);
    }
    let mut differences: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for times in rounds.values() {
        let bare = times.get("bare").context("a round without the bare server")?;
        for (name, time) in times {
            differences.entry((*name).to_owned()).or_default().push(time - bare);
        }
    }
    Ok(differences.into_iter().filter_map(|(name, all)| Some((name, median(all)?))).collect())
}

/// A server that lives as long as this does.
struct Server {
    name: &'static str,
    child: Child,
    address: String,
}

impl Server {
    fn start(programs: &Programs, name: &'static str) -> Result<Self> {
        let mut child = Command::new(programs.path("server"))
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
        // Killed: it has nobody to say goodbye to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_taken_within_a_round() {
        let output = "0 bare 100\n0 ours 150\n1 ours 1100\n1 bare 1000\n2 bare 10\n2 ours 40\n";
        let over_bare = over_bare(output).unwrap();
        assert_eq!(over_bare.get("ours"), Some(&50.0));
        assert_eq!(over_bare.get("bare"), Some(&0.0));
    }
}
