//! `cargo xtask tidy`: what clippy cannot see.

mod changelog;
mod circles;
mod columns;
mod dependencies;
mod glossary;
mod layout;
mod licences;
mod manifest;
mod page;
mod rust;
mod sources;
#[cfg(test)]
mod tests;
mod toml;

use anyhow::{Result, bail};
use xshell::Shell;

use crate::{flags, readme, tree::Tree};

impl flags::Tidy {
    pub(crate) fn run(self, sh: &Shell) -> Result<()> {
        run(sh)
    }
}

/// Prints every finding, not only the first.
///
/// # Errors
///
/// If there is one.
pub(crate) fn run(sh: &Shell) -> Result<()> {
    let tree = Tree::load(sh)?;
    let findings = check(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} files, nothing found", tree.len()),
        1 => bail!("one finding"),
        n => bail!("{n} findings"),
    }
    Ok(())
}

/// Every finding in the tree, one line each, sorted by file.
fn check(tree: &Tree) -> Vec<String> {
    let mut findings = Vec::new();
    dependencies::check(tree, &mut findings);
    manifest::check(tree, &mut findings);
    sources::check(tree, &mut findings);
    page::check(tree, &mut findings);
    changelog::check(tree, &mut findings);
    circles::check(tree, &mut findings);
    layout::check(tree, &mut findings);
    columns::check(tree, &mut findings);
    glossary::check(tree, &mut findings);
    licences::check(tree, &mut findings);
    readme::differences(tree, &mut findings);
    findings.sort();
    findings
}
