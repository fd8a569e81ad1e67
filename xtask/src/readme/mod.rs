//! `cargo xtask readme`: each crate's README is its crate page, and the root lists the crates.

mod links;
mod markdown;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail};
use xshell::Shell;

use crate::{flags, tree::Tree, workspace::Package};

/// The file that a README's text is written in.
const PAGE: &str = "src/lib.rs";
/// Between these two lines of the root README stands the table of crates.
const CRATES: [&str; 2] = ["<!-- crates -->", "<!-- /crates -->"];
/// Between these two stands the table of examples.
const EXAMPLES: [&str; 2] = ["<!-- examples -->", "<!-- /examples -->"];

impl flags::Readme {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        if self.bless { bless(sh) } else { check(sh) }
    }
}

/// Compares what is there with what should be.
///
/// # Errors
///
/// If there is a difference.
pub(crate) fn check(sh: &Shell) -> Result<()> {
    let mut findings = Vec::new();
    differences(&Tree::load(sh)?, &mut findings);
    if findings.is_empty() {
        println!("readme: every README says what its crate page says");
        return Ok(());
    }
    bail!("{}", findings.join("\n"))
}

fn bless(sh: &Shell) -> Result<()> {
    let tree = Tree::load(sh)?;
    for (path, wanted) in wanted(&tree) {
        if tree.files.get(&path) != Some(&wanted) {
            println!("writes {path}");
            sh.write_file(&path, wanted)?;
        }
    }
    Ok(())
}

/// Adds a finding for every README that is not as it should be.
pub(crate) fn differences(tree: &Tree, findings: &mut Vec<String>) {
    for (path, wanted) in wanted(tree) {
        if tree.files.get(&path) != Some(&wanted) {
            findings.push(format!("{path}: is not up to date: run `cargo xtask readme --bless`"));
        }
    }
}

/// Every README by its path, as it should be.
pub(crate) fn wanted(tree: &Tree) -> Vec<(String, String)> {
    let mut wanted: Vec<_> = tree
        .published()
        .filter_map(|package| {
            let page = page(tree, package, tree.read(package, PAGE)?);
            Some((Tree::path(package, "README.md"), page))
        })
        .collect();
    if let Some(root) = tree.files.get("README.md") {
        let mut text = root.clone();
        for (marks, table) in [(CRATES, crates(tree)), (EXAMPLES, examples(tree))] {
            text = between(&text, marks, &table).unwrap_or(text);
        }
        wanted.push(("README.md".to_owned(), text));
    }
    wanted
}

/// The lines of a crate page, without their `//!`.
pub(crate) fn docs(lib: &str) -> impl Iterator<Item = &str> {
    lib.lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
}

/// The README of one crate.
fn page(tree: &Tree, package: &Package, lib: &str) -> String {
    let Package { name, repository, .. } = package;
    let docs: Vec<&str> = docs(lib).collect();
    let body = markdown::from_docs(&docs, &links::Index::new(tree, package));
    format!(
        "<!-- Written by `cargo xtask readme --bless` from {PAGE}. -->\n\
         # {name}\n\n{}\n\n---\n\n\
         Part of [lameduck]({repository}). Licensed under MIT or Apache-2.0, at your choice.\n",
        body.trim()
    )
}

/// The published crates with their descriptions: the facade, the leaves, what holds them together.
fn crates(tree: &Tree) -> String {
    let mut packages: Vec<&Package> = tree.published().collect();
    packages.sort_by_key(|package| match package.name.as_str() {
        "lameduck" => 0,
        "lameduck-lifecycle" => 2,
        "lameduck-core" => 3,
        "lameduck-drill" | "lameduck-laws" => 4,
        _ => 1,
    });
    let rows = packages.iter().map(|Package { name, dir, description, .. }| {
        format!("| [`{name}`]({}) | {description} |\n", dir.display())
    });
    format!("| crate | what it does |\n|---|---|\n{}", rows.collect::<String>())
}

/// The servers in `examples/` with their descriptions.
fn examples(tree: &Tree) -> String {
    let packages = tree.packages.iter().filter(|package| package.dir.starts_with("examples"));
    let rows = packages.map(|Package { name, dir, description, .. }| {
        format!("| [`{name}`]({}) | {description} |\n", dir.display())
    });
    format!("| example | what it shows |\n|---|---|\n{}", rows.collect::<String>())
}

/// `text` with `middle` between the two marks. Nothing if it does not have both.
pub(crate) fn between(text: &str, [begin, end]: [&str; 2], middle: &str) -> Option<String> {
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{middle}{end}{after}"))
}
