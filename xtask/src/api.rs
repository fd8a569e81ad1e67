//! `cargo xtask api`: the public items of each crate, beside those of its `api.txt`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::{
    flags, msrv,
    step::{self, Ran},
    workspace::{Package, Workspace},
};

/// The format of rustdoc's JSON that `public-api` reads, in the version that the workspace names.
const FORMAT: u64 = 57;
/// Set where this program stands in for rustdoc.
const AS_RUSTDOC: &str = "XTASK_AS_RUSTDOC";
/// The program that reads it.
const PRINTER: &str = "xtask-api";
/// The file of a crate.
const FILE: &str = "api.txt";
/// What begins the line of a type, attributes aside.
const TYPES: [&str; 5] = ["pub struct ", "pub enum ", "pub trait ", "pub type ", "pub union "];

impl flags::Api {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        step::must(if self.bless { bless(sh)? } else { check(sh)? })
    }
}

/// Compares each crate's items with its file.
///
/// # Errors
///
/// Names every item that is new or gone, and every name of two types.
pub(crate) fn check(sh: &Shell) -> Result<Ran> {
    let now = match items(sh)? {
        Ok(items) => items,
        Err(reason) => return Ok(Ran::No(reason)),
    };
    let mut findings = namesakes(&now);
    for (Package { name, dir, .. }, items) in &now {
        let path = dir.join(FILE);
        let before = sh.read_file(&path).unwrap_or_default();
        let (before, now): (BTreeSet<_>, BTreeSet<_>) =
            (before.lines().collect(), items.lines().collect());
        findings.extend(before.difference(&now).map(|item| format!("{name}: - {item}")));
        findings.extend(now.difference(&before).map(|item| format!("{name}: + {item}")));
    }
    if findings.is_empty() {
        println!("api: each crate has the items of its {FILE}");
        return Ok(Ran::Yes);
    }
    bail!("{}\nis it meant? `cargo xtask api --bless` writes it", findings.join("\n"))
}

fn bless(sh: &Shell) -> Result<Ran> {
    let now = match items(sh)? {
        Ok(items) => items,
        Err(reason) => return Ok(Ran::No(reason)),
    };
    for (Package { dir, .. }, items) in &now {
        sh.write_file(dir.join(FILE), items)?;
        println!("{:5} items: {}", items.lines().count(), dir.join(FILE).display());
    }
    match namesakes(&now) {
        findings if findings.is_empty() => Ok(Ran::Yes),
        findings => bail!("{}", findings.join("\n")),
    }
}

/// The items of each published crate with all its features, or why they cannot be had.
fn items(sh: &Shell) -> Result<Result<Vec<(Package, String)>, String>> {
    let workspace = Workspace::load(sh)?;
    let current = msrv::current(sh)?;
    let printer = workspace.packages.iter().find(|package| package.name == PRINTER);
    if let Some(Package { rust: (major, minor), .. }) = printer.filter(|it| it.rust > current) {
        return Ok(Err(format!("{PRINTER} needs Rust {major}.{minor}")));
    }
    // The flag is unstable. Only rustdoc hears of it: cargo would compile every crate anew for it.
    let doc = cmd!(sh, "cargo doc --quiet --workspace --lib --all-features --no-deps")
        .env("RUSTDOC", std::env::current_exe()?)
        .env(AS_RUSTDOC, "1")
        .env("RUSTDOCFLAGS", "-Zunstable-options --output-format json --cap-lints allow");
    step::run(doc)?;
    step::run(cmd!(sh, "cargo build --quiet --package {PRINTER}"))?;
    let mut all = Vec::new();
    for package in workspace.published() {
        let file = format!("{}.json", package.name.replace('-', "_"));
        let file = workspace.target.join("doc").join(file);
        let json: Value = serde_json::from_str(&sh.read_file(&file)?)?;
        if json["format_version"] != FORMAT {
            return Ok(Err(format!(
                "rustdoc writes its JSON in format {}; public-api reads {FORMAT}",
                json["format_version"]
            )));
        }
        let print = workspace.target.join("debug").join(PRINTER);
        let items = cmd!(sh, "{print} {file}").quiet().read().context("xtask-api failed")?;
        all.push((package.clone(), items + "\n"));
    }
    Ok(Ok(all))
}

/// Types of the same name in two crates that the facade has under one roof.
fn namesakes(all: &[(Package, String)]) -> Vec<String> {
    let Some((facade, _)) = all.iter().find(|(package, _)| package.name == "lameduck") else {
        return Vec::new();
    };
    let mut crates: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (package, items) in all {
        if package.name == facade.name || facade.ours.contains(&package.name) {
            for name in items.lines().filter_map(type_name) {
                crates.entry(name).or_default().insert(&package.name);
            }
        }
    }
    let twice = crates.into_iter().filter(|(_, crates)| crates.len() > 1);
    twice
        .map(|(name, crates)| {
            format!(
                "`{name}` is a type of {}",
                crates.into_iter().collect::<Vec<_>>().join(" and ")
            )
        })
        .collect()
}

/// `Phase` for `pub enum lameduck_core::Phase`; nothing for the type of a trait's `impl`.
fn type_name(item: &str) -> Option<&str> {
    let item = item.strip_prefix("#[non_exhaustive] ").unwrap_or(item);
    let path = TYPES.iter().find_map(|begin| item.strip_prefix(begin))?;
    let end = path.find(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).unwrap_or(path.len());
    let (of, name) = path[..end].trim_end_matches(':').rsplit_once("::")?;
    let of = of.rsplit("::").next()?;
    of.starts_with(|c: char| c.is_lowercase()).then_some(name)
}

/// Runs rustdoc with unstable flags allowed, if cargo started this program in its place.
pub(crate) fn as_rustdoc() -> Option<ExitCode> {
    std::env::var_os(AS_RUSTDOC)?;
    let mut rustdoc = Command::new("rustdoc");
    rustdoc.args(std::env::args_os().skip(1)).env("RUSTC_BOOTSTRAP", "1");
    let is_done = rustdoc.status().is_ok_and(|status| status.success());
    Some(if is_done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_types_of_one_name_under_the_facade_are_found() {
        let package = |name: &str, ours: &[&str]| Package {
            name: name.to_owned(),
            ours: ours.iter().map(ToString::to_string).collect(),
            ..Package::default()
        };
        let own = "pub mod a::b\npub use a::b::Stage\n#[non_exhaustive] pub enum a::b::Stage\n\
                   pub enum a::Stage\npub type a::Stage::Future = a::F<S>\npub struct a::F<S>\n";
        let other =
            "pub type c::D::Future = c::F<S>\npub struct c::G<S>\npub trait c::Stage<T>: X\n";
        let all = [
            (package("lameduck", &["lameduck-a", "lameduck-c"]), String::new()),
            (package("lameduck-a", &[]), own.to_owned()),
            (package("lameduck-c", &[]), other.to_owned()),
            (package("lameduck-elsewhere", &[]), "pub struct d::F\n".to_owned()),
        ];
        assert_eq!(namesakes(&all), ["`Stage` is a type of lameduck-a and lameduck-c"]);
    }
}
